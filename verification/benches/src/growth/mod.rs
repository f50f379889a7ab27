//! How the cost of tracking grows: models fitted to regions of some sizes, and tested
//! by predicting runs that were not used for the fit.
//!
//! Collecting is taken to cost something for each entry of the page tables that is
//! walked, each page found written (and protected again), and each region reported.

mod fit;
mod sparse;

use std::io;

use crate::experiment::Plan;
use crate::machine::available_memory;
use crate::memory::Pages;
use crate::tracking::{Contender, Method, Pattern};
use crate::uffd::kernel_features;

/// The models' terms, ns for each.
pub const MODEL: &str = "model";
pub const SPARSE_TERMS: [&str; 4] = [
    "sparse: a call",
    "sparse: an entry walked",
    "sparse: a page written",
    "sparse: an empty 2 MiB",
];
pub const TERMS: [&str; 4] = ["a call", "an entry walked", "a page written", "a region"];
/// ns for each written page: the write that the kernel notes; a fault of mprotect and
/// SIGSEGV, which makes mappings.
pub const WRITE: &str = "a noted write";
pub const MAPPING: &str = "a mapping of mprotect";
/// What was predicted and what it was; the contenders of a prediction's group.
pub const PREDICTED: &str = "predicted";
pub const MEASURED: &str = "measured";

/// An epoch that was measured: what it had to do, and the nanoseconds of collecting.
struct Point {
    terms: [f64; 4],
    collect: f64,
    /// The writer's, ns a written page.
    write: f64,
}

/// Epochs on one region: idle, random, and in runs of 16 pages.
fn points(mib: usize) -> io::Result<Vec<(String, Point)>> {
    let bytes = mib << 20;
    let pages = bytes / 4096;
    let mut contender = Contender::start(Method::Async, Pages::Small, bytes, &[])?;
    let mut points = Vec::new();
    let epochs = [
        ("idle", Vec::new()),
        ("10 % random", Pattern::Random.choose(pages, pages / 10)),
        (
            "10 % clustered",
            Pattern::Clustered.choose(pages, pages / 10),
        ),
        ("1 % random", Pattern::Random.choose(pages, pages / 100)),
    ];
    for (what, set) in epochs {
        let mut sorted = set.clone();
        sorted.sort_unstable();
        // Small regions vary more, and take no time.
        let repeat = (256 / mib).clamp(4, 9);
        let mut times = Vec::new();
        for _ in 0..repeat {
            contender.epoch(&set, &sorted)?;
            let (collect, regions) = contender.collected();
            times.push((collect, contender.written(), regions));
        }
        // The first one warmed up.
        let of = |pick: fn(&(f64, f64, usize)) -> f64| {
            let values: Vec<f64> = times[1..].iter().map(pick).collect();
            crate::stats::median(&values)
        };
        let regions = of(|t| t.2 as f64);
        let point = Point {
            terms: [1.0, pages as f64, set.len() as f64, regions],
            collect: of(|t| t.0),
            write: of(|t| t.1),
        };
        points.push((format!("{} GiB, {what}", mib as f64 / 1024.0), point));
    }
    Ok(points)
}

/// ns a written page of mprotect and SIGSEGV, a whole epoch's.
fn mappings(mib: usize) -> io::Result<f64> {
    let pages = (mib << 20) / 4096;
    let set = Pattern::Random.choose(pages, pages / 10);
    let mut sorted = set.clone();
    sorted.sort_unstable();
    let mut contender = Contender::start(Method::Sigsegv, Pages::Small, mib << 20, &set)?;
    contender.epoch(&set, &sorted)?;
    contender.epoch(&set, &sorted)
}

/// Mappings far larger than memory: fitted on some up to 256 GiB, tested on 1 TiB.
fn sparse_mappings(plan: &mut Plan) -> io::Result<()> {
    let (sizes, test): (&[(usize, usize)], usize) = if plan.short {
        (&[(1, 1), (2, 4), (4, 4), (8, 32)], 32)
    } else {
        (
            &[
                (1, 1),
                (8, 1),
                (8, 8),
                (64, 8),
                (64, 32),
                (256, 64),
                (256, 128),
            ],
            1024,
        )
    };
    let mut data = Vec::new();
    for &(gib, every) in sizes {
        let points = sparse::collect(gib << 30, every)?;
        data.extend(points.into_iter().map(|(_, terms, time)| (terms, time)));
    }
    let model = fit::fit(&data);
    for (term, value) in SPARSE_TERMS.iter().zip(model) {
        plan.sheet.put(MODEL, term, "ns", value);
    }
    for (what, terms, time) in sparse::collect(test << 30, 32)? {
        let what = format!("{test} GiB with a page in every 64 MiB, {what}");
        let predicted = fit::predict(&model, &terms);
        plan.sheet.put(&what, PREDICTED, "ns", predicted);
        plan.sheet.put(&what, MEASURED, "ns", time);
    }
    Ok(())
}

pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let (sizes, test, slow): (&[usize], usize, [usize; 4]) = if plan.short {
        (&[4, 16, 64], 128, [4, 8, 16, 32])
    } else {
        (
            &[4, 16, 64, 256, 1024, 4096, 8192],
            16 << 10,
            [16, 64, 256, 1024],
        )
    };
    let has_async = kernel_features()? & uffd_sys::UFFD_FEATURE_WP_ASYNC != 0;
    if has_async {
        let (mut data, mut writes) = (Vec::new(), Vec::new());
        for &mib in sizes {
            // With room for the page tables and the answer.
            if (mib << 20) as u64 > available_memory() / 10 * 9 {
                plan.sheet.note(format!("{mib} MiB: not enough memory"));
                continue;
            }
            for (_, point) in points(mib)? {
                if point.terms[2] > 0.0 {
                    writes.push(point.write);
                }
                data.push((point.terms, point.collect));
            }
        }
        let model = fit::fit(&data);
        for (term, value) in TERMS.iter().zip(model) {
            plan.sheet.put(MODEL, term, "ns", value);
        }
        plan.sheet
            .put(MODEL, WRITE, "ns", crate::stats::median(&writes));
        let mut tests = Vec::new();
        if ((test << 20) as u64) < available_memory() / 10 * 9 {
            tests.extend(points(test)?);
        } else {
            plan.sheet
                .note(format!("prediction of {test} MiB: not enough memory"));
        }
        sparse_mappings(plan)?;
        for (what, point) in tests {
            let predicted = fit::predict(&model, &point.terms);
            plan.sheet.put(&what, PREDICTED, "ns", predicted);
            plan.sheet.put(&what, MEASURED, "ns", point.collect);
        }
    } else {
        plan.sheet
            .note("the models: this kernel lacks WP_ASYNC".to_string());
    }
    // Each fault of mprotect makes mappings; finding one takes the longer the more
    // there are.
    let mut costs = Vec::new();
    for mib in &slow[..3] {
        let count = (mib << 20) as f64 / 4096.0 / 10.0;
        costs.push(([1.0, count.ln(), 0.0, 0.0], mappings(*mib)?));
    }
    let model = fit::fit(&costs);
    plan.sheet.put(MODEL, MAPPING, "ns", costs[2].1);
    let count = (slow[3] << 20) as f64 / 4096.0 / 10.0;
    let what = format!("mprotect + SIGSEGV, {} MiB, 10 % random, a page", slow[3]);
    let predicted = fit::predict(&model, &[1.0, count.ln(), 0.0, 0.0]);
    plan.sheet.put(&what, PREDICTED, "ns", predicted);
    plan.sheet.put(&what, MEASURED, "ns", mappings(slow[3])?);
    Ok(())
}
