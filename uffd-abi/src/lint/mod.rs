//! `uffd-abi lint`: what the package `uffd-lint` finds, printed.

mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use uffd_lint::{Compared, Options, Problem, Target, TreeReport};

use crate::cli::LintArgs;
use crate::findings::{Check, Exit, Finding, Place, Severity};
use crate::output::{paint, say, Output, DIM};

/// What the run amounts to.
#[derive(Debug, Default, Serialize)]
struct Totals<'r> {
    files_read: usize,
    bytes_read: u64,
    files_checked: usize,
    checked: usize,
    findings: usize,
    warnings: usize,
    not_evaluated: usize,
    not_read: usize,
    from_header: usize,
    allowed: usize,
    baselined: usize,
    /// How many files were skipped, by reason.
    skipped: BTreeMap<&'static str, usize>,
    /// Every comparison, with --verbose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<Comparison<'r>>,
}

#[derive(Debug, Serialize)]
struct Comparison<'r> {
    file: &'r Path,
    line: usize,
    item: &'r str,
}

/// How many of the constants that could not be evaluated are shown as text.
const SHOWN: usize = 10;

/// Runs the command.
pub fn run(args: &LintArgs, out: &mut Output) -> Exit {
    match checked(args, out) {
        Ok(exit) => exit,
        Err(why) => {
            say(why);
            Exit::Unchecked
        }
    }
}

fn checked(args: &LintArgs, out: &mut Output) -> Result<Exit, String> {
    let args = settings::with_config(args)?;
    if args.write_baseline.is_some() {
        out.can_show("lint --write-baseline")?;
    }
    let baseline = args.baseline.as_deref();
    let baseline = baseline.map_or(Ok(vec![]), settings::read_baseline)?;
    let target = args.arch.as_ref().map_or(Target::default(), |arch| Target {
        encoding: arch.encoding,
        long: arch.size_of_long(),
        align_of_u64: arch.align_of_u64(),
    });
    let options = Options {
        target,
        exclude: args.exclude.clone(),
        baseline,
    };
    let report = uffd_lint::lint(&args.paths, &options)?;
    if let Some(file) = &args.write_baseline {
        let count = settings::write_baseline(file, &report)?;
        let text = format!("{}: {}", file.display(), counted(count, "known problem"));
        return Ok(out.finish_showing(&text));
    }
    Ok(tell(&args, &report, out))
}

/// Prints the report.
fn tell(args: &LintArgs, report: &TreeReport, out: &mut Output) -> Exit {
    let mut totals = Totals {
        files_read: report.files_read,
        bytes_read: report.bytes_read,
        files_checked: report.files.len(),
        baselined: report.baselined,
        skipped: report.unread.skipped.clone(),
        ..Totals::default()
    };
    let dimmed = |text: &str| paint(DIM, plain(text));
    let mut unevaluated = vec![];
    for (path, why, named) in &report.unread.unreadable {
        out.check(unreadable(path, why, *named));
    }
    for (path, found) in &report.files {
        let shown = path.display();
        totals.checked += found.compared.len();
        totals.from_header += found.from_header;
        totals.allowed += found.allowed.len();
        for Compared { item, line } in found.compared.iter().filter(|_| args.verbose) {
            out.line(dimmed(&format!("{shown}:{line}: {item} compared")));
            totals.comparisons.push(Comparison {
                file: path,
                line: *line,
                item,
            });
        }
        let mut check = Check::new(shown.to_string());
        check.compared = found.compared.len();
        for problem in &found.problems {
            *match (problem.kind, problem.severity) {
                ("not-read", _) => &mut totals.not_read,
                (_, uffd_lint::Severity::Note) => &mut totals.not_evaluated,
                (_, uffd_lint::Severity::Warning) => &mut totals.warnings,
                (_, uffd_lint::Severity::Error) => &mut totals.findings,
            } += 1;
            if problem.kind == "not-evaluated" && out.is_text() && !args.strict {
                let (line, item) = (problem.line, &problem.item);
                unevaluated.push(format!("{shown}:{line}: {item}: {}", problem.message()));
            } else {
                check.findings.push(finding(path, problem, args.strict));
            }
        }
        out.check(check);
    }
    let most = if args.verbose { usize::MAX } else { SHOWN };
    for line in unevaluated.iter().take(most) {
        out.line(dimmed(line));
    }
    if let Some(more) = unevaluated.len().checked_sub(most).filter(|more| *more > 0) {
        out.line(dimmed(&format!(
            "… and {more} more not evaluated: --verbose lists all"
        )));
    }
    for (why, count) in &totals.skipped {
        out.line(format!("{count} skipped: {why}"));
    }
    for (count, what) in [
        (totals.from_header, "from the header"),
        (totals.not_read, "not read"),
        (totals.allowed, "allowed by a comment"),
        (totals.baselined, "known from the baseline"),
    ] {
        if count > 0 {
            out.line(format!("{what}: {count}"));
        }
    }
    let (files, relevant) = (counted(totals.files_read, "file"), totals.files_checked);
    out.line(format!(
        "{files} read, {relevant} with something of userfaultfd"
    ));
    let (items, findings) = (
        counted(totals.checked, "item"),
        counted(totals.findings, "finding"),
    );
    let warnings = match totals.warnings {
        0 => String::new(),
        count => format!(", {}", counted(count, "warning")),
    };
    let unknown = totals.not_evaluated;
    let summary = format!("{items} checked: {findings}{warnings}, {unknown} not evaluated");
    if !args.strict {
        out.may_be_empty(match unknown {
            0 => "Nothing of userfaultfd is copied by hand here.",
            _ => "Nothing could be compared.",
        });
    }
    out.data("lint", &totals);
    out.finish(&summary)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Names and sources are other people's, and this may be a terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}

fn finding(path: &Path, problem: &Problem, strict: bool) -> Finding {
    let severity = match problem.severity {
        uffd_lint::Severity::Error => Severity::Error,
        uffd_lint::Severity::Warning => Severity::Warning,
        uffd_lint::Severity::Note if strict || problem.kind == "not-read" => Severity::Unchecked,
        uffd_lint::Severity::Note => Severity::Note,
    };
    let mut finding = Finding::new(severity, problem.kind, &problem.item, problem.message());
    // Forges want the path as the repository has it.
    let file = path.strip_prefix(".").unwrap_or(path).into();
    let (line, column) = (problem.line, problem.column);
    finding.place = Some(Place { file, line, column });
    if !problem.is_note() {
        finding.found = Some(problem.found.clone());
        finding.expected = Some(problem.expected.clone());
        finding.why = Some(sentence(&problem.why));
    }
    finding
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A folder deep in a tree is a note; an argument that cannot be read means
/// that what was asked for was not done.
fn unreadable(path: &Path, why: &str, named: bool) -> Check {
    let severity = if named {
        Severity::Unchecked
    } else {
        Severity::Note
    };
    let mut check = Check::new(path.display().to_string());
    let message = format!("cannot be read: {why}");
    check.findings = vec![Finding::new(severity, "unreadable", "", message)];
    check
}
