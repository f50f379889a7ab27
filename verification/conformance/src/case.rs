//! What a case is.

use uffd_kit::verdict::Outcome;

use crate::machine::Machine;

/// A claim and its check.
pub struct Case {
    /// Unique, of small letters, digits and hyphens; begins with the name of
    /// its file: `copy-einval-unaligned-len`.
    pub id: &'static str,
    /// Where the claim stands: `PAGE, SECTION`, and for coverage the entries
    /// that the case serves after a colon:
    /// `UFFDIO_COPY(2const), ERRORS: EINVAL`. `measured` is this project's own
    /// knowledge.
    pub source: &'static str,
    /// What is claimed, in our own words.
    pub claim: &'static str,
    /// The features that the kernel must answer, else the case is absent.
    pub features: u64,
    /// The first Linux that has it, where no feature bit says so.
    pub since: (u32, u32),
    /// The last Linux of which it is claimed.
    pub until: (u32, u32),
    /// The claim is of kernels that lack some of these features.
    pub lacking: u64,
    /// Seconds after which the case is killed, and fails.
    pub limit: u32,
    /// The check.
    pub run: fn(&Machine) -> Outcome,
}

/// A case without needs; see [`Case::features`] and [`Case::since`].
pub const fn case(
    id: &'static str,
    source: &'static str,
    claim: &'static str,
    run: fn(&Machine) -> Outcome,
) -> Case {
    Case {
        id,
        source,
        claim,
        features: 0,
        since: (4, 3),
        until: (u32::MAX, 0),
        lacking: 0,
        limit: 15,
        run,
    }
}

impl Case {
    /// Absent unless the kernel answers all of these features.
    pub const fn features(mut self, features: u64) -> Case {
        self.features = features;
        self
    }

    /// Absent before this Linux; only for what no feature bit says.
    pub const fn since(mut self, major: u32, minor: u32) -> Case {
        self.since = (major, minor);
        self
    }

    /// Absent after this Linux.
    pub const fn until(mut self, major: u32, minor: u32) -> Case {
        self.until = (major, minor);
        self
    }

    /// Absent on a kernel that has all of these features.
    pub const fn lacking(mut self, features: u64) -> Case {
        self.lacking = features;
        self
    }

    /// Killed, and failed, after so many seconds instead of 15.
    pub const fn limit(mut self, seconds: u32) -> Case {
        self.limit = seconds;
        self
    }

    /// Why this kernel is not expected to run the case.
    pub fn absent_on(&self, machine: &Machine) -> Option<String> {
        let missing = self.features & !machine.features;
        if missing != 0 {
            return Some(format!("no {}", crate::machine::feature_names(missing)));
        }
        if machine.release < self.since {
            return Some(format!("since Linux {}.{}", self.since.0, self.since.1));
        }
        if machine.release > self.until {
            return Some(format!("until Linux {}.{}", self.until.0, self.until.1));
        }
        if self.lacking != 0 && machine.has(self.lacking) {
            let names = crate::machine::feature_names(self.lacking);
            return Some(format!("this kernel has {}", names));
        }
        None
    }
}

/// Cases that differ in the kind of memory alone: the check, its source, and a
/// row a kind with the id, the features and the claim.
#[macro_export]
macro_rules! kinds {
    ($check:expr, $source:expr; $($id:literal, $memory:ident, $features:expr => $claim:literal;)*) => {
        &[$($crate::case::case($id, $source, $claim, |_| ($check)(uffd_kit::region::Memory::$memory))
            .features($features)),*]
    };
}
