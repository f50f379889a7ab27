//! A text, and the tokens of the pieces of it that the evaluator reads.
//!
//! The grammars leave the bodies of C's macros and the arguments of Rust's as
//! plain text, so expressions, types and conditions are read as tokens in
//! every language; where they begin and end the grammar says.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::language::Language;

/// Token indices.
pub type Tokens = Range<usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ident,
    /// `0xC018AA3Full`, with its suffix.
    Number,
    Str,
    Char,
    Punct,
}

#[derive(Clone, Copy)]
struct Token {
    kind: Kind,
    start: u32,
    end: u32,
    /// The token of the bracket that closes this one.
    close: Option<NonZeroU32>,
}

/// A text with the tokens of what was lexed of it so far, in that order.
pub struct Source<'a> {
    pub language: Language,
    pub bytes: &'a [u8],
    tokens: Vec<Token>,
    /// How many lines end before each piece of `PIECE` bytes.
    lines: Vec<u32>,
    /// How many bytes may still be lexed.
    left: usize,
}

const PIECE: usize = 4 << 10;
/// How much is lexed of a text.
const LEXED: usize = 1 << 19;

const OPERATORS: [&[u8]; 14] = [
    b"<<", b">>", b"::", b"->", b"=>", b"==", b"!=", b"<=", b">=", b"&&", b"||", b"&^", b"//",
    b"##",
];

impl<'a> Source<'a> {
    /// Without tokens yet. Texts of more than 4 GiB are for callers to refuse.
    pub fn new(language: Language, bytes: &'a [u8]) -> Source<'a> {
        let ends = bytes.chunks(PIECE).scan(0, |ends, piece| {
            *ends += memchr::memchr_iter(b'\n', piece).count() as u32;
            Some(*ends)
        });
        let lines = std::iter::once(0).chain(ends).collect();
        Source {
            language,
            bytes,
            tokens: vec![],
            lines,
            // What is nested is lexed once more with what it is in; a text
            // that is nested without end would take the square of its size.
            left: LEXED,
        }
    }

    pub fn lex(&mut self, piece: Range<usize>) -> Tokens {
        let start = self.tokens.len();
        self.left = self.left.saturating_sub(piece.len());
        if self.is_exhausted() {
            return start..start;
        }
        let mut lexer = Lexer {
            language: self.language,
            bytes: &self.bytes[..piece.end],
            at: piece.start,
        };
        // The brackets that are open, each with what closes it.
        let mut open: Vec<(usize, &[u8])> = vec![];
        while let Some(token) = lexer.next() {
            let index = self.tokens.len();
            self.tokens.push(token);
            match self.text(index) {
                b"(" => open.push((index, b")")),
                b"[" => open.push((index, b"]")),
                b"{" => open.push((index, b"}")),
                text => {
                    if let Some((at, _)) = open.last().filter(|(_, expected)| *expected == text) {
                        self.tokens[*at].close = NonZeroU32::new(index as u32);
                        open.pop();
                    }
                }
            }
        }
        start..self.tokens.len()
    }

    /// Drops all tokens.
    pub fn forget(&mut self) {
        self.tokens.clear();
        self.left = LEXED;
    }

    /// Gives the text up.
    pub fn exhaust(&mut self) {
        self.left = 0;
    }

    /// Whether more would have been lexed than a text of this size can need.
    pub fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// The text of token `index`; empty past the end.
    pub fn text(&self, index: usize) -> &'a [u8] {
        let token = self.tokens.get(index);
        token.map_or(b"", |it| &self.bytes[it.start as usize..it.end as usize])
    }

    pub fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// Whether token `index` is this name, keyword, operator or bracket.
    pub fn is(&self, index: usize, text: &[u8]) -> bool {
        self.text(index) == text && matches!(self.kind(index), Some(Kind::Ident | Kind::Punct))
    }

    pub fn is_ident(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Ident)
    }

    pub fn start(&self, index: usize) -> usize {
        let token = self.tokens.get(index);
        token.map_or(0, |token| token.start as usize)
    }

    /// The index of the bracket that closes the one at `index`.
    pub fn close(&self, index: usize) -> Option<usize> {
        self.tokens
            .get(index)?
            .close
            .map(|close| close.get() as usize)
    }

    /// The token after `index`, or after the brackets that open there.
    pub fn skip(&self, index: usize) -> usize {
        self.close(index).unwrap_or(index) + 1
    }

    /// The first token of a range for which `stop` holds, outside of brackets
    /// that open in it; the end of the range if there is none.
    pub fn find(&self, start: usize, end: usize, stop: impl Fn(usize) -> bool) -> usize {
        let mut at = start;
        while at < end && !stop(at) {
            at = self.skip(at);
        }
        at.min(end)
    }

    /// Splits a range at the `separator`s that are outside of brackets.
    pub fn split(&self, range: Tokens, separator: &[u8]) -> Vec<Tokens> {
        let mut parts = vec![];
        let mut from = range.start;
        while from < range.end {
            let to = self.find(from, range.end, |at| self.is(at, separator));
            parts.push(from..to);
            from = to + 1;
        }
        parts
    }

    /// The line and the column of a byte, in characters, counted from 1; the
    /// column is 0 far behind the start of a very long line, where counting would
    /// take too long.
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let (piece, before) = (byte / PIECE, &self.bytes[..byte]);
        let ends = memchr::memchr_iter(b'\n', &before[piece * PIECE..]).count();
        let text = &before[memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..];
        let column = match text.len() {
            ..=4096 => String::from_utf8_lossy(text).chars().count() + 1,
            _ => 0,
        };
        (self.lines[piece] as usize + ends + 1, column)
    }
}

