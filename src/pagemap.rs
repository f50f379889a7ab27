//! PAGEMAP_SCAN: which pages of a process were written.

use libc::c_int;

use crate::bindings::*;
use crate::ioctl::ioctl;

#[doc = include_str!("manual/pagemap_scan.md")]
#[inline(always)]
pub unsafe fn pagemap_scan(fd: c_int, arg: *mut pm_scan_arg) -> c_int {
    // SAFETY: the kernel reads and writes one `pm_scan_arg` at `arg`, and
    // writes at most `vec_len` regions at `vec`.
    unsafe { ioctl(fd, PAGEMAP_SCAN, arg as usize) }
}

/// Bit 55 of an entry of `/proc/PID/pagemap`: soft-dirty. See [the
/// others](crate#good-to-know).
pub const PAGEMAP_SOFT_DIRTY: u64 = 1 << 55;
/// Bit 57: protected with a userfaultfd.
pub const PAGEMAP_UFFD_WP: u64 = 1 << 57;
/// Bit 61: a page of a file.
pub const PAGEMAP_FILE: u64 = 1 << 61;
/// Bit 62: what [`PAGE_IS_SWAPPED`] is.
pub const PAGEMAP_SWAPPED: u64 = 1 << 62;
/// Bit 63: there.
pub const PAGEMAP_PRESENT: u64 = 1 << 63;
