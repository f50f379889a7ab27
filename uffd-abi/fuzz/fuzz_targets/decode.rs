//! Any bytes as an argument of `decode`, as a file of messages and as a number: an
//! answer or a refusal, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uffd_abi::arch::Arch;
use uffd_abi::decode::{input, message, number};

fuzz_target!(|bytes: &[u8]| {
    let foreign = Arch::parse("powerpc").expect("known");
    let _ = input::parse(&String::from_utf8_lossy(bytes));
    for bytes in input::from(bytes).unwrap_or_default() {
        assert!(!message::decode(&bytes, None).fields.is_empty());
        message::decode(&bytes, Some(&foreign));
    }
    if let Some(bytes) = bytes.first_chunk() {
        let value = u64::from_le_bytes(*bytes);
        number::readings(value, &[], None);
        number::readings(value, &[], Some(&foreign));
    }
});
