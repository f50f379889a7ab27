//! The two ways to open a userfaultfd.

use libc::c_int;

use crate::bindings::*;
use crate::ioctl::ioctl;
use crate::syscall::syscall3;

#[doc = include_str!("manual/userfaultfd.md")]
#[inline(always)]
pub unsafe fn userfaultfd(flags: c_int) -> c_int {
    // SAFETY: the call takes its one argument by value.
    unsafe { syscall3(libc::SYS_userfaultfd, flags as usize, 0, 0) as c_int }
}

#[doc = include_str!("manual/userfaultfd_new.md")]
#[inline(always)]
pub unsafe fn userfaultfd_new(devfd: c_int, flags: c_int) -> c_int {
    // SAFETY: this request takes its argument by value.
    unsafe { ioctl(devfd, USERFAULTFD_IOC_NEW, flags as usize) }
}
