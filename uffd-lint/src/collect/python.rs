//! Python.

use super::expression;
use crate::facts::{named_type, Body, Facts, Field, Struct, Tokens, Type};
use crate::lexer::{Kind, Source};
use crate::processors::Set;

struct Class {
    indent: usize,
    name: usize,
    union: bool,
    packed: bool,
    fields: Option<Tokens>,
}

pub(super) fn collect<'a>(source: &Source<'a>, processors: Set, facts: &mut Facts<'a>) {
    let mut classes: Vec<Class> = vec![];
    // Blocks under `if platform.machine() == …:`, by their indentation.
    let mut conditions: Vec<usize> = vec![];
    let mut at = 0;
    while at < source.tokens.len() {
        let tokens = &source.tokens[at..];
        let newline = tokens.iter().position(|token| token.kind == Kind::Newline);
        let end = newline.map_or(source.tokens.len(), |newline| at + newline);
        if end > at {
            let indent = source.column(at);
            let word = source.text(at);
            let chained = matches!(word, b"else" | b"elif");
            conditions.retain(|open| *open < indent || *open == indent && chained);
            while classes.last().is_some_and(|class| class.indent >= indent) {
                finish(source, classes.pop(), processors, facts);
            }
            if word == b"if" && names_processor(source, at..end) {
                conditions.push(indent);
            }
            let conditional = conditions.iter().any(|open| *open < indent);
            let processors = if conditional { Set::SOME } else { processors };
            line(source, at..end, indent, &mut classes, processors, facts);
        }
        at = end + 1;
    }
    while let Some(class) = classes.pop() {
        finish(source, Some(class), processors, facts);
    }
}

fn names_processor(source: &Source<'_>, mut line: Tokens) -> bool {
    line.any(|at| match source.kind(at) {
        Some(Kind::Str) => {
            let text = String::from_utf8_lossy(source.text(at));
            Set::is_named(text.trim_matches(['"', '\'']))
        }
        _ => matches!(source.text(at), b"machine" | b"uname"),
    })
}

fn line<'a>(
    source: &Source<'a>,
    line: Tokens,
    indent: usize,
    classes: &mut Vec<Class>,
    processors: Set,
    facts: &mut Facts<'a>,
) {
    let (at, end) = (line.start, line.end);
    if source.is(at, b"class") {
        let base = |kind: &[u8]| {
            (at + 2..end).any(|at| source.is_ident(at) && source.text(at).ends_with(kind))
        };
        if base(b"Structure") || base(b"Union") {
            let union = base(b"Union");
            classes.push(Class {
                indent,
                name: at + 1,
                union,
                packed: false,
                fields: None,
            });
        }
        return;
    }
    // Everything before the last `=`: names, and perhaps a type of the first.
    let mut value = at;
    let mut targets = vec![];
    while source.is_ident(value) {
        let annotated = source.is(value + 1, b":");
        let equals = source.find(value + 1, end, |at| source.is(at, b"="));
        if equals >= end || !(annotated || equals == value + 1) {
            break;
        }
        targets.push(value);
        value = equals + 1;
    }
    let end = source.find(value, end, |at| source.is(at, b";"));
    for target in targets {
        match (source.text(target), classes.last_mut()) {
            (b"_fields_", Some(class)) => class.fields = Some(value..end),
            (b"_pack_", Some(class)) => class.packed = source.text(value) == b"1",
            _ => {
                if let Some(ty) = alias(source, value..end) {
                    facts.aliases.insert(source.text(target), ty);
                } else {
                    facts.constant(expression(source, target, value..end, None, processors));
                }
            }
        }
    }
}

/// `u64 = ctypes.c_uint64`
fn alias<'a>(source: &Source<'a>, value: Tokens) -> Option<Type<'a>> {
    let last = value
        .end
        .checked_sub(1)
        .filter(|last| *last >= value.start)?;
    let name = String::from_utf8_lossy(source.text(last));
    let is_type = source.is_ident(last) && crate::layout::primitive(&name).is_some();
    is_type.then(|| named_type(source, value))
}

fn finish<'a>(source: &Source<'a>, class: Option<Class>, processors: Set, facts: &mut Facts<'a>) {
    // A class without fields of its own is not a copy of a struct.
    let Some(Class {
        name,
        union,
        packed,
        fields: Some(list),
        ..
    }) = class
    else {
        return;
    };
    let mut body = Body {
        union,
        packed,
        ..Body::default()
    };
    let close = source
        .close(list.start)
        .filter(|close| close + 1 == list.end);
    for field in close.map_or(vec![], |close| source.split(list.start + 1, close, b",")) {
        // ("name", type)
        let parts = match source.close(field.start) {
            Some(close) if close + 1 == field.end => source.split(field.start + 1, close, b","),
            _ => vec![],
        };
        let [name, ty] = parts.as_slice() else {
            body.unclear = Some("its fields are not understood");
            break;
        };
        let text = source.text(name.start);
        let text = text.get(1..text.len().saturating_sub(1)).unwrap_or(b"");
        body.fields.push(Field {
            name: text,
            at: name.start,
            ty: field_type(source, ty.clone()),
        });
    }
    if close.is_none() {
        body.unclear = Some("its fields are not understood");
    }
    let text = source.text(name);
    facts.structure(Struct {
        name: text,
        at: name,
        body,
        processors,
        c_layout: true,
    });
}

fn field_type<'a>(source: &Source<'a>, ty: Tokens) -> Type<'a> {
    let times = source.find(ty.start, ty.end, |at| source.is(at, b"*"));
    if times >= ty.end {
        return named_type(source, ty);
    }
    Type::Array(
        Box::new(named_type(source, ty.start..times)),
        times + 1..ty.end,
    )
}
