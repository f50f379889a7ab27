//! Whether a value is right, and what comes of it if not.

use uffd_sys::abi::table::{Constant, Encoding, Struct, CONSTANTS, STRUCTS};

use crate::names::{is_mask, out_field};
use crate::report::Problem;
use crate::target::directions;

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
pub fn wrong_value(known: &Constant, value: i128, encoding: Encoding) -> Problem {
    let right = hex(i128::from(known.value(encoding)));
    let (kind, why) = match known.is_request() {
        true => wrong_request(known, value as u32, encoding),
        false => ("value", consequence(known, value)),
    };
    let expected = match is_mask(known) {
        true => format!("no bits but {right}"),
        false => right,
    };
    Problem::error(kind, known.name, hex(value), expected, why)
}

fn consequence(known: &Constant, value: i128) -> String {
    if is_mask(known) {
        let extra = hex(i128::from(value as u64 & !known.generic));
        return format!(
            "Linux 7.3 knows no bit {extra}: it is newer than this table, or a mistake; the \
             kernel answers EINVAL to a bit that it does not know"
        );
    }
    if let Some(other) = sibling(known, value) {
        return format!("that is {other}: one is taken for the other");
    }
    let starts = |start| known.name.starts_with(start);
    let why = if starts("UFFD_EVENT_") {
        "messages of this event are not recognised"
    } else if starts("UFFD_PAGEFAULT_FLAG_") || starts("PAGE_IS_") {
        "the kernel says something else with that bit, or nothing"
    } else if starts("_UFFDIO_") {
        "the request code and the bit in `ioctls` made of it are wrong"
    } else {
        "the kernel answers EINVAL to a value that it does not know"
    };
    why.to_owned()
}

/// Another constant of the same family with that value.
fn sibling(known: &Constant, value: i128) -> Option<&'static str> {
    // UFFD_EVENT_, UFFDIO_COPY_MODE_, PAGE_IS_: up to the word that all share.
    let mut shared = "_FEATURE_ _EVENT_ _FLAG_ _MODE_ _UFFDIO_ _IS_ _SCAN_".split(' ');
    let end = shared.find_map(|word| Some(known.name.find(word)? + word.len()))?;
    let is_other = |other: &&Constant| {
        other.name.starts_with(&known.name[..end]) && i128::from(other.generic) == value
    };
    CONSTANTS.iter().find(is_other).map(|other| other.name)
}

/// The macro that makes a code of this direction.
fn direction(code: u32, encoding: Encoding) -> &'static str {
    let (directions, shift) = directions(encoding);
    let mut named = directions.iter().zip(["_IO", "_IOW", "_IOR", "_IOWR"]);
    let found = named.find(|(bits, _)| **bits == i128::from(code >> shift));
    found.map_or("of no direction", |(_, name)| name)
}

fn wrong_request(known: &Constant, code: u32, encoding: Encoding) -> (&'static str, String) {
    const USUAL: &str = "x86, arm and all others";
    const OTHERS: &str = "powerpc, mips, sparc and alpha";
    let (other, whose, elsewhere) = match encoding {
        Encoding::Generic => (Encoding::MipsPowerpcSparc, OTHERS, USUAL),
        Encoding::MipsPowerpcSparc => (Encoding::Generic, USUAL, OTHERS),
    };
    let codes = [code, known.value(encoding) as u32];
    let mut reasons = vec![];
    let [is, must] = codes.map(|code| direction(code, encoding));
    if is != must {
        reasons.push(format!("it is written as `{is}`, must be `{must}`"));
    }
    if is_right(known, i128::from(code), other) {
        reasons.push(format!("that is the request code of {whose}"));
        reasons.push(format!("on {elsewhere} every call fails with EINVAL"));
        return ("processor", reasons.join("; "));
    }
    let same = |other: &&Constant| other.is_request() && other.value(encoding) == u64::from(code);
    if let Some(same) = CONSTANTS.iter().find(same) {
        return ("value", executed(known, same));
    }
    let [is, has] = codes.map(|code| code >> 16 & 0x1fff);
    if is != has {
        let argument = argument(known);
        let fit = argument.map_or("it".to_owned(), |it| format!("struct {}", it.name));
        // The one that is forgotten.
        let last = argument.filter(|_| is < has).and_then(out_field);
        let with = last.map_or(String::new(), |field| format!(" with `{field}`"));
        reasons.push(format!(
            "it encodes a struct of {is} bytes; {fit} has {has}{with}"
        ));
    }
    let [is, must] = codes.map(|code| code >> 8 & 0xff);
    if is != must {
        reasons.push(format!("its type is {is:#x}, not {must:#x}"));
    }
    let [is, must] = codes.map(|code| code & 0xff);
    if is != must {
        reasons.push(format!("its number is {is}, not {must}"));
    }
    reasons.push("every call fails with EINVAL".to_owned());
    ("value", reasons.join("; "))
}

/// What comes of the code of another request.
fn executed(known: &Constant, same: &Constant) -> String {
    let name = same.name;
    let effect = match name {
        // Those are for other descriptors, which refuse what is not theirs.
        _ if matches!(known.name, "PAGEMAP_SCAN" | "USERFAULTFD_IOC_NEW") => None,
        "UFFDIO_REGISTER" => Some("it registers the range"),
        "UFFDIO_UNREGISTER" => Some("it ends the registration of the range"),
        "UFFDIO_WAKE" => Some("it wakes the waiters of the range and does nothing else"),
        "UFFDIO_COPY" => Some("it fills missing pages with a copy"),
        "UFFDIO_ZEROPAGE" => Some("it fills missing pages with zeros"),
        "UFFDIO_MOVE" => Some("it moves the pages away from the source"),
        "UFFDIO_WRITEPROTECT" => Some("it changes the write-protection of the range"),
        "UFFDIO_CONTINUE" => Some("it maps pages that the file has already"),
        "UFFDIO_POISON" => Some("it poisons missing pages, so that an access is a SIGBUS"),
        "UFFDIO_RWPROTECT" => Some("it changes the read-write-protection of the range"),
        "UFFDIO_SET_MODE" => Some("it switches asynchronous modes"),
        _ => None,
    };
    match effect {
        Some(effect) => format!("that is {name}, which the kernel executes: {effect}"),
        None => format!("that is {name}; every call fails with EINVAL"),
    }
}

/// The struct that a request takes.
fn argument(request: &Constant) -> Option<&'static Struct> {
    let name = match request.name {
        "UFFDIO_UNREGISTER" | "UFFDIO_WAKE" => "uffdio_range".to_owned(),
        "PAGEMAP_SCAN" => "pm_scan_arg".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    STRUCTS.iter().find(|known| known.name == name)
}
