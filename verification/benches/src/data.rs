//! A run's data, from which alone the document is made.

use serde::{Deserialize, Serialize};

use crate::build_cost::Build;
use crate::experiment::{Experiment, Sheet};
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
pub const ALONE: &str = "tracking-alone";

#[derive(Serialize, Deserialize)]
pub struct Data {
    pub format: u32,
    pub machine: Machine,
    pub short: bool,
    pub experiments: Vec<Experiment>,
    pub instructions: Option<Vec<Counted>>,
    pub builds: Option<Vec<Build>>,
    pub emulated: Option<Vec<Emulated>>,
}

/// Processes on a kernel in an emulated machine: its times are the emulator's, so that
/// they compare with each other alone.
#[derive(Serialize, Deserialize)]
pub struct Emulated {
    pub kernel: String,
    pub sheets: Vec<Sheet>,
}

impl Data {
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|e| e.name == name)
    }
}
