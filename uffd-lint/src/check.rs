//! A text against the pinned table.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use memchr::memmem::find;
use uffd_sys::abi::table::Encoding;

use crate::collect::{collect, Collector, TOO_DEEP, UNPARSED};
use crate::data;
use crate::evaluator::{Evaluator, ELSEWHERE};
use crate::facts::{Constant, Facts, Type};
use crate::findings::Findings;
use crate::language::{Form, Language};
use crate::literal;
use crate::names::{self, Meaning};
use crate::prefilter::{self, around_names, is_scan};
use crate::processors::Set;
use crate::report::FileReport;
use crate::source::{is_word, Kind, Source};
use crate::structs;
use crate::target::Target;
use crate::types::primitive;
use crate::why::{self, Difference};

/// Of larger texts only what is around the relevant names is parsed, and no more
/// than this: a tree takes some fifty times the size of its text.
pub const MAX_PARSED: usize = 96 << 10;

/// Checks a text. `path` tells the processor if it names one. Request codes
/// are those of `target` where the source has no condition. A text without a
/// relevant name costs no more than the search for one.
pub fn check(form: Form, path: &Path, bytes: &[u8], target: Target) -> FileReport {
    if !prefilter::is_candidate(form, bytes) {
        return FileReport::default();
    }
    let mut report = match form {
        Form::Data(data) => data::check(data, path, bytes),
        Form::Source(language) => source(language, path, bytes, target),
    };
    report.finish(bytes);
    report
}

fn source(language: Language, path: &Path, bytes: &[u8], target: Target) -> FileReport {
    let mut report = FileReport::default();
    let whole = (bytes.len() <= MAX_PARSED).then(Vec::new);
    let mut next = whole.or_else(|| around_names(bytes, MAX_PARSED));
    let mut why = "its names are in too much text";
    let mut language = language;
    while let Some(pieces) = next.take() {
        match collect(language, path, bytes, &pieces) {
            Ok(collected) => {
                report.merge(compare(&collected, path, target));
                // C in comments of Go.
                if collected.embedded.is_empty() {
                    return report;
                }
                (next, language) = (Some(collected.embedded), Language::C);
            }
            Err(error) => {
                why = error;
                next = around_names(bytes, MAX_PARSED)
                    .filter(|_| pieces.is_empty() && error != TOO_DEEP);
            }
        }
    }
    if prefilter::is_likely(bytes) {
        report.merge(FileReport::unread(why));
    }
    report
}

fn compare(collected: &Collector<'_>, path: &Path, target: Target) -> FileReport {
    let (source, facts) = (&collected.source, &collected.facts);
    let evaluator = |encoding| Evaluator::new(source, facts, Target { encoding, ..target });
    let mut checker = Checker {
        source,
        facts,
        path,
        target,
        generic: evaluator(Encoding::Generic),
        other: evaluator(Encoding::MipsPowerpcSparc),
        scans: is_scan(source.bytes),
        findings: Findings::new(source),
    };
    checker.constants();
    checker.structs();
    checker.literals();
    checker.unread(&collected.unread);
    checker.findings.report
}

/// A file that is being checked.
struct Checker<'f, 'a> {
    source: &'f Source<'a>,
    facts: &'f Facts<'a>,
    path: &'f Path,
    target: Target,
    generic: Evaluator<'f, 'a>,
    other: Evaluator<'f, 'a>,
    /// Whether the file has to do with PAGEMAP_SCAN.
    scans: bool,
    findings: Findings<'f, 'a>,
}

