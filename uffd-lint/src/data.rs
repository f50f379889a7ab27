//! Request codes in files that are no programs: seccomp profiles, and the
//! constants of a fuzzer.

use std::path::Path;

use uffd_sys::abi::table::Encoding;

use crate::findings::Findings;
use crate::language::{Data, Language};
use crate::literal;
use crate::names;
use crate::processors::Set;
use crate::report::FileReport;
use crate::source::{line_end, Kind, Source, Tokens};

pub fn check(data: Data, path: &Path, bytes: &[u8]) -> FileReport {
    // Its comments are Python's, and its numbers C's.
    let mut source = Source::new(Language::Python, bytes);
    // A profile may be for several processors; a policy's path may tell.
    let encodings = match (data, Set::of_path(path)) {
        (Data::Policy, set) if set != Set::ALL => set.encodings(Encoding::Generic),
        _ => Set::SOME.encodings(Encoding::Generic),
    };
    let (mut report, mut arches) = (FileReport::default(), Set::ALL);
    let mut start = 0;
    while start < bytes.len() {
        let end = line_end(bytes, start);
        source.forget();
        let line = source.lex(start..end);
        start = end + 1;
        if source.is_exhausted() {
            report.merge(FileReport::unread("a line of it is too long"));
            break;
        }
        let mut findings = Findings::new(&source);
        let name = source.text(line.start);
        match data {
            Data::Policy if name != b"ioctl" => {}
            Data::Policy => codes(&mut findings, line, encodings),
            Data::Profile => {
                // "value": 1, also where "args": [{ … }] is in one line.
                let is_key = |at: usize| matches!(source.text(at), b"\"value\"" | b"\"valueTwo\"");
                for key in line.filter(|at| is_key(*at)) {
                    codes(&mut findings, key + 2..key + 3, encodings);
                }
            }
            Data::Constants if name == b"arches" => arches = named(&source, line),
            Data::Constants => constants(&mut findings, line, arches),
        }
        report.merge(findings.report);
    }
    report
}

/// The processors whose names are in a line.
fn named(source: &Source<'_>, line: Tokens) -> Set {
    let text = |at| String::from_utf8_lossy(source.text(at));
    let sets = line.filter_map(|at| Set::named(&text(at)));
    sets.fold(Set::NONE, |all, set| all | set)
}

fn number(source: &Source<'_>, at: usize) -> Option<i128> {
    let number = source.kind(at) == Some(Kind::Number);
    number.then(|| literal::integer(Language::C, source.text(at)))?
}

fn codes(findings: &mut Findings<'_, '_>, line: Tokens, encodings: &[Encoding]) {
    for at in line {
        findings.code(at, number(findings.source, at), encodings);
    }
}

/// `NAME = value, arch:arch:value, …`
fn constants(findings: &mut Findings<'_, '_>, line: Tokens, arches: Set) {
    let source = findings.source;
    let known = names::exact(source.text(line.start));
    let Some(known) = known.filter(|_| source.is(line.start + 1, b"=")) else {
        return;
    };
    let parts = source.split(line.start + 2..line.end, b",");
    for (index, part) in parts.into_iter().enumerate() {
        let value = part.clone().last().and_then(|at| number(source, at));
        // The first value is that of most; the others say whose they are.
        let set = match named(source, part.clone()) {
            set if index == 0 || set.is_empty() => arches,
            set => set,
        };
        if let Some(value) = value {
            findings.value(part.start, known, value, set.encodings(Encoding::Generic));
        }
    }
}
