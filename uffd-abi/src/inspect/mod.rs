//! `uffd-abi inspect`: where the threads of a running process wait for a
//! userfaultfd's handler, and whether they will ever go on. It owns the readers of
//! /proc and the verdicts, which `inject` uses, too; it changes nothing.
//!
//! - `texts`: the files of /proc, parsed
//! - `process`: one process; `scene`: with those that belong to it
//! - `verdict`: what is wrong; `picture`: how it is shown

pub mod picture;
pub mod process;
pub mod scene;
pub mod texts;
pub mod verdict;

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::InspectArgs;
use crate::findings::{Check, Exit, Finding, Severity};
use crate::output::{paint, Output, BAD, GOOD, HEAD};
use process::Unseen;
use scene::Scene;
use verdict::Verdict;

/// How long threads must stay where they are until that is "stuck".
const OBSERVED: Duration = Duration::from_millis(500);
/// Between two looks.
const STEP: Duration = Duration::from_millis(50);
/// Looks that a verdict needs.
const FEW: usize = 3;
/// Between two pictures of --watch.
const PICTURE: Duration = Duration::from_millis(250);

/// Runs the command.
pub fn run(args: &InspectArgs, out: &mut Output) -> Exit {
    let result = if args.watch {
        watch(args.pid, out)
    } else {
        observe(args.pid)
    };
    let mut check = Check::new(format!("process {}", args.pid));
    let summary = match result {
        Ok(seen) => {
            check.compared = 1;
            if !args.watch {
                show(&seen, out);
            }
            let verdict = seen.verdict;
            if verdict.is_stuck() {
                check.findings.push(stuck(verdict, seen.observed));
            }
            out.data("inspect", seen.value());
            match verdict {
                _ if seen.scene.target.descriptors.is_empty()
                    && seen.scene.target.ranges.is_empty()
                    && !verdict.is_stuck() =>
                {
                    "nothing of userfaultfd in this process".to_owned()
                }
                Verdict::NothingWaits | Verdict::Passing => format!("fine: {}", verdict.sentence()),
                _ => format!("stuck: {}", verdict.sentence()),
            }
        }
        Err(unseen) => {
            let message = format!("cannot see it: {unseen}");
            let mut finding = Finding::new(Severity::Unchecked, "unseen", "", message);
            finding.why = Some(unseen.remedy().to_owned());
            check.findings.push(finding);
            "the process could not be looked at".to_owned()
        }
    };
    out.check(check);
    out.finish(&summary)
}

fn stuck(verdict: Verdict, observed: Duration) -> Finding {
    let message = match verdict {
        Verdict::ClosedUnderWaiters => verdict.sentence().to_owned(),
        _ => format!(
            "{}, all the {:.1} s that it was observed",
            verdict.sentence(),
            observed.as_secs_f64()
        ),
    };
    let mut finding = Finding::new(Severity::Error, "stuck", "", message);
    finding.why = Some(verdict.why().to_owned());
    finding
}

/// What was seen last, and what it amounts to.
#[derive(Debug)]
pub struct Seen {
    pub scene: Scene,
    pub verdict: Verdict,
    pub observed: Duration,
}

impl Seen {
    /// For programs.
    pub fn value(&self) -> serde_json::Value {
        picture::value(&self.scene, self.verdict, self.observed.as_secs_f64())
    }
}

/// Looks at a process until it is plain that nothing is stuck, and for
/// [`OBSERVED`] at most.
///
/// # Errors
///
/// The process cannot be seen.
pub fn observe(pid: u32) -> Result<Seen, Unseen> {
    let mut looks = Looks::begin(pid)?;
    loop {
        let verdict = looks.verdict();
        let enough = looks.began.elapsed() >= OBSERVED && looks.count >= FEW;
        if !verdict.is_stuck() && looks.count >= FEW || looks.lost || enough {
            return Ok(looks.seen());
        }
        // Nothing waited at the first look.
        if looks.last.total() == 0 && looks.last.waiters().next().is_none() {
            return Ok(looks.seen());
        }
        sleep(STEP);
        looks.look()?;
    }
}

/// A series of looks.
struct Looks {
    began: Instant,
    /// Since when the same threads wait.
    first: Scene,
    last: Scene,
    count: usize,
    /// A descriptor was closed under waiters.
    lost: bool,
}

impl Looks {
    fn begin(pid: u32) -> Result<Looks, Unseen> {
        let first = Scene::look(pid)?;
        Ok(Looks {
            began: Instant::now(),
            last: first.clone(),
            first,
            count: 1,
            lost: false,
        })
    }

    fn look(&mut self) -> Result<(), Unseen> {
        let next = Scene::look_again(&self.last)?;
        // Stuck at two looks before: a handler that was about to fill the page and
        // close would not have been.
        let closed = verdict::of(&self.last, &next) == Verdict::ClosedUnderWaiters;
        self.lost |= closed && self.count >= FEW && self.verdict().is_stuck();
        self.last = next;
        self.count += 1;
        Ok(())
    }

    fn verdict(&self) -> Verdict {
        match verdict::of(&self.first, &self.last) {
            _ if self.lost => Verdict::ClosedUnderWaiters,
            Verdict::ClosedUnderWaiters => Verdict::NothingWaits,
            verdict => verdict,
        }
    }

    fn seen(self) -> Seen {
        Seen {
            verdict: self.verdict(),
            scene: self.last,
            observed: self.began.elapsed(),
        }
    }
}

fn show(seen: &Seen, out: &mut Output) {
    for line in picture::lines(&seen.scene) {
        let style = if line.starts_with(' ') {
            anstyle::Style::new()
        } else {
            HEAD
        };
        out.wrapped(style, &line, "      ");
    }
}

/// Shows the process until it exits: on a terminal in place, else whenever the
/// verdict changes.
fn watch(pid: u32, out: &mut Output) -> Result<Seen, Unseen> {
    let mut looks = Looks::begin(pid)?;
    let (mut drawn, mut told) = (0, None);
    while looks.count < FEW {
        sleep(STEP);
        looks.look()?;
    }
    loop {
        let verdict = looks.verdict();
        let line = paint(
            if verdict.is_stuck() { BAD } else { GOOD },
            format!(
                "{:6.1} s  {}",
                looks.began.elapsed().as_secs_f64(),
                verdict.sentence()
            ),
        );
        if out.is_live() {
            let mut lines = picture::lines(&looks.last);
            lines.truncate(out.rows().saturating_sub(2));
            // What is left of a higher picture is wiped.
            lines.resize(lines.len().max(drawn), String::new());
            out.cursor_up(drawn + usize::from(told.is_some()));
            let width = out.width();
            for line in &lines {
                let line: String = line.chars().take(width).collect();
                out.line(format!("{line:<width$}"));
            }
            out.line(format!(
                "{line}{:width$}",
                "",
                width = width.saturating_sub(60)
            ));
            (drawn, told) = (lines.len(), Some(verdict));
        } else if told != Some(verdict) {
            out.line(line);
            out.show_now();
            told = Some(verdict);
        }
        sleep(if verdict.is_stuck() { STEP } else { PICTURE }.max(STEP));
        match looks.look() {
            Ok(()) => {}
            Err(Unseen::Gone) => {
                // How it ended is how it was last seen, unless that was its end.
                return Ok(looks.seen());
            }
            Err(unseen) => return Err(unseen),
        }
        if !looks.verdict().is_stuck() {
            // A new series: what waits from here on.
            looks.first = looks.last.clone();
        }
    }
}
