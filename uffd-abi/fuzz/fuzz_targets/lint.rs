//! Any bytes as a source in any of the six languages: the first byte chooses.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use uffd_lint::check::check;
use uffd_lint::language::Language;
use uffd_sys::abi::table::Encoding;

fuzz_target!(|bytes: &[u8]| {
    const LANGUAGES: [Language; 6] = [
        Language::Rust,
        Language::C,
        Language::Cpp,
        Language::Go,
        Language::Zig,
        Language::Python,
    ];
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let language = LANGUAGES[usize::from(*first) % LANGUAGES.len()];
    check(language, Path::new("file"), text, Encoding::Generic);
});
