//! What the collectors of each language find in a file, and nothing judged yet.
//! In all of it `at` is the token of the name.

use std::collections::HashMap;

use crate::processors::Set;
use crate::source::{Source, Tokens};

/// A file's definitions.
#[derive(Default)]
pub struct Facts<'a> {
    /// All constants, in order; not only those of userfaultfd, since one is
    /// often made of others.
    pub constants: Vec<Constant<'a>>,
    /// All structs and unions.
    pub structs: Vec<Struct<'a>>,
    /// `typedef`, `type X = Y`.
    pub aliases: HashMap<&'a [u8], Type<'a>>,
    /// Functions and macros that are one expression.
    pub functions: HashMap<&'a [u8], Function<'a>>,
    /// The names of all macros, with the byte of each `#undef`.
    pub macros: HashMap<&'a [u8], Vec<usize>>,
    /// The second arguments of calls of ioctl(2).
    pub requests: Vec<Tokens>,
    constants_by_name: HashMap<&'a [u8], Vec<usize>>,
    structs_by_name: HashMap<&'a [u8], usize>,
}

pub struct Constant<'a> {
    pub name: &'a [u8],
    pub at: usize,
    /// Where its number comes from.
    pub value: Value,
    /// Its type, if the source says.
    pub ty: Option<Type<'a>>,
    pub processors: Set,
    /// What kind of name it is.
    pub style: Style,
    /// The enum, impl or class that it is a member of.
    pub owner: Option<&'a [u8]>,
    /// Under `#ifndef` of its own name.
    pub fallback: bool,
}

/// How names of a kind are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the kernel does.
    Kernel,
    /// As the kernel does, or as `UffdioWake`.
    Camel,
    /// The function that an ioctl macro defines: `uffdio_wake`.
    Function,
}

/// Where a number comes from.
#[derive(Clone)]
pub enum Value {
    /// An expression, with Go's `iota` if it is in a group of constants.
    Expression(Tokens, Option<u32>),
    /// So many more than the last enumerator with a value; if none has one, so
    /// many as stand before.
    After(Option<usize>, u32),
    /// A bit of a packed struct.
    Bit(u32),
}

/// A function or macro of one expression.
pub struct Function<'a> {
    pub parameters: Vec<&'a [u8]>,
    /// How many of them, the first ones, stand in `<…>`.
    pub generic: usize,
    pub body: Tokens,
}

/// A struct or union.
pub struct Struct<'a> {
    pub name: &'a [u8],
    pub at: usize,
    pub body: Body<'a>,
    pub processors: Set,
}

/// The fields of a struct or union.
#[derive(Clone, Default)]
pub struct Body<'a> {
    pub fields: Vec<Field<'a>>,
    pub union: bool,
    /// Whether its layout is that of C; other languages do not promise any.
    pub c_layout: bool,
    /// The most that a field is aligned to: 1 is without padding.
    pub packed: Option<u64>,
    /// The byte of a `__packed` behind it that only the kernel's tree has.
    pub kernel_packed: Option<usize>,
    /// The least that the whole is aligned to.
    pub align: Option<Tokens>,
    /// What is in it that the linter does not understand.
    pub unclear: Option<&'static str>,
}

#[derive(Clone)]
pub struct Field<'a> {
    /// Its name; empty for an anonymous part.
    pub name: &'a [u8],
    /// The token of the name or type.
    pub at: usize,
    pub ty: Type<'a>,
    /// The least that it is aligned to.
    pub align: Option<Tokens>,
}

