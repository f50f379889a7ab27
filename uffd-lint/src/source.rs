//! A text, and the tokens of the pieces of it that the evaluator reads.
//!
//! The grammars leave the bodies of C's macros and the arguments of Rust's as
//! plain text, so expressions, types and conditions are read as tokens in
//! every language; where they begin and end the grammar says.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use regex_automata::Input;

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
        // The brackets that are open, each with what closes it.
        let mut open: Vec<(usize, &[u8])> = vec![];
        let input = Input::new(&self.bytes[..piece.end]).range(piece.start..);
        for found in lexer(self.language).find_iter(input) {
            let Some(kind) = KINDS[found.pattern().as_usize()] else {
                continue;
            };
            let index = self.tokens.len();
            self.tokens.push(Token {
                kind,
                start: found.start() as u32,
                end: found.end() as u32,
                close: None,
            });
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

/// What each pattern of a [`lexer`] finds; between tokens there is nothing.
const KINDS: [Option<Kind>; 6] = [
    Some(Kind::Str),
    Some(Kind::Char),
    Some(Kind::Number),
    Some(Kind::Ident),
    None,
    Some(Kind::Punct),
];

/// Finds the tokens of a language: of the patterns that fit, the first counts. What
/// is not closed goes on to the end.
fn lexer(language: Language) -> &'static Regex {
    static LEXERS: [OnceLock<Regex>; 6] = [const { OnceLock::new() }; 6];
    let quoted = |quote: &str| format!(r"{quote}(?:\\.|[^{quote}\\])*\\?{quote}?");
    let (double, single) = (quoted("\""), quoted("'"));
    let build = || {
        let mut strings = vec![double.clone(), quoted("`")];
        let mut char = single.clone();
        let mut number = r"[0-9](?:[\w]|\.[0-9])*";
        let mut name = r"[A-Za-z_@$\x80-\xFF][\w]*".to_owned();
        let mut between = r"[ \t\n\f\r]|\\\r?\n".to_owned();
        between += match language {
            Language::Python => r"|#[^\n]*",
            _ => r"|//[^\n]*|/\*.*?(?:\*/|\z)",
        };
        match language {
            Language::C | Language::Cpp => number = r"[0-9](?:[\w]|\.[0-9]|'[0-9A-Fa-f])*",
            Language::Go => {}
            // A name that is a keyword.
            Language::Zig => name = format!("@{double}|{name}"),
            Language::Python => strings.extend([format!("b?{single}"), format!("b{double}")]),
            Language::Rust => {
                strings.push(format!("b{single}"));
                // r#"…"#, in which a backslash is only that.
                let raw = |hashes: String| format!(r#"b?r{hashes}".*?(?:"{hashes}|\z)"#);
                strings.extend((0..8).map(|count| raw("#".repeat(count))));
                name = format!(r"r#[\w]+|{name}");
                // Of a lifetime only the name is a token.
                char = r"'[\w]'|''|'(?:\\.|[^'\\\w])(?:\\.|[^'\\])*\\?'?".to_owned();
                between += "|'";
            }
        }
        let punct = r"<<|>>|::|->|=>|==|!=|<=|>=|&&|\|\||&\^|//|##|.";
        let patterns = [&strings.join("|"), &char, number, &name, &between, punct];
        // Those that `is_word` takes.
        let patterns = patterns.map(|pattern| pattern.replace(r"\w", r"0-9A-Za-z_\x80-\xFF"));
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let mut builder = Regex::builder();
        builder.syntax(syntax.dot_matches_new_line(true));
        builder.build_many(&patterns).expect("six patterns")
    };
    LEXERS[language as usize].get_or_init(build)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens with their kinds, as `i:name n:1`.
    fn tokens(language: Language, text: &str) -> String {
        let mut source = Source::new(language, text.as_bytes());
        let shown = |at, source: &Source<'_>| {
            let kind = format!("{:?}", source.kind(at).unwrap()).to_lowercase();
            let text = String::from_utf8_lossy(source.text(at)).into_owned();
            format!("{}:{text}", &kind[..1])
        };
        let all: Vec<String> = source
            .lex(0..text.len())
            .map(|at| shown(at, &source))
            .collect();
        all.join(" ")
    }

    #[test]
    fn tokens_of_every_language() {
        for (language, text, expected) in [
            (
                Language::C,
                "a/*x*/<<0x1'Fu//y\n'\\''\"q\\\"\"",
                "i:a p:<< n:0x1'Fu c:'\\'' s:\"q\\\"\"",
            ),
            (Language::Cpp, "x\\\n::1.5 /* to the end", "i:x p::: n:1.5"),
            (Language::Go, "a &^ `r`", "i:a p:&^ s:`r`"),
            (Language::Zig, "@\"move\" @sizeOf", "i:@\"move\" i:@sizeOf"),
            (
                Language::Python,
                "'a' b'f' \"b\" 6//2 # no",
                "s:'a' s:b'f' s:\"b\" n:6 p:// n:2",
            ),
            (
                Language::Rust,
                "&'a u8 'x' b'y' r#move",
                "p:& i:a i:u8 c:'x' s:b'y' i:r#move",
            ),
            (
                Language::Rust,
                "br##\"a\"#b\\\"## r\"c\\\" ''",
                "s:br##\"a\"#b\\\"## s:r\"c\\\" c:''",
            ),
            (
                Language::Rust,
                "é0 1..2 \"not closed",
                "i:é0 n:1 p:. p:. n:2 s:\"not closed",
            ),
        ] {
            assert_eq!(tokens(language, text), expected, "{language:?} {text}");
        }
    }
}
