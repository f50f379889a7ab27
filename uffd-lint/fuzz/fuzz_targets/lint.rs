//! Any bytes as a source in any of the languages, or as a table of request
//! codes: the first byte chooses.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use uffd_lint::{check, Data, Form, Language, Target};

fuzz_target!(|bytes: &[u8]| {
    const FORMS: [Form; 9] = [
        Form::Source(Language::Rust),
        Form::Source(Language::C),
        Form::Source(Language::Cpp),
        Form::Source(Language::Go),
        Form::Source(Language::Zig),
        Form::Source(Language::Python),
        Form::Data(Data::Policy),
        Form::Data(Data::Profile),
        Form::Data(Data::Constants),
    ];
    let Some((first, text)) = bytes.split_first() else {
        return;
    };
    let form = FORMS[usize::from(*first) % FORMS.len()];
    // A text without a relevant name would not get far.
    let text = [b"/* UFFD_API */\n", text].concat();
    check(form, Path::new("file"), &text, Target::default());
});
