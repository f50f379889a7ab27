//! The corpus: each planted mistake is found, in these words, nothing else is,
//! and what is compared in each file is pinned, so that nothing is passed over.
//!
//! `UFFD_LINT_BLESS=1` writes the `.expected` files anew; read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use uffd_lint::check;
use uffd_lint::Form;
use uffd_lint::Target;
use uffd_lint::{FileReport, Severity};

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder)
}

/// The sources under a folder of the corpus.
fn sources(folder: &Path) -> Vec<(PathBuf, Form)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if let Some(form) = Form::of(&path) {
            found.push((path, form));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// All that is said of a file: what was compared, by line, then the problems.
fn lines(report: &FileReport) -> String {
    let mut text = String::new();
    for compared in &report.compared {
        text += &format!("compared {}: {}\n", compared.line, compared.item);
    }
    if report.from_header > 0 {
        text += &format!("from the header: {}\n", report.from_header);
    }
    for (allowed, problem) in report
        .allowed
        .iter()
        .map(|problem| ("allowed ", problem))
        .chain(report.problems.iter().map(|problem| ("", problem)))
    {
        let (line, column, kind) = (problem.line, problem.column, problem.kind);
        let message = problem.message();
        text += &format!(
            "{allowed}{line}:{column}: {kind}: {}: {message}\n",
            problem.item
        );
        if !problem.is_note() {
            text += &format!("    {}\n", problem.why);
        }
    }
    text
}

/// The reports of all files of a folder, each held to its `.expected`.
fn reports(folder: &str) -> Vec<(PathBuf, FileReport)> {
    let (mut all, mut forms, mut failures) = (vec![], BTreeSet::new(), String::new());
    for (path, form) in sources(&corpus(folder)) {
        forms.insert(format!("{form:?}"));
        let bytes = fs::read(&path).unwrap();
        // The folders above belong to whoever runs this, and may name a processor.
        let name = path.strip_prefix(corpus("")).unwrap();
        let report = check(form, name, &bytes, Target::default());
        let found = lines(&report);
        let expected_path = PathBuf::from(format!("{}.expected", path.display()));
        if std::env::var_os("UFFD_LINT_BLESS").is_some() {
            fs::write(&expected_path, &found).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected || found.is_empty() {
            failures += &format!("{}\nfound:\n{found}expected:\n{expected}\n", path.display());
        }
        all.push((path, report));
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(all.len() >= 30, "{} files", all.len());
    assert!(forms.len() >= 6, "{forms:?}");
    all
}

fn mistakes(report: &FileReport) -> usize {
    report
        .problems
        .iter()
        .filter(|problem| problem.severity > Severity::Note)
        .count()
}

#[test]
fn every_mistake_is_found_in_these_words() {
    for (path, report) in reports("wrong") {
        assert!(
            mistakes(&report) > 0,
            "{}: nothing is found",
            path.display()
        );
    }
}

#[test]
fn nothing_is_found_in_what_is_right() {
    for (path, report) in reports("right") {
        assert_eq!(mistakes(&report), 0, "{}", path.display());
        let looked_at = report.compared.len() + report.from_header + report.allowed.len();
        assert!(looked_at > 0, "{}: nothing is compared", path.display());
    }
}
