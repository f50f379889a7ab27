//! The report of a text that grows, in terms of places in it.

use uffd_sys::abi::table::{Constant, Encoding};

use crate::report::{Compared, FileReport, Problem, Severity};
use crate::source::Source;
use crate::why::{self, Difference};

/// What is said of a text.
pub struct Findings<'s, 'a> {
    pub source: &'s Source<'a>,
    pub report: FileReport,
}

impl<'s, 'a> Findings<'s, 'a> {
    /// Nothing yet.
    pub fn new(source: &'s Source<'a>) -> Self {
        Findings {
            source,
            report: FileReport::default(),
        }
    }

    /// Counts a comparison, of what is named at token `at`.
    pub fn compared(&mut self, at: usize, item: &str) {
        let (item, line) = (item.to_owned(), self.source.line(self.source.start(at)));
        self.report.compared.push(Compared { item, line });
    }

    /// Compares a value at a token; it may be that of any of these processors.
    pub fn value(&mut self, at: usize, known: &Constant, value: i128, encodings: &[Encoding]) {
        self.compared(at, known.name);
        if !encodings
            .iter()
            .any(|encoding| why::is_right(known, value, *encoding))
        {
            self.problem(at, known.name, why::wrong_value(known, value, encodings[0]));
        }
    }

    /// Adds a problem at a token.
    pub fn problem(&mut self, at: usize, item: &str, difference: Difference) {
        self.problem_at(self.source.start(at), item, difference);
    }

    /// Adds something that could not be told, at a byte.
    pub fn note(&mut self, byte: usize, kind: &'static str, item: &str, why: String) {
        let note = Difference {
            kind,
            found: why,
            ..Difference::default()
        };
        self.problem_at(byte, item, note);
    }

    /// Adds a problem at a byte.
    pub fn problem_at(&mut self, byte: usize, item: &str, difference: Difference) {
        let Difference {
            kind,
            found,
            expected,
            why,
        } = difference;
        let severity = if expected.is_empty() {
            Severity::Note
        } else {
            Severity::Error
        };
        let (line, column) = (self.source.line(byte), self.source.column(byte));
        // A part of two structs is told once.
        let told = |p: &Problem| (p.line, p.column, p.kind) == (line, column, kind);
        if column > 0 && self.report.problems.iter().rev().take(16).any(told) {
            return;
        }
        let item = item.to_owned();
        let problem = Problem {
            kind,
            severity,
            item,
            line,
            column,
            found,
            expected,
            why,
        };
        self.report.problems.push(problem);
    }
}
