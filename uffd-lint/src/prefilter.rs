//! Which files can hold anything to check: cheap, and right for nearly all
//! files of a tree.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::language::{Data, Form};

fn words(words: &[&str]) -> AhoCorasick {
    AhoCorasick::new(words).expect("a few short words")
}

/// Whether a text can hold anything to check.
pub fn is_candidate(form: Form, bytes: &[u8]) -> bool {
    static SOURCE: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let mut needles: Vec<String> = [
            "UFFD",
            "uffd",
            "Uffd",
            "UffD",
            "USERFAULTFD_IOC",
            "serfault",
            "PAGEMAP_SCAN",
            "agemapScan",
            "PM_SCAN",
            "pm_scan",
            "PMScan",
            "mScan",
        ]
        .map(String::from)
        .into();
        // The ends of request codes, for those that stand without a name.
        for number in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x3f] {
            needles.push(format!("aa{number:02x}"));
            needles.push(format!("AA{number:02X}"));
        }
        needles.dedup();
        words(&needles.iter().map(String::as_str).collect::<Vec<_>>())
    });
    static DATA: LazyLock<AhoCorasick> =
        LazyLock::new(|| words(&["ioctl", "UFFD", "PAGEMAP_SCAN"]));
    match form {
        Form::Data(Data::Profile) => {
            memchr::memmem::find(bytes, b"SCMP_ACT_").is_some() && DATA.is_match(bytes)
        }
        Form::Data(_) => DATA.is_match(bytes),
        Form::Source(_) => SOURCE.find_iter(bytes).any(|found| {
            let text = &bytes[found.range()];
            !text.to_ascii_lowercase().starts_with(b"aa") || is_code(bytes, found.end())
        }),
    }
}

/// Whether a hexadecimal number of 8 digits ends here: 0xc018aa3f, 0xC018_AA3F.
fn is_code(bytes: &[u8], end: usize) -> bool {
    let start = end.saturating_sub(11);
    let number = &bytes[start..end];
    let digit = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'_' | b'\'');
    let at = memchr::memmem::rfind(number, b"0x").or(memchr::memmem::rfind(number, b"0X"));
    at.is_some_and(|at| number.len() - at >= 10 && number[at + 2..].iter().all(digit))
        && !bytes.get(end).is_some_and(u8::is_ascii_hexdigit)
}
