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
    pub const UNKNOWN: Condition = Condition {
        surely: Set::NONE,
        perhaps: Set::ALL,
    };
    const TRUE: Condition = Condition {
        surely: Set::ALL,
        perhaps: Set::ALL,
    };

    fn known(set: Option<Set>) -> Condition {
        set.map_or(Condition::UNKNOWN, |set| Condition {
            surely: set,
            perhaps: set,
        })
    }

    /// The opposite.
    pub fn not(self) -> Condition {
        Condition {
            surely: self.perhaps.not(),
            perhaps: self.surely.not(),
        }
    }

    /// Both.
    pub fn and(self, other: Condition) -> Condition {
        let surely = self.surely.and(other.surely);
        Condition {
            surely,
            perhaps: self.perhaps.and(other.perhaps),
        }
    }

    /// Either.
    pub fn or(self, other: Condition) -> Condition {
        let surely = self.surely | other.surely;
        Condition {
            surely,
            perhaps: self.perhaps | other.perhaps,
        }
    }

    /// `#ifdef NAME`, or Go's name of a processor.
    pub fn defined(name: &[u8]) -> Condition {
        Condition::known(Set::named(&String::from_utf8_lossy(name)))
    }

    /// The tokens of `#if`, or of `//go:build`.
    pub fn expression(source: &Source<'_>, tokens: Tokens) -> Condition {
        let mut reader = Reader {
            source,
            at: tokens.start,
            end: tokens.end,
        };
        reader.any(0)
    }

    /// The tokens between the parentheses of Rust's `cfg(...)`.
    pub fn cfg(source: &Source<'_>, start: usize, end: usize) -> Condition {
        cfg(source, start, end, 0)
    }

    /// The lines of `//go:build` before the package.
    pub fn go_build(bytes: &[u8]) -> Condition {
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .take(64)
            .map(<[u8]>::trim_ascii);
        let before = lines.take_while(|line| !line.starts_with(b"package "));
        let builds = before.filter_map(|line| line.strip_prefix(b"//go:build "));
        builds.fold(Condition::TRUE, |all, line| {
            let mut source = Source::new(Language::Go, line);
            let tokens = source.lex(0..line.len());
            all.and(Condition::expression(&source, tokens))
        })
    }
}

/// `||`, `&&`, `!`, parentheses, `defined`; anything else is unknown.
struct Reader<'a> {
    source: &'a Source<'a>,
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn is(&self, text: &[u8]) -> bool {
        self.at < self.end && self.source.is(self.at, text)
    }

    /// Goes over a token, if it is there.
    fn take(&mut self, text: &[u8]) -> bool {
        let is = self.is(text);
        self.at += usize::from(is);
        is
    }

    fn any(&mut self, depth: usize) -> Condition {
        let mut condition = self.all(depth);
        while self.take(b"||") {
            condition = condition.or(self.all(depth));
        }
        condition
    }

    fn all(&mut self, depth: usize) -> Condition {
        let mut condition = self.one(depth);
        while self.take(b"&&") {
            condition = condition.and(self.one(depth));
        }
        condition
    }

    fn one(&mut self, depth: usize) -> Condition {
        let mut condition = Condition::UNKNOWN;
        if depth > DEPTH {
            self.at = self.end;
        } else if self.take(b"!") {
            return self.one(depth + 1).not();
        } else if self.take(b"(") {
            condition = self.any(depth + 1);
            self.take(b")");
        } else if self.take(b"defined") {
            let parenthesis = self.take(b"(");
            condition = Condition::defined(self.source.text(self.at));
            self.at += 1 + usize::from(parenthesis);
        } else if self.at < self.end {
            let text = self.source.text(self.at);
            condition = match self.source.kind(self.at) {
                Some(Kind::Number) if text == b"0" => Condition::TRUE.not(),
                // Of Go, 386 is a processor.
                Some(Kind::Number) if self.source.language.is_c_family() => Condition::TRUE,
                _ => Condition::defined(text),
            };
            self.at += 1;
        }
        // A comparison, a call, a sum: not understood.
        let rest = self.at;
        while self.at < self.end && !self.is(b"||") && !self.is(b"&&") && !self.is(b")") {
            self.at = self.source.skip(self.at);
        }
        let compared = matches!(self.source.text(rest), b"==" | b">=" | b">");
        if rest >= self.end || rest == self.at {
            condition
        } else if compared && self.source.text(rest + 1) != b"0" {
            // `__mips == 64` holds nowhere but on mips.
            Condition {
                surely: Set::NONE,
                ..condition
            }
        } else {
            Condition::UNKNOWN
        }
    }
}

fn cfg(source: &Source<'_>, start: usize, end: usize, depth: usize) -> Condition {
    if depth > DEPTH {
        return Condition::UNKNOWN;
    }
    let close = source
        .close(start + 1)
        .map_or(start, |close| close.min(end));
    let parts = source.split(start + 2..close, b",").into_iter();
    let mut parts = parts.map(|part| cfg(source, part.start, part.end, depth + 1));
    match source.text(start) {
        b"any" => parts.fold(Condition::TRUE.not(), Condition::or),
        b"all" => parts.fold(Condition::TRUE, Condition::and),
        b"not" => parts.next().unwrap_or(Condition::UNKNOWN).not(),
        b"target_arch" if source.is(start + 1, b"=") => {
            let text = String::from_utf8_lossy(source.text(start + 2));
            let set = Set::named(text.trim_matches('"'));
            Condition::known(Some(set.unwrap_or(Set::NONE)))
        }
        _ => Condition::UNKNOWN,
    }
}
