//! Messages: reading them, and the traits that bindgen cannot derive for
//! structs that hold unions.

use core::fmt;
use core::mem::size_of;

use libc::{c_int, ssize_t};

use crate::bindings::*;
use crate::syscall::syscall3;

/// Reads up to `n` messages from a userfaultfd: read(2) with the room counted
/// in messages.
///
/// Returns the number of **bytes** read, a multiple of 32, as read(2) does; or
/// -1 with `errno` set. Blocks until there is a message, unless the descriptor
/// was opened with `O_NONBLOCK`. One call takes as many messages as are
/// waiting and fit, which is what a handler under load should use:
/// `bytes as usize / size_of::<uffd_msg>()` is their number.
///
/// # Errors
///
/// - `EAGAIN`: there is no message, and the descriptor is non-blocking.
/// - `EINVAL`: `n` is 0 (read(2) wants room for at least one message, 32
///   bytes), or [`uffdio_api()`](fn@crate::uffdio_api) was not called yet.
/// - `EINTR`: a signal came before a message.
/// - `EFAULT`: `msgs` is not writable.
/// - `EBADF`: `fd` is not an open descriptor.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `msgs` must be
/// valid for writes of `n` messages, and must not lie in a range whose faults
/// this thread has to resolve. A [`UFFD_EVENT_FORK`] message brings a descriptor
/// that the reader owns from then on.
///
/// # Since
///
/// Linux 4.3. Manual page: userfaultfd(2), "Reading from the userfaultfd
/// structure".
#[inline(always)]
pub unsafe fn uffd_read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> ssize_t {
    // A length that overflows could not be valid memory either.
    let bytes = n.wrapping_mul(size_of::<uffd_msg>());
    // SAFETY: read(2) writes at most `bytes` bytes at `msgs`, which the caller
    // says may be written; an address that may not is answered with EFAULT.
    unsafe { syscall3(libc::SYS_read, fd as usize, msgs as usize, bytes) }
}

/// The member of `arg` that `event` selects, safely: every member is made of
/// integers, for which any bits are valid.
impl uffd_msg {
    /// The fault, if it is [`UFFD_EVENT_PAGEFAULT`].
    #[inline]
    pub fn pagefault(&self) -> Option<uffd_msg_pagefault> {
        // SAFETY: see above.
        (self.event == UFFD_EVENT_PAGEFAULT).then_some(unsafe { self.arg.pagefault })
    }

    /// The fork, if it is [`UFFD_EVENT_FORK`]. Its descriptor has one owner,
    /// however often this is asked.
    #[inline]
    pub fn fork(&self) -> Option<uffd_msg_fork> {
        // SAFETY: see above.
        (self.event == UFFD_EVENT_FORK).then_some(unsafe { self.arg.fork })
    }

    /// The move, if it is [`UFFD_EVENT_REMAP`].
    #[inline]
    pub fn remap(&self) -> Option<uffd_msg_remap> {
        // SAFETY: see above.
        (self.event == UFFD_EVENT_REMAP).then_some(unsafe { self.arg.remap })
    }

    /// The pages that were dropped, if it is [`UFFD_EVENT_REMOVE`].
    #[inline]
    pub fn remove(&self) -> Option<uffd_msg_remove> {
        // SAFETY: see above.
        (self.event == UFFD_EVENT_REMOVE).then_some(unsafe { self.arg.remove })
    }

    /// The range that was unmapped, if it is [`UFFD_EVENT_UNMAP`]: the kernel
    /// uses the member `remove` for it too.
    #[inline]
    pub fn unmap(&self) -> Option<uffd_msg_remove> {
        // SAFETY: see above.
        (self.event == UFFD_EVENT_UNMAP).then_some(unsafe { self.arg.remove })
    }
}

impl uffd_msg_pagefault {
    /// The id of the thread, with [`UFFD_FEATURE_THREAD_ID`]; else 0.
    #[inline]
    pub fn ptid(&self) -> u32 {
        // SAFETY: `ptid` is the union's only member and any bits are a `u32`.
        unsafe { self.feat.ptid }
    }
}

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

/// Shows the member of `arg` that `event` selects.
impl fmt::Debug for uffd_msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Copies: the fields of a packed struct cannot be borrowed.
        let (event, arg) = (self.event, self.arg);
        let mut out = f.debug_struct("uffd_msg");
        // SAFETY: every member is made of integers, for which any bits are valid.
        unsafe {
            match event {
                UFFD_EVENT_PAGEFAULT => out.field("pagefault", &arg.pagefault),
                UFFD_EVENT_FORK => out.field("fork", &arg.fork),
                UFFD_EVENT_REMAP => out.field("remap", &arg.remap),
                UFFD_EVENT_REMOVE => out.field("remove", &arg.remove),
                UFFD_EVENT_UNMAP => out.field("unmap", &arg.remove),
                _ => out.field("event", &event).field("reserved", &arg.reserved),
            };
        }
        out.finish()
    }
}
