//! Request codes in files that are no programs: seccomp profiles, and the
//! constants of a fuzzer.

use std::path::Path;

use uffd_sys::abi::table::{Constant, Encoding};

use crate::language::{Data, Language};
use crate::literal;
use crate::names;
use crate::processors::Set;
use crate::report::{Compared, FileReport, Problem, Severity};
use crate::source::{Kind, Source, Tokens};
use crate::why::{self, request};

const BOTH: [Encoding; 2] = [Encoding::Generic, Encoding::MipsPowerpcSparc];

pub(crate) fn check(data: Data, path: &Path, bytes: &[u8]) -> FileReport {
    // Its comments are Python's, and its numbers C's.
    let mut source = Source::new(Language::Python, bytes);
    let mut report = FileReport::default();
    // A profile may be for several processors; a policy's path may tell.
    let encodings = match Set::of_path(path) {
        Set::ALL => &BOTH[..],
        set => set.encodings(Encoding::Generic),
    };
    let mut start = 0;
    let mut arches = Set::ALL;
    while start < bytes.len() {
        // A backslash joins the next line.
        let mut end = start;
        loop {
            end += memchr::memchr(b'\n', &bytes[end..]).unwrap_or(bytes.len() - end);
            if end == bytes.len() || !bytes[..end].ends_with(b"\\") {
                break;
            }
            end += 1;
        }
        let line = source.lex(start..end);
        let name = source.text(line.start);
        match data {
            Data::Policy if name == b"ioctl" => codes(&source, line, encodings, &mut report),
            Data::Policy => {}
            Data::Profile if matches!(name, b"\"value\"" | b"\"valueTwo\"") => {
                codes(&source, line, &BOTH, &mut report);
            }
            // "args": [{ … }] in one line.
            Data::Profile => {
                let after = |at: &usize| {
                    matches!(
                        source.text(at.saturating_sub(2)),
                        b"\"value\"" | b"\"valueTwo\""
                    )
                };
                for at in line.filter(after) {
                    codes(&source, at..at + 1, &BOTH, &mut report);
                }
            }
            Data::Constants if name == b"arches" => {
                let names = line.filter(|at| {
                    source.kind(*at) == Some(Kind::Ident) || source.kind(*at) == Some(Kind::Number)
                });
                let sets =
                    names.filter_map(|at| Set::named(&String::from_utf8_lossy(source.text(at))));
                arches = sets.fold(Set::NONE, |all, set| all | set);
            }
            Data::Constants => constants(&source, line, arches, &mut report),
        }
        start = end + 1;
    }
    report
}

fn value(source: &Source<'_>, at: usize) -> Option<i128> {
    let number = source.kind(at) == Some(Kind::Number);
    number.then(|| literal::integer(Language::C, source.text(at)))?
}

fn codes(source: &Source<'_>, line: Tokens, encodings: &[Encoding], report: &mut FileReport) {
    for at in line {
        let Some(value) = value(source, at) else {
            continue;
        };
        if let Some((known, right)) = request(value, encodings) {
            judge(source, at, known, value, right, encodings[0], report);
        }
    }
}

/// `NAME = value, arch:arch:value, …`
fn constants(source: &Source<'_>, line: Tokens, arches: Set, report: &mut FileReport) {
    let Some(known) = names::exact(source.text(line.start)) else {
        return;
    };
    if !source.is(line.start + 1, b"=") {
        return;
    }
    for (index, part) in source
        .split(line.start + 2..line.end, b",")
        .into_iter()
        .enumerate()
    {
        let Some(value) = part.clone().last().and_then(|at| value(source, at)) else {
            continue;
        };
        // The first value is that of most; the others say whose they are.
        let set = part
            .clone()
            .filter_map(|at| Set::named(&String::from_utf8_lossy(source.text(at))));
        let set = set.fold(Set::NONE, |all, set| all | set);
        let set = if index == 0 || set.is_empty() {
            arches
        } else {
            set
        };
        let encodings = set.encodings(Encoding::Generic);
        let right = encodings
            .iter()
            .any(|encoding| why::is_right(known, value, *encoding));
        judge(
            source,
            part.start,
            known,
            value,
            right,
            encodings[0],
            report,
        );
    }
}

fn judge(
    source: &Source<'_>,
    at: usize,
    known: &Constant,
    value: i128,
    right: bool,
    encoding: Encoding,
    report: &mut FileReport,
) {
    let byte = source.start(at);
    let line = source.line(byte);
    report.compared.push(Compared {
        item: known.name.to_owned(),
        line,
    });
    if !right {
        let (kind, why) = why::wrong_value(known, value, encoding);
        report.problems.push(Problem {
            kind,
            severity: Severity::Error,
            item: known.name.to_owned(),
            line,
            column: source.column(byte),
            found: why::hex(value),
            expected: why::expected(known, encoding),
            why,
        });
    }
}
