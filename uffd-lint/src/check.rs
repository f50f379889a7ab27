//! One file's definitions against the pinned table.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use uffd_sys::abi::table::Encoding;

use crate::checker::Checker;
use crate::collect::{collect, Collector};
use crate::data;
use crate::evaluator::{Evaluator, ELSEWHERE};
use crate::facts::{Constant, Type};
use crate::language::{Form, Language};
use crate::literal;
use crate::names::{self, Meaning};
use crate::prefilter;
use crate::processors::Set;
use crate::report::{FileReport, Problem, Severity};
use crate::source::{is_word, Kind};
use crate::structs;
use crate::target::Target;
use crate::types::primitive;
use crate::why;

/// Of larger texts only what is around the relevant names is parsed, and no more
/// than this: a tree takes some fifty times the size of its text.
pub const MAX_PARSED: usize = 512 << 10;

/// Checks a text. `path` tells the processor if it names one. Request codes
/// are those of `target` where the source has no condition. A text without a
/// relevant name costs no more than the search for one.
pub fn check(form: Form, path: &Path, bytes: &[u8], target: Target) -> FileReport {
    if !prefilter::is_candidate(form, bytes) {
        return FileReport::default();
    }
    let mut report = match form {
        Form::Data(data) => data::check(data, path, bytes),
        Form::Source(language) => {
            let mut pieces = vec![];
            if bytes.len() > MAX_PARSED {
                let Some(around) = prefilter::around_names(bytes, MAX_PARSED) else {
                    let size = MAX_PARSED >> 10;
                    return unread_file(format!("it has names in more than {size} KiB of text"));
                };
                pieces = around;
            }
            let mut embedded = vec![];
            let mut report = parsed(language, path, bytes, &pieces, target, &mut embedded);
            if !embedded.is_empty() {
                report.merge(parsed(
                    Language::C,
                    path,
                    bytes,
                    &embedded,
                    target,
                    &mut vec![],
                ));
            }
            report
        }
    };
    report.allow(bytes);
    report
}

fn unread_file(why: String) -> FileReport {
    let mut report = FileReport::default();
    report.problems.push(Problem {
        kind: "not-read",
        severity: Severity::Note,
        item: "the file".into(),
        line: 1,
        column: 0,
        found: why,
        expected: String::new(),
        why: String::new(),
    });
    report
}

fn parsed(
    language: Language,
    path: &Path,
    bytes: &[u8],
    ranges: &[tree_sitter::Range],
    target: Target,
    embedded: &mut Vec<tree_sitter::Range>,
) -> FileReport {
    let collected = match collect(language, path, bytes, ranges) {
        Ok(collected) => collected,
        Err(why) => return unread_file(why.into()),
    };
    let Collector {
        source,
        facts,
        unread,
        ..
    } = &collected;
    let evaluator = |encoding| Evaluator::new(source, facts, Target { encoding, ..target });
    let words: [&[u8]; 6] = [
        b"PAGEMAP_SCAN",
        b"PM_SCAN_",
        b"pm_scan",
        b"agemapScan",
        b"mScan",
        b"PMScan",
    ];
    let mut checker = Checker {
        source,
        facts,
        path,
        target,
        generic: evaluator(Encoding::Generic),
        other: evaluator(Encoding::MipsPowerpcSparc),
        scans: words
            .iter()
            .any(|word| memchr::memmem::find(bytes, word).is_some()),
        report: FileReport::default(),
    };
    checker.constants();
    checker.structs();
    checker.literals();
    checker.unread(unread);
    let mut report = FileReport::default();
    report.merge(checker.report);
    *embedded = collected.embedded;
    report
}

