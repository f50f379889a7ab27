//! Source text to tokens. Comments, strings and characters that belong to no
//! token are left out, so that nothing in them is taken for a definition.
//!
//! Any bytes are accepted: what is not understood becomes a token of one byte.

use super::language::Language;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword; in Zig with its `@`, in Rust with its `r#`.
    Ident,
    /// A number with its prefix and suffix.
    Number,
    /// A string, quotes included.
    Str,
    /// A character literal, quotes included.
    Char,
    /// An operator or bracket.
    Punct,
    /// The `#` that begins a directive of the C preprocessor.
    Directive,
    /// The end of a line where it matters: in Go, in Python outside brackets,
    /// and after a directive.
    Newline,
}

/// A piece of the source.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: u32,
    /// The byte after it.
    pub end: u32,
    /// Its line, counted from 1.
    pub line: u32,
}

/// A source and its tokens.
pub struct Source<'a> {
    /// What it is written in.
    pub language: Language,
    /// The text.
    pub bytes: &'a [u8],
    /// The tokens.
    pub tokens: Vec<Token>,
    /// For each opening bracket, the index of the one that closes it.
    close: Vec<u32>,
}

const OPERATORS: [&[u8]; 23] = [
    b"<<=", b">>=", b"...", b"<<", b">>", b"::", b"->", b"=>", b"==", b"!=", b"<=", b">=", b"&&",
    b"||", b":=", b"..", b"**", b"&^", b"|=", b"&=", b"+=", b"-=", b"//",
];

impl<'a> Source<'a> {
    /// Splits `bytes`, of at most 4 GiB.
    pub fn new(language: Language, bytes: &'a [u8]) -> Source<'a> {
        let mut lexer = Lexer {
            language,
            bytes,
            at: 0,
            line: 1,
            depth: 0,
            directive: false,
            line_start: true,
            tokens: vec![],
        };
        lexer.run();
        let tokens = lexer.tokens;
        let close = match_brackets(bytes, &tokens);
        Source {
            language,
            bytes,
            tokens,
            close,
        }
    }

    /// The text of token `index`; empty behind the end.
    pub fn text(&self, index: usize) -> &'a [u8] {
        let token = self.tokens.get(index);
        token.map_or(b"", |t| &self.bytes[t.start as usize..t.end as usize])
    }

    /// The kind of token `index`.
    pub fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// Whether token `index` is this name, keyword, operator or bracket.
    pub fn is(&self, index: usize, text: &[u8]) -> bool {
        self.text(index) == text && matches!(self.kind(index), Some(Kind::Ident | Kind::Punct))
    }

    /// Whether token `index` is a name or keyword.
    pub fn is_ident(&self, index: usize) -> bool {
        self.kind(index) == Some(Kind::Ident)
    }

    /// The index of the bracket that closes the one at `index`; `None` if there
    /// is none or `index` is no opening bracket.
    pub fn close(&self, index: usize) -> Option<usize> {
        let close = *self.close.get(index)?;
        (close != u32::MAX).then_some(close as usize)
    }

    /// The token after `index`, or after the brackets that open there.
    pub fn skip(&self, index: usize) -> usize {
        self.close(index).unwrap_or(index) + 1
    }

    /// The first token of `range` for which `stop` holds, outside of brackets
    /// that open in it; the end of the range if there is none.
    pub fn find(&self, start: usize, end: usize, stop: impl Fn(usize) -> bool) -> usize {
        let mut at = start;
        while at < end && !stop(at) {
            at = self.skip(at);
        }
        at.min(end)
    }

    /// Splits a range at the `separator`s that are outside of brackets.
    pub fn split(&self, start: usize, end: usize, separator: &[u8]) -> Vec<std::ops::Range<usize>> {
        let mut parts = vec![];
        let mut from = start;
        while from < end {
            let to = self.find(from, end, |at| self.is(at, separator));
            parts.push(from..to);
            from = to + 1;
        }
        parts
    }

    /// Column of a token, in characters, counted from 1; 0 far behind the start
    /// of a very long line, where counting would take too long.
    pub fn column(&self, index: usize) -> usize {
        let start = self
            .tokens
            .get(index)
            .map_or(0, |token| token.start as usize);
        let near = start.saturating_sub(4096);
        let line = match memchr::memrchr(b'\n', &self.bytes[near..start]) {
            Some(newline) => near + newline + 1,
            None if near == 0 => 0,
            None => return 0,
        };
        String::from_utf8_lossy(&self.bytes[line..start])
            .chars()
            .count()
            + 1
    }
}

