//! Whether a value is right, and what comes of it if not.

use uffd_sys::abi::table::{Constant, Encoding, CONSTANTS, STRUCTS};

/// As C writes it.
pub fn hex(value: i128) -> String {
    if value < 0 {
        format!("-{:#x}", value.unsigned_abs())
    } else {
        format!("{value:#x}")
    }
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

/// The request of userfaultfd that a bare number means, and whether it is
/// right; `None` for what is likely something else.
pub fn request(value: i128, encodings: &[Encoding]) -> Option<(&'static Constant, bool)> {
    let mut known = CONSTANTS.iter().filter(|known| known.is_request());
    let right = |known: &&Constant| {
        encodings
            .iter()
            .any(|encoding| is_right(known, value, *encoding))
    };
    if let Some(known) = known.clone().find(right) {
        return Some((known, true));
    }
    let code = u32::try_from(value)
        .ok()
        .filter(|code| code >> 8 & 0xff == 0xAA && code >> 16 != 0)?;
    let same = |known: &&Constant| known.generic as u32 & 0xffff == code & 0xffff;
    known
        .find(|known| same(known) && known.name != "USERFAULTFD_IOC_NEW")
        .map(|known| (known, false))
}

/// Equal, or the same 64 bits read with a sign.
fn same_bits(value: i128, expected: u64) -> bool {
    value == i128::from(expected) || value < 0 && value == i128::from(expected as i64)
}

/// How the right value is told.
pub fn expected(known: &Constant, encoding: Encoding) -> String {
    let value = hex(i128::from(known.value(encoding)));
    if is_mask(known) {
        format!("no bits but {value}")
    } else {
        value
    }
}

fn is_mask(known: &Constant) -> bool {
    known.name.starts_with("UFFD_API_")
}

/// The kind of the problem, and its consequence.
pub fn wrong_value(known: &Constant, value: i128, encoding: Encoding) -> (&'static str, String) {
    if known.is_request() {
        return wrong_request(known, value, encoding);
    }
    let text = if is_mask(known) {
        let extra = value as u64 & !known.value(encoding);
        format!(
            "Linux 7.3 knows no bit {}: it is newer than this table, or a mistake; the kernel \
             answers EINVAL to a bit that it does not know",
            hex(i128::from(extra))
        )
    } else if let Some(other) = sibling(known, value) {
        format!("that is {other}: one is taken for the other")
    } else if known.name.starts_with("UFFD_EVENT_") {
        "messages of this event are not recognised".to_owned()
    } else if known.name.starts_with("UFFD_PAGEFAULT_FLAG_") || known.name.starts_with("PAGE_IS_") {
        "the kernel says something else with that bit, or nothing".to_owned()
    } else if known.name.starts_with("_UFFDIO_") {
        "the request code and the bit in `ioctls` made of it are wrong".to_owned()
    } else {
        "the kernel answers EINVAL to a value that it does not know".to_owned()
    };
    ("value", text)
}

/// Another constant of the same family with that value.
fn sibling(known: &Constant, value: i128) -> Option<&'static str> {
    let families = [
        "UFFD_FEATURE_",
        "UFFD_EVENT_",
        "UFFD_PAGEFAULT_FLAG_",
        "UFFDIO_REGISTER_MODE_",
        "UFFDIO_COPY_MODE_",
        "UFFDIO_ZEROPAGE_MODE_",
        "UFFDIO_WRITEPROTECT_MODE_",
        "UFFDIO_CONTINUE_MODE_",
        "UFFDIO_POISON_MODE_",
        "UFFDIO_MOVE_MODE_",
        "UFFDIO_RWPROTECT_MODE_",
        "_UFFDIO_",
        "PAGE_IS_",
        "PM_SCAN_",
    ];
    let family = families
        .iter()
        .find(|family| known.name.starts_with(**family))?;
    let mut others = CONSTANTS
        .iter()
        .filter(|other| other.name.starts_with(family));
    others
        .find(|other| i128::from(other.generic) == value)
        .map(|other| other.name)
}

/// The parts of a request code.
#[derive(PartialEq, Eq)]
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
        Parts {
            direction,
            size: code >> 16 & 0x1fff,
            group: code >> 8 & 0xff,
            number: code & 0xff,
        }
    }
}

fn wrong_request(known: &Constant, value: i128, encoding: Encoding) -> (&'static str, String) {
    let other = match encoding {
        Encoding::Generic => Encoding::MipsPowerpcSparc,
        Encoding::MipsPowerpcSparc => Encoding::Generic,
    };
    let found = Parts::of(value as u32, encoding);
    let right = Parts::of(known.value(encoding) as u32, encoding);
    if is_right(known, value, other) {
        let (whose, elsewhere) = match other {
            Encoding::MipsPowerpcSparc => {
                ("powerpc, mips, sparc and alpha", "x86, arm and all others")
            }
            Encoding::Generic => ("x86, arm and most others", "powerpc, mips, sparc and alpha"),
        };
        let direction = if found.direction == right.direction {
            String::new()
        } else {
            format!(
                "it is written as `{}`, must be `{}`; ",
                found.direction, right.direction
            )
        };
        let text = format!(
            "{direction}that is the request code of {whose}; on {elsewhere} every call fails \
             with EINVAL"
        );
        return ("processor", text);
    }
    let same = |c: &&Constant| c.is_request() && c.value(encoding) == u64::from(value as u32);
    if let Some(same) = CONSTANTS.iter().find(same) {
        return ("value", executed(known, same));
    }
    let mut reasons = vec![];
    if found.direction != right.direction {
        reasons.push(format!(
            "it is written as `{}`, must be `{}`",
            found.direction, right.direction
        ));
    }
    if found.size != right.size {
        let fit = argument(known).map(|(name, field)| match field {
            Some(field) if found.size < right.size => {
                format!("struct {name} has {} with `{field}`", right.size)
            }
            _ => format!("struct {name} has {}", right.size),
        });
        let fit = fit.unwrap_or_else(|| format!("it has {}", right.size));
        reasons.push(format!(
            "it encodes a struct of {} bytes; {fit}",
            found.size
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
    let elsewhere = ["PAGEMAP_SCAN", "USERFAULTFD_IOC_NEW"];
    // Those are for other descriptors, which refuse what is not theirs.
    if effect.is_empty() || elsewhere.contains(&known.name) {
        return format!("that is {}; every call fails with EINVAL", same.name);
    }
    format!("that is {}, which the kernel executes: {effect}", same.name)
}

/// The struct that a request takes, and the field that is forgotten in it: the
/// last one, which the kernel writes.
fn argument(known: &Constant) -> Option<(&'static str, Option<&'static str>)> {
    let name = match known.name {
        "UFFDIO_UNREGISTER" | "UFFDIO_WAKE" => "uffdio_range".to_owned(),
        "PAGEMAP_SCAN" => "pm_scan_arg".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    let known = STRUCTS.iter().find(|known| known.name == name)?;
    let out = ["copy", "zeropage", "mapped", "updated", "move"];
    let last = known.fields.last().map(|field| field.c_name());
    Some((known.name, last.filter(|last| out.contains(last))))
}
