//! Why a check did not pass.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::errno::{errno, errno_name, set_errno};

/// How a check ends: `Ok(())` is a pass.
pub type Outcome = Result<(), Verdict>;

/// Why a check did not pass. The texts appear in the published table, so they
/// hold nothing that differs from run to run: no address, no process id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The claim does not hold; what the kernel did instead.
    Fail(String),
    /// This kernel does not have what the claim is about.
    Absent(String),
    /// The surroundings lack something, such as huge pages.
    Cannot(String),
}

impl Verdict {
    /// The text, whatever the kind.
    pub fn text(&self) -> &str {
        match self {
            Verdict::Fail(text) | Verdict::Absent(text) | Verdict::Cannot(text) => text,
        }
    }
}

static CHECKS: AtomicUsize = AtomicUsize::new(0);

/// Counts a check that was made; `ensure!` does.
pub fn count_check() {
    CHECKS.fetch_add(1, Relaxed);
}

/// For `ensure!`: counts the check, and says whether it holds.
pub fn checked(holds: bool) -> bool {
    count_check();
    holds
}

/// How many checks this process made so far: a test that made none proved
/// nothing.
pub fn checks() -> usize {
    CHECKS.load(Relaxed)
}

/// Ends the check: the claim does not hold. Takes what happened instead, as
/// `format!` does.
#[macro_export]
macro_rules! fail {
    ($($text:tt)*) => {
        return Err($crate::verdict::Verdict::Fail(format!($($text)*)))
    };
}

/// Ends the check unless the condition holds. The text says what happened
/// instead.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => {
        if !$crate::verdict::checked($holds) {
            $crate::fail!($($text)*);
        }
    };
}

/// A call of libc that the check relies on: -1 is `Cannot`. `errno` stays.
pub fn need(what: &str, result: impl Into<i64>) -> Result<i64, Verdict> {
    match result.into() {
        -1 => {
            let errno = errno();
            let why = format!("{}: {}", what, errno_name(errno));
            set_errno(errno);
            Err(Verdict::Cannot(why))
        }
        n => Ok(n),
    }
}

/// A file that the check relies on.
pub fn need_file<T>(what: &str, result: std::io::Result<T>) -> Result<T, Verdict> {
    result.map_err(|error| match error.raw_os_error() {
        Some(errno) => Verdict::Cannot(format!("{}: {}", what, errno_name(errno))),
        None => Verdict::Cannot(format!("{}: {}", what, error)),
    })
}
