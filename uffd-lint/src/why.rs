//! Whether a value is right, and what comes of it if not.

use uffd_sys::abi::table::{Constant, Encoding, CONSTANTS, STRUCTS};

use crate::names::is_mask;

/// What differs, and what comes of it.
#[derive(Default)]
pub struct Difference {
    /// As [`crate::Problem::kind`].
    pub kind: &'static str,
    pub found: String,
    pub expected: String,
    pub why: String,
}

/// As C writes it.
pub fn hex(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{:#x}", value.unsigned_abs())
}

/// Whether a value is the constant's. A mask of all that there is may lack what
/// is newer than its source. Of a request code the kernel takes 32 bits, so it
/// may be a negative int, or one whose sign was extended.
pub fn is_right(known: &Constant, value: i128, encoding: Encoding) -> bool {
    let expected = known.value(encoding);
    if is_mask(known) {
        return same_bits(value, value as u64) && value as u64 & !expected == 0;
    }
    same_bits(value, expected) || known.is_request() && value as u32 == expected as u32
}

/// Equal, or the same 64 bits read with a sign.
fn same_bits(value: i128, expected: u64) -> bool {
    value == i128::from(expected) || value < 0 && value == i128::from(expected as i64)
}

/// The request of userfaultfd that a bare number means, right or wrong; `None`
/// for what is likely something else.
pub fn request(value: i128, encodings: &[Encoding]) -> Option<&'static Constant> {
    let mut known = CONSTANTS.iter().filter(|known| known.is_request());
    let right = |known: &Constant| encodings.iter().any(|of| is_right(known, value, *of));
    if let Some(known) = known.clone().find(|known| right(known)) {
        return Some(known);
    }
    let code = u32::try_from(value).ok()?;
    if code >> 8 & 0xff != 0xAA || code >> 16 == 0 {
        return None;
    }
    let same = |known: &Constant| known.generic as u32 & 0xffff == code & 0xffff;
    known.find(|known| same(known) && known.name != "USERFAULTFD_IOC_NEW")
}

/// A wrong value, with its consequence.
pub fn wrong_value(known: &Constant, value: i128, encoding: Encoding) -> Difference {
    let right = hex(i128::from(known.value(encoding)));
    let (kind, why) = match known.is_request() {
        true => wrong_request(known, value as u32, encoding),
        false => ("value", consequence(known, value, encoding)),
    };
    let expected = if is_mask(known) {
        format!("no bits but {right}")
    } else {
        right
    };
    Difference {
        kind,
        found: hex(value),
        expected,
        why,
    }
}

fn consequence(known: &Constant, value: i128, encoding: Encoding) -> String {
    let name = known.name;
    let text = if is_mask(known) {
        let extra = hex(i128::from(value as u64 & !known.value(encoding)));
        return format!(
            "Linux 7.3 knows no bit {extra}: it is newer than this table, or a mistake; the \
             kernel answers EINVAL to a bit that it does not know"
        );
    } else if let Some(other) = sibling(known, value) {
        return format!("that is {other}: one is taken for the other");
    } else if name.starts_with("UFFD_EVENT_") {
        "messages of this event are not recognised"
    } else if name.starts_with("UFFD_PAGEFAULT_FLAG_") || name.starts_with("PAGE_IS_") {
        "the kernel says something else with that bit, or nothing"
    } else if name.starts_with("_UFFDIO_") {
        "the request code and the bit in `ioctls` made of it are wrong"
    } else {
        "the kernel answers EINVAL to a value that it does not know"
    };
    text.to_owned()
}

/// Another constant of the same family with that value.
fn sibling(known: &Constant, value: i128) -> Option<&'static str> {
    // UFFD_EVENT_, UFFDIO_COPY_MODE_, PAGE_IS_: up to the word that all share.
    let shared = [
        "_FEATURE_",
        "_EVENT_",
        "_FLAG_",
        "_MODE_",
        "_UFFDIO_",
        "_IS_",
        "_SCAN_",
    ];
    let mut ends = shared
        .iter()
        .filter_map(|word| Some(known.name.find(word)? + word.len()));
    let family = &known.name[..ends.next()?];
    let mut others = CONSTANTS
        .iter()
        .filter(|other| other.name.starts_with(family));
    let other = others.find(|other| i128::from(other.generic) == value)?;
    Some(other.name)
}

/// The parts of a request code.
struct Parts {
    direction: &'static str,
    size: u32,
    group: u32,
    number: u32,
}

