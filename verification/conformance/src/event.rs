//! The messages of a userfaultfd, taken apart.

use libc::c_int;
use uffd_sys::*;

/// A message, taken apart.
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
    pub fn of(msg: uffd_msg_bytes) -> Event {
        if let Some(fault) = msg.pagefault() {
            Event::Fault {
                flags: fault.flags,
                address: fault.address as usize,
                ptid: fault.ptid(),
            }
        } else if let Some(fork) = msg.fork() {
            Event::Fork {
                fd: fork.ufd as c_int,
            }
        } else if let Some(remap) = msg.remap() {
            Event::Remap {
                from: remap.from as usize,
                to: remap.to as usize,
                len: remap.len as usize,
            }
        } else if let Some(remove) = msg.remove() {
            Event::Remove {
                start: remove.start as usize,
                end: remove.end as usize,
            }
        } else if let Some(unmap) = msg.unmap() {
            Event::Unmap {
                start: unmap.start as usize,
                end: unmap.end as usize,
            }
        } else {
            Event::Unknown(msg.event())
        }
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
    let mut names: Vec<String> = vec![];
    let mut rest = flags;
    for (bit, name) in known {
        if flags & bit != 0 {
            names.push(name.to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        names.push(format!("{:#x}", rest));
    }
    if names.is_empty() {
        return "no flags".to_owned();
    }
    names.join("|")
}
