//! The two ways to open a userfaultfd.

use libc::c_int;

use crate::bindings::*;
use crate::ioctl::ioctl;
use crate::syscall::syscall3;

/// Opens a userfaultfd: the system call userfaultfd(2).
///
/// `flags` are `O_CLOEXEC`, `O_NONBLOCK` and [`UFFD_USER_MODE_ONLY`], or'ed
/// together. Returns the descriptor, on which
/// [`uffdio_api()`](fn@crate::uffdio_api) must come first: until then poll(2) answers
/// `POLLERR`. On a descriptor without `O_NONBLOCK` it always does.
///
/// # Errors
///
/// - `EPERM`: without `CAP_SYS_PTRACE` while `vm.unprivileged_userfaultfd`
///   is 0, the default since Linux 5.11; 5.2 to 5.10 have 1. Use
///   [`UFFD_USER_MODE_ONLY`] (since Linux 5.11), or `/dev/userfaultfd` with
///   [`userfaultfd_new`] (since Linux 6.1). A seccomp filter, such as a container
///   runtime's default, answers the same.
/// - `EACCES`: SELinux can refuse a userfaultfd (read, not run: security/selinux/hooks.c, Linux
///   7.3). AppArmor cannot refuse it (read, not run: security/apparmor/lsm.c, Linux
///   7.3). Landlock cannot refuse it (read, not run: security/landlock/fs.c, Linux
///   7.3).
/// - `EINVAL`: an unknown bit in `flags`; [`UFFD_USER_MODE_ONLY`] before Linux
///   5.11.
/// - `ENOSYS`: the kernel was built without `CONFIG_USERFAULTFD`.
/// - `EMFILE`, `ENFILE`, `ENOMEM`: out of descriptors or memory.
///
/// # Safety
///
/// No memory is accessed. The call is unsafe because of what it returns: the
/// descriptor can suspend any thread of the process that opened it. It stays
/// bound to that process's memory: a forked child that inherited it, and
/// unregisters "its" ranges, unregisters the parent's. The caller owns the
/// descriptor and closes it once.
///
/// # Since
///
/// Linux 4.3. Manual page: userfaultfd(2).
#[inline(always)]
pub unsafe fn userfaultfd(flags: c_int) -> c_int {
    // SAFETY: the call takes its one argument by value.
    unsafe { syscall3(libc::SYS_userfaultfd, flags as usize, 0, 0) as c_int }
}

/// Opens a userfaultfd through an open `/dev/userfaultfd`:
/// `USERFAULTFD_IOC_NEW`.
///
/// Anyone who can open the device can use it, whatever `vm.unprivileged_userfaultfd`
/// says and without any capability. `flags` as for [`userfaultfd`]; they are
/// the argument itself, not its address.
///
/// # Errors
///
/// - `EINVAL`: an unknown bit in `flags`.
/// - `ENOTTY`: `devfd` is open on something else.
/// - `EBADF`: `devfd` is not an open descriptor.
/// - `EMFILE`, `ENFILE`, `ENOMEM`: out of descriptors or memory.
///
/// # Safety
///
/// As [`userfaultfd`]. `devfd` must be open on `/dev/userfaultfd`: another device
/// may give the request code another meaning.
///
/// # Since
///
/// Linux 6.1. Manual page: userfaultfd(2); the kernel's
/// `admin-guide/mm/userfaultfd.rst`.
#[inline(always)]
pub unsafe fn userfaultfd_new(devfd: c_int, flags: c_int) -> c_int {
    // SAFETY: this request takes its argument by value.
    unsafe { ioctl(devfd, USERFAULTFD_IOC_NEW, flags as usize) }
}
