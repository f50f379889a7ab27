//! A text against the pinned table.

use std::collections::{BTreeMap, HashSet};
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
use crate::report::{FileReport, Problem};
use crate::source::{is_word, Kind, Source};
use crate::structs;
use crate::target::Target;
use crate::types::primitive;
use crate::why;

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
        evaluators: [Encoding::Generic, Encoding::MipsPowerpcSparc].map(evaluator),
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
    /// One for each encoding.
    evaluators: [Evaluator<'f, 'a>; 2],
    /// Whether the file has to do with PAGEMAP_SCAN.
    scans: bool,
    findings: Findings<'f, 'a>,
}

impl<'a> Checker<'_, 'a> {
    fn constants(&mut self) {
        let facts = self.facts;
        // Of each type that has members with a meaning, those.
        let mut members: BTreeMap<&[u8], Vec<(usize, Meaning)>> = BTreeMap::new();
        for (index, constant) in facts.constants.iter().enumerate() {
            let meaning = names::constant(constant.style, constant.name);
            let member = |owner| names::member(owner, constant.name).map(Meaning::surely);
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
                Some(owner) => members.entry(owner).or_default().push((index, known)),
            }
        }
        for all in members.into_values() {
            // A numbering of its own has none of the kernel's.
            let right = |(index, meaning): &(usize, Meaning)| {
                let value = self.evaluators[0].constant(*index);
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
            let value = match self.evaluators[*encoding as usize].constant(index) {
                Ok(value) => value,
                Err(why) if why == ELSEWHERE => {
                    self.findings.report.from_header += 1;
                    return;
                }
                Err(why) => {
                    let note = Problem::note("not-evaluated", name, why);
                    return self.findings.problem(constant.at, note);
                }
            };
            let number = meaning.number.filter(|_| (0..256).contains(&value));
            let known = number.unwrap_or(meaning.constant);
            if why::is_right(known, value, *encoding) {
                self.findings.compared(constant.at, name);
                if let Some(problem) = self.narrow(constant, name, value) {
                    self.findings.problem(constant.at, problem);
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
            let problem = why::wrong_value(known, value, encoding);
            self.findings.problem(constant.at, problem);
        }
    }

    /// A declared type that cannot hold the value, which C cuts in silence.
    fn narrow(&self, constant: &Constant<'a>, item: &str, value: i128) -> Option<Problem> {
        let Some(Type::Named(name)) = &constant.ty else {
            return None;
        };
        let bits = primitive(name, self.target.long)?.size as u32 * 8;
        if value >= -(1 << (bits - 1)) && value < 1 << bits {
            return None;
        }
        let kept = why::hex(value & ((1 << bits) - 1));
        let expected = format!("one that holds {}", why::hex(value));
        let why = format!("{name} has {bits} bits, so what the program uses is {kept}");
        Some(Problem::error("type", item, name, expected, why))
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
            if let Some(byte) = structure.body.kernel_packed {
                self.packed(byte, known.name);
            }
            if exact && !structure.body.c_layout {
                self.findings.compared(structure.at, known.name);
                let problem = structs::no_layout(self.source.language, known);
                self.findings.problem(structure.at, problem);
                continue;
            }
            match self.evaluators[0].struct_layout(index) {
                Ok(layout) => {
                    let align_of_u64 = self.target.align_of_u64;
                    structs::check(&mut self.findings, structure, &layout, known, align_of_u64);
                }
                Err(why) => {
                    let read = why != UNPARSED;
                    let kind = if read { "not-evaluated" } else { "not-read" };
                    let note = Problem::note(kind, known.name, why);
                    self.findings.problem(structure.at, note);
                }
            }
        }
    }

    /// `} __packed;`, as in the kernel's own tree, where that is a macro.
    fn packed(&mut self, byte: usize, item: &str) {
        // The headers that define it, and the kernel's own tree, from whose
        // headers it is taken when they are installed.
        let includes = |name: &str| find(self.source.bytes, name.as_bytes()).is_some();
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
        let problem = Problem::error("packed", item, found, expected, why);
        self.findings.problem_at(byte, problem);
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
            self.findings.code(at, value, encodings);
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
                    let why = "the text around it could not be parsed";
                    let note = Problem::note("not-read", &item, why);
                    self.findings.problem_at(at, note);
                }
            }
        }
    }
}

/// The words in a piece of text that seem to be definitions of the kernel's
/// names: `#define X`, `const X`, `X =`, `struct x {`, `struct x : y {`.
fn definitions(bytes: &[u8], piece: Range<usize>) -> Vec<(usize, &[u8])> {
    let mut found = vec![];
    let (mut before, mut next): (&[u8], usize) = (b"", piece.start);
    for word in bytes[piece].split(|byte| !is_word(*byte)) {
        let at = next;
        next += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        let after = bytes[at + word.len()..].trim_ascii_start();
        let defines = match before {
            b"define" | b"const" | b"static" | b"var" | b"type" | b"class" => true,
            b"struct" | b"union" if matches!(after, [b'{' | b':', ..]) => true,
            _ => after.starts_with(b"=") && !after.starts_with(b"=="),
        };
        if defines && (names::exact(word).is_some() || names::structure(word, false).is_some()) {
            found.push((at, word));
        }
        before = word;
    }
    found
}
