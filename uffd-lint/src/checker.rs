//! What the comparisons of a file share: its definitions, their values, and the
//! report that grows.

use std::path::Path;

use crate::collect::UNPARSED;
use crate::evaluator::Evaluator;
use crate::facts::Facts;
use crate::report::{Compared, FileReport, Problem, Severity};
use crate::source::Source;
use crate::target::Target;

/// A file that is being checked.
pub struct Checker<'f, 'a> {
    pub source: &'f Source<'a>,
    pub facts: &'f Facts<'a>,
    pub path: &'f Path,
    pub target: Target,
    pub generic: Evaluator<'f, 'a>,
    pub other: Evaluator<'f, 'a>,
    /// Whether the file has to do with PAGEMAP_SCAN.
    pub scans: bool,
    pub report: FileReport,
}

impl Checker<'_, '_> {
    /// Counts a comparison, of what is named at token `at`.
    pub fn compared(&mut self, at: usize, item: &str) {
        let line = self.source.line(self.source.start(at));
        self.report.compared.push(Compared {
            item: item.to_owned(),
            line,
        });
    }

    /// Adds something that could not be told.
    pub fn note(&mut self, at: usize, item: &str, why: String) {
        let kind = if why == UNPARSED {
            "not-read"
        } else {
            "not-evaluated"
        };
        self.problem(kind, at, item, why, String::new(), String::new());
    }

    /// Adds a problem at a token.
    pub fn problem(
        &mut self,
        kind: &'static str,
        at: usize,
        item: &str,
        found: String,
        expected: String,
        why: String,
    ) {
        self.problem_at(kind, self.source.start(at), item, found, expected, why);
    }

    /// Adds a problem at a byte; without what is expected it is a note.
    pub fn problem_at(
        &mut self,
        kind: &'static str,
        byte: usize,
        item: &str,
        found: String,
        expected: String,
        why: String,
    ) {
        let note = expected.is_empty();
        let (line, column) = (self.source.line(byte), self.source.column(byte));
        // A part of two structs is told once.
        let told = |p: &Problem| (p.line, p.column, p.kind) == (line, column, kind);
        if column > 0 && self.report.problems.iter().rev().take(16).any(told) {
            return;
        }
        self.report.problems.push(Problem {
            kind,
            severity: if note {
                Severity::Note
            } else {
                Severity::Error
            },
            item: item.to_owned(),
            line,
            column,
            found,
            expected,
            why,
        });
    }
}
