//! docs/performance.md and its plots, made from a run's data alone.

use std::fmt::Write;

use crate::build_cost::Build;
use crate::contenders as by;
use crate::data::Data;
use crate::instructions::Counted;
use crate::svg::{Dot, Plot};
use crate::tracking::{Method, Situation};

/// The files, by their path under `docs/`.
pub fn render(data: &Data) -> Vec<(String, String)> {
    vec![
        ("performance.md".into(), document(data)),
        ("performance/calls.svg".into(), calls_plot(data)),
        ("performance/faults.svg".into(), faults_plot(data)),
        ("performance/methods.svg".into(), methods_plot(data)),
        ("performance/growth.svg".into(), growth_plot(data)),
    ]
}

/// Three digits that count.
fn ns(value: f64) -> String {
    match value {
        v if v < 9.95 => format!("{v:.1}"),
        v if v < 9_950.0 => format!("{v:.0}"),
        v if v < 999_500.0 => format!("{:.1}k", v / 1e3),
        v => format!("{:.2}M", v / 1e6),
    }
}

fn bytes(value: u64) -> String {
    match value {
        v if v < 10 << 10 => format!("{v} B"),
        v if v < 10 << 20 => format!("{} KiB", v >> 10),
        v => format!("{} MiB", v >> 20),
    }
}

const CONTENDERS: [&str; 6] = [
    by::OURS,
    by::ASM,
    by::C_HEADER,
    by::LIBC,
    by::C_LIBC,
    by::SAFE,
];
const METHODS: [Method; 5] = [
    Method::Async,
    Method::Rwp,
    Method::Sync,
    Method::Sigsegv,
    Method::Compare,
];

fn calls_plot(data: &Data) -> String {
    let rows = data.calls.iter().map(|call| {
        let dots = CONTENDERS.iter().enumerate().filter_map(|(series, name)| {
            let ratio = &call.contender(name)?.ratio;
            Some(Dot {
                series,
                value: ratio.median,
                low: ratio.low,
                high: ratio.high,
            })
        });
        (call.name.clone(), dots.collect())
    });
    Plot {
        title: "The cost of one call",
        scale: "ratio to hand-written asm!, median and its 95 % interval; left is faster",
        logarithmic: false,
        series: &CONTENDERS,
        rows: rows.collect(),
    }
    .svg()
}

fn faults_plot(data: &Data) -> String {
    let rows = data.faults.iter().map(|handler| {
        let times = [
            handler.ours.p50,
            handler.c.p50,
            handler.ours.p99,
            handler.ours.p999,
        ];
        (
            handler.name.clone(),
            times
                .iter()
                .enumerate()
                .map(|(i, &time)| Dot::at(i, time))
                .collect(),
        )
    });
    Plot {
        title: "A fault's round trip, by handler",
        scale: "nanoseconds from the touch of a missing page until the thread goes on",
        logarithmic: true,
        series: &[
            "uffd-sys, median",
            "C through libc, median",
            "uffd-sys, 99 %",
            "uffd-sys, 99.9 %",
        ],
        rows: rows.collect(),
    }
    .svg()
}

fn totals(situation: &Situation) -> Vec<Dot> {
    let dots = METHODS.iter().enumerate().filter_map(|(series, &method)| {
        let total = &situation.method(method)?.total;
        Some(Dot {
            series,
            value: total.median,
            low: total.q1,
            high: total.q3,
        })
    });
    dots.collect()
}

fn compared(data: &Data) -> Vec<&Situation> {
    let growth: Vec<u64> = data.growth().iter().map(|s| s.bytes).collect();
    let usual = data
        .tracking
        .iter()
        .find(|s| s.control.is_some())
        .map(|s| s.bytes);
    let is_compared = |s: &&Situation| {
        s.control.is_none()
            && (!s.pages.starts_with("4 KiB")
                || Some(s.bytes) == usual
                || !growth.contains(&s.bytes))
    };
    data.tracking.iter().filter(is_compared).collect()
}

fn tracking_plot(title: &str, mut rows: Vec<(String, Vec<Dot>)>) -> String {
    // Methods that this kernel lacks are not in the legend.
    let dots = || rows.iter().flat_map(|(_, dots)| dots);
    let used: Vec<usize> = (0..METHODS.len())
        .filter(|&n| dots().any(|dot| dot.series == n))
        .collect();
    let names: Vec<&str> = used.iter().map(|&n| METHODS[n].name()).collect();
    for dot in rows.iter_mut().flat_map(|(_, dots)| dots) {
        dot.series = used.iter().position(|&n| n == dot.series).unwrap_or(0);
    }
    Plot {
        title,
        scale: "nanoseconds for each written page, of a whole epoch: arm, write, collect",
        logarithmic: true,
        series: &names,
        rows,
    }
    .svg()
}

