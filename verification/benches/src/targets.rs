//! The bounds, and what a run says of them.

use crate::build_cost;
use crate::contenders as by;
use crate::data::{self, Data};
use crate::experiment::Experiment;
use crate::instructions;
use crate::stats::{ratio, Bound, Interval, Verdict};
use crate::tracking::{Method, COLLECTED, IDLE};
use crate::{calls, faults, growth, lazy, snapshots};

/// A bound, and what was measured.
pub struct Target {
    pub what: String,
    pub bound: String,
    pub measured: String,
    pub verdict: Verdict,
}

pub fn shown(ratio: &Interval) -> String {
    let digits = |value: f64| match value.abs() {
        v if v < 0.1 => format!("{value:.4}"),
        v if v < 10.0 => format!("{value:.3}"),
        _ => format!("{value:.1}"),
    };
    let median = digits(ratio.median);
    if !ratio.is_known() {
        return format!("{median} (too few processes)");
    }
    format!("{median} ({} to {})", digits(ratio.low), digits(ratio.high))
}

/// With the factor by which the ratio's interval is widened.
fn target(what: String, bound: Bound, ratio: Option<Interval>, noise: f64) -> Target {
    let text = match bound {
        Bound::AtMost(most) => format!("≤ {most}"),
        Bound::AtLeast(least) => format!("≥ {least}"),
    };
    Target {
        what,
        bound: text,
        measured: ratio.as_ref().map_or("-".to_string(), shown),
        verdict: ratio.map_or(Verdict::NotMeasured, |r| Verdict::of(&r, bound, noise)),
    }
}

/// What two copies of one code differ by; fixed beforehand, as "not more than".
const EQUAL: f64 = 1.03;

/// The group of 10 % random 4 KiB pages, in which the methods are compared.
pub fn usual_group(tracking: &Experiment) -> Option<&str> {
    let is = |g: &&str| g.starts_with("4 KiB pages") && g.ends_with("10 % random");
    tracking.groups().into_iter().find(is)
}

/// Collecting an idle region, to the cheapest way to look at each page once.
pub fn idle_ratio(tracking: &Experiment) -> Option<Interval> {
    let collected = tracking.of(IDLE, COLLECTED, "collect")?;
    let walks = tracking.contenders(IDLE).into_iter();
    let ratios = walks
        .filter(|&walk| walk != COLLECTED)
        .filter_map(|walk| Some(ratio(collected, tracking.of(IDLE, walk, "collect")?)));
    ratios.max_by(|a, b| a.median.total_cmp(&b.median))
}

pub fn call_control(calls: &Experiment, group: &str) -> Option<Interval> {
    calls.ratio(group, "ns", by::ASM_COPY, by::ASM)
}

fn of_calls(e: &Experiment, targets: &mut Vec<Target>) {
    for group in e.groups() {
        let noise = e.noise(call_control(e, group).as_ref());
        let to_asm = e.ratio(group, "ns", by::OURS, by::ASM);
        let what = format!("{group}: to hand-written asm!");
        targets.push(target(what, Bound::AtMost(EQUAL), to_asm, noise));
        if group == format!("WAKE, {}", calls::LOOP) {
            for other in [by::LIBC, by::SAFE] {
                let to = e.ratio(group, "ns", by::OURS, other);
                let what = format!("{group}: to {other}");
                targets.push(target(what, Bound::AtMost(0.85), to, noise));
            }
        }
    }
}

fn of_faults(e: &Experiment, targets: &mut Vec<Target>) {
    for kind in faults::kinds() {
        let metric = faults::metric(kind);
        let noise = e.noise(e.ratio(kind, metric, faults::C_COPY, faults::C).as_ref());
        let to_c = e.ratio(kind, metric, faults::OURS, faults::C);
        let what = format!("a fault, {kind}: to C");
        targets.push(target(what, Bound::AtMost(EQUAL), to_c, noise));
    }
}

fn of_tracking(e: &Experiment, targets: &mut Vec<Target>) {
    if let Some(group) = usual_group(e) {
        let (ours, c) = (Method::Async.name(), Method::AsyncInC.name());
        let control = e.ratio(group, "epoch", Method::AsyncInCCopy.name(), c);
        let mut add = |what: &str, bound, to, control: Option<&Interval>| {
            let what = format!("tracking, {group}: {what}");
            let to = e.ratio(group, "epoch", ours, to);
            targets.push(target(what, Bound::AtMost(bound), to, e.noise(control)));
        };
        add("to mprotect + SIGSEGV", 0.25, Method::Sigsegv.name(), None);
        add("to the same in C", 1.1, c, control.as_ref());
        let per_page = e.of(group, ours, "memory").zip(e.of(group, ours, "dirty"));
        let what = "tracking: bytes of the tracker for each written page, to 72".to_string();
        // Its buffer is 4096 regions of 24 bytes, whatever is written.
        let room = 24.0 * 4096.0;
        let bytes = per_page.map(|(memory, dirty)| {
            let own: Vec<f64> = memory.iter().map(|m| (m - room).max(0.0) / 72.0).collect();
            ratio(&own, dirty)
        });
        targets.push(target(what, Bound::AtMost(1.0), bytes, 1.0));
    }
    let what = "collecting an idle region: to looking at each page once".to_string();
    targets.push(target(
        what,
        Bound::AtMost(1.5),
        idle_ratio(e),
        e.noise(None),
    ));
}

