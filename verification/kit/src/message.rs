//! The messages of a userfaultfd, decoded. Nothing else here looks into a
//! `uffd_msg`.

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
    /// The member of the message that its event selects.
    pub fn of(msg: uffd_msg) -> Event {
        let arg = msg.arg;
        // SAFETY: the callers pass messages that the kernel wrote, all of whose
        // bytes are initialised, and any bits are valid integers.
        unsafe {
            match msg.event {
                UFFD_EVENT_PAGEFAULT => Event::Fault {
                    flags: arg.pagefault.flags,
                    address: arg.pagefault.address as usize,
                    ptid: arg.pagefault.feat.ptid,
                },
                UFFD_EVENT_FORK => Event::Fork {
                    fd: arg.fork.ufd as c_int,
                },
                UFFD_EVENT_REMAP => Event::Remap {
                    from: arg.remap.from as usize,
                    to: arg.remap.to as usize,
                    len: arg.remap.len as usize,
                },
                UFFD_EVENT_REMOVE => Event::Remove {
                    start: arg.remove.start as usize,
                    end: arg.remove.end as usize,
                },
                UFFD_EVENT_UNMAP => Event::Unmap {
                    start: arg.remove.start as usize,
                    end: arg.remove.end as usize,
                },
                other => Event::Unknown(other),
            }
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

/// All bytes of a message that the kernel wrote.
pub fn bytes(msg: &uffd_msg) -> [u8; std::mem::size_of::<uffd_msg>()] {
    // SAFETY: the same number of bytes, all of which the kernel wrote.
    unsafe { std::mem::transmute(*msg) }
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
