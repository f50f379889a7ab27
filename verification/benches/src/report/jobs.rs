//! Lazy loading, snapshots and a fault's round trip in detail.

use std::fmt::Write;

use crate::data::{self, Data};
use crate::experiment::Experiment;
use crate::lazy::{self, HANDLERS, THREADS};
use crate::report::text::{interval_of, judged, middle, table, time};
use crate::stats::{interval, median, ratio};
use crate::targets::shown;
use crate::tracking::Pattern;
use crate::{faults, snapshots};

fn lazy_table(e: &Experiment, group: &str, out: &mut String) {
    let read = e.of(group, lazy::READ, "total");
    let rows = e.contenders(group).into_iter().map(|way| {
        let of = |metric| middle(e.of(group, way, metric), time);
        let total = e.of(group, way, "total");
        let to = total.zip(read).map(|(total, read)| ratio(total, read));
        let total = total.map_or("-".into(), |total| interval_of(total, time));
        vec![
            way.to_string(),
            total,
            to.as_ref().map_or("-".into(), shown),
            of("first"),
            of("p99"),
            of("longest"),
        ]
    });
    let to = format!("to {}", lazy::READ);
    let head = ["way", "all", &to[..], "first", "p99", "longest"];
    table(out, &head, rows);
}

pub fn lazy(data: &Data, out: &mut String) {
    let Some(e) = data.experiment(data::LAZY) else {
        return;
    };
    let size = middle(e.of(lazy::FILE, lazy::SIZE, "MiB"), |v| {
        format!("{v:.0} MiB")
    });
    let _ = write!(
        out,
        "## Lazy loading from a file\n\n\
             A reader reads a word of each page of a region whose contents are in a file of {size}\n\
             in the page cache; those that are not sequential, and several threads, of its first\n\
             quarter. A handler fills missing pages with UFFDIO_COPY straight from a mapping of\n\
             the file, a batch for each fault; read-ahead starts with 64 KiB, and doubles as long\n\
             as faults follow each other. \"On each processor\" a handler loads on while no fault\n\
             waits, and the reader is where the first of them is. All starts from nothing: mapping,\n\
             userfaultfd and handler are part of the time, so \"first\" is how soon a program can\n\
             begin. \"p99\" and \"longest\" are of single accesses. What takes more than 0.3 s is\n\
             measured once in each process. After each run all bytes were compared with the file's.\n\n"
    );
    let bare = |group, way| {
        middle(
            data.experiment(data::FAULTS)
                .and_then(|e| e.of(group, way, "p50")),
            time,
        )
    };
    let _ = write!(
        out,
        "Why large batches: a fault blocks its thread until the handler wakes it. With a page\n\
         for each fault that takes {} if they are on two processors and {} on one, and the\n\
         copy is {} of it. What is loaded and never read costs its copy all the same.\n\n",
        bare(faults::OTHER, faults::OURS),
        bare(faults::SAME, faults::OURS),
        bare(faults::BARE, faults::COPY_ALONE),
    );
    for pattern in Pattern::ALL {
        let group = lazy::group(pattern);
        *out += &format!("### {group}\n\n");
        lazy_table(e, &group, out);
    }
    *out += "### Several threads, random\n\nThe time until all is read.\n\n";
    let group = |t, h| lazy::threads_group(t, h);
    for way in e.contenders(&group(1, 1)) {
        let rows = THREADS.iter().map(|&threads| {
            let mut row = vec![format!("{way}, {threads} faulting")];
            row.extend(HANDLERS.map(|handlers| {
                let all = e.of(&group(threads, handlers), way, "total");
                all.map_or("-".into(), |all| interval_of(all, time))
            }));
            row
        });
        let head = ["threads", "1 handler", "2 handlers", "4 handlers"];
        table(out, &head, rows);
    }
    *out += "### Huge pages on both sides\n\nUFFDIO_COPY fills anonymous memory with small pages, even \
             where huge ones are allowed;\nhugetlbfs, and moving a huge page that was filled \
             elsewhere, have huge ones.\n\n";
    lazy_table(e, lazy::HUGE, out);
}

