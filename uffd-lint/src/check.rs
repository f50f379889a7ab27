//! One file's definitions against the pinned table.

use std::path::Path;

use uffd_sys::abi::table::Encoding;

use super::collect;
use super::eval::Evaluator;
use super::facts::{Constant, Facts, Type};
use super::language::Language;
use super::layout::primitive;
use super::lexer::{Kind, Source};
use super::names::{self, Meaning};
use super::processors::Set;
use super::structs;
use super::why;

/// What is wrong, or could not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable word: `value`, `processor`, `type`, `struct`, `packed`, or
    /// `not-evaluated`, which is no mistake.
    pub kind: &'static str,
    /// The kernel's name, or that of the struct's field: `uffdio_copy.copy`.
    pub item: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What the source has; why it was not evaluated.
    pub found: String,
    /// What the table has.
    pub expected: String,
    /// What comes of it.
    pub why: String,
}

impl Problem {
    /// Whether it is only something that could not be told.
    pub fn is_note(&self) -> bool {
        self.kind == "not-evaluated"
    }

    /// The difference in a line, without the item.
    pub fn message(&self) -> String {
        if self.is_note() {
            format!("not evaluated: {}", self.found)
        } else {
            format!(
                "{} is {}, expected {}",
                self.property(),
                self.found,
                self.expected
            )
        }
    }

    fn property(&self) -> &'static str {
        match self.kind {
            "processor" => "value",
            "packed" => "the end of the struct",
            other => other,
        }
    }
}

/// What a file amounts to.
#[derive(Clone, Debug, Default)]
pub struct FileReport {
    /// How many constants and structs were compared.
    pub compared: usize,
    /// In the order of the source.
    pub problems: Vec<Problem>,
}

/// Whether a text can hold anything to check: cheap, and right for nearly all
/// files of a tree.
pub fn is_candidate(bytes: &[u8]) -> bool {
    use aho_corasick::AhoCorasick;
    use std::sync::LazyLock;
    static NEEDLES: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let needles = [
            "UFFD",
            "uffd",
            "Uffd",
            "USERFAULTFD_IOC",
            "PAGEMAP_SCAN",
            "PAGE_IS_",
            "PM_SCAN",
            "pm_scan",
            "UffD",
        ];
        AhoCorasick::new(needles).expect("a few short words")
    });
    NEEDLES.is_match(bytes)
}

/// Checks a text. `path` tells the processor if it names one. Request codes
/// are those of `preferred` where the source has no condition.
pub fn check(language: Language, path: &Path, bytes: &[u8], preferred: Encoding) -> FileReport {
    let source = Source::new(language, bytes);
    let facts = collect::facts(&source, Set::of_path(path));
    let mut checker = Checker {
        source: &source,
        facts: &facts,
        path,
        preferred,
        generic: Evaluator::new(&source, &facts, Encoding::Generic),
        other: Evaluator::new(&source, &facts, Encoding::MipsPowerpcSparc),
        scans: ["PAGEMAP_SCAN", "PM_SCAN_", "pm_scan"]
            .iter()
            .any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some()),
        report: FileReport::default(),
    };
    checker.constants();
    checker.structs();
    let mut report = checker.report;
    report
        .problems
        .sort_by_key(|problem| (problem.line, problem.column));
    report
}

pub(super) struct Checker<'f, 'a> {
    pub(super) source: &'f Source<'a>,
    pub(super) facts: &'f Facts<'a>,
    path: &'f Path,
    preferred: Encoding,
    pub(super) generic: Evaluator<'f, 'a>,
    other: Evaluator<'f, 'a>,
    /// Whether the file has to do with PAGEMAP_SCAN.
    scans: bool,
    pub(super) report: FileReport,
}

