//! What a call answered, and what it is held to.

use std::fmt;

use libc::c_int;

use crate::errno::{errno, errno_name, set_errno};
use crate::pages::page_size;
use crate::verdict::Outcome;

/// What the out fields hold before a call, to see whether the kernel wrote.
pub const UNTOUCHED: i64 = 0x5eed_5eed_5eed_5eed;

/// No errno; to see that a successful call leaves it alone.
pub const NO_ERRNO: c_int = 3999;

/// What a call answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// The call, such as `UFFDIO_COPY`.
    pub call: &'static str,
    /// Zero for success.
    pub errno: c_int,
    /// The out field; [`UNTOUCHED`] if the call has none.
    pub out: i64,
}

impl Answer {
    /// Makes the call, and insists on the contract of ioctl(2).
    ///
    /// # Panics
    ///
    /// When the function returned neither 0 nor -1, or touched `errno` on
    /// success. That is a mistake of `uffd_sys`, not of the kernel.
    pub fn of(call: &'static str, make: impl FnOnce() -> c_int) -> Answer {
        set_errno(NO_ERRNO);
        let result = make();
        let seen = errno();
        match result {
            0 => assert_eq!(seen, NO_ERRNO, "{}: errno changed on success", call),
            -1 => assert_ne!(seen, NO_ERRNO, "{}: no errno on failure", call),
            other => panic!("{} returned {}", call, other),
        }
        Answer {
            call,
            errno: if result == 0 { 0 } else { seen },
            out: UNTOUCHED,
        }
    }

    /// The same, with the out field.
    pub fn with(self, out: i64) -> Answer {
        Answer { out, ..self }
    }

    /// The call must have succeeded, as it is part of the preparations: no
    /// check of what a test is about.
    pub fn prepares(self) -> Outcome {
        if self.errno != 0 {
            fail!("{}, not success", self);
        }
        Ok(())
    }

    /// The call must have succeeded.
    pub fn ok(self) -> Outcome {
        ensure!(self.errno == 0, "{}, not success", self);
        Ok(())
    }

    /// The call must have succeeded, with this in the out field.
    pub fn gives(self, out: usize) -> Outcome {
        self.ok()?;
        ensure!(
            self.out == out as i64,
            "{}, not {}",
            self,
            amount(out as i64)
        );
        Ok(())
    }

    /// The call must have failed with this error.
    pub fn fails(self, errno: c_int) -> Outcome {
        ensure!(self.errno == errno, "{}, not {}", self, errno_name(errno));
        Ok(())
    }

    /// The call must have failed with this error and this in the out field:
    /// a negated errno, bytes, or [`UNTOUCHED`].
    pub fn fails_with(self, errno: c_int, out: i64) -> Outcome {
        self.fails(errno)?;
        ensure!(self.out == out, "{}, not {}", self, amount(out));
        Ok(())
    }

    /// The call must have failed with this error, and the out field has it negated.
    pub fn fails_in_out(self, errno: c_int) -> Outcome {
        self.fails_with(errno, -i64::from(errno))
    }
}

/// An out field in words that are the same for every page size.
pub fn amount(out: i64) -> String {
    let page = page_size() as i64;
    match out {
        UNTOUCHED => "out field untouched".to_owned(),
        n if n < 0 => format!("out field -{}", errno_name(-n as c_int)),
        n if n % page == 0 => format!("out field {} pages", n / page),
        n => format!("out field {} bytes", n),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.call, errno_name(self.errno))?;
        if self.out != UNTOUCHED {
            write!(f, " with {}", amount(self.out))?;
        }
        Ok(())
    }
}