fn methods_plot(data: &Data) -> String {
    let rows = compared(data).into_iter().map(|s| {
        let pages = s
            .pages
            .replace("transparent huge pages", "THP")
            .replace("hugetlb, 2 MiB pages", "hugetlb");
        (
            format!("{}, {} % {}", pages, s.percent, s.pattern),
            totals(s),
        )
    });
    tracking_plot("Dirty tracking, by method", rows.collect())
}

fn growth_plot(data: &Data) -> String {
    let rows = data
        .growth()
        .into_iter()
        .map(|s| (format!("{} MiB", s.bytes >> 20), totals(s)));
    tracking_plot("Dirty tracking, by the region's size", rows.collect())
}

fn document(data: &Data) -> String {
    let mut out = String::from(
        "# Performance\n\n\
         Made by `make bench` from one run's data (`performance/data.json`); nothing here is\n\
         written by hand. Times are nanoseconds. All contenders of a comparison ran in\n\
         turns, in changing order, in the same processes; ratios are of the same round.\n\n",
    );
    if data.short {
        out += "**This was a short run: do not rely on it.**\n\n";
    }
    machine(data, &mut out);
    advice(data, &mut out);
    bounds(data, &mut out);
    calls(data, &mut out);
    if let Some(counted) = &data.instructions {
        instructions(counted, &mut out);
    }
    faults(data, &mut out);
    tracking(data, &mut out);
    if let Some(builds) = &data.builds {
        build(builds, &mut out);
    }
    out
}

fn machine(data: &Data, out: &mut String) {
    let m = &data.machine;
    let _ = write!(
        out,
        "## The machine\n\n| | |\n|---|---|\n| date | {} |\n| processor | {}, {} used{} |\n| memory | {} MiB |\n\
         | kernel | {} |\n| mitigations | {} |\n| transparent huge pages | `{}` |\n| compilers | {}; {} |\n\
         | load average before the run | {} |\n\n",
        m.date, m.processor, m.processors, if m.hypervisor { ", in a virtual machine" } else { "" }, m.memory_mib,
        m.kernel, m.mitigations.join("; "), m.transparent_huge_pages, m.rustc, m.cc, m.load
    );
    for what in &data.left_out {
        let _ = writeln!(out, "Left out: {what}.\n");
    }
}

/// The cheapest of the methods, in words that follow from the numbers.
fn advice(data: &Data, out: &mut String) {
    *out += "## Which method when\n\nThe cheapest way to learn what was written, for each situation, and how much\n\
             more the others cost.\n\n| situation | cheapest | ns a written page | the others |\n|---|---|--:|---|\n";
    for s in compared(data) {
        let mut methods: Vec<_> = METHODS
            .iter()
            .filter_map(|&m| Some((m.name(), s.method(m)?.total.median)))
            .collect();
        methods.sort_by(|a, b| a.1.total_cmp(&b.1));
        let Some((&(name, cost), others)) = methods.split_first() else {
            continue;
        };
        let others: Vec<String> = others
            .iter()
            .map(|(name, other)| format!("{name} {:.1} ×", other / cost))
            .collect();
        let _ = writeln!(
            out,
            "| {} | {name} | {} | {} |",
            s.title(),
            ns(cost),
            others.join(", ")
        );
    }
    if let Some(best) = data
        .faults
        .iter()
        .min_by(|a, b| a.ours.p50.total_cmp(&b.ours.p50))
    {
        let _ = writeln!(
            out,
            "\nWhere each fault must be handled before the thread goes on, the quickest handler\n\
             was \"{}\" with {} ns in the median.",
            best.name,
            ns(best.ours.p50)
        );
    }
    *out += "\nThe asynchronous methods do not stop the writer, so they cannot save a page\nbefore it changes: \
             a snapshot of one moment needs write-protection with a handler.\n\n";
}

fn bounds(data: &Data, out: &mut String) {
    *out += "## The bounds\n\nThe ratio's median, and in brackets the interval that holds the true one with 95 %\n\
             probability. In each comparison one contender runs twice, as a control. Where these\n\
             two differ by more than 3 %, nothing is concluded that noise of this size could change.\n\n\
             | what | at most | measured | |\n|---|--:|---|---|\n";
    for target in data.targets() {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            target.what,
            target.bound,
            target.measured,
            target.verdict.text()
        );
    }
    *out += "\n";
}

