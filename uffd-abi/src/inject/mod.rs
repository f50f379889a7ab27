//! `uffd-abi inject`: runs a command once for each kind of disturbance, and sees
//! whether it still succeeds. It owns the seccomp listener and the processes under
//! it, and may use `inspect` to see why one hangs.
//!
//! - `kinds`: the disturbances; `disturb`: what a call is answered
//! - `launch`: the command in a namespace of its own; `filter`: what it shows
//! - `calls`: a call, and the memory that it names
//! - `supervise`: one run; `stuck`: whether it will ever go on

mod calls;
mod disturb;
mod filter;
pub mod kinds;
mod launch;
mod stuck;
mod supervise;

use std::time::Duration;

use clap::ValueEnum;
use serde_json::{json, Value};

use crate::cli::InjectArgs;
use crate::findings::{Check, Exit, Finding, Severity};
use crate::inspect::picture;
use crate::output::{paint, Output, BAD, DIM, GOOD, WARN};
use kinds::Kind;
use launch::Ending;
use stuck::State;
use supervise::{Outcome, Plan, Ran};

/// A run is given up after so many times the user's patience,
const PATIENT: u32 = 12;
/// and so many times what it took without a disturbance.
const SLOWER: u32 = 20;

/// Runs the command.
pub fn run(args: &InjectArgs, out: &mut Output) -> Exit {
    let mut values = vec![];
    let summary = match runs(args, out, &mut values) {
        Ok(summary) => summary,
        Err(finding) => {
            let mut check = Check::new("inject");
            check.findings.push(*finding);
            out.check(check);
            "the handler was not tested".to_owned()
        }
    };
    out.data("inject", json!({ "seed": args.seed, "runs": values }));
    out.finish(&summary)
}

fn unchecked(kind: &'static str, message: impl Into<String>, why: &str) -> Box<Finding> {
    let mut finding = Finding::new(Severity::Unchecked, kind, "", message);
    finding.why = Some(why.to_owned()).filter(|why| !why.is_empty());
    Box::new(finding)
}

fn runs(
    args: &InjectArgs,
    out: &mut Output,
    values: &mut Vec<Value>,
) -> Result<String, Box<Finding>> {
    if !filter::is_supported() || !filter::can_listen() {
        let why = "seccomp's user notification came with Linux 5.0; CONFIG_SECCOMP_FILTER must be \
                   on, and the processor one that this tool knows.";
        return Err(unchecked(
            "no-listener",
            "calls cannot be disturbed here",
            why,
        ));
    }
    let (killable, takes) = (filter::can_wait_killable(), calls::can_take_descriptors());
    let patience = Duration::from_secs(args.timeout.into());
    let mut plan = Plan {
        command: &args.command,
        kind: None,
        seed: args.seed,
        patience,
        limit: patience * PATIENT,
        killable,
    };
    plan.limit += undisturbed(&plan, out, values)? * SLOWER;
    let kinds = if args.only.is_empty() {
        Kind::value_variants()
    } else {
        &args.only
    };
    let (mut survived, mut wrong, mut met, mut not_run) = (0, 0, 0, 0);
    for kind in kinds {
        let name = format!("{}: {}", kind.name(), kind.about());
        let lacks = if kind.takes_the_descriptor() && !takes {
            Some(
                "pidfd_getfd(2) is refused here: it came with Linux 5.6, and a container's \
                 profile may deny it (--cap-add SYS_PTRACE)",
            )
        } else if kind.does_the_call() && !killable {
            Some("this kernel cannot keep a signal from restarting a call (Linux 5.19 can)")
        } else {
            None
        };
        if let Some(why) = lacks {
            out.line(line(*kind, &paint(WARN, "not run"), why));
            out.record(Check::skip(name, why));
            not_run += 1;
            continue;
        }
        plan.kind = Some(*kind);
        let ran = supervise::run(&plan).map_err(|why| unchecked("not-started", why, ""))?;
        values.push(value(Some(*kind), &ran));
        let check = judge(*kind, name, &ran, out);
        survived += usize::from(check.compared > 0 && check.findings.is_empty());
        wrong += usize::from(check.worst() == Some(Severity::Error));
        met += usize::from(ran.met > 0);
        out.check(check);
    }
    let seed = args.seed;
    let summary = match (met, wrong) {
        (0, 0) if not_run == kinds.len() => return Ok("no kind can be run here".to_owned()),
        (0, 0) => "no disturbance was met: the program made none of these calls".to_owned(),
        (met, 0) if met == survived => {
            format!("survived all {met} kinds that it met (seed {seed})")
        }
        (met, wrong) => format!("{survived} of {met} kinds survived, {wrong} not (seed {seed})"),
    };
    Ok(match not_run {
        0 => summary,
        _ => format!("{summary}; {not_run} not run here"),
    })
}

