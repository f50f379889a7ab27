//! Judging what a call returned. Every call of every test goes through here,
//! so the contract on -1 and `errno` is checked each time.

use std::fmt;

use libc::c_int;
pub use uffd_kit::answer::UNTOUCHED;
use uffd_kit::answer::{Answer, NO_ERRNO};
use uffd_kit::errno::{errno, errno_name, set_errno};

/// An errno; shown by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub c_int);

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&errno_name(self.0))
    }
}

macro_rules! errnos {
    ($($name:ident)*) => {$( pub const $name: Errno = Errno(libc::$name); )*};
}
errnos! { EAGAIN EBADF EFAULT EINVAL ENOSYS ENOTTY EPERM }

/// What a fill (COPY, ZEROPAGE, ...) answered: the call's result and the value
/// that the kernel left in the out field.
pub type Filled = (Result<(), Errno>, i64);

/// The answer of a call without an out field.
pub fn result(answer: Answer) -> Result<(), Errno> {
    match answer.errno {
        0 => Ok(()),
        errno => Err(Errno(errno)),
    }
}

/// The answer of a fill.
pub fn filled(answer: Answer) -> Filled {
    (result(answer), answer.out)
}

/// Makes a call and returns its result, or its errno. Fails the test if the
/// call broke the contract of ioctl(2): a failure is exactly -1, with `errno`
/// set; a success leaves `errno` alone.
#[track_caller]
pub fn call<T: Into<i64> + Copy>(function: impl FnOnce() -> T) -> Result<T, Errno> {
    set_errno(NO_ERRNO);
    let returned = function();
    let errno = errno();
    match returned.into() {
        -1 => {
            let known = (1..4096).contains(&errno) && errno != NO_ERRNO;
            assert!(known, "-1 returned, but errno is {errno}");
            Err(Errno(errno))
        }
        value => {
            assert!(value >= 0, "{value} returned: a failure must be -1");
            assert_eq!(errno, NO_ERRNO, "a call that succeeded changed errno");
            Ok(returned)
        }
    }
}

/// As [`call`], for functions that return nothing but 0.
#[track_caller]
pub fn call0(function: impl FnOnce() -> c_int) -> Result<(), Errno> {
    call(function).map(|value| assert_eq!(value, 0, "success must be 0"))
}
