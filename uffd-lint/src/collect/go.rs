//! Go.

use super::{expression, DEPTH};
use crate::facts::{named_type, Body, Facts, Field, Struct, Style, Tokens, Type, Value};
use crate::lexer::{Kind, Source};
use crate::processors::{Condition, Set};

pub(super) fn collect<'a>(source: &Source<'a>, processors: Set, facts: &mut Facts<'a>) {
    let processors = processors.and(Condition::go_build(source.bytes).perhaps);
    let mut at = 0;
    while at < source.tokens.len() {
        if !source.is_ident(at) {
            at += 1;
            continue;
        }
        match source.text(at) {
            keyword @ (b"const" | b"var") => {
                let iota = keyword == b"const";
                at = match source.close(at + 1).filter(|_| source.is(at + 1, b"(")) {
                    Some(close) => {
                        group(source, at + 2, close, iota, processors, facts);
                        close + 1
                    }
                    None => {
                        let end = line_end(source, at + 1, source.tokens.len());
                        specification(source, at + 1..end, &mut None, 0, iota, processors, facts);
                        end
                    }
                };
            }
            b"type" => {
                alias(source, at + 1, facts);
                at += 1;
            }
            b"struct" if at > 0 && source.is(at + 1, b"{") => {
                let before = at
                    .checked_sub(2)
                    .map_or(Some(Kind::Newline), |at| source.kind(at));
                let named = source.is_ident(at - 1)
                    && (before == Some(Kind::Newline) || source.is(at.wrapping_sub(2), b"type"));
                if let Some(close) = source.close(at + 1).filter(|_| named) {
                    let body = body(source, at + 1, close, 0);
                    let (name, at) = (source.text(at - 1), at - 1);
                    facts.structure(Struct {
                        name,
                        at,
                        body,
                        processors,
                        c_layout: true,
                    });
                }
                at += 2;
            }
            _ => at += 1,
        }
    }
}

fn line_end(source: &Source<'_>, start: usize, end: usize) -> usize {
    source.find(start, end, |at| {
        source.kind(at) == Some(Kind::Newline) || source.is(at, b";")
    })
}

fn group<'a>(
    source: &Source<'a>,
    start: usize,
    close: usize,
    iota: bool,
    processors: Set,
    facts: &mut Facts<'a>,
) {
    let mut repeated = None;
    let mut number = 0;
    let mut at = start;
    while at < close {
        let end = line_end(source, at, close);
        if end > at {
            specification(
                source,
                at..end,
                &mut repeated,
                number,
                iota,
                processors,
                facts,
            );
            number += 1;
        }
        at = end + 1;
    }
}

/// `NAME, NAME [type] [= value, value]`. Without values those of the line
/// before, `repeated`, count again.
fn specification<'a>(
    source: &Source<'a>,
    line: Tokens,
    repeated: &mut Option<(Vec<Tokens>, Option<Type<'a>>)>,
    number: u32,
    iota: bool,
    processors: Set,
    facts: &mut Facts<'a>,
) {
    let equals = source.find(line.start, line.end, |at| source.is(at, b"="));
    let mut names = vec![];
    let mut at = line.start;
    while at < equals && source.is_ident(at) {
        names.push(at);
        if !source.is(at + 1, b",") {
            at += 1;
            break;
        }
        at += 2;
    }
    if equals < line.end {
        let ty = (at < equals).then(|| named_type(source, at..equals));
        *repeated = Some((source.split(equals + 1, line.end, b","), ty));
    } else if !iota {
        return;
    }
    let Some((values, ty)) = repeated else { return };
    for (name, value) in names.into_iter().zip(values) {
        let mut constant = expression(source, name, value.clone(), ty.clone(), processors);
        constant.value = Value::Expression(value.clone(), iota.then_some(number));
        constant.style = Style::Camel;
        facts.constant(constant);
    }
}

/// `type NAME [=] TYPE` of a plain type.
fn alias<'a>(source: &Source<'a>, name: usize, facts: &mut Facts<'a>) {
    let start = name + 1 + usize::from(source.is(name + 1, b"="));
    let end = line_end(source, start, (start + 4).min(source.tokens.len()));
    let plain = source.is_ident(name) && !matches!(source.text(start), b"struct" | b"interface");
    if plain && end > start && end - start <= 3 {
        facts
            .aliases
            .insert(source.text(name), named_type(source, start..end));
    }
}

fn body<'a>(source: &Source<'a>, open: usize, close: usize, depth: usize) -> Body<'a> {
    let mut body = Body::default();
    if depth > DEPTH {
        body.unclear = Some("its structs are nested too deeply");
        return body;
    }
    let mut at = open + 1;
    while at < close {
        let end = line_end(source, at, close);
        let mut tokens = at..end;
        at = end + 1;
        // A tag.
        if tokens.len() > 1 && source.kind(tokens.end - 1) == Some(Kind::Str) {
            tokens.end -= 1;
        }
        if tokens.is_empty() {
            continue;
        }
        let mut names = vec![];
        let mut next = tokens.start;
        while next < tokens.end && source.is_ident(next) {
            names.push(next);
            next += 1;
            if !source.is(next, b",") {
                break;
            }
            next += 1;
        }
        if names.is_empty() || next >= tokens.end || source.is(next, b".") {
            body.unclear = Some("it embeds another struct");
            return body;
        }
        let ty = field_type(source, next, tokens.end, depth);
        for name in names {
            body.fields.push(Field {
                name: source.text(name),
                at: name,
                ty: ty.clone(),
            });
        }
    }
    body
}

fn field_type<'a>(source: &Source<'a>, at: usize, end: usize, depth: usize) -> Type<'a> {
    if depth > DEPTH {
        return Type::Unclear;
    }
    if source.is(at, b"struct") {
        return match source.close(at + 1) {
            Some(close) if close < end => {
                Type::Inline(Box::new(body(source, at + 1, close, depth + 1)))
            }
            _ => Type::Unclear,
        };
    }
    match source
        .close(at)
        .filter(|close| source.is(at, b"[") && close + 1 < end)
    {
        // A slice is not an array.
        Some(close) if close > at + 1 => {
            let element = field_type(source, close + 1, end, depth + 1);
            Type::Array(Box::new(element), at + 1..close)
        }
        Some(_) => Type::Unclear,
        None => named_type(source, at..end),
    }
}