/// The command must succeed by itself, and have a userfaultfd; how long it took.
fn undisturbed(
    plan: &Plan<'_>,
    out: &mut Output,
    values: &mut Vec<Value>,
) -> Result<Duration, Box<Finding>> {
    let ran = supervise::run(plan).map_err(|why| unchecked("not-started", why, ""))?;
    values.push(value(None, &ran));
    let words = said(&ran);
    match &ran.outcome {
        Outcome::Ended(Ending::Code(0)) => {}
        Outcome::Ended(ending) => {
            let message = format!(
                "the command fails without any disturbance: {}",
                ended(*ending)
            );
            return Err(unchecked("fails", message, &words));
        }
        Outcome::Hung(..) | Outcome::Slow => {
            let message = "the command does not end by itself, without any disturbance";
            let why = "It must end, with exit code 0 for success; its standard input is empty. \
                       Give a test of the handler, or a script that ends it; a slow one needs a \
                       longer --timeout.";
            return Err(unchecked("endless", message, why));
        }
    }
    if ran.calls.is_empty() && ran.unseen > 0 {
        let why = "Root (sudo) and whoever has CAP_SYS_PTRACE can. Others can if the program may \
                   be read by its user, and kernel.yama.ptrace_scope is below 2.";
        return Err(unchecked(
            "unseen",
            "the program's calls cannot be read: /proc/PID/mem: permission denied",
            why,
        ));
    }
    if ran.calls.is_empty() {
        let why = "No call on one passed the filter: read(2), poll(2), ppoll(2) and ioctl(2) are \
                   seen; readv(2), epoll and io_uring are not.";
        return Err(unchecked(
            "no-userfaultfd",
            "the program never used a userfaultfd",
            why,
        ));
    }
    let calls: u64 = ran.calls.values().sum();
    out.line(format!(
        "  {:<14} {}  {calls} calls, {:.1} s",
        "undisturbed",
        paint(GOOD, "succeeds"),
        ran.took.as_secs_f64()
    ));
    Ok(ran.took)
}

fn line(kind: Kind, verdict: &str, rest: &str) -> String {
    format!("  {:<14} {verdict}  {rest}", kind.name())
}

fn ended(ending: Ending) -> String {
    match ending {
        Ending::Code(code) => format!("exit code {code}"),
        Ending::Signal(signal) => format!("killed by signal {signal}"),
        Ending::Killed => "its namespace was killed".to_owned(),
    }
}

/// The last words.
fn said(ran: &Ran) -> String {
    let lines: Vec<&str> = ran
        .words
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    match &lines[lines.len().saturating_sub(3)..] {
        [] => "It printed nothing.".to_owned(),
        last => format!("It printed last: {:?}.", last.join(" / ")),
    }
}