fn match_brackets(bytes: &[u8], tokens: &[Token]) -> Vec<u32> {
    let mut close = vec![u32::MAX; tokens.len()];
    let mut open: Vec<(usize, u8)> = vec![];
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Punct || token.end - token.start != 1 {
            continue;
        }
        match bytes[token.start as usize] {
            b'(' => open.push((index, b')')),
            b'[' => open.push((index, b']')),
            b'{' => open.push((index, b'}')),
            byte @ (b')' | b']' | b'}') => {
                // A `}` ends what was left open inside of it; another bracket
                // that fits nothing is ignored.
                let fits = match open.last() {
                    Some((_, expected)) if *expected == byte => true,
                    Some(_) if byte == b'}' => {
                        let brace = open.iter().rposition(|(_, expected)| *expected == b'}');
                        open.truncate(brace.map_or(0, |at| at + 1));
                        brace.is_some()
                    }
                    _ => false,
                };
                if fits {
                    if let Some((opened, _)) = open.pop() {
                        close[opened] = index as u32;
                    }
                }
            }
            _ => {}
        }
    }
    close
}

struct Lexer<'a> {
    language: Language,
    bytes: &'a [u8],
    at: usize,
    line: u32,
    /// Brackets open, for Python's lines.
    depth: u32,
    directive: bool,
    line_start: bool,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts(&self, text: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(text)
    }

    fn push(&mut self, kind: Kind, start: usize, line: u32) {
        self.tokens.push(Token {
            kind,
            start: start as u32,
            end: self.at as u32,
            line,
        });
        self.line_start = false;
    }

    /// Goes on to `to`, counting lines.
    fn advance(&mut self, to: usize) {
        let to = to.min(self.bytes.len());
        self.line += memchr::memchr_iter(b'\n', &self.bytes[self.at..to]).count() as u32;
        self.at = to;
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            let (start, line) = (self.at, self.line);
            let byte = self.bytes[start];
            match byte {
                b'\n' => self.newline(),
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'\\' if self.continuation() => {}
                b'\\' if self.language == Language::Zig && self.peek(1) == b'\\' => {
                    self.skip_line();
                    self.push(Kind::Str, start, line);
                }
                b'#' if self.language == Language::Python => self.skip_line(),
                b'#' if self.language.is_c_family() && self.line_start && !self.directive => {
                    self.at += 1;
                    self.directive = true;
                    self.push(Kind::Directive, start, line);
                }
                b'/' if self.peek(1) == b'/' && self.language != Language::Python => {
                    self.line_comment();
                }
                b'/' if self.peek(1) == b'*'
                    && !matches!(self.language, Language::Python | Language::Zig) =>
                {
                    self.block_comment();
                }
                b'"' => self.string(start, line, b'"', false),
                b'`' if self.language == Language::Go => self.raw_string(start, line, b"`", 1),
                b'\'' => self.quote(start, line),
                b'0'..=b'9' => self.number(start, line),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => self.ident(start, line),
                b'@' if self.language == Language::Zig => self.ident(start, line),
                _ => self.operator(start, line),
            }
        }
        if self.directive || matches!(self.language, Language::Go | Language::Python) {
            self.push(Kind::Newline, self.at, self.line);
        }
    }

    fn newline(&mut self) {
        let significant = match self.language {
            Language::Go => true,
            Language::Python => self.depth == 0,
            _ => self.directive,
        };
        if significant {
            let (start, line) = (self.at, self.line);
            self.push(Kind::Newline, start, line);
        }
        self.directive = false;
        self.line_start = true;
        self.line += 1;
        self.at += 1;
    }

    /// A backslash at the end of a line joins it with the next.
    fn continuation(&mut self) -> bool {
        let length = match (self.peek(1), self.peek(2)) {
            (b'\n', _) => 2,
            (b'\r', b'\n') => 3,
            _ => return false,
        };
        self.advance(self.at + length);
        true
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn line_comment(&mut self) {
        loop {
            self.skip_line();
            let before = self.bytes[..self.at]
                .strip_suffix(b"\r")
                .unwrap_or(&self.bytes[..self.at]);
            let continues = self.language.is_c_family() && before.ends_with(b"\\");
            if !continues || self.at >= self.bytes.len() {
                return;
            }
            self.advance(self.at + 1);
        }
    }

    fn block_comment(&mut self) {
        let nests = self.language == Language::Rust;
        let mut depth = 1;
        let mut at = self.at + 2;
        while depth > 0 {
            let Some(next) = memchr::memchr2(b'*', b'/', &self.bytes[at.min(self.bytes.len())..])
            else {
                at = self.bytes.len();
                break;
            };
            at += next;
            if self.bytes[at..].starts_with(b"*/") {
                depth -= 1;
                at += 2;
            } else if nests && self.bytes[at..].starts_with(b"/*") {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        self.advance(at);
    }

    /// A string with escapes. One that is not closed ends with its line, where
    /// the language says so or `one_line` does.
    fn string(&mut self, start: usize, line: u32, quote: u8, one_line: bool) {
        if self.language == Language::Python && self.bytes[start..].starts_with(&[quote; 3]) {
            return self.triple(start, line, quote);
        }
        let one_line = one_line || self.language != Language::Rust;
        let mut at = start + 1;
        loop {
            match self.bytes.get(at) {
                None => break,
                Some(b'\\') => at += 2,
                Some(b'\n') if one_line => break,
                Some(byte) if *byte == quote => {
                    at += 1;
                    break;
                }
                Some(_) => at += 1,
            }
        }
        self.advance(at);
        let kind = if quote == b'\'' && self.language != Language::Python {
            Kind::Char
        } else {
            Kind::Str
        };
        self.push(kind, start, line);
    }

    fn triple(&mut self, start: usize, line: u32, quote: u8) {
        let mut at = start + 3;
        while at < self.bytes.len() && !self.bytes[at..].starts_with(&[quote; 3]) {
            at += if self.bytes[at] == b'\\' { 2 } else { 1 };
        }
        self.advance(at + 3);
        self.push(Kind::Str, start, line);
    }

    /// A string without escapes, up to `terminator`, searched from `skip` on.
    fn raw_string(&mut self, start: usize, line: u32, terminator: &[u8], skip: usize) {
        let from = (self.at + skip).min(self.bytes.len());
        let found = memchr::memmem::find(&self.bytes[from..], terminator);
        let end = found.map_or(self.bytes.len(), |at| from + at + terminator.len());
        self.advance(end);
        self.push(Kind::Str, start, line);
    }

    /// `'`: a character, a Python string, or in Rust a lifetime.
    fn quote(&mut self, start: usize, line: u32) {
        if self.language == Language::Rust && self.peek(1) != b'\\' {
            let rest =
                String::from_utf8_lossy(&self.bytes[start + 1..(start + 6).min(self.bytes.len())]);
            let width = rest.chars().next().map_or(0, char::len_utf8);
            if self.peek(1 + width) != b'\'' {
                // A lifetime or label: the name that follows is none of ours.
                self.at += 1;
                while is_word(self.peek(0)) {
                    self.at += 1;
                }
                return;
            }
        }
        self.string(start, line, b'\'', true);
    }

    fn number(&mut self, start: usize, line: u32) {
        let separator = self.language == Language::Cpp;
        loop {
            let next = self.peek(1);
            match self.peek(0) {
                b'.' if next.is_ascii_digit() => {}
                b'\'' if separator && next.is_ascii_hexdigit() => {}
                byte if is_word(byte) => {}
                _ => break,
            }
            self.at += 1;
        }
        self.push(Kind::Number, start, line);
    }

    fn ident(&mut self, start: usize, line: u32) {
        self.at += 1;
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        let word = &self.bytes[start..self.at];
        match (self.language, self.peek(0)) {
            (Language::Zig, b'"') if word == b"@" => {
                // @"move": a name that is a keyword.
                let quote = self.at;
                self.string(quote, line, b'"', true);
                if let Some(token) = self.tokens.last_mut() {
                    token.kind = Kind::Ident;
                    token.start = start as u32;
                }
            }
            (Language::Rust, b'"' | b'#') if matches!(word, b"r" | b"br" | b"cr") => {
                let hashes = self.bytes[self.at..]
                    .iter()
                    .take_while(|b| **b == b'#')
                    .count();
                if self.peek(hashes) == b'"' {
                    let terminator = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
                    self.raw_string(start, line, &terminator, hashes + 1);
                } else if hashes == 1 && is_word(self.peek(1)) {
                    self.at += 1;
                    while is_word(self.peek(0)) {
                        self.at += 1;
                    }
                    self.push(Kind::Ident, start, line);
                } else {
                    self.push(Kind::Ident, start, line);
                }
            }
            (Language::Cpp, b'"') if word.ends_with(b"R") && word.len() <= 3 => {
                let rest = &self.bytes[self.at + 1..];
                let delimiter = rest.iter().take(17).position(|b| *b == b'(').unwrap_or(0);
                let terminator = [b")", &rest[..delimiter], b"\""].concat();
                self.raw_string(start, line, &terminator, 1);
            }
            (Language::Python, quote @ (b'"' | b'\'')) if word.len() <= 2 => {
                let at = self.at;
                self.string(at, line, quote, true);
            }
            (Language::Rust, b'\'') if word == b"b" => {
                let at = self.at;
                self.string(at, line, b'\'', true);
            }
            _ => self.push(Kind::Ident, start, line),
        }
    }

    fn operator(&mut self, start: usize, line: u32) {
        let known = OPERATORS.iter().find(|operator| self.starts(operator));
        // `//` is a comment everywhere else, and seen before.
        self.at += known.map_or(1, |operator| operator.len());
        match self.bytes[start] {
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.push(Kind::Punct, start, line);
    }
}

/// Whether a byte can be within a name. Bytes that are not ASCII can, valid
/// UTF-8 or not.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
