//! The plots. Each can be read without the text.

use crate::contenders as by;
use crate::data::{self, Data};
use crate::experiment::Experiment;
use crate::report::calls::{short_name, WAYS};
use crate::stats::interval;
use crate::svg::{Dot, Plot};
use crate::tracking::{Method, Pattern, IDLE};
use crate::{faults, growth, lazy};

pub const METHODS: [Method; 5] = [
    Method::Async,
    Method::Rwp,
    Method::Sync,
    Method::Sigsegv,
    Method::Compare,
];

fn dot(series: usize, values: Option<&[f64]>) -> Option<Dot> {
    let i = interval(values?);
    let known = i.is_known();
    Some(Dot {
        series,
        value: i.median,
        low: if known { i.low } else { i.median },
        high: if known { i.high } else { i.median },
    })
}

/// A mark of the scale: 1, 2 or 5 times a power of ten.
fn mark(ns: f64) -> String {
    match ns {
        v if v < 999.0 => format!("{v:.0} ns"),
        v if v < 999e3 => format!("{:.0} µs", v / 1e3),
        v if v < 999e6 => format!("{:.0} ms", v / 1e6),
        v => format!("{:.0} s", v / 1e9),
    }
}

type Rows = Vec<(String, Vec<Dot>)>;

/// A plot of times, on a logarithmic scale.
fn times(title: &str, scale: &str, names: &[&str], mut rows: Rows) -> String {
    rows.retain(|(_, dots)| !dots.is_empty());
    // What was not measured is not in the legend.
    let dots = || rows.iter().flat_map(|(_, dots)| dots);
    let used: Vec<usize> = (0..names.len())
        .filter(|&n| dots().any(|dot| dot.series == n))
        .collect();
    let series: Vec<&str> = used.iter().map(|&n| names[n]).collect();
    for dot in rows.iter_mut().flat_map(|(_, dots)| dots) {
        dot.series = used.iter().position(|&n| n == dot.series).unwrap_or(0);
    }
    let plot = Plot {
        title,
        scale,
        logarithmic: true,
        unit: mark,
        series: &series,
        rows,
    };
    plot.svg()
}

fn tracking(e: &Experiment) -> String {
    let rows = e.groups().into_iter().filter(|&group| group != IDLE);
    let rows = rows.map(|group| {
        let methods = METHODS.iter().enumerate();
        let dots = methods.filter_map(|(n, m)| dot(n, e.of(group, m.name(), "epoch")));
        (group.to_string(), dots.collect())
    });
    times(
        "Learning which pages were written, by method",
        "time for each written page: begin, write, learn what was written; left is faster",
        &METHODS.map(Method::name),
        rows.collect(),
    )
}

fn lazy_loading(e: &Experiment) -> String {
    let groups = Pattern::ALL.map(lazy::group);
    let rows = e.contenders(&groups[0]).into_iter().map(|way| {
        let totals = groups.iter().enumerate();
        let mut dots: Vec<Dot> = totals
            .filter_map(|(n, group)| dot(n, e.of(group, way, "total")))
            .collect();
        dots.extend(dot(3, e.of(&groups[0], way, "first")));
        (way.to_string(), dots)
    });
    times(
        "Loading a cached file into memory, and reading all of it",
        "time from the start; left is faster",
        &[
            "all read, sequential",
            "all read, random",
            "all read, runs of 16 pages",
            "first page read",
        ],
        rows.collect(),
    )
}

fn round_trips(e: &Experiment) -> String {
    let row = |kind: &str| {
        let of = |who, metric| e.of(kind, who, metric);
        let dots = [
            dot(0, of(faults::OURS, faults::metric(kind))),
            dot(1, of(faults::C, faults::metric(kind))),
            dot(2, of(faults::OURS, "p99")),
        ];
        (kind.to_string(), dots.into_iter().flatten().collect())
    };
    let limits = e.contenders(faults::HANDOVER).into_iter().map(|way| {
        let dots = dot(3, e.of(faults::HANDOVER, way, "p50"));
        (format!("no fault: {way}"), dots.into_iter().collect())
    });
    let rows = faults::kinds().map(row).chain(limits);
    times(
        "A fault's round trip, by handler",
        "time from the access to a missing page until the thread goes on; left is faster",
        &[
            "uffd-sys",
            "C through libc",
            "uffd-sys, 99 % are faster",
            "work to a thread and back",
        ],
        rows.collect(),
    )
}

fn calls(e: &Experiment) -> String {
    let rows = e.groups().into_iter().map(|group| {
        let ways = WAYS.iter().enumerate();
        let dots = ways.filter_map(|(n, way)| {
            let ratio = e.ratio(group, "ns", way, by::ASM)?;
            let known = ratio.is_known();
            Some(Dot {
                series: n,
                value: ratio.median,
                low: if known { ratio.low } else { ratio.median },
                high: if known { ratio.high } else { ratio.median },
            })
        });
        (short_name(group), dots.collect())
    });
    let plot = Plot {
        title: "The cost of one call, by way and by where it is made",
        scale: "time, divided by that of hand-written asm! at the same place; left is faster",
        logarithmic: false,
        unit: |value| format!("{}", (value * 100.0).round() / 100.0),
        series: &WAYS,
        rows: rows.collect(),
    };
    plot.svg()
}

fn predictions(e: &Experiment) -> String {
    let groups = e.groups().into_iter().filter(|&g| g != growth::MODEL);
    let rows = groups.map(|group| {
        let names = [growth::PREDICTED, growth::MEASURED];
        let dots = names.iter().enumerate();
        let dots = dots.filter_map(|(n, who)| dot(n, e.of(group, who, "ns")));
        (group.to_string(), dots.collect())
    });
    times(
        "Collecting what was written: predicted, and measured",
        "time to collect; the model was fitted to other, smaller regions",
        &[growth::PREDICTED, growth::MEASURED],
        rows.collect(),
    )
}

type Draw = fn(&Experiment) -> String;

const SECTIONS: [(&str, &str, Draw); 5] = [
    ("tracking", data::TRACKING, tracking),
    ("lazy", data::LAZY, lazy_loading),
    ("faults", data::FAULTS, round_trips),
    ("growth", data::GROWTH, predictions),
    ("calls", data::CALLS, calls),
];

/// Name and text of each; none for what was not measured.
pub fn all(data: &Data) -> Vec<(&'static str, String)> {
    let experiments = SECTIONS.iter().filter_map(|(name, experiment, plot)| {
        let e = data.experiment(experiment)?;
        (!e.figures.is_empty()).then(|| (*name, plot(e)))
    });
    experiments.collect()
}

pub fn section(data: &Data, out: &mut String) {
    *out += "## At a glance\n\nDots are medians; the line through a dot is its interval.\n\n";
    for (name, _) in all(data) {
        *out += &format!("![{name}](performance/{name}.svg)\n\n");
    }
}
