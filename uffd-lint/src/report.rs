//! What the linter says of a file.

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
#[derive(Clone, Debug, Default)]
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
    /// Adds what was found in another part of the file, and sorts all.
    pub(crate) fn merge(&mut self, other: FileReport) {
        self.compared.extend(other.compared);
        self.problems.extend(other.problems);
        self.allowed.extend(other.allowed);
        self.from_header += other.from_header;
        self.compared.sort_by_key(|compared| compared.line);
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
    }

    /// Moves the problems that a comment allows: `uffd-abi: allow(ITEM) reason`
    /// in their line or the one above. Without a reason it allows nothing.
    pub(crate) fn allow(&mut self, bytes: &[u8]) {
        const MARK: &[u8] = b"uffd-abi: allow(";
        if self.problems.is_empty() || memchr::memmem::find(bytes, MARK).is_none() {
            return;
        }
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let allowed = |line: usize, item: &str| {
            let Some(text) = line.checked_sub(1).and_then(|index| lines.get(index)) else {
                return false;
            };
            let Some(at) = memchr::memmem::find(text, MARK) else {
                return false;
            };
            let text = String::from_utf8_lossy(&text[at + MARK.len()..]);
            let Some((name, reason)) = text.split_once(')') else {
                return false;
            };
            let whole = item.split('.').next().unwrap_or(item);
            let reason =
                reason.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation());
            (name == item || name == whole) && !reason.is_empty()
        };
        let all = std::mem::take(&mut self.problems);
        let (allow, keep) = all
            .into_iter()
            .partition(|p| allowed(p.line, &p.item) || allowed(p.line - 1, &p.item));
        (self.allowed, self.problems) = (allow, keep);
    }
}
