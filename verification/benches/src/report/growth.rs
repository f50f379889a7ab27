//! The models of growth: their terms, their predictions, and what large regions would
//! cost.

use crate::data::{self, Data};
use crate::growth::{MAPPING, MEASURED, MODEL, PREDICTED, TERMS, WRITE};
use crate::report::text::{bytes, interval_of, middle, table, time};
use crate::stats::interval;
use crate::targets::shown;

/// Linux's default for the mappings of a process.
const MAPPINGS: f64 = 65_530.0;
const GIB: f64 = (1u64 << 30) as f64;

pub fn section(data: &Data, out: &mut String) {
    let Some(e) = data.experiment(data::GROWTH) else {
        return;
    };
    *out += "## Growth\n\n\
             The cost of collecting, fitted to regions of 4 MiB to 8 GiB by least squares of the\n\
             relative errors, in each process for itself:\n\n";
    let rows = e.contenders(MODEL).into_iter().map(|term| {
        let values = e.of(MODEL, term, "ns").expect("each has it");
        vec![term.to_string(), interval_of(values, time)]
    });
    table(out, &["for each", "it takes"], rows);
    *out += "What it predicts for runs that it was not fitted to:\n\n";
    let groups = e.groups().into_iter().filter(|&group| group != MODEL);
    let rows = groups.map(|group| {
        let of = |who| middle(e.of(group, who, "ns"), time);
        let ratio = e.ratio(group, "ns", PREDICTED, MEASURED);
        let ratio = ratio.as_ref().map_or("-".into(), shown);
        vec![group.to_string(), of(PREDICTED), of(MEASURED), ratio]
    });
    table(out, &["run", "predicted", "measured", "ratio"], rows);
    let term = |name: &str| Some(interval(e.of(MODEL, name, "ns")?).median);
    let terms: Option<Vec<f64>> = TERMS.iter().map(|name| term(name)).collect();
    let (Some(terms), Some(write)) = (terms, term(WRITE)) else {
        return;
    };
    *out += "So a region that is populated would cost, by the model:\n\n";
    let rows = [8.0, 64.0, 1024.0].map(|gib| {
        let pages = gib * GIB / 4096.0;
        let idle = terms[0] + terms[1] * pages;
        let collect = |part: f64| idle + (terms[2] + terms[3]) * pages * part;
        vec![
            bytes(gib * GIB),
            time(idle),
            time(collect(0.01)),
            time(collect(0.1)),
            time(write * pages * 0.01),
            bytes(pages * 8.0),
            bytes(pages * 0.1 * 24.0),
        ]
    });
    let head = [
        "region",
        "collect, idle",
        "1 % random written",
        "10 % written",
        "the writers' delay, 1 %",
        "page tables",
        "the answer, 10 % random",
    ];
    table(out, &head, rows.into_iter());
    let islands = MAPPINGS / 2.0;
    let limit = islands / 0.1 * 4096.0;
    *out += &format!(
        "Which limit comes first:\n\n\
         - mprotect and SIGSEGV: `vm.max_map_count` ({MAPPINGS:.0} by default). Each written page\n  \
           between others makes two mappings, so it ends at {islands:.0} pages: with 10 % random,\n  \
           at {}{}\n\
         - the asynchronous methods make no mappings. Their first limit is the time of a scan: a\n  \
           second of it is {} of idle memory\n\
         - page tables take a 512th of what is populated. Protecting pages that are not there takes\n  \
           markers, which need page tables as well: 2 GiB for 1 TiB. UFFDIO_WRITEPROTECT does so with\n  \
           WP_ASYNC, and so does PAGEMAP_SCAN for PAGE_IS_WRITTEN alone, to which a page that is not\n  \
           there counts as written. A scan for written pages that are present or swapped walks\n  \
           populated parts only: the sparse mappings above\n\n",
        bytes(limit),
        term(MAPPING).map_or(String::new(), |ns| format!(", at {} a page", time(ns))),
        bytes((1e9 - terms[0]).max(0.0) / terms[1].max(1e-9) * 4096.0),
    );
}