/// The verdict on a run.
fn judge(kind: Kind, name: String, ran: &Ran, out: &mut Output) -> Check {
    let mut check = Check::new(name);
    let counts = format!(
        "{} times in {} calls, {:.1} s",
        ran.met,
        ran.calls.values().sum::<u64>(),
        ran.took.as_secs_f64()
    );
    let seed = "The same --seed meets the same calls, as far as the program allows.";
    check.compared = usize::from(ran.met > 0);
    let (word, finding) = match &ran.outcome {
        Outcome::Ended(Ending::Code(0)) if ran.met == 0 => {
            check.skipped = Some(kind.not_met().to_owned());
            out.line(line(kind, &paint(DIM, "not met "), kind.not_met()));
            return check;
        }
        Outcome::Ended(Ending::Code(0)) => {
            out.line(line(kind, &paint(GOOD, "survived"), &counts));
            return check;
        }
        Outcome::Ended(ending) => {
            let message = format!("failed: {}", ended(*ending));
            let mut finding = Finding::new(Severity::Error, "failed", "", message);
            finding.why = Some(format!("{} {seed}", said(ran)));
            (paint(BAD, "failed  "), finding)
        }
        Outcome::Hung(state, seen) => {
            let what = seen.as_ref().filter(|seen| seen.verdict.is_stuck());
            let what = what.map_or("no thread waits in a fault, and none goes on", |seen| {
                seen.verdict.sentence()
            });
            let how = match state {
                State::InVain => "; other threads run, in vain",
                _ => "; no thread has run since",
            };
            let message = format!("hung: {what}{how}");
            let mut finding = Finding::new(Severity::Error, "hung", "", message);
            let why = seen.as_ref().map_or("", |seen| seen.verdict.why());
            finding.why = Some(format!("{why} {seed}").trim_start().to_owned());
            (paint(BAD, "hung    "), finding)
        }
        Outcome::Slow => {
            let message = "it neither ended nor hung: undecided";
            let why = "Some thread always runs, or sleeps for a time. Give a longer --timeout.";
            let finding = unchecked("undecided", message, why);
            (paint(WARN, "undecided"), *finding)
        }
    };
    out.line(line(kind, &word, &counts));
    if let Outcome::Hung(_, Some(seen)) = &ran.outcome {
        for text in picture::lines(&seen.scene) {
            out.wrapped(anstyle::Style::new(), &format!("    {text}"), "          ");
        }
    }
    // Without a disturbance it is no verdict on the handler, but no success either.
    let mut finding = finding;
    if ran.met == 0 && finding.severity == Severity::Error {
        finding.severity = Severity::Unchecked;
        finding
            .message
            .push_str(", though nothing was disturbed: it is unsteady by itself");
    }
    check.findings.push(finding);
    check
}

/// For programs.
fn value(kind: Option<Kind>, ran: &Ran) -> Value {
    let (verdict, exit) = match &ran.outcome {
        Outcome::Ended(Ending::Code(0)) if ran.met == 0 && kind.is_some() => ("not-met", Some(0)),
        Outcome::Ended(Ending::Code(0)) => ("survived", Some(0)),
        Outcome::Ended(Ending::Code(code)) => ("failed", Some(*code)),
        Outcome::Ended(_) => ("failed", None),
        Outcome::Hung(..) => ("hung", None),
        Outcome::Slow => ("undecided", None),
    };
    let seen = match &ran.outcome {
        Outcome::Hung(_, seen) => seen.as_ref().map(|seen| seen.value()),
        _ => None,
    };
    json!({
        "kind": kind,
        "case": kind.map(Kind::case),
        "verdict": verdict,
        "met": ran.met,
        "calls": ran.calls,
        "exit_code": exit,
        "seconds": (ran.took.as_secs_f64() * 1000.0).round() / 1000.0,
        "last_words": ran.words,
        "seen": seen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_names_a_case_that_there_is() {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../verification/conformance/src/cases"
        );
        let Ok(entries) = std::fs::read_dir(folder) else {
            return; // The published package has no cases.
        };
        let sources: String = entries
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        for kind in Kind::value_variants() {
            let name = format!("\"{}\"", kind.case());
            assert!(sources.contains(&name), "{name} of {kind:?}");
            assert!(!kind.about().is_empty());
        }
    }
}
