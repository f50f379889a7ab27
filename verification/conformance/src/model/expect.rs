//! What the model says that a step answers.

use libc::c_int;
use uffd_kit::answer::UNTOUCHED;

/// How an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is made; a read gave this (a write gives 0).
    Done(u64),
    /// The thread got this signal (a system call, EFAULT).
    Signal(c_int),
    /// It waits; a message with these flags came.
    Fault(u64),
}

/// What a step should answer.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Zero for success.
    pub errno: c_int,
    /// The out field.
    pub out: i64,
    /// How it goes on for the threads that begin an access or were woken.
    pub threads: Vec<(usize, Outcome)>,
    /// For PAGEMAP_SCAN, the pages that it reports, and as what.
    pub scanned: Vec<(usize, u64)>,
}

impl Expect {
    pub(super) fn good() -> Expect {
        Expect {
            out: UNTOUCHED,
            ..Expect::default()
        }
    }

    /// Refused before the out field.
    pub(super) fn error(errno: c_int) -> Expect {
        Expect {
            errno,
            ..Expect::good()
        }
    }

    /// Refused with the error in the out field.
    pub(super) fn failed(errno: c_int) -> Expect {
        Expect {
            errno,
            out: -errno as i64,
            ..Expect::default()
        }
    }
}
