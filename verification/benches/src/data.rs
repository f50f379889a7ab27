//! A run's data, and what it says of the bounds.

use serde::{Deserialize, Serialize};

use crate::build_cost::{self, Build};
use crate::calls::Call;
use crate::contenders as by;
use crate::faults::Handler;
use crate::instructions::{self, Counted};
use crate::machine::Machine;
use crate::stats::{Ratio, Verdict};
use crate::tracking::{Method, Situation};

#[derive(Serialize, Deserialize)]
pub struct Data {
    pub machine: Machine,
    pub short: bool,
    /// Processes that measured the calls.
    pub processes: usize,
    pub calls: Vec<Call>,
    pub faults: Vec<Handler>,
    pub tracking: Vec<Situation>,
    pub left_out: Vec<String>,
    pub instructions: Option<Vec<Counted>>,
    pub builds: Option<Vec<Build>>,
}

/// A bound, and what was measured.
pub struct Target {
    pub what: String,
    pub bound: String,
    pub measured: String,
    pub verdict: Verdict,
}

fn shown(ratio: &Ratio) -> String {
    format!(
        "{:.3} ({:.3} to {:.3})",
        ratio.median, ratio.low, ratio.high
    )
}

fn at_most(what: String, bound: f64, ratio: Option<&Ratio>, control: Option<&Ratio>) -> Target {
    let both = ratio.zip(control);
    Target {
        what,
        bound: format!("{bound:.2}"),
        measured: ratio.map_or("-".to_string(), shown),
        verdict: both.map_or(Verdict::NotMeasured, |(ratio, control)| {
            Verdict::of(ratio, bound, control)
        }),
    }
}

impl Data {
    /// 4 KiB pages, 10 % random: what the growth is read from.
    pub fn growth(&self) -> Vec<&Situation> {
        let mut situations: Vec<_> = self
            .tracking
            .iter()
            .filter(|s| {
                s.control.is_none()
                    && s.pages.starts_with("4 KiB")
                    && s.percent == 10
                    && s.pattern == "random"
            })
            .collect();
        situations.sort_by_key(|s| s.bytes);
        situations
    }

    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for call in &self.calls {
            let ours = call.contender(by::OURS).map(|contender| &contender.ratio);
            targets.push(at_most(
                format!("{}: to hand-written asm!", call.name),
                1.03,
                ours,
                Some(&call.control),
            ));
        }
        if let Some(wake) = self.calls.first() {
            let control = Some(&wake.control);
            targets.push(at_most(
                "WAKE: to libc::ioctl".into(),
                0.85,
                Some(&wake.to_libc),
                control,
            ));
            targets.push(at_most(
                "WAKE: to the crate userfaultfd 0.9".into(),
                0.85,
                wake.to_safe.as_ref(),
                control,
            ));
        }
        for counted in self.instructions.iter().flatten() {
            let (ours, asm) = (
                counted.of(instructions::OURS),
                counted.of(instructions::ASM),
            );
            targets.push(Target {
                what: format!("{}: instructions", counted.call),
                bound: asm.to_string(),
                measured: ours.to_string(),
                verdict: if ours <= asm {
                    Verdict::Reached
                } else {
                    Verdict::NotReached
                },
            });
        }
        for handler in &self.faults {
            let mut target = at_most(
                format!("fault, {}: to C", handler.name),
                1.0,
                Some(&handler.ratio),
                Some(&handler.control),
            );
            // "Within the noise": the interval reaches down to 1.
            if target.verdict == Verdict::NotReached && handler.ratio.low <= 1.0 {
                target.verdict = Verdict::Reached;
            }
            targets.push(target);
        }
        if let Some(bounds) = self.tracking.iter().find(|s| s.control.is_some()) {
            let control = bounds.control.as_ref();
            let what = format!("async, {}", bounds.title());
            targets.push(at_most(
                format!("{what}: to mprotect + SIGSEGV"),
                0.25,
                bounds.to_sigsegv.as_ref(),
                control,
            ));
            targets.push(at_most(
                format!("{what}: to C"),
                1.1,
                bounds.to_c.as_ref(),
                control,
            ));
        }
        targets.extend(self.growth_targets());
        targets.extend(self.build_targets());
        targets
    }

    fn growth_targets(&self) -> Vec<Target> {
        let growth: Vec<_> = self
            .growth()
            .into_iter()
            .filter_map(|s| Some((s, s.method(Method::Async)?)))
            .collect();
        let [(first, small), .., (last, large)] = &growth[..] else {
            return Vec::new();
        };
        // Sizes are measured one after the other, so noise falls on them
        // unequally: the noisiest control counts.
        let noise = |ratio: &&Ratio| ratio.high.max(1.0 / ratio.low);
        let controls = self.tracking.iter().filter_map(|s| s.control.as_ref());
        let control = controls.max_by(|a, b| noise(a).total_cmp(&noise(b)));
        let grows = |what: &str, small: f64, large: f64| {
            let ratio = large / small;
            let exactly = Ratio {
                median: ratio,
                low: ratio,
                high: ratio,
            };
            Target {
                what: format!(
                    "async, {} to {} MiB: {what}",
                    first.bytes >> 20,
                    last.bytes >> 20
                ),
                bound: "1.50".to_string(),
                measured: format!("{ratio:.3}"),
                verdict: control.map_or(Verdict::NotMeasured, |control| {
                    Verdict::of(&exactly, 1.5, control)
                }),
            }
        };
        // The most for a region is its own struct of 24 bytes, thrice while
        // a vector grows to twice its size.
        let bytes =
            large.memory.saturating_sub(small.memory) as f64 / (last.dirty - first.dirty) as f64;
        vec![
            grows(
                "an epoch, a written page",
                small.total.median,
                large.total.median,
            ),
            grows(
                "collecting, a page of the region",
                small.collect.median,
                large.collect.median,
            ),
            Target {
                what: "async: the tracker's bytes for each written page more".to_string(),
                bound: "72".to_string(),
                measured: format!("{bytes:.0}"),
                verdict: if bytes <= 72.0 {
                    Verdict::Reached
                } else {
                    Verdict::NotReached
                },
            },
        ]
    }

    fn build_targets(&self) -> Vec<Target> {
        let Some(builds) = &self.builds else {
            return Vec::new();
        };
        let one = |name: &str, bound: f64, reference: &str, pick: fn(&Build) -> &Ratio| {
            let build = builds.iter().find(|build| build.name == name).expect(name);
            let ratio = pick(build);
            Target {
                what: format!("cold build, {name}: to {reference}"),
                bound: format!("{bound:.2}"),
                measured: shown(ratio),
                verdict: if ratio.median <= bound {
                    Verdict::Reached
                } else {
                    Verdict::NotReached
                },
            }
        };
        vec![
            one(build_cost::PLAIN, 1.2, build_cost::ALONE, |build| {
                &build.to_libc
            }),
            one(build_cost::BINDGEN, 1.0, build_cost::SYS, |build| {
                &build.to_sys
            }),
        ]
    }
}
