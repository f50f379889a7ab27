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
    /// The first Linux that has it, where no feature bit tells.
    pub since: (u32, u32),
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

    /// Absent before this Linux; only for what no feature bit tells.
    pub const fn since(mut self, major: u32, minor: u32) -> Case {
        self.since = (major, minor);
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
        None
    }
}
