//! A run's data, from which alone the document is made.

use serde::{Deserialize, Serialize};

use crate::build_cost::Build;
use crate::experiment::Experiment;
use crate::instructions::Counted;
use crate::machine::Machine;

/// Raised when the meaning of the figures changes.
pub const FORMAT: u32 = 3;

/// The experiments' names.
pub const CALLS: &str = "calls";
pub const FAULTS: &str = "faults";
pub const TRACKING: &str = "tracking";
pub const LAZY: &str = "lazy loading";
pub const SNAPSHOTS: &str = "snapshots";
pub const GROWTH: &str = "growth";

#[derive(Serialize, Deserialize)]
pub struct Data {
    pub format: u32,
    pub machine: Machine,
    pub short: bool,
    pub experiments: Vec<Experiment>,
    pub instructions: Option<Vec<Counted>>,
    pub builds: Option<Vec<Build>>,
}

impl Data {
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|e| e.name == name)
    }
}
