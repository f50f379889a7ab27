//! What the linter says of a file.

use std::collections::HashSet;

use memchr::memmem::find_iter;
use memchr::{memchr, memchr_iter};

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something that could not be told; no mistake.
    Note,
    /// Right where the tree is built, wrong elsewhere.
    Warning,
    /// A mistake.
    Error,
}

/// What is wrong, or could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable word: `value`, `processor`, `type`, `struct`, `size`, `offset`,
    /// `layout`, `packed`; and `not-evaluated` and `not-read`, which are no
    /// mistakes.
    pub kind: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The kernel's name, or that of the struct's field: `uffdio_copy.copy`.
    pub item: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1; 0 if not known.
    pub column: usize,
    /// What the source has; why it could not be told.
    pub found: String,
    /// What the table has.
    pub expected: String,
    /// What comes of it.
    pub why: String,
}

impl Problem {
    /// A mistake, at a place that is still to be said.
    pub(crate) fn error(
        kind: &'static str,
        item: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        why: impl Into<String>,
    ) -> Problem {
        Problem {
            kind,
            severity: Severity::Error,
            item: item.into(),
            line: 1,
            column: 0,
            found: found.into(),
            expected: expected.into(),
            why: why.into(),
        }
    }

    /// What could not be told, and why.
    pub(crate) fn note(kind: &'static str, item: &str, why: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Note,
            ..Problem::error(kind, item, why, "", "")
        }
    }

    /// Whether it is only something that could not be told.
    pub fn is_note(&self) -> bool {
        self.severity == Severity::Note
    }

    /// The difference in a line, without the item.
    pub fn message(&self) -> String {
        let property = match self.kind {
            "not-evaluated" => return format!("not evaluated: {}", self.found),
            "not-read" => return format!("not read: {}", self.found),
            "processor" => "value",
            "packed" => "the end of the struct",
            other => other,
        };
        format!("{property} is {}, expected {}", self.found, self.expected)
    }
}

/// Something that was compared with the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The kernel's name.
    pub item: String,
    /// Counted from 1.
    pub line: usize,
}

/// What a file amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The constants and structs that were compared, in the order of the source.
    pub compared: Vec<Compared>,
    /// In the order of the source.
    pub problems: Vec<Problem>,
    /// How many constants have their value from a header or from bindgen.
    pub from_header: usize,
    /// Problems that a comment allows.
    pub allowed: Vec<Problem>,
}

impl FileReport {
    /// A file of which nothing could be read.
    pub(crate) fn unread(why: &str) -> FileReport {
        FileReport {
            problems: vec![Problem::note("not-read", "the file", why)],
            ..FileReport::default()
        }
    }

    /// Whether there was nothing of userfaultfd.
    pub(crate) fn is_empty(&self) -> bool {
        *self == FileReport::default()
    }

    /// Adds what was found in another part of the file.
    pub(crate) fn merge(&mut self, other: FileReport) {
        self.compared.extend(other.compared);
        self.problems.extend(other.problems);
        self.from_header += other.from_header;
    }

    /// Sorts all, and moves the problems that a comment allows:
    /// `uffd-abi: allow(ITEM) reason` in their line or the one above. Without a
    /// reason it allows nothing.
    pub(crate) fn finish(&mut self, bytes: &[u8]) {
        const MARK: &[u8] = b"uffd-abi: allow(";
        self.compared.sort_by_key(|compared| compared.line);
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        if self.problems.is_empty() {
            return;
        }
        let near = |problem: &Problem| [problem.line - 1, problem.line];
        let lines: HashSet<usize> = self.problems.iter().flat_map(near).collect();
        // Each with the line of its comment.
        let mut allowed: HashSet<(usize, &[u8])> = HashSet::new();
        let (mut line, mut counted) = (1, 0);
        for at in find_iter(bytes, MARK) {
            line += memchr_iter(b'\n', &bytes[counted..at]).count();
            counted = at;
            let text = &bytes[at + MARK.len()..];
            let text = &text[..memchr(b'\n', text).unwrap_or(text.len()).min(400)];
            let (item, reason) = text.split_at(memchr(b')', text).unwrap_or(text.len()));
            let silent = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
            if lines.contains(&line) && !String::from_utf8_lossy(reason).chars().all(silent) {
                allowed.insert((line, item));
            }
        }
        let is_allowed = |problem: &Problem| {
            let whole = problem.item.split('.').next().unwrap_or_default();
            let names = [&*problem.item, whole].map(str::as_bytes);
            let mut places = near(problem)
                .into_iter()
                .flat_map(|line| names.map(|name| (line, name)));
            places.any(|place| allowed.contains(&place))
        };
        let all = std::mem::take(&mut self.problems);
        (self.allowed, self.problems) = all.into_iter().partition(is_allowed);
    }
}