fn calls(data: &Data, out: &mut String) {
    let _ = write!(
        out,
        "## The cost of one call\n\n![ratios](performance/calls.svg)\n\nThe median of {} processes' rounds, and the quartiles.\n\
         Each process lies at other addresses: with an unlucky one the processor mispredicts\n\
         after the system call, whatever the code.\n\n| call |",
        data.processes
    );
    for name in CONTENDERS {
        let _ = write!(out, " {name} |");
    }
    *out += "\n|---|--:|--:|--:|--:|--:|--:|\n";
    for call in &data.calls {
        let _ = write!(out, "| {} |", call.name);
        for name in CONTENDERS {
            let _ = match call.contender(name) {
                Some(c) => write!(
                    out,
                    " {} ({} to {}) |",
                    ns(c.ns.median),
                    ns(c.ns.q1),
                    ns(c.ns.q3)
                ),
                None => write!(out, " - |"),
            };
        }
        *out += "\n";
    }
    *out += "\n";
}

fn instructions(counted: &[Counted], out: &mut String) {
    *out += "## The instructions of one call\n\nIn user space, of a function that makes the call and returns its result, counted\n\
             by callgrind. \"Same contract\" is that of ioctl(2): -1 and `errno` on failure.\n\n| call |";
    let names: Vec<&String> = counted[0].counts.iter().map(|(name, _)| name).collect();
    for name in &names {
        let _ = write!(out, " {name} |");
    }
    let _ = writeln!(out, "\n|---|{}", "--:|".repeat(names.len()));
    for call in counted {
        let _ = write!(out, "| {} |", call.call);
        for (_, count) in &call.counts {
            let _ = write!(out, " {count} |");
        }
        *out += "\n";
    }
    *out += "\n";
}

fn faults(data: &Data, out: &mut String) {
    *out += "## A fault's round trip\n\n![percentiles](performance/faults.svg)\n\nA thread touches a missing page; \
             the handler fills it with UFFDIO_COPY. The two\nthreads are bound to two processors, where not said otherwise.\n\n\
             | handler | p50 | p99 | p99.9 | faults | in C: p50 | p99 | p99.9 |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    for h in &data.faults {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            h.name,
            ns(h.ours.p50),
            ns(h.ours.p99),
            ns(h.ours.p999),
            h.ours.faults,
            ns(h.c.p50),
            ns(h.c.p99),
            ns(h.c.p999)
        );
    }
    *out += "\n";
}

fn tracking(data: &Data, out: &mut String) {
    *out += "## Dirty tracking\n\n![methods](performance/methods.svg)\n\n![growth](performance/growth.svg)\n\n\
             An epoch: begin (arm), write, learn what was written (collect). The asynchronous\n\
             methods begin the next epoch while they collect. Each epoch's answer was compared\n\
             with what was written: exactly these pages.\n\n\
             - first arm, arm, collect: ns a page of the region; write, epoch: ns a written page\n\
             - plain: the same write without tracking\n- memory: the most that the tracker had allocated, the answer included\n\
             - mappings: that the region is split into; `vm.max_map_count` limits a process's\n\n";
    for s in &data.tracking {
        let _ = write!(
            out,
            "### {}{}\n\n| method | first arm | arm | write | plain | collect | epoch | memory | mappings |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            s.title(),
            if s.control.is_some() { " (the bounds)" } else { "" }
        );
        for t in &s.methods {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | **{}** | {} | {} |",
                t.name,
                ns(t.first_arm),
                ns(t.arm.median),
                ns(t.write.median),
                ns(t.plain_write),
                ns(t.collect.median),
                ns(t.total.median),
                bytes(t.memory as u64),
                t.mappings
            );
        }
        for (method, why) in &s.failed {
            let _ = writeln!(out, "\n{method}: {why}.");
        }
        for t in s.methods.iter().filter(|t| t.huge[0] > 0) {
            let _ = writeln!(
                out,
                "\n{}: mapped by huge pages before {}, after {}.",
                t.name,
                bytes(t.huge[0]),
                bytes(t.huge[1])
            );
        }
        *out += "\n";
    }
}

fn build(builds: &[Build], out: &mut String) {
    *out += "## A consumer's cold build\n\n`cargo build` with an empty target folder, everything downloaded. Seconds.\n\n\
             | dependency | median | to libc alone | to userfaultfd-sys 0.6 |\n|---|--:|--:|--:|\n";
    for b in builds {
        let _ = writeln!(
            out,
            "| {} | {:.2} | {:.2} | {:.2} |",
            b.name,
            b.time.median / 1e9,
            b.to_libc.median,
            b.to_sys.median
        );
    }
    *out += "\n";
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Nobody edited the document by hand, and nobody forgot to make it anew.
    #[test]
    fn the_committed_document_is_what_its_data_says() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let data = fs::read_to_string(docs.join("performance/data.json")).expect("run: make bench");
        let data = serde_json::from_str(&data).expect("the data of a run");
        for (name, text) in super::render(&data) {
            let committed = fs::read_to_string(docs.join(&name)).unwrap_or_default();
            assert!(
                committed == text,
                "docs/{name} is not what its data says. Run: make bench-report"
            );
        }
    }
}
