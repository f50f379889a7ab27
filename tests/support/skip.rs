//! Tests that cannot run here say so where it is seen, and fail where it was
//! not expected.
//!
//! - A skip is reported by `skip_log`.
//! - With `UFFD_SYS_EXPECT=<feature bits>` (decimal, or hexadecimal with 0x)
//!   a skip for want of one of these features fails the test; so does any skip
//!   for want of permission or of huge pages.

use std::any::type_name;
use std::fmt;
use uffd_sys::names;

use super::skip_log::not_run;
use super::watchdog::Watchdog;

/// The body of a test: done, or why it cannot be done here.
pub type Tested = Result<(), Skip>;

/// Why a test cannot run here.
#[derive(Debug)]
pub struct Skip {
    reason: String,
    /// The `UFFD_FEATURE_*` bits that are missing; 0 if it is something else.
    features: u64,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Skip {
    /// The kernel lacks features.
    pub fn features(missing: u64) -> Self {
        Skip {
            reason: format!("This kernel lacks {}.", feature_names(missing)),
            features: missing,
        }
    }

    /// The machine could do it, after `remedy`.
    pub fn machine(problem: impl AsRef<str>, remedy: &str) -> Self {
        Skip {
            reason: format!("{}. Remedy: {remedy}.", problem.as_ref()),
            features: 0,
        }
    }

    fn report(self, test: &str) {
        if is_failure(self.features, expected()) {
            panic!(
                "UFFD_SYS_EXPECT is set, so {test} must not be skipped. {}",
                self.reason
            );
        }
        not_run(test, &self.reason);
    }
}

/// The names of feature bits, with the Linux that has them.
fn feature_names(features: u64) -> String {
    let bits = (0..64)
        .map(|bit| 1 << bit)
        .filter(|bit| features & bit != 0);
    let names = bits.map(|bit| {
        let mut all = names::FEATURES.all().iter();
        match all.find(|feature| feature.value == bit) {
            Some(feature) => format!("{} (Linux {})", feature.name, feature.since),
            None => format!("feature bit {bit:#x}"),
        }
    });
    names.collect::<Vec<_>>().join(" and ")
}

/// Whether a skip is a failure: for want of `features`, or of something else
/// if that is 0, where `expected` was asked for.
pub fn is_failure(features: u64, expected: Option<u64>) -> bool {
    match expected {
        None => false,
        Some(_) if features == 0 => true,
        Some(mask) => features & mask != 0,
    }
}

/// A number as in `UFFD_SYS_EXPECT`.
pub fn parse_mask(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `UFFD_SYS_EXPECT`, if set.
pub fn expected() -> Option<u64> {
    let text = std::env::var("UFFD_SYS_EXPECT").ok()?;
    let mask = parse_mask(&text);
    Some(mask.unwrap_or_else(|| {
        panic!("UFFD_SYS_EXPECT={text}: not a number. Give feature bits, such as 0x1ffff")
    }))
}

/// Runs the body of a test, in bounded time, and reports a skip.
pub fn run<F: FnOnce() -> Tested>(test: F) {
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    let _watchdog = Watchdog::start(name);
    if let Err(skip) = test() {
        skip.report(name);
    }
}
