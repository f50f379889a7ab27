//! C and C++.

use super::{enumerator, expression, DEPTH};
use crate::facts::{named_type, Body, Facts, Field, Struct, Type};
use crate::lexer::{Kind, Source};
use crate::processors::{Condition, Set};

/// One `#if` … `#endif`.
struct Branches {
    outside: Set,
    /// Those for which an earlier branch surely holds.
    taken: Set,
}

struct Enum {
    close: usize,
    before: Option<usize>,
}

pub(super) fn collect<'a>(source: &Source<'a>, processors: Set, facts: &mut Facts<'a>) {
    let mut active = processors;
    let mut branches: Vec<Branches> = vec![];
    let mut enums: Vec<Enum> = vec![];
    // Where the next declarator of `const int A = 1, B = 2;` would be.
    let mut declarator = usize::MAX;
    let mut at = 0;
    while at < source.tokens.len() {
        while enums.last().is_some_and(|open| at >= open.close) {
            enums.pop();
        }
        if source.kind(at) == Some(Kind::Directive) {
            let end = line_end(source, at);
            directive(source, at + 1, end, &mut active, &mut branches, facts);
            at = end + 1;
            continue;
        }
        if active.is_empty() || !source.is_ident(at) {
            at += 1;
            continue;
        }
        if let Some(open) = enums.last_mut() {
            if matches!(source.text(at - 1), b"{" | b",")
                || matches!(source.kind(at - 1), Some(Kind::Newline))
            {
                at = enumerator(source, at, open.close, &mut open.before, active, facts);
                continue;
            }
        }
        match source.text(at) {
            b"enum" => {
                // enum class Name : type {
                let brace = source.find(at + 1, (at + 8).min(source.tokens.len()), |at| {
                    matches!(source.text(at), b"{" | b";" | b")" | b"=" | b",")
                });
                if let Some(close) = source.close(brace).filter(|_| source.is(brace, b"{")) {
                    enums.push(Enum {
                        close,
                        before: None,
                    });
                    at = brace;
                }
                at += 1;
            }
            b"struct" | b"union" | b"class" => {
                at = structure(source, at, active, facts);
            }
            b"typedef" => {
                alias(source, at, facts);
                at += 1;
            }
            _ => {
                let defines = source.is(at + 1, b"=")
                    || source.is(at + 1, b"{") && source.language == crate::language::Language::Cpp;
                let ty = if !defines {
                    None
                } else if declarator == at {
                    Some(Type::Unclear)
                } else {
                    declared_type(source, at)
                };
                let Some(ty) = ty else {
                    at += 1;
                    continue;
                };
                let value = at + 2;
                let end = if source.is(at + 1, b"{") {
                    source.close(at + 1).unwrap_or(value)
                } else {
                    let stop = |at| matches!(source.text(at), b"," | b";" | b"}" | b")");
                    source.find(value, source.tokens.len(), stop)
                };
                facts.constant(expression(source, at, value..end, Some(ty), active));
                at = end + usize::from(source.is(at + 1, b"{"));
                declarator = if source.is(at, b",") {
                    at + 1
                } else {
                    usize::MAX
                };
            }
        }
    }
}

fn line_end(source: &Source<'_>, from: usize) -> usize {
    let tokens = &source.tokens[from..];
    let newline = tokens.iter().position(|token| token.kind == Kind::Newline);
    newline.map_or(source.tokens.len(), |newline| from + newline)
}