impl<'a> Checker<'_, 'a> {
    fn constants(&mut self) {
        for (index, constant) in self.facts.constants.iter().enumerate() {
            let meaning = names::constant(self.source.language, constant.style, constant.name);
            let Some(meaning) = meaning else { continue };
            if constant.processors.is_empty() || !self.is_meant(meaning.constant.name) {
                continue;
            }
            self.constant(index, constant, meaning);
        }
    }

    /// Names such as PAGE_IS_FILE have other uses in code without PAGEMAP_SCAN.
    fn is_meant(&self, name: &str) -> bool {
        self.scans || !names::is_common(name)
    }

    fn constant(&mut self, index: usize, constant: &Constant<'a>, meaning: Meaning) {
        let encodings = constant.processors.encodings(self.preferred);
        let mut first = None;
        let mut narrow = None;
        for encoding in encodings {
            let evaluator = match encoding {
                Encoding::Generic => &mut self.generic,
                Encoding::MipsPowerpcSparc => &mut self.other,
            };
            let value = match evaluator.constant(index) {
                Ok(value) => value,
                Err(why) => {
                    self.note(constant.at, meaning.constant.name, why);
                    return;
                }
            };
            let known = meaning
                .number
                .filter(|_| (0..256).contains(&value))
                .unwrap_or(meaning.constant);
            let right = why::is_right(known, value, *encoding);
            first.get_or_insert((known, value, *encoding));
            if right {
                narrow = self.narrow(constant, value);
                first = None;
                break;
            }
        }
        self.report.compared += 1;
        if let Some((known, value, encoding)) = first {
            let (kind, why) = why::wrong_value(known, value, encoding);
            let expected = why::expected(known, encoding);
            self.problem(
                kind,
                constant.at,
                known.name,
                why::hex(value),
                expected,
                why,
            );
        } else if let Some((found, expected, why)) = narrow {
            self.problem(
                "type",
                constant.at,
                meaning.constant.name,
                found,
                expected,
                why,
            );
        }
    }

    /// A declared type that cannot hold the value, which C cuts in silence.
    fn narrow(&mut self, constant: &Constant<'a>, value: i128) -> Option<(String, String, String)> {
        let Some(Type::Named(name)) = &constant.ty else {
            return None;
        };
        let bits = primitive(name)?.size as u32 * 8;
        let fits = value >= -(1 << (bits - 1)) && value < 1 << bits;
        let why = format!(
            "{name} has {bits} bits, so what the program uses is {}",
            why::hex(value & ((1 << bits) - 1))
        );
        (!fits).then(|| {
            (
                name.clone(),
                format!("one that holds {}", why::hex(value)),
                why,
            )
        })
    }

    fn structs(&mut self) {
        for (index, structure) in self.facts.structs.iter().enumerate() {
            let Some(known) = names::structure(structure.name, true) else {
                continue;
            };
            let exact = structure.name == known.name.as_bytes();
            if structure.processors.is_empty() || !self.is_meant(known.name) {
                continue;
            }
            if !exact && !structs::is_copy(structure, known) {
                continue;
            }
            if self.source.language.is_c_family() {
                self.packed(structure.at, known.name);
            }
            structs::check(self, index, structure, known, exact);
        }
    }

    /// `} __packed;`, as in the kernel's own tree, where that is a macro.
    fn packed(&mut self, name: usize, item: &str) {
        let source = self.source;
        let open = source.find(name, (name + 10).min(source.tokens.len()), |at| {
            source.is(at, b"{")
        });
        let Some(close) = source.close(open) else {
            return;
        };
        if !source.is(close + 1, b"__packed") || self.facts.macros.contains_key(&b"__packed"[..]) {
            return;
        }
        // The headers that define it, and the kernel's own tree, from whose
        // headers it is taken when they are installed.
        let includes = ["sys/cdefs.h", "linux/compiler"];
        let defined = includes
            .iter()
            .any(|name| memchr::memmem::find(source.bytes, name.as_bytes()).is_some());
        if defined || self.path.ends_with("include/uapi/linux/userfaultfd.h") {
            return;
        }
        let why = "only the kernel's own tree has this macro: elsewhere it declares a global \
                   variable named __packed, defined again in every file that includes this, and \
                   the struct is not packed";
        let (found, expected) = ("`} __packed;`", "`} __attribute__((packed));`");
        self.problem(
            "packed",
            close + 1,
            item,
            found.into(),
            expected.into(),
            why.into(),
        );
    }

    pub(super) fn note(&mut self, at: usize, item: &str, why: String) {
        self.problem("not-evaluated", at, item, why, String::new(), String::new());
    }

    pub(super) fn problem(
        &mut self,
        kind: &'static str,
        at: usize,
        item: &str,
        found: String,
        expected: String,
        why: String,
    ) {
        debug_assert_ne!(self.source.kind(at), Some(Kind::Newline));
        self.report.problems.push(Problem {
            kind,
            item: item.to_owned(),
            line: self
                .source
                .tokens
                .get(at)
                .map_or(0, |token| token.line as usize),
            column: self.source.column(at),
            found,
            expected,
            why,
        });
    }
}
