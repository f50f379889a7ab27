//! docs/performance.md and its plots, made from a run's data alone. It may use the
//! names of the experiments' groups, and the plots beside it.

mod calls;
mod decide;
mod emulated;
mod growth;
mod jobs;
mod plots;
mod text;
mod tracking;

use std::fmt::Write;

use crate::data::Data;
use crate::targets;
use text::{interval_of, table};

/// The files, by their path under `docs/`.
pub fn render(data: &Data) -> Vec<(String, String)> {
    let mut files = vec![("performance.md".to_string(), document(data))];
    for (name, svg) in plots::all(data) {
        files.push((format!("performance/{name}.svg"), svg));
    }
    files
}

/// What makes the figures worthless comes first.
fn warnings(data: &Data, out: &mut String) {
    if data.short {
        *out += "**This was a short run: it shows that all of it works, and no figure.**\n\n";
    }
    let loaded = data.experiments.iter();
    let loaded: Vec<String> = loaded
        .filter_map(|e| Some(format!("{}: {}", e.name, e.load.is_loaded()?)))
        .collect();
    if !loaded.is_empty() {
        let _ = write!(
            out,
            "**The machine was loaded while this was measured, so conclude nothing from it:\n{}.**\n\n",
            loaded.join(";\n")
        );
    }
    let stolen = data.experiments.iter();
    let stolen: Vec<String> = stolen
        .filter(|e| e.load.stolen() > 0.01)
        .map(|e| format!("{} {:.0} %", e.name, 100.0 * e.load.stolen()))
        .collect();
    if !stolen.is_empty() {
        let _ = write!(
            out,
            "**The hypervisor gave a part of the time to others** ({}): times here may be too long \
             by\nas much, and the verdicts allow for it.\n\n",
            stolen.join(", ")
        );
    }
}

fn document(data: &Data) -> String {
    let mut out = String::from("# Performance\n\n");
    warnings(data, &mut out);
    out += "Made by `make bench` from the data in `performance/data.json`; nothing here is written\n\
            by hand. What is compared ran in turns in the same processes. Each figure is the median\n\
            over processes, and each process gives one figure, the median of its rounds, in which\n\
            all contenders take turns. Each experiment stands by itself: one that was stopped,\n\
            disturbed or changed was measured again alone. Brackets hold the interval that has the\n\
            true median with a probability of 95 % or more.\n\n";
    decide::section(data, &mut out);
    plots::section(data, &mut out);
    bounds(data, &mut out);
    tracking::section(data, &mut out);
    emulated::section(data, &mut out);
    jobs::lazy(data, &mut out);
    jobs::snapshots(data, &mut out);
    jobs::faults(data, &mut out);
    growth::section(data, &mut out);
    calls::section(data, &mut out);
    build(data, &mut out);
    machine(data, &mut out);
    out
}

fn bounds(data: &Data, out: &mut String) {
    let targets = targets::all(data);
    let _ = write!(
        out,
        "## The bounds\n\n{}. A bound inside the interval is undecided. Where\n\
         two pieces of code are compared that do the same, a copy of one of them at another\n\
         address is measured too, and the interval is widened by what the two copies differ:\n\
         that is what this machine adds to a comparison. Where there is no such copy it is\n\
         widened by the part of the time that the hypervisor gave to others.\n\n",
        targets::summary(&targets)
    );
    let rows = targets.into_iter().map(|t| {
        let verdict = t.verdict.text().to_string();
        vec![t.what, t.bound, t.measured, verdict]
    });
    table(out, &["what", "bound", "measured", ""], rows);
}

fn build(data: &Data, out: &mut String) {
    let Some(builds) = &data.builds else { return };
    *out += "## A consumer's cold build\n\n`cargo build` with an empty target folder, everything \
             downloaded. Seconds.\n\n";
    let rows = builds.iter().map(|b| {
        let seconds: Vec<f64> = b.times.iter().map(|ns| ns / 1e9).collect();
        vec![b.name.clone(), interval_of(&seconds, |s| format!("{s:.2}"))]
    });
    table(out, &["dependency", "seconds"], rows);
}

fn machine(data: &Data, out: &mut String) {
    let m = &data.machine;
    *out += "## The machine and the run\n\n";
    let virtual_one = if m.hypervisor {
        ", in a virtual machine"
    } else {
        ""
    };
    let mut rows = vec![
        vec![
            "processor".into(),
            format!("{}, {} used{virtual_one}", m.processor, m.processors),
        ],
        vec!["memory".into(), format!("{} MiB", m.memory_mib)],
        ["kernel", &m.kernel].map(String::from).to_vec(),
        vec!["mitigations".into(), m.mitigations.join("; ")],
        vec![
            "transparent huge pages".into(),
            format!("`{}`", m.transparent_huge_pages),
        ],
        vec!["compilers".into(), format!("{}; {}", m.rustc, m.cc)],
    ];
    for e in &data.experiments {
        let (others, steal) = e.load.parts();
        let text = format!(
            "{}: {} processes, {:.0} s; other programs {:.1} % of the processors' time, stolen {:.1} %; \
             disturbed and run again: {}",
            e.date,
            e.processes,
            e.load.wall,
            100.0 * others,
            100.0 * steal,
            e.again
        );
        rows.push(vec![e.name.clone(), text]);
    }
    table(out, &["", ""], rows.into_iter());
    for note in data.experiments.iter().flat_map(|e| &e.notes) {
        let _ = writeln!(out, "Left out: {note}.\n");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::data::FORMAT;

    /// What the document must say while its figures are those of an older program.
    const OLDER: &str = "**The figures are an older program's.**";

    /// Nobody edited the document by hand, and nobody forgot to make it anew.
    #[test]
    fn the_committed_document_is_what_its_data_says() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let data = fs::read_to_string(docs.join("performance/data.json")).expect("run: make bench");
        let format: serde_json::Value = serde_json::from_str(&data).expect("data.json");
        if format["format"] != FORMAT {
            let committed =
                fs::read_to_string(docs.join("performance.md")).expect("run: make bench");
            assert!(
                committed.contains(OLDER),
                "an older format. Run: make bench"
            );
            return;
        }
        let data: Data = serde_json::from_str(&data)
            .expect("data.json is not of this program's format. Run: make bench");
        for (name, text) in render(&data) {
            let committed = fs::read_to_string(docs.join(&name)).unwrap_or_default();
            assert!(
                committed == text,
                "docs/{name} is not what its data says. Run: make bench-report"
            );
        }
    }
}
