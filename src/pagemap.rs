//! PAGEMAP_SCAN: which pages of a process were written.

use libc::c_int;

use crate::bindings::*;
use crate::ioctl::ioctl;

/// Reports pages by category, and can write-protect those it reports:
/// `PAGEMAP_SCAN` on an open `/proc/PID/pagemap`.
///
/// With [`UFFD_FEATURE_WP_ASYNC`] this is the fastest way to find what was
/// written: [`PAGE_IS_WRITTEN`] with [`PM_SCAN_WP_MATCHING`] takes the written
/// pages and protects them again, atomically for each page. `arg.size` must be
/// the size of the struct.
///
/// Returns the number of [`page_region`]s written, or -1 with `errno` set. A
/// full array, or `max_pages`, ends the scan early: go on at `walk_end`, which
/// is `end` when it is complete.
///
/// A page may be reported before the write that it is reported for has landed,
/// and then once more; none is lost. So read what it holds after the next scan,
/// or while the writers rest.
///
/// **Huge pages of hugetlbfs.** With [`PM_SCAN_WP_MATCHING`], leave `max_pages` zero,
/// or make it a multiple of the huge page (counted in ordinary pages); and let `start`
/// and `end` lie between huge pages. Then no written page is lost, however small the
/// array is.
///
/// Otherwise the kernel passes over each huge page that it cannot report in full,
/// and `walk_end` is the last of them. A caller that goes on there loses the ones
/// before. They are not protected, so a scan from `start` finds them.
///
/// **Missing pages.** A missing page counts as written, but never one of hugetlbfs,
/// which a scan does not protect either. Older kernels count missing pages in some
/// scans only, and do not protect the others: docs/errata.md says which. So protect a
/// range once with [`uffdio_writeprotect()`](fn@crate::uffdio_writeprotect) before the
/// first scan.
///
/// **Also:**
///
/// - [`PM_SCAN_WP_MATCHING`] skips mappings that are not registered for asynchronous
///   write-protection, silently. Add [`PM_SCAN_CHECK_WPASYNC`] to be told.
/// - Without `vec` it protects all ordinary pages whatever the masks say, and
///   `max_pages` is ignored.
/// - [`PAGE_IS_SWAPPED`] is every entry that is not a page: swapped out, poisoned, a
///   guard, a missing page that is write-protected. A page that is being migrated is
///   one, too (read, not run: fs/proc/task_mmu.c, Linux 7.3).
/// - On memory that is not registered [`PAGE_IS_WRITTEN`] meant every page that
///   is there; since Linux 7.3 only write-protected mappings count.
/// - Kernels before 6.12.101, 6.18.42 and 7.1.5 lose written hugetlbfs pages
///   (CVE-2026-72175).
///
/// # Errors
///
/// - `EINVAL`: a wrong `size`, an unknown flag, a category that this kernel lacks,
///   `start` not a multiple of the page size, or a `vec_len` without `vec`.
/// - `EPERM`: with [`PM_SCAN_CHECK_WPASYNC`], a mapping that is not
///   registered for asynchronous write-protection.
/// - `EFAULT`: `arg` or `vec` cannot be read or written; or `start` is after
///   `end`.
/// - `EINTR`: a fatal signal.
/// - `ENOMEM`: out of memory.
/// - `ESRCH`: the process has exited. Some kernels from 6.16 to 7.2 report nothing and
///   succeed.
/// - `ENOTTY`: the kernel is older, or `fd` is open on something else.
/// - `EBADF`: `fd` is not an open descriptor.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`pm_scan_arg`]. `vec` in it must be zero, or
/// the address of `vec_len` [`page_region`]s that are valid for writes. With
/// [`PM_SCAN_WP_MATCHING`] the caller decides over the write-protection of the
/// range: whoever else tracks its writes would miss those that are reported here.
///
/// # Since
///
/// Linux 6.7. Manual page: PAGEMAP_SCAN(2const); the kernel's
/// `admin-guide/mm/pagemap.rst` says more.
#[inline(always)]
pub unsafe fn pagemap_scan(fd: c_int, arg: *mut pm_scan_arg) -> c_int {
    // SAFETY: the kernel reads and writes one `pm_scan_arg` at `arg`, and
    // writes at most `vec_len` regions at `vec`.
    unsafe { ioctl(fd, PAGEMAP_SCAN, arg as usize) }
}
