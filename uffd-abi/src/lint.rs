//! `uffd-abi lint`: what the package `uffd-lint` finds, printed.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use uffd_sys::abi::table::Encoding;

use crate::cli::LintArgs;
use crate::findings::{Check, Exit, Finding, Place, Severity};
use crate::output::{paint, Output, DIM};

use uffd_lint::check::{self, FileReport, Problem};
use uffd_lint::language::Language;
use uffd_lint::walk::{self, Met, Text};

/// What the run amounts to.
#[derive(Debug, Default, Serialize)]
struct Totals {
    files_read: usize,
    bytes_read: u64,
    files_checked: usize,
    checked: usize,
    findings: usize,
    not_evaluated: usize,
    /// How many files were skipped, by reason.
    skipped: BTreeMap<&'static str, usize>,
}

impl Totals {
    fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }
}

/// How many of the constants that could not be evaluated are shown as text.
const SHOWN: usize = 10;

/// Runs the command.
pub fn run(args: &LintArgs, out: &mut Output) -> Exit {
    let encoding = args
        .arch
        .as_ref()
        .map_or(Encoding::Generic, |arch| arch.encoding);
    let mut totals = Totals::default();
    let mut unevaluated = vec![];
    let mut buffer = vec![];
    for path in &args.paths {
        walk::walk(path, |met| match met {
            Met::OtherFile => totals.skip("in another language"),
            Met::Link => totals.skip("symbolic links, not followed"),
            Met::Unreadable { path, why, named } => {
                totals.skip("unreadable");
                out.check(unreadable(&path, &why, named));
            }
            Met::Source(path, language) => match walk::read(&path, &mut buffer) {
                Err(error) => {
                    totals.skip("unreadable");
                    out.check(unreadable(
                        &path,
                        &error.to_string(),
                        args.paths.contains(&path),
                    ));
                }
                Ok(Text::Binary) => totals.skip("binary"),
                Ok(Text::TooLarge) => totals.skip("larger than 16 MiB"),
                Ok(Text::Read) => {
                    totals.files_read += 1;
                    totals.bytes_read += buffer.len() as u64;
                    file(
                        &path,
                        language,
                        &buffer,
                        encoding,
                        &mut totals,
                        &mut unevaluated,
                        out,
                    );
                }
            },
        });
    }
    for line in unevaluated.iter().take(SHOWN) {
        out.line(paint(DIM, line));
    }
    if unevaluated.len() > SHOWN {
        let more = unevaluated.len() - SHOWN;
        out.line(paint(
            DIM,
            format!("… and {more} more not evaluated: --format json lists all"),
        ));
    }
    for (why, count) in &totals.skipped {
        out.line(format!("{count} skipped: {why}"));
    }
    out.line(format!(
        "{} read, {} with something of userfaultfd",
        counted(totals.files_read, "file"),
        totals.files_checked
    ));
    let summary = format!(
        "{} checked: {}, {} not evaluated",
        counted(totals.checked, "item"),
        counted(totals.findings, "finding"),
        totals.not_evaluated,
    );
    out.data("lint", &totals);
    out.finish(&summary)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn file(
    path: &Path,
    language: Language,
    bytes: &[u8],
    encoding: Encoding,
    totals: &mut Totals,
    unevaluated: &mut Vec<String>,
    out: &mut Output,
) {
    if !check::is_candidate(bytes) {
        return;
    }
    let FileReport { compared, problems } = check::check(language, path, bytes, encoding);
    if compared == 0 && problems.is_empty() {
        return;
    }
    totals.files_checked += 1;
    totals.checked += compared;
    let mut check = Check::new(path.display().to_string());
    check.compared = compared;
    for problem in problems {
        if problem.is_note() {
            totals.not_evaluated += 1;
            if out.is_text() {
                let (file, line) = (path.display(), problem.line);
                let text = format!("{file}:{line}: {}: {}", problem.item, problem.message());
                // Names and sources are other people's, and this is a terminal.
                unevaluated.push(text.replace(char::is_control, "?"));
                continue;
            }
        } else {
            totals.findings += 1;
        }
        check.findings.push(finding(path, problem));
    }
    out.check(check);
}

fn finding(path: &Path, problem: Problem) -> Finding {
    let severity = if problem.is_note() {
        Severity::Note
    } else {
        Severity::Error
    };
    let message = problem.message();
    let mut finding = Finding::new(severity, problem.kind, problem.item, message);
    finding.place = Some(Place {
        file: path.into(),
        line: problem.line,
        column: problem.column,
    });
    if severity == Severity::Error {
        finding.found = Some(problem.found);
        finding.expected = Some(problem.expected);
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
    check.findings.push(Finding::new(
        severity,
        "unreadable",
        "",
        format!("cannot be read: {why}"),
    ));
    check
}
