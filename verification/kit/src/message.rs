//! The messages of a userfaultfd, decoded. Nothing else here looks into one.

use libc::c_int;
use uffd_sys::*;

/// A decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    Fault {
        flags: u64,
        address: usize,
        ptid: u32,
    },
    Fork {
        fd: c_int,
    },
    Remap {
        from: usize,
        to: usize,
        len: usize,
    },
    Remove {
        start: usize,
        end: usize,
    },
    Unmap {
        start: usize,
        end: usize,
    },
    Unknown(u8),
}

impl Event {
    /// The part of the message that its event selects.
    pub fn of(msg: &uffd_msg_bytes) -> Event {
        if let Some(fault) = msg.pagefault() {
            return Event::Fault {
                flags: fault.flags,
                address: fault.address as usize,
                ptid: fault.ptid(),
            };
        }
        if let Some(fork) = msg.fork() {
            return Event::Fork {
                fd: fork.ufd as c_int,
            };
        }
        if let Some(remap) = msg.remap() {
            return Event::Remap {
                from: remap.from as usize,
                to: remap.to as usize,
                len: remap.len as usize,
            };
        }
        let range = |range: uffd_msg_remove| (range.start as usize, range.end as usize);
        if let Some((start, end)) = msg.remove().map(range) {
            return Event::Remove { start, end };
        }
        if let Some((start, end)) = msg.unmap().map(range) {
            return Event::Unmap { start, end };
        }
        Event::Unknown(msg.event())
    }

    /// Its name, for failures.
    pub fn name(&self) -> String {
        match self {
            Event::Fault { flags, .. } => format!("a fault with {}", fault_flags(*flags)),
            Event::Fork { .. } => "a fork event".to_owned(),
            Event::Remap { .. } => "a remap event".to_owned(),
            Event::Remove { .. } => "a remove event".to_owned(),
            Event::Unmap { .. } => "an unmap event".to_owned(),
            Event::Unknown(event) => format!("an unknown event {:#x}", event),
        }
    }
}

/// `WRITE|WP`, or `no flags`.
pub fn fault_flags(flags: u64) -> String {
    let known = [
        (UFFD_PAGEFAULT_FLAG_WRITE, "WRITE"),
        (UFFD_PAGEFAULT_FLAG_WP, "WP"),
        (UFFD_PAGEFAULT_FLAG_MINOR, "MINOR"),
        (UFFD_PAGEFAULT_FLAG_RWP, "RWP"),
    ];
    flag_names(flags, &known).unwrap_or_else(|| "no flags".to_owned())
}

/// The names of the bits that are set, joined by `|`, with what has no name as
/// a number; `None` if no bit is set.
pub fn flag_names(bits: u64, known: &[(u64, &str)]) -> Option<String> {
    let (mut names, mut rest) = (vec![], bits);
    for (bit, name) in known {
        if bits & bit != 0 {
            names.push((*name).to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        names.push(format!("{:#x}", rest));
    }
    if names.is_empty() {
        return None;
    }
    Some(names.join("|"))
}