impl<'a> Checker<'_, 'a> {
    fn constants(&mut self) {
        let facts = self.facts;
        // Of each type that has members with a meaning, those.
        let mut members: Vec<Vec<(usize, Meaning)>> = vec![];
        let mut owners: HashMap<&[u8], usize> = HashMap::new();
        for (index, constant) in facts.constants.iter().enumerate() {
            let language = self.source.language;
            let meaning = names::constant(language, constant.style, constant.name);
            let member = constant.owner.and_then(|owner| {
                let constant = names::member(owner, constant.name)?;
                Some((
                    owner,
                    Meaning {
                        constant,
                        number: None,
                    },
                ))
            });
            let Some(known) = meaning.or(member.map(|(_, meaning)| meaning)) else {
                continue;
            };
            // Names such as PAGE_IS_FILE have other uses without PAGEMAP_SCAN.
            let meant = self.scans || !names::is_common(known.constant.name);
            if constant.processors.is_empty() || !meant || self.is_dropped(constant) {
                continue;
            }
            match (meaning, member) {
                (Some(meaning), _) => self.constant(index, constant, meaning),
                (None, Some((owner, meaning))) => {
                    let at = *owners.entry(owner).or_insert(members.len());
                    if at == members.len() {
                        members.push(vec![]);
                    }
                    members[at].push((index, meaning));
                }
                _ => {}
            }
        }
        for all in members {
            // A numbering of its own has none of the kernel's.
            let right = |(index, meaning): &(usize, Meaning)| {
                let value = self.generic.constant(*index);
                value.is_ok_and(|value| why::is_right(meaning.constant, value, Encoding::Generic))
            };
            if all.iter().any(right) {
                for (index, meaning) in all {
                    self.constant(index, &facts.constants[index], meaning);
                }
            }
        }
    }

    /// Whether an `#undef` takes a macro back before anything used it.
    fn is_dropped(&self, constant: &Constant<'a>) -> bool {
        let from = self.source.start(constant.at) + constant.name.len();
        let undefined = self
            .facts
            .macros
            .get(constant.name)
            .map_or(&[][..], |all| all);
        let Some(undefined) = undefined.iter().find(|at| **at > from) else {
            return false;
        };
        let between = &self.source.bytes[from..*undefined];
        memchr::memmem::find(between, constant.name).is_none()
    }

    fn constant(&mut self, index: usize, constant: &Constant<'a>, meaning: Meaning) {
        let encodings = constant.processors.encodings(self.target.encoding);
        let mut first = None;
        let mut narrow = None;
        for encoding in encodings {
            let evaluator = match encoding {
                Encoding::Generic => &mut self.generic,
                Encoding::MipsPowerpcSparc => &mut self.other,
            };
            let value = match evaluator.constant(index) {
                Ok(value) => value,
                Err(why) if why == ELSEWHERE => {
                    self.report.from_header += 1;
                    return;
                }
                Err(why) => return self.note(constant.at, meaning.constant.name, why),
            };
            let known = meaning
                .number
                .filter(|_| (0..256).contains(&value))
                .unwrap_or(meaning.constant);
            let right = why::is_right(known, value, *encoding);
            // #ifndef X / #define X 0: said not to be there.
            if constant.fallback && !right && (value == 0 || value as i32 == -1) {
                return;
            }
            first.get_or_insert((known, value, *encoding));
            if right {
                narrow = self.narrow(constant, value);
                first = None;
                break;
            }
        }
        self.compared(constant.at, meaning.constant.name);
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
        let bits = primitive(name, self.target.long)?.size as u32 * 8;
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
        let facts = self.facts;
        for (index, structure) in facts.structs.iter().enumerate() {
            let Some(known) = names::structure(structure.name, true) else {
                continue;
            };
            let exact = structure.name == known.name.as_bytes();
            let meant = self.scans || !names::is_common(known.name);
            if structure.processors.is_empty() || !meant {
                continue;
            }
            if !exact && !structs::is_copy(structure, known) {
                continue;
            }
            if let Some(byte) = structure.kernel_packed {
                self.packed(byte, known.name);
            }
            structs::check(self, index, structure, known, exact);
        }
    }

    /// `} __packed;`, as in the kernel's own tree, where that is a macro.
    fn packed(&mut self, byte: usize, item: &str) {
        // The headers that define it, and the kernel's own tree, from whose
        // headers it is taken when they are installed.
        let includes =
            |name: &str| memchr::memmem::find(self.source.bytes, name.as_bytes()).is_some();
        if self.facts.macros.contains_key(&b"__packed"[..])
            || ["sys/cdefs.h", "linux/compiler"].into_iter().any(includes)
            || self.path.ends_with("include/uapi/linux/userfaultfd.h")
        {
            return;
        }
        let why = "only the kernel's own tree has this macro: elsewhere it declares a global \
                   variable named __packed, defined again in every file that includes this, and \
                   the struct is not packed";
        let (found, expected) = ("`} __packed;`", "`} __attribute__((packed));`");
        self.problem_at(
            "packed",
            byte,
            item,
            found.into(),
            expected.into(),
            why.into(),
        );
    }

    /// Numbers in calls of ioctl(2).
    fn literals(&mut self) {
        for call in &self.facts.requests {
            let number = |at: &usize| self.source.kind(*at) == Some(Kind::Number);
            let Some(at) = call.clone().find(number) else {
                continue;
            };
            let value = literal::integer(self.source.language, self.source.text(at));
            let encodings = Set::of_path(self.path).encodings(self.target.encoding);
            if let Some((known, right)) = value.and_then(|value| why::request(value, encodings)) {
                self.compared(at, known.name);
                if !right {
                    let (value, encoding) = (value.unwrap_or_default(), encodings[0]);
                    let (kind, why) = why::wrong_value(known, value, encoding);
                    let expected = why::expected(known, encoding);
                    self.problem(kind, at, known.name, why::hex(value), expected, why);
                }
            }
        }
    }

    /// Definitions that the grammar did not understand, by their names.
    fn unread(&mut self, regions: &[Range<usize>]) {
        let facts = self.facts;
        let tokens = facts.constants.iter().map(|constant| constant.at);
        let tokens = tokens.chain(facts.structs.iter().map(|structure| structure.at));
        let collected: HashSet<usize> = tokens.map(|at| self.source.start(at)).collect();
        let (mut to, mut named) = (0, HashSet::new());
        let bytes = self.source.bytes;
        for region in regions.iter() {
            // Whole lines, each once.
            if region.end < to {
                continue;
            }
            let from = memchr::memrchr(b'\n', &bytes[to.min(region.start)..region.start]);
            let from = from.map_or(to.min(region.start), |at| to + at + 1).max(to);
            to = region.end
                + memchr::memchr(b'\n', &bytes[region.end..]).unwrap_or(bytes.len() - region.end);
            for (at, name) in definitions(self.source.bytes, from..to) {
                if !collected.contains(&at) && named.insert(name) {
                    let item = String::from_utf8_lossy(name).into_owned();
                    let why = "the text around it could not be parsed".to_owned();
                    self.problem_at("not-read", at, &item, why, String::new(), String::new());
                }
            }
        }
    }
}

/// The words in a piece of text that seem to be definitions of the kernel's
/// names: `#define X`, `const X`, `X =`, `struct x {`.
fn definitions(bytes: &[u8], piece: Range<usize>) -> Vec<(usize, &[u8])> {
    let mut found = vec![];
    let (mut before, mut at): (&[u8], usize) = (b"", piece.start);
    while at < piece.end {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        let word = &bytes[at..at + length];
        let after = bytes[at + length..].trim_ascii_start();
        let defines = matches!(
            before,
            b"define" | b"const" | b"static" | b"var" | b"type" | b"class"
        ) || after.starts_with(b"=") && !after.starts_with(b"==")
            || matches!(before, b"struct" | b"union") && after.starts_with(b"{");
        if defines && (names::exact(word).is_some() || names::structure(word, false).is_some()) {
            found.push((at, word));
        }
        before = word;
        at += length;
    }
    found
}
