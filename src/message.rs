//! Messages: reading them, decoding them, and the traits that bindgen cannot
//! derive for structs that hold unions.
//!
//! No safe function here reads a byte that code without `unsafe` can leave
//! uninitialised; tests/messages.rs holds it to that.

#![allow(non_camel_case_types)]

use core::fmt;
use core::mem::{align_of, size_of, transmute};

use libc::{c_int, ssize_t};

use crate::bindings::*;
use crate::syscall::syscall3;

#[doc = include_str!("manual/uffd_read.md")]
#[inline(always)]
pub unsafe fn uffd_read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> ssize_t {
    // A length that overflows could not be valid memory either.
    let bytes = n.wrapping_mul(size_of::<uffd_msg>());
    // SAFETY: read(2) writes at most `bytes` bytes at `msgs`, which the caller
    // says may be written; an address that may not is answered with EFAULT.
    unsafe { syscall3(libc::SYS_read, fd as usize, msgs as usize, bytes) }
}

/// The 32 bytes of a message, decoded without `unsafe`.
///
/// A [`uffd_msg`] holds a union. Code that writes a smaller member of it leaves
/// the other bytes uninitialised, so reading a member is `unsafe`. Here all bytes
/// are always initialised, so reading any part is safe. Let [`uffd_read()`] fill an
/// array of these:
///
/// ```
/// use uffd_sys::{uffd_msg_bytes, uffd_read};
///
/// # let uffd = -1;
/// let mut msgs = [uffd_msg_bytes::default(); 16];
/// // SAFETY: there is room for 16 messages.
/// let bytes = unsafe { uffd_read(uffd, msgs.as_mut_ptr().cast(), msgs.len()) };
/// // -1 is an error: no messages.
/// for msg in &msgs[..bytes.max(0) as usize / 32] {
///     if let Some(fault) = msg.pagefault() {
///         println!("a fault at {:#x}", fault.address);
///     }
/// }
/// ```
///
/// The layout is that of [`uffd_msg`], aligned to 8 bytes. The integers are
/// those of this processor, as the kernel writes them.
#[repr(C, align(8))]
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "zerocopy",
    derive(
        zerocopy::FromBytes,
        zerocopy::Immutable,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout
    )
)]
pub struct uffd_msg_bytes {
    /// The whole message.
    pub bytes: [u8; 32],
}

const _: () = assert!(
    size_of::<uffd_msg_bytes>() == size_of::<uffd_msg>()
        && align_of::<uffd_msg_bytes>() >= align_of::<uffd_msg>(),
    "uffd-sys: uffd_read() would not fit a message into uffd_msg_bytes",
);

impl uffd_msg_bytes {
    /// Which event: one of `UFFD_EVENT_*`, or one newer than this crate.
    #[inline]
    pub const fn event(&self) -> u8 {
        self.bytes[0]
    }

    /// The fault, if it is [`UFFD_EVENT_PAGEFAULT`].
    #[inline]
    pub const fn pagefault(&self) -> Option<uffd_msg_pagefault> {
        if self.event() != UFFD_EVENT_PAGEFAULT {
            return None;
        }
        Some(uffd_msg_pagefault {
            flags: self.u64_at(8),
            address: self.u64_at(16),
            feat: uffd_msg_pagefault_feat {
                ptid: self.u32_at(24),
            },
        })
    }

    /// The fork, if it is [`UFFD_EVENT_FORK`]. Its descriptor has one owner,
    /// however often this is called.
    #[inline]
    pub const fn fork(&self) -> Option<uffd_msg_fork> {
        if self.event() != UFFD_EVENT_FORK {
            return None;
        }
        Some(uffd_msg_fork {
            ufd: self.u32_at(8),
        })
    }

    /// The move, if it is [`UFFD_EVENT_REMAP`].
    #[inline]
    pub const fn remap(&self) -> Option<uffd_msg_remap> {
        if self.event() != UFFD_EVENT_REMAP {
            return None;
        }
        Some(uffd_msg_remap {
            from: self.u64_at(8),
            to: self.u64_at(16),
            len: self.u64_at(24),
        })
    }

    /// The pages that were dropped, if it is [`UFFD_EVENT_REMOVE`].
    #[inline]
    pub const fn remove(&self) -> Option<uffd_msg_remove> {
        if self.event() != UFFD_EVENT_REMOVE {
            return None;
        }
        Some(self.range())
    }

