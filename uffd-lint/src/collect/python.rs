//! Python.

use tree_sitter::Node;

use super::collector::{named, Collector, Visitor};
use crate::facts::{read_type, Body, Field, Style, Type};
use crate::processors::Set;
use crate::source::{Kind, Tokens};
use crate::types::primitive;

pub(super) struct Python;

impl<'a> Visitor<'a> for Python {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "assignment" => {
                if let (Some(target), Some(value)) = (field("left"), field("right")) {
                    assignment(c, target, value);
                }
            }
            "class_definition" => {
                let owner = field("name").map(|name| c.text(name));
                class(c, node);
                c.open(node, c.here(), owner);
            }
            "if_statement" if field("condition").is_some_and(|node| names_processor(c, node)) => {
                c.open(node, Set::SOME, c.owner());
            }
            "function_definition" => {
                let body = field("body").map(named).unwrap_or_default();
                if let [statement] = body.as_slice() {
                    if statement.kind() == "return_statement" {
                        function(c, field("name"), node, named(*statement).first());
                    }
                }
                c.open(node, c.here(), None);
            }
            "call" => {
                if let (Some(name), Some(arguments)) = (field("function"), field("arguments")) {
                    c.call(name, &named(arguments));
                }
            }
            _ => {}
        }
        true
    }
}

fn names_processor(c: &mut Collector<'_>, condition: Node<'_>) -> bool {
    c.lex(condition).any(|at| match c.source.kind(at) {
        Some(Kind::Str) => {
            let text = String::from_utf8_lossy(c.source.text(at));
            Set::is_named(text.trim_matches(['"', '\'']))
        }
        _ => matches!(c.source.text(at), b"machine" | b"uname"),
    })
}

/// `NAME = value`, `A, B = 1, 2`; of `A = B = 1` the last value.
fn assignment(c: &mut Collector<'_>, target: Node<'_>, value: Node<'_>) {
    let mut last = value;
    while last.kind() == "assignment" {
        let Some(next) = last.child_by_field_name("right") else {
            return;
        };
        last = next;
    }
    let tuple = |node: Node<'_>, kinds: [&str; 3]| kinds.contains(&node.kind());
    if tuple(target, ["pattern_list", "tuple_pattern", "list_pattern"]) {
        if tuple(last, ["expression_list", "tuple", "list"]) {
            for (target, value) in named(target).into_iter().zip(named(last)) {
                assignment(c, target, value);
            }
        }
        return;
    }
    if target.kind() != "identifier" {
        return;
    }
    if last.kind() == "lambda" {
        return function(
            c,
            Some(target),
            last,
            last.child_by_field_name("body").as_ref(),
        );
    }
    // u64 = ctypes.c_uint64
    let text = String::from_utf8_lossy(c.text(last));
    if primitive(text.rsplit('.').next().unwrap_or(""), 8).is_some() {
        let ty = c.ty(last);
        c.facts.aliases.insert(c.text(target), ty);
    } else {
        c.expression(target, last, None, Style::Kernel);
    }
}

fn function(
    c: &mut Collector<'_>,
    name: Option<Node<'_>>,
    node: Node<'_>,
    value: Option<&Node<'_>>,
) {
    let mut parameters = vec![];
    for parameter in node
        .child_by_field_name("parameters")
        .map(named)
        .unwrap_or_default()
    {
        // name, name: type, name=value, name: type = value
        let name = parameter
            .child_by_field_name("name")
            .or(named(parameter).first().copied());
        parameters.push(name.unwrap_or(parameter));
    }
    if let (Some(name), Some(value)) = (name, value) {
        c.function(name, &[], &parameters, *value);
    }
}

/// A class with `_fields_`.
fn class(c: &mut Collector<'_>, node: Node<'_>) {
    let field = |name| node.child_by_field_name(name);
    let (Some(name), Some(bases), Some(block)) =
        (field("name"), field("superclasses"), field("body"))
    else {
        return;
    };
    let bases = named(bases)
        .into_iter()
        .map(|base| c.text(base))
        .collect::<Vec<_>>();
    let base = |kind: &[u8]| bases.iter().any(|base| base.ends_with(kind));
    if !base(b"Structure") && !base(b"Union") {
        return;
    }
    let at = c.lex(name).start;
    let mut body = Body {
        union: base(b"Union"),
        ..Body::default()
    };
    let mut list = None;
    for statement in named(block) {
        let assignment = named(statement)
            .into_iter()
            .next()
            .filter(|node| node.kind() == "assignment");
        let parts = assignment.and_then(|node| {
            Some((
                node.child_by_field_name("left")?,
                node.child_by_field_name("right")?,
            ))
        });
        match parts.map(|(target, value)| (c.text(target), value)) {
            Some((b"_fields_", value)) => list = Some(value),
            Some((b"_pack_", value)) => {
                body.packed = std::str::from_utf8(c.text(value))
                    .ok()
                    .and_then(|text| text.parse().ok());
            }
            _ => {}
        }
    }
    // A class without fields of its own is not a copy of a struct.
    let Some(list) = list else { return };
    if !matches!(list.kind(), "list" | "tuple") || list.has_error() {
        body.unclear = Some("its fields are not understood");
    }
    for part in named(list) {
        match (part.kind(), named(part).as_slice()) {
            ("tuple", [name, ty]) => {
                let tokens = c.lex(*name);
                let text = c.text(*name);
                let name = text.get(1..text.len().saturating_sub(1)).unwrap_or(b"");
                let ty = c.lex(*ty);
                let ty = field_type(c, ty);
                body.fields.push(Field {
                    name,
                    at: tokens.start,
                    ty,
                    align: None,
                });
            }
            _ => body.unclear = Some("its fields are not understood"),
        }
    }
    c.structure(c.text(name), at, body, true);
}

fn field_type<'a>(c: &Collector<'a>, ty: Tokens) -> Type<'a> {
    let times = c.source.find(ty.start, ty.end, |at| c.source.is(at, b"*"));
    if times >= ty.end {
        return read_type(&c.source, ty, 0);
    }
    Type::Array(
        Box::new(read_type(&c.source, ty.start..times, 0)),
        times + 1..ty.end,
    )
}