pub fn snapshots(data: &Data, out: &mut String) {
    use snapshots::*;
    let Some(e) = data.experiment(data::SNAPSHOTS) else {
        return;
    };
    *out += "## Incremental snapshots\n\n\
             `examples/snapshot` on 64 MiB of which 10 % random pages change, into files in\n\
             memory; and the same pages copied with memcpy and written, without asking which, and\n\
             without checksums. The newest snapshot was loaded again and compared.\n\n";
    let rows = e.contenders(TAKE).into_iter().map(|who| {
        let times = e.of(TAKE, who, "time").expect("each has it");
        let rate: Vec<f64> = times.iter().map(|ns| 4096.0 / ns).collect();
        let rate = interval_of(&rate, |rate| format!("{rate:.2}"));
        vec![who.to_string(), interval_of(times, time), rate]
    });
    table(out, &["", "a changed page", "GB a second"], rows);
    *out += "A thread writes to random pages of these 10 % as fast as it can.\n\n";
    let rows = e.contenders(WRITER).into_iter().map(|who| {
        let rate = e.of(WRITER, who, "writes a second").expect("each has it");
        vec![
            who.to_string(),
            interval_of(rate, |rate| format!("{:.1} M", rate / 1e6)),
            middle(e.of(WRITER, who, "longest pause"), time),
            middle(e.of(WRITER, who, "stops"), time),
        ]
    });
    let head = [
        "",
        "writes a second",
        "longest pause",
        "stopped for a snapshot",
    ];
    table(out, &head, rows);
}

pub fn faults(data: &Data, out: &mut String) {
    let Some(e) = data.experiment(data::FAULTS) else {
        return;
    };
    *out += "## A fault's round trip\n\n\
             A thread reads a missing page; the handler fills it with UFFDIO_COPY. Both threads are\n\
             bound to a processor each, where not said otherwise. \"A page\" is the time of all,\n\
             divided by the pages.\n\n";
    let rows = faults::kinds().map(|kind| {
        let ours = |metric| middle(e.of(kind, faults::OURS, metric), time);
        let metric = faults::metric(kind);
        let control = e.ratio(kind, metric, faults::C_COPY, faults::C);
        let to_c = e.ratio(kind, metric, faults::OURS, faults::C);
        vec![
            kind.to_string(),
            e.of(kind, faults::OURS, "p50")
                .map_or("-".into(), |v| interval_of(v, time)),
            ours("p99"),
            ours("p99.9"),
            ours("a page"),
            middle(e.of(kind, faults::C, "p50"), time),
            to_c.map_or("-".into(), |r| judged(&r, e.noise(control.as_ref()))),
        ]
    });
    let head = [
        "handler",
        "median",
        "p99",
        "p99.9",
        "a page",
        "C, median",
        "to C",
    ];
    table(out, &head, rows);
    *out +=
        "The limit of the machine is handing work to another thread and back, and the copy:\n\n";
    let copy = e.of(faults::BARE, faults::COPY_ALONE, "p50");
    let mut rows = vec![vec![
        faults::COPY_ALONE.to_string(),
        copy.map_or("-".into(), |v| interval_of(v, time)),
    ]];
    rows.extend(e.contenders(faults::HANDOVER).into_iter().map(|way| {
        let trip = e.of(faults::HANDOVER, way, "p50").expect("each has it");
        vec![way.to_string(), interval_of(trip, time)]
    }));
    table(out, &["without a fault", "median"], rows.into_iter());
    for (kind, place) in [
        (faults::SAME, "same processor"),
        (faults::OTHER, "other processor"),
    ] {
        let ways = e.contenders(faults::HANDOVER).into_iter();
        let best = ways
            .filter(|way| way.ends_with(place))
            .filter_map(|way| Some((way, e.of(faults::HANDOVER, way, "p50")?)))
            .min_by(|a, b| median(a.1).total_cmp(&median(b.1)));
        let fault = e.of(kind, faults::OURS, "p50");
        if let (Some((way, trip)), Some(copy), Some(fault)) = (best, copy, fault) {
            let limit: Vec<f64> = trip.iter().zip(copy).map(|(a, b)| a + b).collect();
            *out += &format!(
                "- {kind}: {} of {way} and the copy ({})\n",
                shown(&ratio(fault, &limit)),
                time(interval(&limit).median)
            );
        }
    }
    *out += "\nWhat closes the distance is to hand over less often: in the same thread (SIGBUS), \
             several\nfaults for each wake-up, more pages for each fault.\n\n";
}