    /// The range that was unmapped, if it is [`UFFD_EVENT_UNMAP`]. The kernel
    /// uses the struct of [`UFFD_EVENT_REMOVE`] for it too.
    #[inline]
    pub const fn unmap(&self) -> Option<uffd_msg_remove> {
        if self.event() != UFFD_EVENT_UNMAP {
            return None;
        }
        Some(self.range())
    }

    #[inline]
    const fn range(&self) -> uffd_msg_remove {
        uffd_msg_remove {
            start: self.u64_at(8),
            end: self.u64_at(16),
        }
    }

    #[inline]
    const fn u32_at(&self, at: usize) -> u32 {
        let b = &self.bytes;
        u32::from_ne_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
    }

    #[inline]
    const fn u64_at(&self, at: usize) -> u64 {
        let b = &self.bytes;
        u64::from_ne_bytes([
            b[at],
            b[at + 1],
            b[at + 2],
            b[at + 3],
            b[at + 4],
            b[at + 5],
            b[at + 6],
            b[at + 7],
        ])
    }
}

/// Shows the part that the event selects; all bytes of an event newer than this
/// crate.
impl fmt::Debug for uffd_msg_bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("uffd_msg_bytes");
        if let Some(fault) = self.pagefault() {
            out.field("pagefault", &fault);
        } else if let Some(fork) = self.fork() {
            out.field("fork", &fork);
        } else if let Some(remap) = self.remap() {
            out.field("remap", &remap);
        } else if let Some(remove) = self.remove() {
            out.field("remove", &remove);
        } else if let Some(unmap) = self.unmap() {
            out.field("unmap", &unmap);
        } else {
            out.field("event", &self.event())
                .field("bytes", &self.bytes);
        }
        out.finish()
    }
}

impl uffd_msg {
    /// The bytes of this message, which decode without `unsafe`.
    ///
    /// # Safety
    ///
    /// All 32 bytes must be initialised. They are after [`uffd_read()`] filled
    /// the message, and after [`Default::default()`]. They are not after a
    /// smaller member of `arg` was assigned to a new `arg`: `uffd_msg_arg { fork }`
    /// leaves 20 bytes uninitialised, and `uffd_msg_arg { pagefault }` may leave
    /// the 4 bytes of padding.
    #[inline]
    pub const unsafe fn assume_init(self) -> uffd_msg_bytes {
        // SAFETY: the sizes are equal, and any 32 initialised bytes are a
        // `uffd_msg_bytes`; the caller says that these are initialised. `self`
        // was copied with all of them: `uffd_msg` is packed, and the members
        // `remap` and `reserved` of its union have no padding and its whole size.
        unsafe { transmute::<uffd_msg, uffd_msg_bytes>(self) }
    }
}

/// Shows the event alone: `arg` may be uninitialised. [`uffd_msg_bytes`] shows
/// all of a message.
impl fmt::Debug for uffd_msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A copy: the fields of a packed struct cannot be borrowed.
        let event = self.event;
        f.debug_struct("uffd_msg")
            .field("event", &event)
            .finish_non_exhaustive()
    }
}

impl uffd_msg_pagefault {
    /// The id of the thread in its own PID namespace, with
    /// [`UFFD_FEATURE_THREAD_ID`]; else 0.
    #[inline]
    pub const fn ptid(&self) -> u32 {
        // SAFETY: `ptid` is the only member of the union and has its whole size,
        // so whoever made the union without `unsafe` initialised all of it.
        unsafe { self.feat.ptid }
    }
}

const _: () = assert!(
    size_of::<uffd_msg_pagefault_feat>() == size_of::<u32>(),
    "uffd-sys: uffd_msg_pagefault::ptid() would read a part of a union",
);

impl Default for uffd_msg_arg {
    fn default() -> Self {
        // The largest member, so that all bytes are zero.
        uffd_msg_arg {
            reserved: uffd_msg_reserved::default(),
        }
    }
}

impl Default for uffd_msg_pagefault_feat {
    fn default() -> Self {
        uffd_msg_pagefault_feat { ptid: 0 }
    }
}

impl fmt::Debug for uffd_msg_pagefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("uffd_msg_pagefault")
            .field("flags", &self.flags)
            .field("address", &format_args!("{:#x}", self.address))
            .field("ptid", &self.ptid())
            .finish()
    }
}
