//! The error number of the last call, and the names of errors.

use libc::c_int;

/// `errno` of this thread.
pub fn errno() -> c_int {
    // SAFETY: the address is that of this thread's errno.
    unsafe { *libc::__errno_location() }
}

/// Sets `errno` of this thread.
pub fn set_errno(value: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = value }
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        /// The kernel's name of an error, or its number.
        pub fn errno_name(errno: c_int) -> String {
            match errno {
                0 => "success".to_owned(),
                $(libc::$name => stringify!($name).to_owned(),)*
                other => format!("errno {}", other),
            }
        }
    };
}
errno_names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV
    EINVAL ENFILE EMFILE ENOTTY ENOSPC ESPIPE ENOSYS EOPNOTSUPP EHWPOISON
}