impl Parts {
    fn of(code: u32, encoding: Encoding) -> Parts {
        let direction = match (encoding, code >> 30, code >> 29) {
            (Encoding::Generic, 0, _) | (_, _, 1) => "_IO",
            (Encoding::Generic, 1, _) | (Encoding::MipsPowerpcSparc, _, 4) => "_IOW",
            (Encoding::Generic, 2, _) | (Encoding::MipsPowerpcSparc, _, 2) => "_IOR",
            (Encoding::Generic, ..) | (_, _, 6) => "_IOWR",
            _ => "of no direction",
        };
        let (size, group, number) = (code >> 16 & 0x1fff, code >> 8 & 0xff, code & 0xff);
        Parts {
            direction,
            size,
            group,
            number,
        }
    }
}

fn wrong_request(known: &Constant, code: u32, encoding: Encoding) -> (&'static str, String) {
    let right = known.value(encoding) as u32;
    let (found, right) = (Parts::of(code, encoding), Parts::of(right, encoding));
    let mut reasons = vec![];
    if found.direction != right.direction {
        let (is, must) = (found.direction, right.direction);
        reasons.push(format!("it is written as `{is}`, must be `{must}`"));
    }
    const USUAL: &str = "x86, arm and all others";
    const OTHERS: &str = "powerpc, mips, sparc and alpha";
    let (other, whose, elsewhere) = match encoding {
        Encoding::Generic => (Encoding::MipsPowerpcSparc, OTHERS, USUAL),
        Encoding::MipsPowerpcSparc => (Encoding::Generic, USUAL, OTHERS),
    };
    if is_right(known, i128::from(code), other) {
        reasons.push(format!("that is the request code of {whose}"));
        reasons.push(format!("on {elsewhere} every call fails with EINVAL"));
        return ("processor", reasons.join("; "));
    }
    let same = |other: &&Constant| other.is_request() && other.value(encoding) == u64::from(code);
    if let Some(same) = CONSTANTS.iter().find(same) {
        return ("value", executed(known, same));
    }
    if found.size != right.size {
        let fit = argument(known).map_or("it".to_owned(), |name| format!("struct {name}"));
        let field = last_field(known).filter(|_| found.size < right.size);
        let with = field.map_or(String::new(), |field| format!(" with `{field}`"));
        let (is, has) = (found.size, right.size);
        reasons.push(format!(
            "it encodes a struct of {is} bytes; {fit} has {has}{with}"
        ));
    }
    if found.group != right.group {
        reasons.push(format!(
            "its type is {:#x}, not {:#x}",
            found.group, right.group
        ));
    }
    if found.number != right.number {
        reasons.push(format!(
            "its number is {}, not {}",
            found.number, right.number
        ));
    }
    reasons.push("every call fails with EINVAL".to_owned());
    ("value", reasons.join("; "))
}

/// What comes of the code of another request.
fn executed(known: &Constant, same: &Constant) -> String {
    let effect = match same.name {
        // Those are for other descriptors, which refuse what is not theirs.
        _ if matches!(known.name, "PAGEMAP_SCAN" | "USERFAULTFD_IOC_NEW") => "",
        "UFFDIO_REGISTER" => "it registers the range",
        "UFFDIO_UNREGISTER" => "it ends the registration of the range",
        "UFFDIO_WAKE" => "it wakes the waiters of the range and does nothing else",
        "UFFDIO_COPY" => "it fills missing pages with a copy",
        "UFFDIO_ZEROPAGE" => "it fills missing pages with zeros",
        "UFFDIO_MOVE" => "it moves the pages away from the source",
        "UFFDIO_WRITEPROTECT" => "it changes the write-protection of the range",
        "UFFDIO_CONTINUE" => "it maps pages that the file has already",
        "UFFDIO_POISON" => "it poisons missing pages, so that an access is a SIGBUS",
        "UFFDIO_RWPROTECT" => "it changes the read-write-protection of the range",
        "UFFDIO_SET_MODE" => "it switches asynchronous modes",
        _ => "",
    };
    match effect {
        "" => format!("that is {}; every call fails with EINVAL", same.name),
        effect => format!("that is {}, which the kernel executes: {effect}", same.name),
    }
}

/// The struct that a request takes.
fn argument(request: &Constant) -> Option<&'static str> {
    let name = match request.name {
        "UFFDIO_UNREGISTER" | "UFFDIO_WAKE" => "uffdio_range".to_owned(),
        "PAGEMAP_SCAN" => "pm_scan_arg".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    STRUCTS
        .iter()
        .find(|known| known.name == name)
        .map(|known| known.name)
}

/// The field that is forgotten in a request's struct: the last one, which the
/// kernel writes.
fn last_field(request: &Constant) -> Option<&'static str> {
    let name = argument(request)?;
    let known = STRUCTS.iter().find(|known| known.name == name)?;
    let last = known.fields.last()?.c_name();
    ["copy", "zeropage", "mapped", "updated", "move"]
        .contains(&last)
        .then_some(last)
}