fn directive<'a>(
    source: &Source<'a>,
    at: usize,
    end: usize,
    active: &mut Set,
    branches: &mut Vec<Branches>,
    facts: &mut Facts<'a>,
) {
    let condition = |name: &[u8]| match name {
        b"ifdef" | b"elifdef" => Condition::defined(source.text(at + 1)),
        b"ifndef" | b"elifndef" => Condition::defined(source.text(at + 1)).not(),
        b"else" => Condition::UNKNOWN,
        _ => Condition::preprocessor(source, at + 1, end),
    };
    match source.text(at) {
        b"define" if at + 1 < end && !active.is_empty() => {
            let (name, next) = (&source.tokens[at + 1], source.tokens.get(at + 2));
            facts.macros.entry(source.text(at + 1)).or_insert(at + 1);
            let function =
                source.is(at + 2, b"(") && next.is_some_and(|next| next.start == name.end);
            // `#define NAME NAME` beside an enumerator tells nothing.
            let itself = at + 3 == end && source.text(at + 2) == source.text(at + 1);
            if !function && !itself && at + 2 < end {
                facts.constant(expression(source, at + 1, at + 2..end, None, *active));
            }
        }
        name @ (b"if" | b"ifdef" | b"ifndef") => {
            let condition = condition(name);
            branches.push(Branches {
                outside: *active,
                taken: condition.surely,
            });
            *active = active.and(condition.perhaps);
        }
        name @ (b"elif" | b"elifdef" | b"elifndef" | b"else") => {
            if let Some(open) = branches.last_mut() {
                let condition = condition(name);
                *active = open.outside.and(condition.perhaps).and(open.taken.not());
                open.taken = open.taken | condition.surely;
            }
        }
        b"endif" => {
            if let Some(open) = branches.pop() {
                *active = open.outside;
            }
        }
        _ => {}
    }
}

/// The type before the name at `at`, if that is a declaration.
fn declared_type<'a>(source: &Source<'a>, at: usize) -> Option<Type<'a>> {
    let mut start = at;
    while start > 0 && at - start < 8 {
        let word = source.is_ident(start - 1) || matches!(source.text(start - 1), b"::" | b"*");
        if !word
            || matches!(
                source.text(start - 1),
                b"return" | b"case" | b"goto" | b"else"
            )
        {
            break;
        }
        start -= 1;
    }
    // `namespace x {` and `class x : public y {` are no initialisers.
    let constant = (start..at).any(|at| matches!(source.text(at), b"const" | b"constexpr"));
    let defines = start < at && source.is_ident(start) && (constant || !source.is(at + 1, b"{"));
    defines.then(|| named_type(source, start..at))
}

/// `typedef TYPE NAME;` of a plain type.
fn alias<'a>(source: &Source<'a>, at: usize, facts: &mut Facts<'a>) {
    let end = source.find(at + 1, (at + 12).min(source.tokens.len()), |at| {
        source.is(at, b";")
    });
    if source.is(end, b";") && end > at + 2 && (at + 1..end).all(|at| source.is_ident(at)) {
        let ty = named_type(source, at + 1..end - 1);
        // `typedef struct x x;` says nothing.
        if !matches!(&ty, Type::Named(name) if name.as_bytes() == source.text(end - 1)) {
            facts.aliases.insert(source.text(end - 1), ty);
        }
    }
}

/// A struct at its keyword; tells where to go on, which is inside of it.
fn structure<'a>(source: &Source<'a>, at: usize, processors: Set, facts: &mut Facts<'a>) -> usize {
    let limit = (at + 10).min(source.tokens.len());
    let stop = |at| {
        matches!(
            source.text(at),
            b"{" | b";" | b"," | b"=" | b"*" | b")" | b":" | b">"
        )
    };
    let brace = source.find(at + 1, limit, stop);
    let Some(close) = source.close(brace).filter(|_| source.is(brace, b"{")) else {
        return at + 1;
    };
    let (before_name, mut packed) = attributes(source, at + 1, brace);
    let (mut after, packed_after) = attributes(source, close + 1, source.tokens.len());
    packed |= packed_after;
    let mut name = before_name;
    if source.is(at.wrapping_sub(1), b"typedef") && source.is_ident(after) && name >= brace {
        name = after;
        after += 1;
        packed |= attributes(source, after, source.tokens.len()).1;
    }
    if source.is_ident(name) && !source.is(at, b"class") {
        let mut body = body(source, at, brace, close, 0);
        body.packed |= packed;
        let name_text = source.text(name);
        facts.structure(Struct {
            name: name_text,
            at: name,
            body,
            processors,
            c_layout: true,
        });
    }
    brace + 1
}

