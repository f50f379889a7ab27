//! Python.

use tree_sitter::Node;

use super::collector::{Collector, Visitor};
use super::nodes::Nodes;
use crate::facts::{read_type, Body, Type};
use crate::processors::Set;
use crate::source::{Kind, Tokens};
use crate::types::primitive;

pub(super) struct Python;

impl<'a> Visitor<'a> for Python {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        match node.kind() {
            "assignment" => assignment(c, node),
            "class_definition" => {
                class(c, node);
                c.open_of(node, node.field("name"));
            }
            "if_statement" if names_processor(c, node) => {
                c.open(node.end_byte(), Set::SOME, c.owner());
            }
            "function_definition" => c.open_of(node, None),
            _ => {}
        }
        true
    }
}

/// Whether the condition of an `if` names a processor.
fn names_processor(c: &mut Collector<'_>, node: Node<'_>) -> bool {
    let condition = node.field("condition").map(|condition| c.lex(condition));
    condition.unwrap_or_default().any(|at| {
        let text = String::from_utf8_lossy(c.source.text(at));
        match c.source.kind(at) {
            Some(Kind::Str) => Set::named(text.trim_matches(['"', '\''])).is_some(),
            _ => matches!(&*text, "machine" | "uname"),
        }
    })
}

/// `NAME = value`, `A, B = 1, 2`; of `A = B = 1` the last value.
fn assignment(c: &mut Collector<'_>, node: Node<'_>) {
    let mut last = node;
    while let Some(next) = last.field("right").filter(|_| last.kind() == "assignment") {
        last = next;
    }
    let Some(target) = node.field("left").filter(|_| last.kind() != "assignment") else {
        return;
    };
    let names = ["pattern_list", "tuple_pattern", "list_pattern"];
    let values = ["expression_list", "tuple", "list"];
    let mut pairs = vec![(target, last)];
    while let Some((target, value)) = pairs.pop() {
        if names.contains(&target.kind()) && values.contains(&value.kind()) {
            pairs.extend(target.parts().into_iter().zip(value.parts()).rev());
        } else if target.kind() == "identifier" {
            one(c, target, value);
        }
    }
}

fn one(c: &mut Collector<'_>, target: Node<'_>, value: Node<'_>) {
    // u64 = ctypes.c_uint64
    let text = String::from_utf8_lossy(c.text(value));
    if value.kind() == "lambda" {
        c.function(value, Some(target));
    } else if primitive(text.rsplit('.').next().unwrap_or(""), 8).is_some() {
        c.alias(Some(target), Some(value));
    } else {
        c.definition(Some(target), Some(value), None);
    }
}

/// A class with `_fields_`.
fn class(c: &mut Collector<'_>, node: Node<'_>) {
    let Some(name) = node.field("name") else {
        return;
    };
    let bases = node.parts_of("superclasses");
    let base = |kind: &[u8]| bases.iter().any(|base| c.text(*base).ends_with(kind));
    if !base(b"Structure") && !base(b"Union") {
        return;
    }
    let mut body = Body {
        union: base(b"Union"),
        c_layout: true,
        ..Body::default()
    };
    let mut list = None;
    for statement in node.parts_of("body") {
        let assignment = statement.of_kind("assignment");
        let parts = assignment.and_then(|node| node.field("left").zip(node.field("right")));
        match parts.map(|(target, value)| (c.text(target), value)) {
            Some((b"_fields_", value)) => list = Some(value),
            Some((b"_pack_", value)) => {
                let text = std::str::from_utf8(c.text(value)).unwrap_or("");
                body.packed = text.parse().ok();
            }
            _ => {}
        }
    }
    // A class without fields of its own is not a copy of a struct.
    let Some(list) = list else { return };
    let mut clear = matches!(list.kind(), "list" | "tuple") && !list.has_error();
    for part in list.parts() {
        if let ("tuple", [name, ty]) = (part.kind(), &part.parts()[..]) {
            let (at, ty) = (c.lex(*name).start, c.lex(*ty));
            let mut field = c.field(at, field_type(c, ty), None);
            // Without its quotes.
            field.name = match field.name {
                [_, name @ .., _] => name,
                _ => b"",
            };
            body.fields.push(field);
        } else {
            clear = false;
        }
    }
    if !clear {
        body.unclear = Some("its fields are not understood");
    }
    let at = c.lex(name).start;
    c.structure(at, c.text(name), body);
}

/// `c_uint64 * 3`
fn field_type<'a>(c: &Collector<'a>, ty: Tokens) -> Type<'a> {
    let times = c.source.find(ty.start, ty.end, |at| c.source.is(at, b"*"));
    let element = read_type(&c.source, ty.start..times, 0);
    if times >= ty.end {
        return element;
    }
    Type::Array(Box::new(element), times + 1..ty.end)
}
