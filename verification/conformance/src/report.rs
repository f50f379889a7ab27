//! The report: KTAP, version 1.

use uffd_kit::verdict::{Outcome, Verdict};

use crate::case::Case;
use crate::errata::Erratum;
use crate::machine::Machine;

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The claim holds.
    pub passed: usize,
    /// It does not, as the errata say.
    pub errata: usize,
    /// It does not, or an erratum does not hold.
    pub failed: usize,
    /// The kernel lacks it.
    pub absent: usize,
    /// The surroundings lack something.
    pub cannot: usize,
}

/// The head: what the cases run on, in comments for the runner.
pub fn head(machine: &Machine, cases: usize) -> String {
    format!(
        "KTAP version 1\n# kernel {} {}, program {}, page {}, huge page {}\n# version {}\n\
         # features {:#x} ioctls {:#x}\n1..{}",
        machine.release_text,
        machine.kernel_arch,
        machine.arch,
        machine.page,
        machine.huge_page,
        machine.version,
        machine.features,
        machine.ioctls,
        cases
    )
}

/// The line of a case, counted.
pub fn line(
    number: usize,
    case: &Case,
    outcome: &Outcome,
    erratum: Option<&Erratum>,
    counts: &mut Counts,
) -> String {
    let (result, counter) = match (outcome, erratum) {
        (Ok(()), None) => (format!("ok {} {}", number, case.id), &mut counts.passed),
        (Ok(()), Some(_)) => (
            format!(
                "not ok {} {} # the claim holds, but errata.txt says otherwise",
                number, case.id
            ),
            &mut counts.failed,
        ),
        (Err(Verdict::Fail(text)), Some(erratum)) if *text == erratum.instead => (
            format!("not ok {} {} # XFAIL {}", number, case.id, text),
            &mut counts.errata,
        ),
        (Err(Verdict::Fail(text)), _) => (
            format!("not ok {} {} # {}", number, case.id, text),
            &mut counts.failed,
        ),
        (Err(Verdict::Absent(why)), _) => (
            format!("ok {} {} # SKIP absent: {}", number, case.id, why),
            &mut counts.absent,
        ),
        (Err(Verdict::Cannot(why)), _) => (
            format!("ok {} {} # SKIP cannot: {}", number, case.id, why),
            &mut counts.cannot,
        ),
    };
    *counter += 1;
    result
}

/// The last line; the runner takes a report without it for a crash.
pub fn totals(counts: Counts) -> String {
    format!(
        "# totals: passed {} errata {} failed {} absent {} cannot {}",
        counts.passed, counts.errata, counts.failed, counts.absent, counts.cannot
    )
}
