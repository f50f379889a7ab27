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
/// is newer than its source; a code may be written as a negative int.
pub fn is_right(known: &Constant, value: i128, encoding: Encoding) -> bool {
    let expected = known.value(encoding);
    if is_mask(known) {
        return same_bits(value, value as u64) && value as u64 & !expected == 0;
    }
    same_bits(value, expected)
        || known.is_request()
            && value < 0
            && value >= i128::from(i32::MIN)
            && value as u32 == expected as u32
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

fn wrong_request(known: &Constant, value: i128, encoding: Encoding) -> (&'static str, String) {
    let other = match encoding {
        Encoding::Generic => Encoding::MipsPowerpcSparc,
        Encoding::MipsPowerpcSparc => Encoding::Generic,
    };
    if is_right(known, value, other) {
        let (whose, elsewhere) = match other {
            Encoding::MipsPowerpcSparc => {
                ("powerpc, mips, sparc and alpha", "x86, arm and all others")
            }
            Encoding::Generic => ("x86, arm and most others", "powerpc, mips, sparc and alpha"),
        };
        let text = format!(
            "that is the request code of {whose}; on {elsewhere} every call fails with EINVAL"
        );
        return ("processor", text);
    }
    let (found, expected) = (value as u32, known.value(encoding) as u32);
    let number = |code: u32| code & 0xff;
    let group = |code: u32| code >> 8 & 0xff;
    let size = |code: u32| code >> 16 & 0x1fff;
    let direction = |code: u32| match encoding {
        Encoding::Generic => match code >> 30 {
            0 => "_IO",
            1 => "_IOW",
            2 => "_IOR",
            _ => "_IOWR",
        },
        Encoding::MipsPowerpcSparc => match code >> 29 {
            1 => "_IO",
            2 => "_IOR",
            4 => "_IOW",
            6 => "_IOWR",
            _ => "no direction",
        },
    };
    let mut reasons = vec![];
    if let Some(same) = CONSTANTS
        .iter()
        .find(|c| c.is_request() && c.value(encoding) == u64::from(found))
    {
        reasons.push(format!("that is {}", same.name));
    } else {
        if direction(found) != direction(expected) {
            reasons.push(format!(
                "it is {}, not {}",
                direction(found),
                direction(expected)
            ));
        }
        if size(found) != size(expected) {
            let fit = argument(known).map(|(name, field)| match field {
                Some(field) if size(found) < size(expected) => {
                    format!("struct {name} has {} with `{field}`", size(expected))
                }
                _ => format!("struct {name} has {}", size(expected)),
            });
            let fit = fit.unwrap_or_else(|| format!("it has {}", size(expected)));
            reasons.push(format!(
                "it encodes a struct of {} bytes; {fit}",
                size(found)
            ));
        }
        if group(found) != group(expected) {
            reasons.push(format!(
                "its type is {:#x}, not {:#x}",
                group(found),
                group(expected)
            ));
        }
        if number(found) != number(expected) {
            reasons.push(format!(
                "its number is {}, not {}",
                number(found),
                number(expected)
            ));
        }
    }
    reasons.push("every call fails with EINVAL".to_owned());
    ("value", reasons.join("; "))
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
