//! The first table: what to use for what.

use crate::contenders as by;
use crate::data::{self, Data};
use crate::experiment::Experiment;
use crate::report::plots::METHODS;
use crate::report::text::{judged, middle, text_table, time};
use crate::stats::{median, ratio};
use crate::targets::{call_control, shown};
use crate::tracking::{Pattern, IDLE};
use crate::{calls, faults, lazy, snapshots};

type Row = Vec<String>;

fn row(what: impl Into<String>, use_: &str, cost: String, others: String) -> Row {
    vec![what.into(), use_.to_string(), cost, others]
}

/// How many times as long as the best another takes.
fn times(other: &[f64], best: &[f64]) -> String {
    let ratio = ratio(other, best);
    let holds_1 = ratio.low <= 1.0 && ratio.high >= 1.0;
    let undecided = if holds_1 { " (undecided)" } else { "" };
    format!("{:.2} ×{undecided}", ratio.median)
}

fn tracking(e: &Experiment, rows: &mut Vec<Row>) {
    for group in e.groups().into_iter().filter(|&group| group != IDLE) {
        let mut methods: Vec<_> = METHODS
            .iter()
            .filter_map(|m| Some((m.name(), e.of(group, m.name(), "epoch")?)))
            .collect();
        methods.sort_by(|a, b| median(a.1).total_cmp(&median(b.1)));
        let Some((&(best, cost), others)) = methods.split_first() else {
            continue;
        };
        let others: Vec<String> = others
            .iter()
            .map(|(name, other)| format!("{name} {}", times(other, cost)))
            .collect();
        let what = format!("learn which pages were written: {group}");
        let cost = format!("{} a written page", middle(Some(cost), time));
        rows.push(row(what, best, cost, others.join(", ")));
    }
}

fn loading(e: &Experiment, rows: &mut Vec<Row>) {
    for pattern in Pattern::ALL {
        let group = lazy::group(pattern);
        // mmap is another thing: the file's own pages, not memory of one's own.
        let ways = e.contenders(&group).into_iter();
        let mut ways: Vec<_> = ways
            .filter(|way| way.starts_with("COPY"))
            .filter_map(|way| Some((way, e.of(&group, way, "total")?)))
            .collect();
        ways.sort_by(|a, b| median(a.1).total_cmp(&median(b.1)));
        let Some(&(best, total)) = ways.first() else {
            continue;
        };
        let cost = format!(
            "{}, the first page after {}",
            middle(Some(total), time),
            middle(e.of(&group, best, "first"), time)
        );
        let to = |other: &str| Some(times(e.of(&group, other, "total")?, total));
        let others = [lazy::READ, lazy::MMAP, lazy::USUAL]
            .iter()
            .filter_map(|name| Some(format!("{name} {}", to(name)?)));
        let what = format!("load memory from a cached file, {group}");
        rows.push(row(what, best, cost, others.collect::<Vec<_>>().join(", ")));
    }
}

fn round_trips(e: &Experiment, rows: &mut Vec<Row>) {
    let mut kinds: Vec<_> = faults::kinds()
        .filter_map(|kind| Some((kind, e.of(kind, faults::OURS, "a page")?)))
        .collect();
    kinds.sort_by(|a, b| median(a.1).total_cmp(&median(b.1)));
    let Some((&(best, cost), others)) = kinds.split_first() else {
        return;
    };
    let others = others
        .iter()
        .map(|(kind, other)| format!("{kind} {}", times(other, cost)));
    let cost = format!("{} a page", middle(Some(cost), time));
    let others = others.collect::<Vec<_>>().join(", ");
    rows.push(row(
        "fill missing pages one after the other",
        best,
        cost,
        others,
    ));
}

fn of_snapshots(e: &Experiment, rows: &mut Vec<Row>) {
    use snapshots::*;
    let Some(taken) = e.of(TAKE, EXAMPLE, "time") else {
        return;
    };
    let to = e.ratio(TAKE, "time", EXAMPLE, MEMCPY);
    let kept = e.ratio(WRITER, "writes a second", EPOCHS, UNTRACKED);
    let part = |of: Option<crate::stats::Interval>| of.as_ref().map_or("-".into(), shown);
    rows.push(row(
        "save a process's memory again and again while it writes",
        EXAMPLE,
        format!("{} a changed page", middle(Some(taken), time)),
        format!(
            "to {MEMCPY} of these pages: {}; the writer keeps {} of its throughput",
            part(to),
            part(kept)
        ),
    ));
}

fn of_calls(e: &Experiment, rows: &mut Vec<Row>) {
    let places = [
        ("WAKE", calls::LOOP),
        ("WAKE", calls::RETURNS),
        ("WRITEPROTECT, 1 page", calls::RETURNS),
        ("read and COPY", calls::HANDLER),
    ];
    for (call, place) in places {
        let group = format!("{call}, {place}");
        let control = call_control(e, &group);
        let to = |other| {
            let ratio = e.ratio(&group, "ns", by::OURS, other);
            ratio.map_or("-".into(), |r| judged(&r, e.noise(control.as_ref())))
        };
        rows.push(row(
            format!("call the kernel: {group}"),
            by::OURS,
            middle(e.of(&group, by::OURS, "ns"), time),
            format!(
                "of libc::ioctl's time {}, of C with libc {}, of userfaultfd 0.9 {}",
                to(by::LIBC),
                to(by::C_LIBC),
                to(by::SAFE)
            ),
        ));
    }
}

pub fn section(data: &Data, out: &mut String) {
    *out += "## What to use\n\n";
    let mut rows = Vec::new();
    type Of = fn(&Experiment, &mut Vec<Row>);
    let parts: [(&str, Of); 5] = [
        (data::TRACKING, tracking),
        (data::LAZY, loading),
        (data::SNAPSHOTS, of_snapshots),
        (data::FAULTS, round_trips),
        (data::CALLS, of_calls),
    ];
    for (name, of) in parts {
        if let Some(experiment) = data.experiment(name) {
            of(experiment, &mut rows);
        }
    }
    let head = ["to", "use", "it takes", "against the others"];
    text_table(out, &head, rows.into_iter());
    *out += "The asynchronous methods do not stop the writer, so they cannot save a page before\n\
             it changes. A snapshot of one moment needs the writer to stand while the pages are\n\
             copied, or write-protection with a handler.\n\n";
}
