//! Zig.

use tree_sitter::Node;

use super::collector::{children, named, Collector, Visitor, DEPTH, UNPARSED};
use crate::facts::{bare, Body, Field, Style, Type, Value};
use crate::types::primitive;

pub(super) struct Zig;

impl<'a> Visitor<'a> for Zig {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "variable_declaration" => definition(c, node),
            "container_field" if c.owner().is_some() => {
                // An enum's; those of structs are taken with it.
                let parts = children(node);
                let value = parts.iter().position(|part| part.kind() == "=");
                let name = field("name").or(parts.first().copied());
                if let Some(name) = name.filter(|_| field("type").is_none_or(|_| value.is_none())) {
                    c.enumerator(name, value.and_then(|at| parts.get(at + 1)).copied());
                }
            }
            "function_declaration" => {
                function(c, node);
                c.open(node, c.here(), None);
            }
            "call_expression" => {
                if let Some(name) = field("function") {
                    let arguments = named(node).split_off(1);
                    c.call(name, &arguments);
                }
            }
            _ => {}
        }
        true
    }
}

/// `NAME [: type] = value;`
fn definition(c: &mut Collector<'_>, node: Node<'_>) {
    let parts = children(node);
    let after = |text| {
        let at = parts.iter().position(|part| part.kind() == text);
        at.and_then(|at| parts.get(at + 1)).copied()
    };
    let name = parts
        .iter()
        .find(|part| part.kind() == "identifier")
        .copied();
    let (Some(name), Some(value)) = (name, after("=")) else {
        return;
    };
    match value.kind() {
        "struct_declaration" | "union_declaration" => structure(c, name, value),
        "enum_declaration" => c.open(value, c.here(), Some(c.text(name))),
        "opaque_declaration" | "error_set_declaration" => {}
        kind => {
            let of_type = after(":").is_some_and(|ty| c.text(ty) == b"type");
            let text = String::from_utf8_lossy(c.text(value));
            if of_type || kind == "builtin_type" || primitive(&text, 8).is_some() {
                let ty = c.ty(value);
                c.facts.aliases.insert(bare(c.text(name)), ty);
                return;
            }
            let ty = after(":").map(|ty| c.ty(ty));
            c.expression(name, value, ty, Style::Camel);
        }
    }
}

fn has(c: &Collector<'_>, node: Node<'_>, word: &[u8]) -> bool {
    children(node)
        .iter()
        .take(2)
        .any(|part| c.text(*part) == word)
}

fn structure(c: &mut Collector<'_>, name: Node<'_>, node: Node<'_>) {
    let at = c.lex(name).start;
    // packed struct(u64): a set of flags, if all its fields are bool.
    if has(c, node, b"packed") && flags(c, name, node) {
        return c.open(node, c.here(), None);
    }
    let body = body(c, node, 0);
    let c_layout = has(c, node, b"extern") || has(c, node, b"packed");
    c.structure(bare(c.text(name)), at, body, c_layout);
    c.open(node, c.here(), None);
}

fn flags<'a>(c: &mut Collector<'a>, name: Node<'_>, node: Node<'_>) -> bool {
    let parts = named(node)
        .into_iter()
        .filter(|part| part.kind() == "container_field");
    let parts: Vec<_> = parts
        .filter_map(|part| {
            Some((
                part.child_by_field_name("name")?,
                part.child_by_field_name("type")?,
            ))
        })
        .collect();
    if !parts.iter().any(|(_, ty)| c.text(*ty) == b"bool") {
        return false;
    }
    c.open(node, c.here(), Some(c.text(name)));
    let mut bit = 0;
    for (name, ty) in parts {
        let ty = std::str::from_utf8(c.text(ty)).unwrap_or("");
        if ty == "bool" {
            c.constant(name, Value::Bit(bit), None, Style::Camel);
            bit += 1;
        } else {
            match ty
                .strip_prefix(['u', 'i'])
                .and_then(|bits| bits.parse::<u32>().ok())
            {
                Some(bits) => bit = bit.saturating_add(bits),
                None => break,
            }
        }
    }
    c.scopes.pop();
    true
}

fn body<'a>(c: &mut Collector<'a>, node: Node<'_>, depth: usize) -> Body<'a> {
    let mut body = Body {
        union: node.kind() == "union_declaration",
        // Its bits are without padding; whole bytes it places like C's packed.
        packed: has(c, node, b"packed").then_some(1),
        ..Body::default()
    };
    if depth > DEPTH {
        body.unclear = Some("its structs are nested too deeply");
        return body;
    }
    for part in named(node) {
        if part.is_error() || part.kind() == "container_field" && part.has_error() {
            body.unclear = Some(UNPARSED);
        }
        let (Some(name), Some(ty)) = (
            part.child_by_field_name("name"),
            part.child_by_field_name("type"),
        ) else {
            continue;
        };
        if part.kind() != "container_field" {
            continue;
        }
        let at = c.lex(name).start;
        let read = match ty.kind() {
            "struct_declaration" | "union_declaration" => {
                Type::Inline(Box::new(self::body(c, ty, depth + 1)))
            }
            _ => c.ty(ty),
        };
        let alignment = named(part)
            .into_iter()
            .find(|part| part.kind() == "byte_alignment");
        let align = alignment
            .map(|node| c.lex(node))
            .map(|tokens| tokens.start + 2..tokens.end - 1);
        body.fields.push(Field {
            name: bare(c.text(name)),
            at,
            ty: read,
            align,
        });
    }
    body
}

/// `fn name(nr: u32, comptime T: type) u32 { return …; }`
fn function(c: &mut Collector<'_>, node: Node<'_>) {
    let body = node
        .child_by_field_name("body")
        .map(named)
        .unwrap_or_default();
    let [statement] = body.as_slice() else { return };
    let returned = named(*statement)
        .into_iter()
        .next()
        .filter(|node| node.kind() == "return_expression");
    let value = returned.and_then(|node| named(node).into_iter().next());
    let list = named(node)
        .into_iter()
        .find(|part| part.kind() == "parameters");
    let mut parameters = vec![];
    for parameter in list.map(named).unwrap_or_default() {
        parameters.extend(parameter.child_by_field_name("name"));
    }
    if let (Some(name), Some(value)) = (node.child_by_field_name("name"), value) {
        c.function(name, &[], &parameters, value);
    }
}
