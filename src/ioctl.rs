//! The ioctls of a userfaultfd.
//!
//! Each function is one system call with the contract of ioctl(2): what the
//! kernel returned, or -1 with `errno` set; `errno` is untouched on success.
//! None allocates, locks, panics or retries, so all are async-signal-safe.
//! They are not points of thread cancellation where the call is inlined.

use libc::c_int;

use crate::bindings::*;
use crate::syscall::syscall3;

/// ioctl(2) with an argument of one word.
///
/// # Safety
///
/// Whatever the request asks of its argument.
#[inline(always)]
pub(crate) unsafe fn ioctl(fd: c_int, request: u32, arg: usize) -> c_int {
    // SAFETY: the caller vouches for the argument of this request.
    unsafe { syscall3(libc::SYS_ioctl, fd as usize, request as usize, arg) as c_int }
}

#[doc = include_str!("manual/uffdio_api.md")]
#[inline(always)]
pub unsafe fn uffdio_api(fd: c_int, arg: *mut uffdio_api) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_api` at `arg`.
    unsafe { ioctl(fd, UFFDIO_API, arg as usize) }
}

#[doc = include_str!("manual/uffdio_register.md")]
#[inline(always)]
pub unsafe fn uffdio_register(fd: c_int, arg: *mut uffdio_register) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_register` at `arg`.
    unsafe { ioctl(fd, UFFDIO_REGISTER, arg as usize) }
}

#[doc = include_str!("manual/uffdio_unregister.md")]
#[inline(always)]
pub unsafe fn uffdio_unregister(fd: c_int, arg: *mut uffdio_range) -> c_int {
    // SAFETY: the kernel reads one `uffdio_range` at `arg`.
    unsafe { ioctl(fd, UFFDIO_UNREGISTER, arg as usize) }
}

#[doc = include_str!("manual/uffdio_wake.md")]
#[inline(always)]
pub unsafe fn uffdio_wake(fd: c_int, arg: *mut uffdio_range) -> c_int {
    // SAFETY: the kernel reads one `uffdio_range` at `arg`.
    unsafe { ioctl(fd, UFFDIO_WAKE, arg as usize) }
}

#[doc = include_str!("manual/uffdio_copy.md")]
#[inline(always)]
pub unsafe fn uffdio_copy(fd: c_int, arg: *mut uffdio_copy) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_copy` at `arg`, and
    // reads `len` bytes at `src`, for which the caller vouches.
    unsafe { ioctl(fd, UFFDIO_COPY, arg as usize) }
}

#[doc = include_str!("manual/uffdio_zeropage.md")]
#[inline(always)]
pub unsafe fn uffdio_zeropage(fd: c_int, arg: *mut uffdio_zeropage) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_zeropage` at `arg`.
    unsafe { ioctl(fd, UFFDIO_ZEROPAGE, arg as usize) }
}

#[doc = include_str!("manual/uffdio_move.md")]
#[inline(always)]
pub unsafe fn uffdio_move(fd: c_int, arg: *mut uffdio_move) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_move` at `arg`, and
    // moves the pages at `src`, which the caller gives up.
    unsafe { ioctl(fd, UFFDIO_MOVE, arg as usize) }
}

#[doc = include_str!("manual/uffdio_writeprotect.md")]
#[inline(always)]
pub unsafe fn uffdio_writeprotect(fd: c_int, arg: *mut uffdio_writeprotect) -> c_int {
    // SAFETY: the kernel reads one `uffdio_writeprotect` at `arg`.
    unsafe { ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }
}

#[doc = include_str!("manual/uffdio_continue.md")]
#[inline(always)]
pub unsafe fn uffdio_continue(fd: c_int, arg: *mut uffdio_continue) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_continue` at `arg`.
    unsafe { ioctl(fd, UFFDIO_CONTINUE, arg as usize) }
}

#[doc = include_str!("manual/uffdio_poison.md")]
#[inline(always)]
pub unsafe fn uffdio_poison(fd: c_int, arg: *mut uffdio_poison) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_poison` at `arg`.
    unsafe { ioctl(fd, UFFDIO_POISON, arg as usize) }
}

#[doc = include_str!("manual/uffdio_rwprotect.md")]
#[inline(always)]
pub unsafe fn uffdio_rwprotect(fd: c_int, arg: *mut uffdio_rwprotect) -> c_int {
    // SAFETY: the kernel reads one `uffdio_rwprotect` at `arg`.
    unsafe { ioctl(fd, UFFDIO_RWPROTECT, arg as usize) }
}

#[doc = include_str!("manual/uffdio_set_mode.md")]
#[inline(always)]
pub unsafe fn uffdio_set_mode(fd: c_int, arg: *mut uffdio_set_mode) -> c_int {
    // SAFETY: the kernel reads one `uffdio_set_mode` at `arg`.
    unsafe { ioctl(fd, UFFDIO_SET_MODE, arg as usize) }
}