/// Skips `__attribute__((...))`, `alignas(...)` and `[[...]]`; tells where they
/// end and whether one of them is `packed`.
fn attributes(source: &Source<'_>, start: usize, end: usize) -> (usize, bool) {
    let (mut at, mut packed) = (start, false);
    while at < end {
        let next = match source.text(at) {
            b"__attribute__" | b"__attribute" | b"alignas" | b"_Alignas" | b"__declspec" => {
                source.skip(at + 1)
            }
            b"[" if source.is(at + 1, b"[") => source.skip(at),
            b"__packed" | b"_packed_" | b"PACKED" | b"QEMU_PACKED" | b"__attribute_packed__" => {
                at + 1
            }
            _ => break,
        };
        let words = at..next.min(end);
        packed |= words.into_iter().any(|at| {
            matches!(
                source.text(at),
                b"packed" | b"__packed__" | b"__packed" | b"_packed_" | b"PACKED"
            )
        });
        at = next;
    }
    (at, packed)
}

/// The fields between the braces of a struct or union.
fn body<'a>(
    source: &Source<'a>,
    keyword: usize,
    open: usize,
    close: usize,
    depth: usize,
) -> Body<'a> {
    let mut body = Body {
        union: source.is(keyword, b"union"),
        ..Body::default()
    };
    let mut at = open + 1;
    while at < close && body.unclear.is_none() {
        if depth > DEPTH {
            body.unclear = Some("its structs are nested too deeply");
        } else if source.kind(at) == Some(Kind::Directive) {
            // A field under a condition would be counted always.
            let conditional = matches!(source.text(at + 1), b"if" | b"ifdef" | b"ifndef");
            body.unclear = conditional.then_some("it has fields under a condition");
            at = line_end(source, at) + 1;
        } else if source.is(at, b";") {
            at += 1;
        } else {
            at = member(source, at, close, depth, &mut body);
        }
    }
    body
}

/// One declaration in a struct; tells where it ends.
fn member<'a>(
    source: &Source<'a>,
    at: usize,
    close: usize,
    depth: usize,
    body: &mut Body<'a>,
) -> usize {
    let end = source.find(at, close, |at| source.is(at, b";"));
    let directive = source.find(at, end, |at| source.kind(at) == Some(Kind::Directive));
    if directive < end {
        body.unclear = Some("it has a directive within a field");
        return end + 1;
    }
    // struct { … } name;
    if matches!(source.text(at), b"struct" | b"union") {
        let brace = source.find(at + 1, end, |at| source.is(at, b"{"));
        if let Some(inner_close) = source.close(brace).filter(|_| brace < end) {
            let mut inner = self::body(source, at, brace, inner_close, depth + 1);
            let (mut name, packed) = attributes(source, inner_close + 1, end);
            inner.packed |= packed | attributes(source, at + 1, brace).1;
            if !source.is_ident(name) {
                name = at;
            }
            let text = if name == at { b"" } else { source.text(name) };
            let plain = name == at || name + 1 == end;
            let ty = if plain {
                Type::Inline(Box::new(inner))
            } else {
                Type::Unclear
            };
            body.fields.push(Field {
                name: text,
                at: name,
                ty,
            });
            return end + 1;
        }
    }
    let method = source.find(at, end, |at| matches!(source.text(at), b"(" | b"{"));
    if method < end && !source.is(method.wrapping_sub(1), b"__attribute__") {
        body.unclear = Some("it has members that are not understood");
        return end + 1;
    }
    for (index, part) in source.split(at, end, b",").into_iter().enumerate() {
        let stop = |at| matches!(source.text(at), b"[" | b"=" | b":" | b"__attribute__");
        let name_end = source.find(part.start, part.end, stop);
        let ty = match index {
            _ if source.is(name_end, b":") && name_end < part.end => Type::Unclear,
            0 => named_type(source, part.start..name_end.saturating_sub(1)),
            _ if part.start + 1 != name_end => Type::Unclear,
            _ => match body.fields.last().map(|field| field.ty.clone()) {
                Some(Type::Array(..)) | None => Type::Unclear,
                Some(before) => before,
            },
        };
        if name_end == part.start || !source.is_ident(name_end - 1) {
            body.unclear = Some("it has members that are not understood");
            return end + 1;
        }
        let ty = match source.close(name_end) {
            Some(length) if source.is(name_end, b"[") && name_end < part.end => {
                Type::Array(Box::new(ty), name_end + 1..length)
            }
            _ => ty,
        };
        let name = name_end - 1;
        body.fields.push(Field {
            name: source.text(name),
            at: name,
            ty,
        });
    }
    end + 1
}