fn of_lazy(e: &Experiment, targets: &mut Vec<Target>) {
    let group = lazy::group(crate::tracking::Pattern::Sequential);
    let [.., (large, _)] = lazy::BATCHES;
    let mut add = |what: String, bound, ratio| {
        let what = format!("lazy loading, sequential, {what}");
        targets.push(target(what, Bound::AtMost(bound), ratio, e.noise(None)));
    };
    for way in [lazy::EVERYWHERE, lazy::AHEAD, large] {
        let total = |to| e.ratio(&group, "total", way, to);
        add(format!("{way}: to {}", lazy::READ), 0.65, total(lazy::READ));
        add(
            format!("{way}: to {}", lazy::USUAL),
            0.15,
            total(lazy::USUAL),
        );
    }
    for way in [lazy::EVERYWHERE, lazy::AHEAD] {
        let first = e.of(&group, way, "first");
        let first = first.zip(e.of(&group, lazy::READ, "total"));
        let what = format!("{way}: the first access, to {}", lazy::READ);
        add(what, 0.003, first.map(|(first, whole)| ratio(first, whole)));
    }
}

fn of_snapshots(e: &Experiment, targets: &mut Vec<Target>) {
    use snapshots::*;
    let taken = e.ratio(TAKE, "time", EXAMPLE, MEMCPY);
    let what = format!("a snapshot of 10 % random pages: to {MEMCPY}");
    targets.push(target(what, Bound::AtMost(1.3), taken, e.noise(None)));
    let kept = e.ratio(WRITER, "writes a second", EPOCHS, UNTRACKED);
    let what = format!("a writer's throughput, {EPOCHS}: to {UNTRACKED}");
    targets.push(target(what, Bound::AtLeast(0.8), kept, e.noise(None)));
}

fn of_growth(e: &Experiment, targets: &mut Vec<Target>) {
    for group in e.groups().into_iter().filter(|&g| g != growth::MODEL) {
        let ratio = e.ratio(group, "ns", growth::PREDICTED, growth::MEASURED);
        let sides = [Bound::AtLeast(0.75), Bound::AtMost(1.25)];
        let verdicts = sides.map(|side| ratio.map(|r| Verdict::of(&r, side, e.noise(None))));
        targets.push(Target {
            what: format!("prediction, {group}: to measured"),
            bound: "0.75 to 1.25".to_string(),
            measured: ratio.as_ref().map_or("-".to_string(), shown),
            verdict: match verdicts {
                [None, _] | [_, None] => Verdict::NotMeasured,
                [Some(Verdict::NotReached), _] | [_, Some(Verdict::NotReached)] => {
                    Verdict::NotReached
                }
                [Some(Verdict::Reached), Some(Verdict::Reached)] => Verdict::Reached,
                _ => Verdict::Undecided,
            },
        });
    }
}

fn of_builds(data: &Data, targets: &mut Vec<Target>) {
    let Some(builds) = &data.builds else { return };
    let times = |name: &str| &builds.iter().find(|b| b.name == name).expect(name).times;
    let mut add = |name: &str, bound, to: &str| {
        let what = format!("cold build, {name}: to {to}");
        let to = ratio(times(name), times(to));
        targets.push(target(what, Bound::AtMost(bound), Some(to), 1.0));
    };
    add(build_cost::PLAIN, 1.2, build_cost::ALONE);
    add(build_cost::BINDGEN, 1.0, build_cost::SYS);
}

pub fn all(data: &Data) -> Vec<Target> {
    let mut targets = Vec::new();
    type Of = fn(&Experiment, &mut Vec<Target>);
    let parts: [(&str, Of); 6] = [
        (data::TRACKING, of_tracking),
        (data::LAZY, of_lazy),
        (data::SNAPSHOTS, of_snapshots),
        (data::FAULTS, of_faults),
        (data::GROWTH, of_growth),
        (data::CALLS, of_calls),
    ];
    for (name, of) in parts {
        if let Some(experiment) = data.experiment(name) {
            of(experiment, &mut targets);
        }
    }
    for counted in data.instructions.iter().flatten() {
        let count = |who| counted.of(who);
        let (ours, asm) = (count(instructions::OURS), count(instructions::ASM));
        targets.push(Target {
            what: format!("{}: instructions", counted.call),
            bound: format!("≤ {asm}"),
            measured: ours.to_string(),
            verdict: if ours <= asm {
                Verdict::Reached
            } else {
                Verdict::NotReached
            },
        });
    }
    of_builds(data, &mut targets);
    targets
}

/// How many bounds have each verdict.
pub fn summary(targets: &[Target]) -> String {
    use Verdict::*;
    let count = |verdict: Verdict| {
        let number = targets.iter().filter(|t| t.verdict == verdict).count();
        format!("{number} {}", verdict.text())
    };
    let counts = [Reached, NotReached, Undecided, NotMeasured].map(count);
    format!("{} bounds: {}", targets.len(), counts.join(", "))
}

/// 80 columns: the bound, what was measured, and the verdict on a second line.
pub fn say(data: &Data) {
    let targets = all(data);
    for Target {
        what,
        bound,
        measured,
        verdict,
    } in &targets
    {
        println!("{what}");
        println!("    {bound:<12} {measured:<32} {}", verdict.text());
    }
    println!("\n{}", summary(&targets));
}