/// A type, as far as the linter needs it.
#[derive(Clone)]
pub enum Type<'a> {
    /// A name, without path and qualifiers: `__u64`, `unsigned long`.
    Named(String),
    /// Of a type, so many.
    Array(Box<Type<'a>>, Tokens),
    /// An address.
    Pointer,
    /// Written where it is used.
    Inline(Box<Body<'a>>),
    /// Not understood.
    Unclear,
}

impl<'a> Facts<'a> {
    /// Adds a constant and tells its index.
    pub fn constant(&mut self, constant: Constant<'a>) -> usize {
        let index = self.constants.len();
        let of_name = self.constants_by_name.entry(constant.name).or_default();
        of_name.push(index);
        self.constants.push(constant);
        index
    }

    /// Adds a function; of two of one name the first counts.
    pub fn function(
        &mut self,
        name: &'a [u8],
        parameters: Vec<&'a [u8]>,
        generic: usize,
        body: Tokens,
    ) {
        let function = Function {
            parameters,
            generic,
            body,
        };
        self.functions.entry(name).or_insert(function);
    }

    /// Adds a struct; of two of one name the first serves for sizes.
    pub fn structure(&mut self, structure: Struct<'a>) {
        let of_name = self.structs_by_name.entry(structure.name);
        of_name.or_insert(self.structs.len());
        self.structs.push(structure);
    }

    /// The constant of this name that code at token `at`, for these
    /// `processors`, means: the nearest before it, else the first after it.
    pub fn named(&self, name: &[u8], at: usize, processors: Set) -> Option<usize> {
        let all = self.constants_by_name.get(name)?;
        let (before, after) = all.split_at(all.partition_point(|i| self.constants[*i].at < at));
        // Few are looked at: a file of nothing but one name stays fast.
        let mut near = before.iter().rev().take(16).chain(after.iter().take(16));
        let of = |index: usize| self.constants[index].processors.and(processors);
        near.find(|index| !of(**index).is_empty()).copied()
    }

    pub fn structure_named(&self, name: &[u8]) -> Option<usize> {
        self.structs_by_name.get(name).copied()
    }
}

/// A name without what only quotes it: `r#move` and `@"move"` are `move`.
pub fn bare(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"r#").unwrap_or(text);
    let quoted = text
        .strip_prefix(b"@\"")
        .and_then(|text| text.strip_suffix(b"\""));
    quoted.unwrap_or(text)
}

/// A type from tokens that name it: `const struct uffdio_range *`,
/// `libc::c_ulonglong`, `[u64; 3]`, `[3]uint64`, `unsafe.Pointer`.
pub fn read_type<'a>(source: &Source<'a>, tokens: Tokens, depth: usize) -> Type<'a> {
    let close = source
        .close(tokens.start)
        .filter(|_| source.is(tokens.start, b"["));
    let Some(close) = close else {
        return named_type(source, tokens);
    };
    if depth > 32 {
        return Type::Unclear;
    }
    let semicolon = source.find(tokens.start + 1, close, |at| source.is(at, b";"));
    let (element, length) = if semicolon < close {
        (tokens.start + 1..semicolon, semicolon + 1..close)
    } else if source.is(tokens.start + 1, b"*") {
        return Type::Pointer;
    } else {
        (close + 1..tokens.end, tokens.start + 1..close)
    };
    // A slice is not an array.
    if element.is_empty() || length.is_empty() {
        return Type::Unclear;
    }
    Type::Array(Box::new(read_type(source, element, depth + 1)), length)
}

fn named_type<'a>(source: &Source<'a>, tokens: Tokens) -> Type<'a> {
    let mut words = vec![];
    let mut at = tokens.start;
    while at < tokens.end {
        let text = source.text(at);
        match text {
            b"*" | b"&" | b"?" | b"fn" | b"func" => return Type::Pointer,
            b"." | b"::" => words.clear(),
            b"struct" | b"union" | b"enum" | b"const" | b"volatile" | b"mut" | b"static"
            | b"typename" | b"pub" | b"inline" | b"constexpr" | b"extern" | b"final" | b"class"
            | b"comptime" | b"export" | b"register" | b"signed" | b"__extension__" => {}
            b"__attribute__" | b"alignas" | b"_Alignas" | b"align" => at = source.skip(at + 1) - 1,
            _ if source.is_ident(at) => words.push(String::from_utf8_lossy(bare(text))),
            _ => return Type::Unclear,
        }
        at += 1;
    }
    match words[..] {
        // Bare `signed`.
        [] => Type::Unclear,
        _ => Type::Named(words.join(" ")),
    }
}
