//! An experiment: processes that measure the same, and their figures side by side.
//!
//! Where code and memory lie decides much: with an unlucky address a loop is half as
//! fast, whatever it does. So each process gives one figure, and there are several.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::load::{Load, Watch};
use crate::stats::{ratio, Interval};

/// What one process measures.
pub struct Plan<'a> {
    pub short: bool,
    /// For files.
    pub folder: &'a str,
    pub sheet: Sheet,
}

/// What one process found.
#[derive(Default, Serialize, Deserialize)]
pub struct Sheet {
    figures: Vec<(String, String, String, f64)>,
    /// What could not be measured, and why.
    notes: Vec<String>,
}

impl Sheet {
    /// Notes a figure, the median of this process's rounds.
    pub fn put(&mut self, group: &str, contender: &str, metric: &str, value: f64) {
        assert!(value.is_finite(), "{group}, {contender}, {metric}: {value}");
        // Digits that mean nothing would fill the data's file.
        let value = format!("{value:.4e}").parse().expect("a number");
        self.figures
            .push((group.into(), contender.into(), metric.into(), value));
    }

    pub fn note(&mut self, what: String) {
        if !self.notes.contains(&what) {
            self.notes.push(what);
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Experiment {
    pub name: String,
    /// When it ended, in UTC.
    pub date: String,
    pub processes: usize,
    /// Processes that others disturbed, and that are not among the figures.
    pub again: usize,
    pub load: Load,
    pub notes: Vec<String>,
    pub figures: Vec<Figure>,
}

#[derive(Serialize, Deserialize)]
pub struct Figure {
    pub group: String,
    pub contender: String,
    pub metric: String,
    /// One of each process, in the same order everywhere.
    pub values: Vec<f64>,
}

impl Experiment {
    pub fn of(&self, group: &str, contender: &str, metric: &str) -> Option<&[f64]> {
        let is = |f: &&Figure| f.group == group && f.contender == contender && f.metric == metric;
        self.figures.iter().find(is).map(|f| &f.values[..])
    }

    /// The ratio of two contenders in one group.
    pub fn ratio(&self, group: &str, metric: &str, of: &str, to: &str) -> Option<Interval> {
        Some(ratio(
            self.of(group, of, metric)?,
            self.of(group, to, metric)?,
        ))
    }

    /// The factor by which a ratio of this experiment is uncertain beyond its interval:
    /// what two copies of one code differ by here; without such a control, what the
    /// hypervisor may have taken from one contender alone.
    pub fn noise(&self, control: Option<&Interval>) -> f64 {
        control.map_or(1.0 + self.load.stolen(), Interval::noise)
    }

    /// Each group once, in the order of measuring.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for figure in &self.figures {
            if !groups.contains(&&figure.group[..]) {
                groups.push(&figure.group);
            }
        }
        groups
    }

    pub fn contenders(&self, group: &str) -> Vec<&str> {
        let mut contenders: Vec<&str> = Vec::new();
        for figure in self.figures.iter().filter(|f| f.group == group) {
            if !contenders.contains(&&figure.contender[..]) {
                contenders.push(&figure.contender);
            }
        }
        contenders
    }
}

fn add(figures: &mut Vec<Figure>, [group, contender, metric]: [String; 3], value: f64) {
    let is = |f: &&mut Figure| (&f.group, &f.contender, &f.metric) == (&group, &contender, &metric);
    match figures.iter_mut().find(is) {
        Some(figure) => figure.values.push(value),
        None => figures.push(Figure {
            group,
            contender,
            metric,
            values: vec![value],
        }),
    }
}

/// What only some processes could measure, for lack of memory for instance, compares
/// with nothing. Says what it was.
fn drop_incomplete(figures: &mut Vec<Figure>, processes: usize) -> Vec<String> {
    let mut notes = Vec::new();
    figures.retain(|f| {
        let is_whole = f.values.len() == processes;
        if !is_whole {
            let (measured, group, contender) = (f.values.len(), &f.group, &f.contender);
            notes.push(format!(
                "{group}, {contender}: measured in {measured} of {processes} processes"
            ));
        }
        is_whole
    });
    notes.dedup();
    notes
}

/// The processes' figures side by side, and what was left out.
pub fn together(sheets: &[Sheet]) -> (Vec<Figure>, Vec<String>) {
    let (mut figures, mut notes): (Vec<Figure>, Vec<String>) = (Vec::new(), Vec::new());
    for sheet in sheets {
        for (group, contender, metric, value) in &sheet.figures {
            let names = [group, contender, metric].map(String::clone);
            add(&mut figures, names, *value);
        }
        let new: Vec<_> = sheet.notes.iter().filter(|n| !notes.contains(n)).collect();
        notes.extend(new.into_iter().cloned());
    }
    notes.extend(drop_incomplete(&mut figures, sheets.len()));
    (figures, notes)
}

/// Measures in so many processes of this program, one after the other. A process beside
/// which others worked counts for nothing and is run again, as often as there are
/// processes: what is left out is decided by the load alone, not by the figures.
pub fn measure(
    name: &str,
    processes: usize,
    short: bool,
    folder: &str,
    said: &str,
) -> io::Result<Experiment> {
    let (mut sheets, mut load, mut again) = (Vec::new(), Load::default(), 0);
    let mut process = 0;
    while process < processes {
        let watch = Watch::start();
        let sheet = one_process(name, process, short, folder)?;
        let beside = watch.load();
        eprintln!(
            "{said} {name}: process {} of {processes}, {:.0} s",
            process + 1,
            beside.wall
        );
        if let (false, true, Some(why)) = (short, again < processes, beside.is_loaded()) {
            eprintln!("{name}: {why}. Once more.");
            again += 1;
            continue;
        }
        process += 1;
        load = load.and(beside);
        sheets.push(sheet);
    }
    let (figures, notes) = together(&sheets);
    if let Some(why) = load.is_loaded() {
        eprintln!("{name}: {why}. These figures decide nothing.");
    }
    Ok(Experiment {
        name: name.to_string(),
        date: crate::machine::date(),
        processes,
        again,
        load,
        notes,
        figures,
    })
}

fn one_process(name: &str, process: usize, short: bool, folder: &str) -> io::Result<Sheet> {
    let effort = if short { "short" } else { "long" };
    let child = Command::new(std::env::current_exe()?)
        .args(["measure", name, effort, folder, &process.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    // What one that failed left behind.
    let _ = std::fs::remove_dir_all(scratch(folder, pid));
    if !output.status.success() {
        let why = format!("{name}: the process that measures failed");
        return Err(io::Error::other(why));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Where a process has its files: in memory, because what a disk adds, it adds to both.
pub fn scratch(otherwise: &str, pid: u32) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() {
        memory
    } else {
        Path::new(otherwise)
    };
    base.join(format!("uffd-bench-{pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_processes_lack_is_left_out_and_said() {
        let mut figures = Vec::new();
        for (contender, value) in [("a", 1.0), ("b", 2.0), ("a", 3.0)] {
            add(
                &mut figures,
                ["g", contender, "ns"].map(String::from),
                value,
            );
        }
        let notes = drop_incomplete(&mut figures, 2);
        assert_eq!(notes, ["g, b: measured in 1 of 2 processes"]);
        assert_eq!(
            (figures.len(), &figures[0].values[..]),
            (1, &[1.0, 3.0][..])
        );
    }
}
