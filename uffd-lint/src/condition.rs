//! What the conditions of a source say of the processor.

use crate::language::Language;
use crate::processors::Set;
use crate::source::{Kind, Source, Tokens};

/// How deep conditions may be nested.
const DEPTH: usize = 64;

/// What is known of a condition: for which processors it surely holds, and for
/// which it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Surely.
    pub surely: Set,
    /// Perhaps; never fewer.
    pub perhaps: Set,
}

impl Condition {
    /// Nothing is known.
    pub const UNKNOWN: Condition = Condition::new(Set::NONE, Set::ALL);
    const TRUE: Condition = Condition::new(Set::ALL, Set::ALL);
    const FALSE: Condition = Condition::new(Set::NONE, Set::NONE);

    const fn new(surely: Set, perhaps: Set) -> Condition {
        Condition { surely, perhaps }
    }

    /// The opposite.
    pub fn not(self) -> Condition {
        Condition::new(self.perhaps.not(), self.surely.not())
    }

    /// Both.
    pub fn and(self, other: Condition) -> Condition {
        let surely = self.surely.and(other.surely);
        Condition::new(surely, self.perhaps.and(other.perhaps))
    }

    /// Either.
    pub fn or(self, other: Condition) -> Condition {
        Condition::new(self.surely | other.surely, self.perhaps | other.perhaps)
    }

    /// `#ifdef NAME`, or Go's name of a processor.
    pub fn defined(name: &[u8]) -> Condition {
        let set = Set::named(&String::from_utf8_lossy(name));
        set.map_or(Condition::UNKNOWN, |set| Condition::new(set, set))
    }

    /// The tokens of `#if`, or of `//go:build`.
    pub fn expression(source: &Source<'_>, tokens: Tokens) -> Condition {
        any(source, tokens, 0)
    }

    /// The tokens between the parentheses of Rust's `cfg(...)`.
    pub fn cfg(source: &Source<'_>, tokens: Tokens) -> Condition {
        cfg(source, tokens, 0)
    }

    /// The lines of `//go:build` before the package.
    pub fn go_build(bytes: &[u8]) -> Condition {
        let lines = bytes.split(|byte| *byte == b'\n').take(64);
        let lines = lines.map(<[u8]>::trim_ascii);
        let before = lines.take_while(|line| !line.starts_with(b"package "));
        let builds = before.filter_map(|line| line.strip_prefix(b"//go:build "));
        builds.fold(Condition::TRUE, |all, line| {
            let mut source = Source::new(Language::Go, line);
            let tokens = source.lex(0..line.len());
            all.and(Condition::expression(&source, tokens))
        })
    }
}

/// `||` of `&&` of what [`one`] reads.
fn any(source: &Source<'_>, tokens: Tokens, depth: usize) -> Condition {
    let all = |tokens: Tokens| {
        let parts = source.split(tokens, b"&&").into_iter();
        let parts = parts.map(|part| one(source, part, depth));
        parts.reduce(Condition::and).unwrap_or(Condition::UNKNOWN)
    };
    let parts = source.split(tokens, b"||").into_iter().map(all);
    parts.reduce(Condition::or).unwrap_or(Condition::UNKNOWN)
}

/// `!`, parentheses, `defined`, a name or a number, which may be compared; what
/// else there is is unknown.
fn one(source: &Source<'_>, tokens: Tokens, depth: usize) -> Condition {
    let first = tokens.start;
    if depth > DEPTH || tokens.is_empty() {
        return Condition::UNKNOWN;
    }
    if source.is(first, b"!") {
        return one(source, first + 1..tokens.end, depth + 1).not();
    }
    let mut rest = source.skip(first);
    let condition = match source.kind(first) {
        _ if source.is(first, b"(") => any(source, first + 1..rest - 1, depth + 1),
        _ if source.is(first, b"defined") => {
            rest = source.skip(first + 1);
            let parenthesis = usize::from(source.is(first + 1, b"("));
            Condition::defined(source.text(first + 1 + parenthesis))
        }
        Some(Kind::Number) if source.text(first) == b"0" => Condition::FALSE,
        // Of Go, 386 is a processor.
        Some(Kind::Number) if source.language.is_c_family() => Condition::TRUE,
        _ => Condition::defined(source.text(first)),
    };
    let compared = matches!(source.text(rest), b"==" | b">=" | b">");
    if rest >= tokens.end {
        condition
    } else if compared && source.text(rest + 1) != b"0" {
        // `__mips == 64` holds nowhere but on mips.
        Condition::new(Set::NONE, condition.perhaps)
    } else {
        // A comparison, a call, a sum: not understood.
        Condition::UNKNOWN
    }
}

fn cfg(source: &Source<'_>, tokens: Tokens, depth: usize) -> Condition {
    let first = tokens.start;
    if depth > DEPTH {
        return Condition::UNKNOWN;
    }
    let close = source.close(first + 1).unwrap_or(first).min(tokens.end);
    let parts = source.split(first + 2..close, b",").into_iter();
    let mut parts = parts.map(|part| cfg(source, part, depth + 1));
    match source.text(first) {
        b"any" => parts.fold(Condition::FALSE, Condition::or),
        b"all" => parts.fold(Condition::TRUE, Condition::and),
        b"not" => parts.next().unwrap_or(Condition::UNKNOWN).not(),
        b"target_arch" if source.is(first + 1, b"=") => {
            let text = String::from_utf8_lossy(source.text(first + 2));
            let set = Set::named(text.trim_matches('"')).unwrap_or(Set::NONE);
            Condition::new(set, set)
        }
        _ => Condition::UNKNOWN,
    }
}
