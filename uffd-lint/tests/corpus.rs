//! `lint` against the corpus: each planted mistake is found, in these words,
//! and nothing else is.
//!
//! `UFFD_LINT_BLESS=1` writes the `.expected` files anew; read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use uffd_lint::check::{check, is_candidate, FileReport};
use uffd_lint::language::Language;
use uffd_sys::abi::table::Encoding;

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(folder)
}

/// The sources under a folder of the corpus, with their language.
fn sources(folder: &Path) -> Vec<(PathBuf, Language)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if let Some(language) = Language::of(&path) {
            found.push((path, language));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn report(path: &Path, language: Language, encoding: Encoding) -> FileReport {
    let bytes = fs::read(path).unwrap();
    // The folders above belong to whoever runs this, and may name a processor.
    let name = path.strip_prefix(corpus("")).unwrap();
    assert!(
        is_candidate(&bytes),
        "{}: not even looked at",
        name.display()
    );
    check(language, name, &bytes, encoding)
}

fn lines(report: &FileReport) -> String {
    let mut text = String::new();
    for problem in &report.problems {
        let (line, column, kind) = (problem.line, problem.column, problem.kind);
        text += &format!(
            "{line}:{column}: {kind}: {}: {}\n",
            problem.item,
            problem.message()
        );
        if !problem.is_note() {
            text += &format!("    {}\n", problem.why);
        }
    }
    text
}

#[test]
fn every_mistake_is_found_in_these_words() {
    let sources = sources(&corpus("wrong"));
    let mut languages = BTreeSet::new();
    let mut failures = String::new();
    for (path, language) in &sources {
        languages.insert(format!("{language:?}"));
        let report = report(path, *language, Encoding::Generic);
        let found = lines(&report);
        let expected_path = PathBuf::from(format!("{}.expected", path.display()));
        if std::env::var_os("UFFD_LINT_BLESS").is_some() {
            fs::write(&expected_path, &found).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        assert!(
            !expected.is_empty(),
            "{} is missing or empty",
            expected_path.display()
        );
        let mistakes = report
            .problems
            .iter()
            .filter(|problem| !problem.is_note())
            .count();
        if found != expected || mistakes == 0 {
            failures += &format!("{}\nfound:\n{found}expected:\n{expected}\n", path.display());
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(sources.len() >= 30, "{} files", sources.len());
    assert_eq!(languages.len(), 6, "{languages:?}");
}

#[test]
fn nothing_is_found_in_what_is_right() {
    let sources = sources(&corpus("right"));
    let mut languages = BTreeSet::new();
    let mut failures = String::new();
    for (path, language) in &sources {
        languages.insert(format!("{language:?}"));
        let report = report(path, *language, Encoding::Generic);
        let mistakes = report
            .problems
            .iter()
            .filter(|problem| !problem.is_note())
            .count();
        if mistakes > 0 || report.compared == 0 {
            let found = lines(&report);
            failures += &format!("{}: compared {}\n{found}", path.display(), report.compared);
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(sources.len() >= 30, "{} files", sources.len());
    assert_eq!(languages.len(), 6, "{languages:?}");
}
