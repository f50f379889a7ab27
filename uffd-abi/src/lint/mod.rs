//! `uffd-abi lint`: what the package `uffd-lint` finds, printed.

mod settings;

use std::path::Path;

use serde_json::json;
use uffd_lint::{Compared, Options, Problem, Target, TreeReport};

use crate::cli::LintArgs;
use crate::findings::{Check, Exit, Finding, Place, Severity};
use crate::output::{paint, say, Output, DIM};

/// How many of the constants that could not be evaluated are shown as text.
const SHOWN: usize = 10;

/// Runs the command.
pub fn run(args: &LintArgs, out: &mut Output) -> Exit {
    checked(args, out).unwrap_or_else(|why| {
        say(why);
        Exit::Unchecked
    })
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
    // Names and sources are other people's, and this may be a terminal.
    let dimmed = |text: &str| paint(DIM, text.replace(char::is_control, "?"));
    let (mut comparisons, mut unevaluated) = (vec![], vec![]);
    let (mut checked, mut from_header, mut allowed) = (0, 0, 0);
    for (path, why, named) in &report.unread.unreadable {
        out.check(unreadable(path, why, *named));
    }
    for (path, found) in &report.files {
        let shown = path.display();
        checked += found.compared.len();
        from_header += found.from_header;
        allowed += found.allowed.len();
        for Compared { item, line } in found.compared.iter().filter(|_| args.verbose) {
            out.line(dimmed(&format!("{shown}:{line}: {item} compared")));
            comparisons.push(json!({ "file": path, "line": line, "item": item }));
        }
        let mut check = Check::new(shown.to_string());
        check.compared = found.compared.len();
        for problem in &found.problems {
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
    if let Some(more @ 1..) = unevaluated.len().checked_sub(most) {
        let text = format!("… and {more} more not evaluated: --verbose lists all");
        out.line(dimmed(&text));
    }
    let skipped = &report.unread.skipped;
    for (why, count) in skipped {
        out.line(format!("{count} skipped: {why}"));
    }
    let count = |is: fn(&Problem) -> bool| report.problems().filter(|(_, it)| is(it)).count();
    let not_read = count(|it| it.kind == "not-read");
    let not_evaluated = count(|it| it.kind == "not-evaluated");
    let warnings = count(|it| it.severity == uffd_lint::Severity::Warning);
    let findings = count(|it| it.severity == uffd_lint::Severity::Error);
    for (count, what) in [
        (from_header, "from the header"),
        (not_read, "not read"),
        (allowed, "allowed by a comment"),
        (report.baselined, "known from the baseline"),
    ] {
        if count > 0 {
            out.line(format!("{what}: {count}"));
        }
    }
    let (files, relevant) = (counted(report.files_read, "file"), report.files.len());
    out.line(format!(
        "{files} read, {relevant} with something of userfaultfd"
    ));
    let mut summary = counted(checked, "item") + " checked: " + &counted(findings, "finding");
    if warnings > 0 {
        summary += &format!(", {}", counted(warnings, "warning"));
    }
    summary += &format!(", {not_evaluated} not evaluated");
    if !args.strict {
        out.may_be_empty(match not_evaluated {
            0 => "Nothing of userfaultfd is copied by hand here.",
            _ => "Nothing could be compared.",
        });
    }
    let mut totals = json!({
        "files_read": report.files_read,
        "bytes_read": report.bytes_read,
        "files_checked": relevant,
        "checked": checked,
        "findings": findings,
        "warnings": warnings,
        "not_evaluated": not_evaluated,
        "not_read": not_read,
        "from_header": from_header,
        "allowed": allowed,
        "baselined": report.baselined,
        "skipped": skipped,
    });
    if !comparisons.is_empty() {
        totals["comparisons"] = comparisons.into();
    }
    out.data("lint", totals);
    out.finish(&summary)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
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
    let severity = match named {
        true => Severity::Unchecked,
        false => Severity::Note,
    };
    let mut check = Check::new(path.display().to_string());
    let message = format!("cannot be read: {why}");
    check.findings = vec![Finding::new(severity, "unreadable", "", message)];
    check
}
