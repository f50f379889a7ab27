//! Any bytes as BTF: an answer or a refusal, never a panic or a long wait.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uffd_abi::verify::{btf, Known};

fuzz_target!(|bytes: &[u8]| {
    let compared = btf::check(bytes, "BTF", Known::Any);
    assert_eq!(compared.check.compared == 0, compared.structs == 0);
});
