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

/// Performs the API handshake: selects the API version and enables features. Must
/// be the first call on a userfaultfd, and is possible once.
///
/// In: `api` is [`UFFD_API`], `features` the `UFFD_FEATURE_*` bits to enable.
/// Out: `features` are all that the kernel has (not only those enabled),
/// `ioctls` the calls that this descriptor has. To learn what there is before
/// choosing, ask with no features on a descriptor of its own and close it.
///
/// # Errors
///
/// - `EINVAL`: another `api`, or a feature that the kernel lacks; or the
///   descriptor has been through the handshake already, even if the first call
///   enabled nothing, although the manual page speaks of two steps. On all of these
///   the kernel sets the whole struct to zero.
/// - `EPERM`: [`UFFD_FEATURE_EVENT_FORK`] without `CAP_SYS_PTRACE`.
/// - `EFAULT`: `arg` cannot be read or written.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_api`]. Nobody else may be
/// using the descriptor yet: the features decide what its readers are sent, and
/// [`UFFD_FEATURE_SIGBUS`] makes later faults raise a signal.
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_API(2const).
#[inline(always)]
pub unsafe fn uffdio_api(fd: c_int, arg: *mut uffdio_api) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_api` at `arg`.
    unsafe { ioctl(fd, UFFDIO_API, arg as usize) }
}

/// Registers a range of memory for faults of the kinds in `mode`.
///
/// In: `range` and `mode`, bits of `UFFDIO_REGISTER_MODE_*`. Out: `ioctls`, the
/// calls that this range has, which depends on its kind of memory: hugetlbfs
/// has no ZEROPAGE. A bit that is set is no promise: shared memory shows MOVE, and
/// a file with [`UFFD_FEATURE_WP_ASYNC`] shows COPY, ZEROPAGE and MOVE, which
/// answer `EINVAL` there.
///
/// # Errors
///
/// - `EINVAL`: `start` or `len` is not a multiple of the page size (of
///   hugetlbfs, its own), `len` is 0, the range wraps or lies outside the
///   address space; `mode` is 0 or has a bit that this kernel lacks; nothing
///   is mapped there; or that kind of memory cannot have that mode. Files
///   can have [`UFFDIO_REGISTER_MODE_WP`] alone, with [`UFFD_FEATURE_WP_ASYNC`].
///   Mappings of the kernel's own (the vDSO), and droppable memory (since Linux
///   6.17), cannot be registered. Shadow stacks cannot be registered, either (read,
///   not run: mm/userfaultfd.c, Linux 7.3).
/// - `EINVAL`, of [`UFFDIO_REGISTER_MODE_RWP`]: [`UFFD_FEATURE_RWP`] was not
///   enabled, `mode` has [`UFFDIO_REGISTER_MODE_WP`] too, or the memory has no
///   access (PROT_NONE).
/// - `EBUSY`: another userfaultfd has a part of the range; since Linux 7.3 also
///   to take [`UFFDIO_REGISTER_MODE_WP`] or [`UFFDIO_REGISTER_MODE_RWP`] away
///   from a range that has it. Until 7.2 a registration in other modes replaced
///   the first; one with fewer of its modes changes nothing.
/// - `EPERM`: a shared mapping that the process may not write.
/// - `ENOMEM`: out of memory, or too many mappings; or the process whose memory
///   it is has exited. Linux 5.10 and 6.1 answer it for a range above the highest
///   mapping, too.
/// - `EFAULT`: `arg` cannot be read or written. If it can only be read, the
///   range is registered nevertheless.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api).
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_register`].
///
/// The caller decides over the memory of the range. Any thread that accesses it
/// may from now on wait until somebody resolves its fault, and whoever resolves
/// it decides what the memory holds: so it must not be memory that Rust code
/// believes to be unchanging, a stack, or an allocator's.
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_REGISTER(2const).
#[inline(always)]
pub unsafe fn uffdio_register(fd: c_int, arg: *mut uffdio_register) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_register` at `arg`.
    unsafe { ioctl(fd, UFFDIO_REGISTER, arg as usize) }
}

/// Unregisters a range, in whole or in part, and lifts write-protection in it.
///
/// Threads waiting in it are woken only if it was registered with
/// [`UFFDIO_REGISTER_MODE_MISSING`]; otherwise follow with [`uffdio_wake`]. The
/// argument is only read, although the request code says otherwise.
///
/// # Errors
///
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, the range wraps; nothing is mapped there; or a mapping in it is of a
///   kind that cannot be registered. Since Linux 6.17 also if another
///   userfaultfd has a part of the range; older kernels unregister it. Memory that
///   could be registered but is not is no error.
/// - `ENOMEM`: out of memory, or too many mappings; or the process whose memory
///   it is has exited.
/// - `EFAULT`: `arg` cannot be read.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api).
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads of a [`uffdio_range`]. Missing pages of the range are filled
/// with zeros from now on: nobody may rely on data that was still to come.
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_UNREGISTER(2const).
#[inline(always)]
pub unsafe fn uffdio_unregister(fd: c_int, arg: *mut uffdio_range) -> c_int {
    // SAFETY: the kernel reads one `uffdio_range` at `arg`.
    unsafe { ioctl(fd, UFFDIO_UNREGISTER, arg as usize) }
}

/// Wakes the threads waiting for a fault in a range. They access the memory
/// again, so a fault that was not resolved is reported anew.
///
/// It follows calls with a `DONTWAKE` bit (which do not keep a thread asleep
/// that has sent its message but does not sleep yet). It also follows every `EEXIST`
/// of a call that fills pages, and an `EFAULT` of an argument that could not be
/// written: those calls woke no thread. The argument is only read, although the
/// request code says otherwise.
///
/// # Errors
///
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, or the range wraps. A range with no thread waiting, even with nothing
///   mapped, is no error; nor is a process that has exited.
/// - `EFAULT`: `arg` cannot be read.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api).
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads of a [`uffdio_range`].
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_WAKE(2const).
#[inline(always)]
pub unsafe fn uffdio_wake(fd: c_int, arg: *mut uffdio_range) -> c_int {
    // SAFETY: the kernel reads one `uffdio_range` at `arg`.
    unsafe { ioctl(fd, UFFDIO_WAKE, arg as usize) }
}

/// Fills missing pages with a copy of data, atomically for each page, and
/// wakes the threads waiting on them.
///
/// `mode`: [`UFFDIO_COPY_MODE_DONTWAKE`], [`UFFDIO_COPY_MODE_WP`]. It makes ordinary
/// pages, never a transparent huge page, even of a whole one's range.
///
/// # Errors
///
/// The out field `copy` is written on failure too: the bytes copied before it,
/// or the same error negated. It is signed, and untouched only by `EINVAL` and
/// `EFAULT` of the argument itself and by `ESRCH`.
///
/// - `EAGAIN`: a part was copied (`copy` says how much: go on behind it); or
///   nothing was, because the mappings of the process are changing (fork,
///   mremap, munmap, madvise, with the event enabled): see [what to do
///   then](crate#after-eagain). In that case `copy` is
///   `-EAGAIN`; Linux 5.10 and 6.1 left it untouched, so set it to 0 before the
///   call.
/// - `EEXIST`: the page is there already, and is not changed. With hugetlbfs it can
///   also mean that no huge page is free (since Linux 6.18). Either way no
///   thread is woken: use [`uffdio_wake`].
/// - `ENOENT`: `dst` is not registered with any userfaultfd of the process, the range
///   is not within one mapping, or the mapping changed meanwhile. Memory that another
///   userfaultfd of the process registered is filled all the same, but only that one
///   can wake the threads waiting on it.
/// - `EINVAL`: `dst` or `len` is not a multiple of the page size, `len` is 0, a
///   range wraps, an unknown mode bit; or [`UFFDIO_COPY_MODE_WP`] on a range
///   registered without [`UFFDIO_REGISTER_MODE_WP`].
/// - `EFAULT`: `src` or `arg` cannot be read; or a page lies beyond the end of the
///   file (until Linux 7.0). If `arg` can be read but not written, the pages are
///   filled nevertheless: no thread is woken, and a second call answers `EEXIST`.
/// - `ENOMEM`: no page could be allocated, the limit of the memory cgroup is
///   reached, or the file system is full (tmpfs); or a page lies beyond the end of
///   the file (since Linux 7.1).
/// - `ESRCH`: the process whose memory it is has exited. The manual page names
///   `ENOSPC` for Linux 4.11 and 4.12.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api).
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_copy`]. `src` in it must be
/// valid for reads of `len` bytes in the calling process, and no other thread
/// may write there meanwhile; `dst` is an address of the process that opened the
/// descriptor. Populated pages are never overwritten. The missing ones now hold
/// the data: nobody may hold a reference to them who has read something else
/// there before (zeros before MADV_DONTNEED, say).
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_COPY(2const).
#[inline(always)]
pub unsafe fn uffdio_copy(fd: c_int, arg: *mut uffdio_copy) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_copy` at `arg`, and
    // reads `len` bytes at `src`, for which the caller vouches.
    unsafe { ioctl(fd, UFFDIO_COPY, arg as usize) }
}

/// Fills missing pages with zeros and wakes the threads waiting on them.
///
/// `mode`: [`UFFDIO_ZEROPAGE_MODE_DONTWAKE`]. There is no mode that also
/// protects the page; copy a page of zeros with [`UFFDIO_COPY_MODE_WP`].
///
/// # Errors
///
/// The out field `zeropage` is written on failure too, as
/// [`uffdio_copy()`](fn@uffdio_copy) describes.
///
/// - `EAGAIN`, `ENOENT`, `ENOMEM`, `ESRCH`: as for `uffdio_copy()`.
/// - `EEXIST`: the page is there already, or poisoned; or it is missing anonymous
///   memory that is write-protected, and takes [`uffdio_copy()`](fn@uffdio_copy)
///   alone. No thread is woken.
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is 0,
///   the range wraps, an unknown mode bit; or the memory is hugetlbfs, which
///   has no zero page.
/// - `EFAULT`: `arg` cannot be read; or, until Linux 7.0, a page lies beyond the end
///   of the file. If `arg` can be read but not written, the pages are filled
///   nevertheless.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api).
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_zeropage`]. Populated pages
/// are never overwritten. The missing ones now hold zeros, with the consequence
/// for references that [`uffdio_copy()`](fn@uffdio_copy) describes.
///
/// # Since
///
/// Linux 4.3. Manual page: UFFDIO_ZEROPAGE(2const).
#[inline(always)]
pub unsafe fn uffdio_zeropage(fd: c_int, arg: *mut uffdio_zeropage) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_zeropage` at `arg`.
    unsafe { ioctl(fd, UFFDIO_ZEROPAGE, arg as usize) }
}

/// Moves pages into missing ones without copying, and wakes the threads waiting on
/// them. The source is left without pages.
///
/// Only private anonymous memory, within one process. `mode`:
/// [`UFFDIO_MOVE_MODE_DONTWAKE`], [`UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES`]. A page loses
/// its write-protection. In a range registered with [`UFFDIO_REGISTER_MODE_RWP`] it
/// arrives protected, and the thread that is woken faults again.
///
/// # Errors
///
/// The out field `move_` (`move` in C) is written on failure too, as
/// [`uffdio_copy()`](fn@uffdio_copy) describes for `copy`.
///
/// - `EAGAIN`: a part was moved (the out field says how much), or the mappings
///   of the process are changing, as for [`uffdio_copy()`](fn@uffdio_copy).
/// - `EBUSY`: a source page is pinned, or shared with another process (after
///   a fork, by KSM).
/// - `EEXIST`: a destination page is there already, or is poisoned; or it is missing
///   and write-protected. No thread is woken.
/// - `ENOENT`: a source page is missing, without
///   [`UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES`]; or a range is not mapped.
/// - `EINVAL`: `dst`, `src` or `len` is not a multiple of the page size, `len`
///   is 0, a range wraps, or an unknown mode bit.
/// - `EINVAL`, of the mappings: `dst` is not registered with this descriptor; a range
///   is not within one mapping; one is not private anonymous memory, or may not be
///   written; they have other permissions; or one is locked and the other is not.
///   Also if the memory is another process's, even of one that has exited.
/// - `ENOMEM`: out of memory.
/// - `EFAULT`: `arg` cannot be read; or a source page is poisoned, or is missing and
///   write-protected. If `arg` can be read but not written, the pages are moved
///   nevertheless.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 6.8.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_move`]. The caller decides
/// over both ranges. The source loses its contents: nobody may hold a reference
/// to it, or rely on what it held. The destination gains them, with the
/// consequence for references that [`uffdio_copy()`](fn@uffdio_copy) describes.
///
/// # Since
///
/// Linux 6.8 ([`UFFD_FEATURE_MOVE`]). Manual page: UFFDIO_MOVE(2const).
#[inline(always)]
pub unsafe fn uffdio_move(fd: c_int, arg: *mut uffdio_move) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_move` at `arg`, and
    // moves the pages at `src`, which the caller gives up.
    unsafe { ioctl(fd, UFFDIO_MOVE, arg as usize) }
}

/// Write-protects a range, or lifts the protection and wakes the threads waiting
/// in it.
///
/// `mode` is [`UFFDIO_WRITEPROTECT_MODE_WP`] to protect; 0 to lift, which is
/// how a fault with [`UFFD_PAGEFAULT_FLAG_WP`] is resolved; or
/// [`UFFDIO_WRITEPROTECT_MODE_DONTWAKE`] to lift without waking, with
/// [`uffdio_wake`] to follow. Waking alone does not resolve it: the thread
/// faults again. If several threads wait on a page, the kernel sent one message for
/// each.
///
/// The protection is that of the mapping, not of the memory: write(2) to the
/// file, or a second mapping of it, is not trapped. MADV_DONTNEED drops it
/// on anonymous memory, not on shared memory; mprotect(2) to PROT_NONE and back
/// keeps it; mremap(2) without [`UFFD_FEATURE_EVENT_REMAP`], and mmap(2) over it, end
/// it; a child after fork(2) has none without [`UFFD_FEATURE_EVENT_FORK`].
///
/// Anonymous pages that are missing are skipped, silently, unless
/// [`UFFD_FEATURE_WP_UNPOPULATED`] or [`UFFD_FEATURE_WP_ASYNC`] is on. Pages
/// of shared memory are protected either way.
///
/// # Errors
///
/// There is no out field, and the call is not atomic: a range that runs from
/// registered into other memory answers `ENOENT` with its first part already
/// protected (since 6.12 at the latest; 5.10 and 6.1 protected nothing).
///
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, the range wraps, an unknown mode bit, or both mode bits.
/// - `ENOENT`: nothing in the range is mapped, or a mapping in it is not
///   registered, or registered without [`UFFDIO_REGISTER_MODE_WP`]. Holes
///   between registered mappings are passed over; Linux 5.10 and 6.1 answered
///   `ENOENT` for any range over more than one mapping. Memory that another
///   userfaultfd of the process registered is protected all the same; that
///   one gets the messages.
/// - `EAGAIN`: the mappings of the process are changing, as for
///   [`uffdio_copy()`](fn@uffdio_copy).
/// - `EFAULT`: `arg` cannot be read.
/// - `ENOMEM`: out of memory for page tables.
/// - `ESRCH`: the process whose memory it is has exited.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 5.7.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads of a [`struct@uffdio_writeprotect`]. No contents change, so
/// references to the range stay valid.
///
/// A thread that writes to the range waits until somebody lifts the protection,
/// so the thread that is to do that must not write to it itself, nor hold a lock
/// that a writer needs. Under [`UFFD_USER_MODE_ONLY`] a system call that writes
/// to it fails with `EFAULT`.
///
/// # Since
///
/// Linux 5.7 on x86_64, 6.10 on aarch64
/// ([`UFFD_FEATURE_PAGEFAULT_FLAG_WP`]); hugetlbfs and shared memory 5.19
/// ([`UFFD_FEATURE_WP_HUGETLBFS_SHMEM`]). Manual page:
/// UFFDIO_WRITEPROTECT(2const).
#[inline(always)]
pub unsafe fn uffdio_writeprotect(fd: c_int, arg: *mut uffdio_writeprotect) -> c_int {
    // SAFETY: the kernel reads one `uffdio_writeprotect` at `arg`.
    unsafe { ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }
}

/// Resolves minor faults: maps pages that are in the page cache, and wakes the
/// threads waiting on them.
///
/// `mode`: [`UFFDIO_CONTINUE_MODE_DONTWAKE`], [`UFFDIO_CONTINUE_MODE_WP`].
///
/// # Errors
///
/// The out field `mapped` is written on failure too, as
/// [`uffdio_copy()`](fn@uffdio_copy) describes for `copy`.
///
/// - `EAGAIN`: a part was mapped (`mapped` says how much), or the mappings
///   of the process are changing, as for [`uffdio_copy()`](fn@uffdio_copy).
/// - `EEXIST`: a page is mapped already. No thread is woken.
/// - `EFAULT`: there is no such page in the page cache, or, since Linux 7.1, it
///   lies beyond the end of the file; or `arg` cannot be read. If `arg` can be read
///   but not written, the pages are mapped nevertheless.
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, the range wraps, an unknown mode bit; or the memory is not of a kind
///   that has minor faults. Until Linux 7.0 also beyond the end of the file.
/// - `EIO`: the page's memory is broken.
/// - `ENOENT`: the range is not registered with any userfaultfd of the process, it is
///   not within one mapping, or the mapping changed meanwhile. Memory that another
///   userfaultfd of the process registered is mapped all the same, but only that one
///   can wake the threads waiting on it.
/// - `ENOMEM`: out of memory for page tables.
/// - `ESRCH`: the process whose memory it is has exited.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 5.13.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_continue`]. The pages now
/// show what the page cache holds, which others may be writing through their own
/// mappings: access it as memory that is shared with them.
///
/// # Since
///
/// Linux 5.13 for hugetlbfs ([`UFFD_FEATURE_MINOR_HUGETLBFS`]), 5.14 for
/// shared memory ([`UFFD_FEATURE_MINOR_SHMEM`]). Manual page:
/// UFFDIO_CONTINUE(2const).
#[inline(always)]
pub unsafe fn uffdio_continue(fd: c_int, arg: *mut uffdio_continue) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_continue` at `arg`.
    unsafe { ioctl(fd, UFFDIO_CONTINUE, arg as usize) }
}

/// Poisons missing pages: every later access raises SIGBUS. Wakes the threads
/// waiting on them, which get the signal.
///
/// The mark is in this address space's page tables alone; no memory is lost.
/// MADV_DONTNEED clears it, and [`uffdio_copy()`](fn@uffdio_copy) replaces it by
/// a page. `mode`: [`UFFDIO_POISON_MODE_DONTWAKE`].
///
/// # Errors
///
/// The out field `updated` is written on failure too, as
/// [`uffdio_copy()`](fn@uffdio_copy) describes for `copy`.
///
/// - `EAGAIN`: a part was poisoned (`updated` says how much), or the mappings
///   of the process are changing, as for [`uffdio_copy()`](fn@uffdio_copy).
/// - `EEXIST`: a page is there already, or poisoned already; or it is missing and
///   write-protected. No thread is woken.
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, the range wraps, an unknown mode bit.
/// - `ENOENT`: the range is not registered with any userfaultfd of the process, it is
///   not within one mapping, or the mapping changed meanwhile. Memory that another
///   userfaultfd of the process registered is poisoned all the same.
/// - `ENOMEM`: out of memory for page tables.
/// - `ESRCH`: the process whose memory it is has exited.
/// - `EFAULT`: `arg` cannot be read; or a page lies beyond the end of the file. If
///   `arg` can be read but not written, the pages are poisoned nevertheless.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 6.6.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads and writes of a [`struct@uffdio_poison`]. An access to the
/// pages raises SIGBUS, which ends a process without a handler: nobody may hold
/// a reference to them.
///
/// # Since
///
/// Linux 6.6 ([`UFFD_FEATURE_POISON`]). Manual page: UFFDIO_POISON(2const).
#[inline(always)]
pub unsafe fn uffdio_poison(fd: c_int, arg: *mut uffdio_poison) -> c_int {
    // SAFETY: the kernel reads and writes one `uffdio_poison` at `arg`.
    unsafe { ioctl(fd, UFFDIO_POISON, arg as usize) }
}

/// Read-write-protects the pages of a range that are there, so that any access
/// faults; or lifts the protection and wakes the threads waiting in it.
///
/// `mode` is [`UFFDIO_RWPROTECT_MODE_RWP`] to protect; 0 to lift, which is how
/// a fault with [`UFFD_PAGEFAULT_FLAG_RWP`] is resolved; or
/// [`UFFDIO_RWPROTECT_MODE_DONTWAKE`] to lift without waking. Anonymous pages
/// keep the protection in swap and when they migrate; pages of shared memory
/// lose it when they are reclaimed, and any page when it is dropped.
///
/// # Errors
///
/// There is no out field.
///
/// - `EINVAL`: `start` or `len` is not a multiple of the page size, `len` is
///   0, the range wraps, an unknown mode bit, or both mode bits.
/// - `ENOENT`: nothing in the range is mapped, or a mapping in it is not
///   registered, or registered without [`UFFDIO_REGISTER_MODE_RWP`]. All mappings are
///   checked first, so no page was protected. Memory that another userfaultfd of the
///   process registered is protected all the same; that one gets the messages.
/// - `EAGAIN`: the mappings of the process are changing, as for
///   [`uffdio_copy()`](fn@uffdio_copy).
/// - `EFAULT`: `arg` cannot be read.
/// - `ESRCH`: the process whose memory it is has exited.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 7.3.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads of a [`struct@uffdio_rwprotect`]. No contents change, so
/// references to the range stay valid.
///
/// A thread that accesses the range waits until somebody lifts the protection,
/// so the thread that is to do that must not access it itself.
///
/// # Since
///
/// Linux 7.3 ([`UFFD_FEATURE_RWP`]); the manual page says 7.2, but Linux
/// 7.2 does not have it. Manual page: UFFDIO_RWPROTECT(2const).
#[inline(always)]
pub unsafe fn uffdio_rwprotect(fd: c_int, arg: *mut uffdio_rwprotect) -> c_int {
    // SAFETY: the kernel reads one `uffdio_rwprotect` at `arg`.
    unsafe { ioctl(fd, UFFDIO_RWPROTECT, arg as usize) }
}

/// Switches features of a userfaultfd that is in use:
/// [`UFFD_FEATURE_RWP_ASYNC`] alone, so far.
///
/// `enable` and `disable` are `UFFD_FEATURE_*` bits. When the call returns, the
/// faults that began before it are over; all later ones see the new mode.
/// Enabling [`UFFD_FEATURE_RWP_ASYNC`] wakes all threads that are already waiting.
/// One that waits for another kind of fault, a missing page's, faults again and sends
/// a second message.
///
/// # Errors
///
/// - `EINVAL`: any other bit; one bit in both fields; or
///   [`UFFD_FEATURE_RWP_ASYNC`] where [`UFFD_FEATURE_RWP`] was not enabled.
/// - `EFAULT`: `arg` cannot be read.
/// - `ESRCH`: the process whose memory it is has exited.
/// - `EBADF`, `ENOTTY`: `fd` is not open, or is not a userfaultfd. `EINVAL`
///   before [`uffdio_api()`](fn@uffdio_api), and before Linux 7.3.
///
/// # Safety
///
/// What [holds for every call](crate#safety) holds for this one. `arg` must be
/// valid for reads of a [`struct@uffdio_set_mode`]. A handler that relies on
/// being asked before an access must not find the asynchronous mode switched on
/// by somebody else.
///
/// # Since
///
/// Linux 7.3; the manual page says 7.2, but Linux 7.2 does not have it. Manual page:
/// UFFDIO_SET_MODE(2const).
#[inline(always)]
pub unsafe fn uffdio_set_mode(fd: c_int, arg: *mut uffdio_set_mode) -> c_int {
    // SAFETY: the kernel reads one `uffdio_set_mode` at `arg`.
    unsafe { ioctl(fd, UFFDIO_SET_MODE, arg as usize) }
}
