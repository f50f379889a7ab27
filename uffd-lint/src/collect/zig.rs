//! Zig.

use super::{enumerator, expression, DEPTH};
use crate::facts::{bare, named_type, Body, Facts, Field, Struct, Style, Type};
use crate::lexer::Source;
use crate::processors::Set;

pub(super) fn collect<'a>(source: &Source<'a>, processors: Set, facts: &mut Facts<'a>) {
    let mut at = 0;
    while at < source.tokens.len() {
        if matches!(source.text(at), b"const" | b"var") && source.is_ident(at + 1) {
            at = definition(source, at + 1, processors, facts);
        } else if source.is(at, b"enum") {
            at = enumeration(source, at, processors, facts);
        } else {
            at += 1;
        }
    }
}

/// `NAME [: type] = value;`; tells where to go on.
fn definition<'a>(
    source: &Source<'a>,
    name: usize,
    processors: Set,
    facts: &mut Facts<'a>,
) -> usize {
    let end = source.tokens.len();
    let stop = |at| matches!(source.text(at), b"=" | b";" | b"}");
    let equals = source.find(name + 1, end.min(name + 256), stop);
    if !source.is(equals, b"=") {
        return name + 1;
    }
    let value = equals + 1;
    if let Some(open) = container(source, value) {
        if let Some(close) = source.close(open) {
            let body = body(source, value, open, close, 0);
            let c_layout = matches!(source.text(value), b"extern" | b"packed");
            let (text, at) = (bare(source.text(name)), name);
            facts.structure(Struct {
                name: text,
                at,
                body,
                processors,
                c_layout,
            });
        }
        return open + 1;
    }
    if matches!(source.text(value), b"enum" | b"opaque" | b"error") {
        return value;
    }
    let end = source.find(value, end, |at| matches!(source.text(at), b";" | b"}"));
    if source.is(name + 1, b":") && source.is(name + 2, b"type") || is_type(source, value, end) {
        facts
            .aliases
            .insert(bare(source.text(name)), named_type(source, value..end));
        return end;
    }
    let ty = source
        .is(name + 1, b":")
        .then(|| named_type(source, name + 2..equals));
    let mut constant = expression(source, name, value..end, ty, processors);
    constant.style = Style::Camel;
    facts.constant(constant);
    end
}

fn is_type(source: &Source<'_>, start: usize, end: usize) -> bool {
    let name = String::from_utf8_lossy(source.text(start));
    start + 1 == end && crate::layout::primitive(&name).is_some()
}

/// The brace of `[extern|packed] struct|union {` at `at`.
fn container(source: &Source<'_>, at: usize) -> Option<usize> {
    let keyword = at + usize::from(matches!(source.text(at), b"extern" | b"packed"));
    let is = matches!(source.text(keyword), b"struct" | b"union");
    // packed struct(u64), union(enum)
    let open = source.find(keyword + 1, keyword + 3, |at| source.is(at, b"{"));
    (is && source.is(open, b"{")).then_some(open)
}

fn enumeration<'a>(
    source: &Source<'a>,
    at: usize,
    processors: Set,
    facts: &mut Facts<'a>,
) -> usize {
    let open = source.find(at + 1, at + 3, |at| source.is(at, b"{"));
    let Some(close) = source.close(open).filter(|_| source.is(open, b"{")) else {
        return at + 1;
    };
    let mut before = None;
    let mut next = open + 1;
    while next < close
        && source.is_ident(next)
        && !matches!(source.text(next), b"pub" | b"const" | b"fn")
    {
        next = enumerator(source, next, close, &mut before, processors, facts) + 1;
    }
    next.min(close)
}

fn body<'a>(
    source: &Source<'a>,
    keyword: usize,
    open: usize,
    close: usize,
    depth: usize,
) -> Body<'a> {
    let mut body = Body {
        union: (keyword..open).any(|at| source.is(at, b"union")),
        // Its bits are without padding; whole bytes it places like C's packed.
        packed: source.is(keyword, b"packed"),
        ..Body::default()
    };
    if depth > DEPTH {
        body.unclear = Some("its structs are nested too deeply");
        return body;
    }
    let mut at = open + 1;
    while at < close {
        if source.is_ident(at) && source.is(at + 1, b":") {
            let end = source.find(at, close, |at| source.is(at, b","));
            let stop = |at| matches!(source.text(at), b"=" | b"align");
            let ty_end = source.find(at + 2, end, stop);
            let ty = field_type(source, at + 2, ty_end, depth);
            body.fields.push(Field {
                name: bare(source.text(at)),
                at,
                ty,
            });
            at = end + 1;
        } else {
            // A function ends with its body, a constant with its semicolon.
            let stop = |at| matches!(source.text(at), b"{" | b";");
            at = source.skip(source.find(at, close, stop));
        }
    }
    body
}

fn field_type<'a>(source: &Source<'a>, at: usize, end: usize, depth: usize) -> Type<'a> {
    if depth > DEPTH {
        return Type::Unclear;
    }
    if let Some(open) = container(source, at).filter(|open| *open < end) {
        return match source.close(open) {
            Some(close) => Type::Inline(Box::new(body(source, at, open, close, depth + 1))),
            None => Type::Unclear,
        };
    }
    match source
        .close(at)
        .filter(|close| source.is(at, b"[") && close + 1 < end)
    {
        Some(_) if source.is(at + 1, b"*") => Type::Pointer,
        Some(close) if close > at + 1 => {
            let element = field_type(source, close + 1, end, depth + 1);
            Type::Array(Box::new(element), at + 1..close)
        }
        Some(_) => Type::Unclear,
        None => named_type(source, at..end),
    }
}
