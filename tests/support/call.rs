//! Judging what a call returned. Every call of every test goes through here,
//! so the contract on -1 and `errno` is checked each time.

use std::fmt;

use libc::c_int;

/// An errno; shown with its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub c_int);

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "errno {}", std::io::Error::from_raw_os_error(self.0))
    }
}

macro_rules! errnos {
    ($($name:ident)*) => {$( pub const $name: Errno = Errno(libc::$name); )*};
}
errnos! { EAGAIN EBADF EBUSY EEXIST EFAULT EINVAL ENOENT ENOMEM ENOSYS ENOTTY EPERM ESRCH }

/// What a fill (COPY, ZEROPAGE, ...) answered: the call's result and the value
/// that the kernel left in the out field.
pub type Filled = (Result<(), Errno>, i64);

/// Put into out fields beforehand, to see whether the kernel writes them.
pub const UNTOUCHED: i64 = 0x5a5a_5a5a;

/// No errno of Linux.
const SENTINEL: c_int = 0x5a5a;

/// Makes a call and returns its result, or its errno. Fails the test if the
/// call broke the contract of ioctl(2): a failure is exactly -1, with `errno`
/// set; a success leaves `errno` alone.
#[track_caller]
pub fn call<T: Into<i64> + Copy>(function: impl FnOnce() -> T) -> Result<T, Errno> {
    // SAFETY: the address of this thread's errno, valid while it runs.
    unsafe { *libc::__errno_location() = SENTINEL };
    let returned = function();
    // SAFETY: as above.
    let errno = unsafe { *libc::__errno_location() };
    match returned.into() {
        -1 => {
            assert!(
                (1..4096).contains(&errno),
                "-1 returned, but errno is {errno}"
            );
            Err(Errno(errno))
        }
        value => {
            assert!(value >= 0, "{value} returned: a failure must be -1");
            assert_eq!(errno, SENTINEL, "a call that succeeded changed errno");
            Ok(returned)
        }
    }
}

/// As [`call`], for functions that return nothing but 0.
#[track_caller]
pub fn call0(function: impl FnOnce() -> c_int) -> Result<(), Errno> {
    call(function).map(|value| assert_eq!(value, 0, "success must be 0"))
}
