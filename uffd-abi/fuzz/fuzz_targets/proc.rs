//! Any bytes as the texts of /proc that `inspect` reads: an answer or none, never a
//! panic, and never more ranges than the text has lines for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uffd_abi::inspect::texts;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let ranges = texts::smaps(bytes).expect("a slice can be read");
    assert!(ranges.len() <= text.matches("VmFlags:").count());
    assert!(ranges.iter().all(|range| !range.modes.is_empty()));
    if let Some(stat) = texts::stat(&text) {
        assert!(text.contains(&stat.name));
    }
    texts::fdinfo(&text);
    texts::syscall(&text);
    texts::switches(&text);
    texts::own_id(&text);
    texts::wchan(&text);
});
