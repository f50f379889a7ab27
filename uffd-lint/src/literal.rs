//! Integer and character literals of all six languages.

use crate::language::Language;

/// The value of a number token; `None` for a float or anything not understood.
pub fn integer(language: Language, text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let text: String = text.chars().filter(|c| !matches!(c, '_' | '\'')).collect();
    let text = text.to_ascii_lowercase();
    let old_octal = language.is_c_family() || language == Language::Go;
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x', ..] => (&text[2..], 16),
        [b'0', b'b', ..] => (&text[2..], 2),
        [b'0', b'o', ..] => (&text[2..], 8),
        [b'0', _, ..] if old_octal => (&*text, 8),
        _ => (&*text, 10),
    };
    let digits = match language {
        Language::Rust => match digits.split_once(['u', 'i']) {
            Some((digits, "8" | "16" | "32" | "64" | "128" | "size")) => digits,
            _ => digits,
        },
        Language::C | Language::Cpp => digits.trim_end_matches(['u', 'l', 'z']),
        Language::Python => digits.trim_end_matches('l'),
        Language::Go | Language::Zig => digits,
    };
    // `from_str_radix` would take a sign.
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| i128::from_str_radix(digits, radix).ok())?
}

/// The value of a character token of one ASCII character.
pub fn character(text: &[u8]) -> Option<i128> {
    match text {
        [b'\'', byte, b'\''] if *byte != b'\\' => Some(i128::from(*byte)),
        [b'\'', b'\\', b'x', digits @ .., b'\''] => {
            i128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_every_language() {
        let huge = "99999999999999999999999999999999999999999";
        for (language, text, value) in [
            (Language::C, "0xC028AA03ULL", Some(0xC028_AA03)),
            (Language::C, "010", Some(8)),
            (Language::Cpp, "0xC028'AA03u", Some(0xC028_AA03)),
            (Language::Cpp, "0b1010", Some(10)),
            (Language::Rust, "0xC028_AA03_u32", Some(0xC028_AA03)),
            (Language::Rust, "1usize", Some(1)),
            (Language::Rust, "010", Some(10)),
            (Language::Go, "3223890435", Some(0xC028_AA03)),
            (Language::Go, "0o17", Some(15)),
            (Language::Zig, "0xc028_aa03", Some(0xC028_AA03)),
            (Language::Python, "0xC028AA03L", Some(0xC028_AA03)),
            (Language::C, "1.5", None),
            (Language::C, "0x", None),
            (Language::C, "1e5", None),
            (Language::Rust, "1u7", None),
            (Language::Go, huge, None),
        ] {
            let found = integer(language, text.as_bytes());
            assert_eq!(found, value, "{language:?} {text}");
        }
        assert_eq!(character(b"'f'"), Some(0x66));
        assert_eq!(character(b"'\\x66'"), Some(0x66));
        assert_eq!(character(b"'\\n'"), None);
    }
}
