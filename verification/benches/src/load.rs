//! Whether other programs ran on this machine while it measured: what they and the
//! hypervisor took of the processors' time in the very same seconds.

use std::fs;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Seconds of processor time while an experiment ran.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Load {
    pub wall: f64,
    pub processors: usize,
    /// What this program and its processes used.
    pub ours: f64,
    /// What this program and its processes did not use, and somebody did.
    pub others: f64,
    /// What the hypervisor gave to others.
    pub steal: f64,
}

/// Parts of all processors' time from which on a machine is loaded. The kernel's own
/// threads, which work for us too, take about a hundredth. A virtual machine whose
/// processors are all busy loses some of their time to its neighbours nearly always.
const OTHERS: f64 = 0.03;
const STEAL: f64 = 0.10;

impl Load {
    pub fn parts(&self) -> (f64, f64) {
        let all = (self.wall * self.processors as f64).max(1e-9);
        (self.others / all, self.steal / all)
    }

    /// The part of the time that the measured programs wanted and the hypervisor gave to
    /// others.
    pub fn stolen(&self) -> f64 {
        self.steal / (self.ours + self.others + self.steal).max(1e-9)
    }

    /// Both times together.
    pub fn and(&self, other: Load) -> Load {
        Load {
            wall: self.wall + other.wall,
            processors: other.processors,
            ours: self.ours + other.ours,
            others: self.others + other.others,
            steal: self.steal + other.steal,
        }
    }

    /// Why nothing should be concluded.
    pub fn is_loaded(&self) -> Option<String> {
        let (others, steal) = self.parts();
        (others > OTHERS || steal > STEAL).then(|| {
            format!(
                "other programs used {:.1} % of the processors' time, and the hypervisor took {:.1} %",
                100.0 * others,
                100.0 * steal
            )
        })
    }
}

pub struct Watch {
    begin: Instant,
    ours: f64,
    busy: f64,
    steal: f64,
}

impl Watch {
    pub fn start() -> Watch {
        let (busy, steal) = of_all();
        Watch {
            begin: Instant::now(),
            ours: ours(),
            busy,
            steal,
        }
    }

    /// What was used since the start. Child processes count once they are waited for.
    pub fn load(&self) -> Load {
        let (busy, steal) = of_all();
        let ours = ours() - self.ours;
        Load {
            wall: self.begin.elapsed().as_secs_f64(),
            processors: processors(),
            ours,
            others: (busy - self.busy - ours).max(0.0),
            steal: steal - self.steal,
        }
    }
}

fn processors() -> usize {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let is_one = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    text.lines().filter(is_one).count().max(1)
}

/// Seconds that programs used, and that were stolen, of all processors.
fn of_all() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let numbers: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // SAFETY: takes a number, touches no memory.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let at = |i: usize| numbers.get(i).copied().unwrap_or(0.0) / ticks;
    // user, nice, system, idle, iowait, irq, softirq, steal.
    (at(0) + at(1) + at(2), at(7))
}

/// Seconds that this process and those it waited for used.
fn ours() -> f64 {
    let used = |who| {
        // SAFETY: an all-zero rusage is valid, and the kernel fills it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &mut usage);
            usage
        };
        let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
        seconds(usage.ru_utime) + seconds(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn loaded_is_what_others_used() {
        let load = |others, steal| Load {
            wall: 10.0,
            processors: 2,
            ours: 9.0,
            others,
            steal,
        };
        assert_eq!(load(0.4, 0.1).is_loaded(), None);
        let others = load(1.0, 0.0).is_loaded().expect("5 %");
        assert!(others.contains("5.0 %"), "{others}");
        assert!(load(0.0, 2.1).is_loaded().is_some());
        assert_eq!(load(0.0, 1.0).stolen(), 0.1);
    }

    #[test]
    fn a_child_that_is_waited_for_is_ours() {
        let before = ours();
        let loops = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let status = Command::new("sh").args(["-c", loops]).status();
        assert!(status.expect("sh").success());
        assert!(ours() - before > 0.01, "{}", ours() - before);
    }
}
