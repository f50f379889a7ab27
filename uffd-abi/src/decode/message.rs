//! The bytes of a message in words.

use serde::Serialize;
use uffd_sys::{names, uffd_msg_bytes};

use super::input::Bytes;
use crate::arch::Arch;

/// A message in words, as JSON has it too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The event's name, or its number in hexadecimal.
    pub event: String,
    /// The fields in their order, by the kernel's names.
    #[serde(serialize_with = "as_map")]
    pub fields: Vec<(&'static str, String)>,
}

fn as_map<S: serde::Serializer>(
    fields: &[(&'static str, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, text)| (name, text)))
}

/// Those whose numbers begin with the highest byte.
const BIG_ENDIAN: &[&str] = &[
    "s390x",
    "m68k",
    "mips",
    "mips64",
    "mips32r6",
    "mips64r6",
    "powerpc",
    "powerpc64",
    "ppc",
    "ppc64",
    "sparc",
    "sparc64",
];

/// Decodes a message that was read on a processor; without one, on this.
pub fn decode(bytes: &Bytes, arch: Option<&Arch>) -> Message {
    let here = cfg!(target_endian = "big");
    let there = arch.map_or(here, |arch| BIG_ENDIAN.contains(&&*arch.name));
    let bytes = if here == there {
        *bytes
    } else {
        swapped(*bytes)
    };
    let msg = uffd_msg_bytes { bytes };
    let event = names::EVENTS.show(msg.event()).to_string();
    let hex = |value: u64| format!("{value:#x}");
    let mut fields = if let Some(fault) = msg.pagefault() {
        let flags = names::PAGEFAULT_FLAGS.show(fault.flags);
        vec![
            ("flags", flags.to_string()),
            ("address", hex(fault.address)),
            ("ptid", fault.ptid().to_string()),
        ]
    } else if let Some(fork) = msg.fork() {
        vec![("ufd", fork.ufd.to_string())]
    } else if let Some(remap) = msg.remap() {
        vec![
            ("from", hex(remap.from)),
            ("to", hex(remap.to)),
            ("len", hex(remap.len)),
        ]
    } else if let Some(range) = msg.remove().or_else(|| msg.unmap()) {
        vec![("start", hex(range.start)), ("end", hex(range.end))]
    } else {
        vec![("arg", digits(&bytes[8..]))]
    };
    // The kernel writes zero, so this may be no message at all.
    if bytes[1..8] != [0; 7] {
        fields.push(("reserved", format!("not zero: {}", digits(&bytes[1..8]))));
    }
    Message { event, fields }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Turns each integer of the part that the event selects.
fn swapped(mut bytes: Bytes) -> Bytes {
    let ends: &[usize] = match bytes[0] {
        uffd_sys::UFFD_EVENT_PAGEFAULT => &[16, 24, 28],
        uffd_sys::UFFD_EVENT_FORK => &[12],
        uffd_sys::UFFD_EVENT_REMAP => &[16, 24, 32],
        uffd_sys::UFFD_EVENT_REMOVE | uffd_sys::UFFD_EVENT_UNMAP => &[16, 24],
        _ => &[],
    };
    let mut start = 8;
    for end in ends {
        bytes[start..*end].reverse();
        start = *end;
    }
    bytes
}
