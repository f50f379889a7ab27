//! The report of a text that grows, in terms of places in it.

use uffd_sys::abi::table::{Constant, Encoding};

use crate::report::{Compared, FileReport, Problem};
use crate::source::Source;
use crate::why;

/// What is said of a text.
pub struct Findings<'s, 'a> {
    pub source: &'s Source<'a>,
    pub report: FileReport,
}

impl<'s, 'a> Findings<'s, 'a> {
    /// Nothing yet.
    pub fn new(source: &'s Source<'a>) -> Self {
        let report = FileReport::default();
        Findings { source, report }
    }

    /// Counts a comparison, of what is named at token `at`.
    pub fn compared(&mut self, at: usize, item: &str) {
        let (line, _) = self.source.place(self.source.start(at));
        let item = item.to_owned();
        self.report.compared.push(Compared { item, line });
    }

    /// Compares a value at a token; it may be that of any of these processors.
    pub fn value(&mut self, at: usize, known: &Constant, value: i128, encodings: &[Encoding]) {
        self.compared(at, known.name);
        let right = |encoding: &Encoding| why::is_right(known, value, *encoding);
        if !encodings.iter().any(right) {
            self.problem(at, why::wrong_value(known, value, encodings[0]));
        }
    }

    /// Compares a number at a token, if it is the code of a request.
    pub fn code(&mut self, at: usize, value: Option<i128>, encodings: &[Encoding]) {
        let known = value.and_then(|value| why::request(value, encodings));
        if let Some((value, known)) = value.zip(known) {
            self.value(at, known, value, encodings);
        }
    }

    /// Adds a problem at a token.
    pub fn problem(&mut self, at: usize, problem: Problem) {
        self.problem_at(self.source.start(at), problem);
    }

    /// Adds a problem at a byte.
    pub fn problem_at(&mut self, byte: usize, mut problem: Problem) {
        (problem.line, problem.column) = self.source.place(byte);
        // A part of two structs is told once.
        let same = |p: &Problem| (p.line, p.column, p.kind);
        let mut before = self.report.problems.iter().rev().take(16);
        if problem.column == 0 || !before.any(|told| same(told) == same(&problem)) {
            self.report.problems.push(problem);
        }
    }
}
