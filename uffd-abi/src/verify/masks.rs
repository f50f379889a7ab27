//! The masks `UFFD_API_*` of headers older than the table: each names all that
//! its own Linux knew, so it is right if it names that and nothing else.

use uffd_sys::abi::table::CONSTANTS;
use uffd_sys::abi::Witness;

use super::{version, Compared};

/// A bit of a mask: the constant behind it and since when the mask has it.
struct Bit {
    name: &'static str,
    bit: u64,
    since: (u32, u32),
}

/// The bits of a mask of the table, none if it is not a mask.
fn bits(mask: &str) -> Vec<Bit> {
    let (prefix, is_number) = match mask {
        "UFFD_API_FEATURES" => ("UFFD_FEATURE_", false),
        "UFFD_API_REGISTER_MODES" => ("UFFDIO_REGISTER_MODE_", false),
        "UFFD_API_IOCTLS" | "UFFD_API_RANGE_IOCTLS" | "UFFD_API_RANGE_IOCTLS_BASIC" => {
            ("_UFFDIO_", true)
        }
        _ => return vec![],
    };
    let Some(pinned) = CONSTANTS.iter().find(|constant| constant.name == mask) else {
        return vec![];
    };
    CONSTANTS
        .iter()
        .filter(|constant| constant.name.starts_with(prefix))
        .map(|constant| Bit {
            name: constant.name,
            bit: if is_number {
                1 << constant.generic
            } else {
                constant.generic
            },
            // Write-protection of hugetlbfs came after that of anonymous memory.
            since: match (mask, constant.name) {
                ("UFFD_API_RANGE_IOCTLS_BASIC", "_UFFDIO_WRITEPROTECT") => (5, 19),
                _ => version(constant.since),
            },
        })
        .filter(|bit| pinned.generic & bit.bit != 0)
        .collect()
}

/// Whether a header of this version may have this value for a mask: all bits
/// that its Linux had, and of the others only those whose names it defines
/// (distributions take features into older headers).
fn is_right(mask: &str, value: u64, witness: &Witness, version: Option<(u32, u32)>) -> bool {
    let bits = bits(mask);
    let mut rest = value;
    for bit in &bits {
        let has = value & bit.bit != 0;
        rest &= !bit.bit;
        let defined = witness.constants.contains_key(bit.name);
        let due = version.is_some_and(|version| bit.since <= version);
        if has && !defined || due && !has {
            return false;
        }
    }
    !bits.is_empty() && rest == 0
}

/// Takes back the mismatches that are only a header's age.
pub fn older(compared: &mut Compared, witness: &Witness, version: Option<(u32, u32)>) {
    compared.check.findings.retain(|finding| {
        let seen = witness.constants.get(&finding.item);
        let right = seen.is_some_and(|seen| is_right(&finding.item, seen.value, witness, version));
        !(finding.kind == "mismatch" && right)
    });
}