impl<'a> Checker<'_, 'a> {
    fn constants(&mut self) {
        let facts = self.facts;
        // Of each type that has members with a meaning, those.
        let mut members: Vec<Vec<(usize, Meaning)>> = vec![];
        let mut owners: HashMap<&[u8], usize> = HashMap::new();
        for (index, constant) in facts.constants.iter().enumerate() {
            let meaning = names::constant(constant.style, constant.name);
            let member = |owner| names::member(owner, constant.name).map(Meaning::from);
            let Some(known) = meaning.or(constant.owner.and_then(member)) else {
                continue;
            };
            // Names such as PAGE_IS_FILE have other uses without PAGEMAP_SCAN.
            let meant = self.scans || !names::is_common(known.constant.name);
            if constant.processors.is_empty() || !meant || self.is_dropped(constant) {
                continue;
            }
            match constant.owner.filter(|_| meaning.is_none()) {
                None => self.constant(index, known),
                Some(owner) => {
                    let at = *owners.entry(owner).or_insert(members.len());
                    members.resize_with(members.len().max(at + 1), Vec::new);
                    members[at].push((index, known));
                }
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
                    self.constant(index, meaning);
                }
            }
        }
    }

    /// Whether an `#undef` takes a macro back before anything used it.
    fn is_dropped(&self, constant: &Constant<'a>) -> bool {
        let from = self.source.start(constant.at) + constant.name.len();
        let undefined = self.facts.macros.get(constant.name).into_iter().flatten();
        let undefined = undefined.copied().find(|at| *at > from);
        undefined.is_some_and(|to| find(&self.source.bytes[from..to], constant.name).is_none())
    }

    fn constant(&mut self, index: usize, meaning: Meaning) {
        let constant = &self.facts.constants[index];
        let name = meaning.constant.name;
        let mut wrong = None;
        for encoding in constant.processors.encodings(self.target.encoding) {
            let evaluator = match encoding {
                Encoding::Generic => &mut self.generic,
                Encoding::MipsPowerpcSparc => &mut self.other,
            };
            let value = match evaluator.constant(index) {
                Ok(value) => value,
                Err(why) if why == ELSEWHERE => {
                    self.findings.report.from_header += 1;
                    return;
                }
                Err(why) => {
                    let at = self.source.start(constant.at);
                    return self.findings.note(at, "not-evaluated", name, why);
                }
            };
            let number = meaning.number.filter(|_| (0..256).contains(&value));
            let known = number.unwrap_or(meaning.constant);
            if why::is_right(known, value, *encoding) {
                self.findings.compared(constant.at, name);
                if let Some(difference) = self.narrow(constant, value) {
                    self.findings.problem(constant.at, name, difference);
                }
                return;
            }
            // #ifndef X / #define X 0: said not to be there.
            if constant.fallback && (value == 0 || value as i32 == -1) {
                return;
            }
            wrong.get_or_insert((known, value, *encoding));
        }
        if let Some((known, value, encoding)) = wrong {
            self.findings.compared(constant.at, name);
            let difference = why::wrong_value(known, value, encoding);
            self.findings.problem(constant.at, known.name, difference);
        }
    }

    /// A declared type that cannot hold the value, which C cuts in silence.
    fn narrow(&self, constant: &Constant<'a>, value: i128) -> Option<Difference> {
        let Some(Type::Named(name)) = &constant.ty else {
            return None;
        };
        let bits = primitive(name, self.target.long)?.size as u32 * 8;
        let fits = value >= -(1 << (bits - 1)) && value < 1 << bits;
        let kept = why::hex(value & ((1 << bits) - 1));
        (!fits).then(|| Difference {
            kind: "type",
            found: name.clone(),
            expected: format!("one that holds {}", why::hex(value)),
            why: format!("{name} has {bits} bits, so what the program uses is {kept}"),
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
            let copy = exact || structs::is_copy(structure, known);
            if structure.processors.is_empty() || !meant || !copy {
                continue;
            }
            if let Some(byte) = structure.kernel_packed {
                self.packed(byte, known.name);
            }
            if exact && !structure.c_layout {
                self.findings.compared(structure.at, known.name);
                let difference = structs::no_layout(self.source.language);
                self.findings.problem(structure.at, known.name, difference);
                continue;
            }
            match self.generic.struct_layout(index) {
                Ok(layout) => {
                    let align_of_u64 = self.target.align_of_u64;
                    structs::check(&mut self.findings, structure, &layout, known, align_of_u64);
                }
                Err(why) => {
                    let kind = if why == UNPARSED {
                        "not-read"
                    } else {
                        "not-evaluated"
                    };
                    let at = self.source.start(structure.at);
                    self.findings.note(at, kind, known.name, why);
                }
            }
        }
    }

    /// `} __packed;`, as in the kernel's own tree, where that is a macro.
    fn packed(&mut self, byte: usize, item: &str) {
        // The headers that define it, and the kernel's own tree, from whose
        // headers it is taken when they are installed.
        let headers = ["sys/cdefs.h", "linux/compiler"];
        let mut headers = headers
            .iter()
            .map(|name| find(self.source.bytes, name.as_bytes()));
        if self.facts.macros.contains_key(&b"__packed"[..])
            || headers.any(|found| found.is_some())
            || self.path.ends_with("include/uapi/linux/userfaultfd.h")
        {
            return;
        }
        let difference = Difference {
            kind: "packed",
            found: "`} __packed;`".into(),
            expected: "`} __attribute__((packed));`".into(),
            why: "only the kernel's own tree has this macro: elsewhere it declares a global \
                  variable named __packed, defined again in every file that includes this, and \
                  the struct is not packed"
                .into(),
        };
        self.findings.problem_at(byte, item, difference);
    }

    /// Numbers in calls of ioctl(2).
    fn literals(&mut self) {
        let encodings = Set::of_path(self.path).encodings(self.target.encoding);
        for call in &self.facts.requests {
            let number = |at: &usize| self.source.kind(*at) == Some(Kind::Number);
            let Some(at) = call.clone().find(number) else {
                continue;
            };
            let value = literal::integer(self.source.language, self.source.text(at));
            let known = value.and_then(|value| why::request(value, encodings));
            if let (Some(value), Some(known)) = (value, known) {
                self.findings.value(at, known, value, encodings);
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
        for region in regions {
            // Whole lines, each once.
            if region.end < to {
                continue;
            }
            let from = memchr::memrchr(b'\n', &bytes[to.min(region.start)..region.start]);
            let from = from.map_or(to.min(region.start), |at| to + at + 1).max(to);
            let rest = &bytes[region.end..];
            to = region.end + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            for (at, name) in definitions(bytes, from..to) {
                if !collected.contains(&at) && named.insert(name) {
                    let item = String::from_utf8_lossy(name);
                    let why = "the text around it could not be parsed".to_owned();
                    self.findings.note(at, "not-read", &item, why);
                }
            }
        }
    }
}

/// The words in a piece of text that seem to be definitions of the kernel's
/// names: `#define X`, `const X`, `X =`, `struct x {`, `struct x : y {`.
fn definitions(bytes: &[u8], piece: Range<usize>) -> Vec<(usize, &[u8])> {
    let mut found = vec![];
    let (mut before, mut at): (&[u8], usize) = (b"", piece.start);
    while at < piece.end {
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        let word = &bytes[at..at + length];
        let after = bytes[at + length..].trim_ascii_start();
        let defines = match before {
            b"define" | b"const" | b"static" | b"var" | b"type" | b"class" => true,
            b"struct" | b"union" if matches!(after, [b'{' | b':', ..]) => true,
            _ => after.starts_with(b"=") && !after.starts_with(b"=="),
        };
        if defines && (names::exact(word).is_some() || names::structure(word, false).is_some()) {
            found.push((at, word));
        }
        if length > 0 {
            before = word;
        }
        at += length.max(1);
    }
    found
}