struct Lexer<'a> {
    language: Language,
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Option<Token> {
        self.skip_space();
        let start = self.at;
        let kind = match *self.bytes.get(start)? {
            b'"' | b'`' => self.quoted(Kind::Str),
            b'\'' if self.language == Language::Python => self.quoted(Kind::Str),
            b'\'' if self.is_lifetime() => {
                self.at += 1;
                return self.next();
            }
            b'\'' => self.quoted(Kind::Char),
            b'0'..=b'9' => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. | b'@' | b'$' => self.name(),
            _ => {
                let rest = &self.bytes[start..];
                let known = OPERATORS.iter().find(|operator| rest.starts_with(operator));
                self.at += known.map_or(1, |operator| operator.len());
                Kind::Punct
            }
        };
        self.at = self.at.min(self.bytes.len());
        Some(Token {
            kind,
            start: start as u32,
            end: self.at as u32,
            close: None,
        })
    }

    /// Spaces, comments, and backslashes that join lines.
    fn skip_space(&mut self) {
        let python = self.language == Language::Python;
        loop {
            let rest = &self.bytes[self.at..];
            let line = || memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            self.at += match rest {
                [byte, ..] if byte.is_ascii_whitespace() => 1,
                [b'\\', b'\n', ..] => 2,
                [b'\\', b'\r', b'\n', ..] => 3,
                [b'#', ..] if python => line(),
                [b'/', b'/', ..] if !python => line(),
                [b'/', b'*', ..] if !python => {
                    memchr::memmem::find(&rest[2..], b"*/").map_or(rest.len(), |at| at + 4)
                }
                _ => return,
            };
        }
    }

    fn is_lifetime(&self) -> bool {
        self.language == Language::Rust && is_word(self.peek(1)) && self.peek(2) != b'\''
    }

    fn quoted(&mut self, kind: Kind) -> Kind {
        let quote = self.bytes[self.at];
        self.at += 1;
        while self.at < self.bytes.len() && self.bytes[self.at] != quote {
            self.at += if self.bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        kind
    }

    fn number(&mut self) -> Kind {
        while match (self.peek(0), self.peek(1)) {
            (b'.', next) => next.is_ascii_digit(),
            (b'\'', next) => self.language.is_c_family() && next.is_ascii_hexdigit(),
            (byte, _) => is_word(byte),
        } {
            self.at += 1;
        }
        Kind::Number
    }

    fn name(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        match (self.language, &self.bytes[start..self.at], self.peek(0)) {
            // @"move": a name that is a keyword.
            (Language::Zig, b"@", b'"') => return self.quoted(Kind::Ident),
            (Language::Rust, b"r", b'#') if is_word(self.peek(1)) => return self.name(),
            (Language::Rust, b"r" | b"br", b'#' | b'"') => return self.raw(),
            (Language::Rust, b"b", b'\'') => return self.quoted(Kind::Str),
            (Language::Python, b"b", b'\'' | b'"') => return self.quoted(Kind::Str),
            _ => {}
        }
        Kind::Ident
    }

    /// The rest of `r#"…"#`, in which a backslash is only that.
    fn raw(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        if rest.get(hashes) != Some(&b'"') {
            return Kind::Ident;
        }
        let (end, text) = ([b"\"", &rest[..hashes]].concat(), &rest[hashes + 1..]);
        self.at += memchr::memmem::find(text, &end).map_or(rest.len(), |at| at + 2 * hashes + 2);
        Kind::Str
    }
}

/// Whether a byte can be within a name. Bytes that are not ASCII can, valid
/// UTF-8 or not.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The end of a line that backslashes may join to further ones.
pub fn line_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = &bytes[from..at];
        if at == bytes.len() || !line.strip_suffix(b"\r").unwrap_or(line).ends_with(b"\\") {
            return at;
        }
        at += 1;
    }
}
