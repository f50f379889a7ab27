//! Zig.

use tree_sitter::Node;

use super::collector::{Collector, Visitor};
use super::nodes::Nodes;
use crate::facts::{bare, Value};
use crate::types::primitive;

pub(super) struct Zig;

impl<'a> Visitor<'a> for Zig {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        match node.kind() {
            "variable_declaration" => definition(c, node),
            // An enum's; those of structs are taken with it.
            "container_field" if c.owner().is_some() => {
                let value = after(node, "=");
                if node.field("type").is_none() || value.is_none() {
                    c.enumerator(node.field("name").or(node.child(0)), value);
                }
            }
            "function_declaration" => c.open_of(node, None),
            _ => {}
        }
        true
    }
}

/// What follows a word or sign.
fn after<'t>(node: Node<'t>, sign: &str) -> Option<Node<'t>> {
    let mut parts = node.all().into_iter();
    parts.find(|part| part.kind() == sign)?;
    parts.next()
}

/// `NAME [: type] = value;`
fn definition(c: &mut Collector<'_>, node: Node<'_>) {
    let (Some(name), Some(value)) = (node.of_kind("identifier"), after(node, "=")) else {
        return;
    };
    let ty = after(node, ":");
    match value.kind() {
        "struct_declaration" | "union_declaration" => structure(c, name, value),
        "enum_declaration" => c.open_of(value, Some(name)),
        "opaque_declaration" | "error_set_declaration" => {}
        kind => {
            let text = String::from_utf8_lossy(c.text(value));
            let names_type = kind == "builtin_type" || primitive(&text, 8).is_some();
            if names_type || ty.is_some_and(|ty| c.text(ty) == b"type") {
                c.alias(Some(name), Some(value));
            } else {
                c.definition(Some(name), Some(value), ty);
            }
        }
    }
}

fn structure(c: &mut Collector<'_>, name: Node<'_>, node: Node<'_>) {
    if node.of_kind("packed").is_none() || !flags(c, name, node) {
        let (at, body) = (c.lex(name).start, c.body(node, 0));
        c.structure(at, bare(c.text(name)), body);
    }
    c.open_of(node, None);
}

/// `packed struct(u64)`: a set of flags, if a field of it is bool.
fn flags(c: &mut Collector<'_>, name: Node<'_>, node: Node<'_>) -> bool {
    let parts = node
        .parts()
        .into_iter()
        .filter(|part| part.kind() == "container_field");
    let parts = parts.filter_map(|part| Some((part.field("name")?, part.field("type")?)));
    let parts: Vec<_> = parts.collect();
    if !parts.iter().any(|(_, ty)| c.text(*ty) == b"bool") {
        return false;
    }
    c.open_of(node, Some(name));
    let (mut bit, mut parts) = (0_u32, parts.into_iter());
    while let Some((name, ty)) = parts.next().filter(|_| bit < 64) {
        let ty = std::str::from_utf8(c.text(ty)).unwrap_or("");
        let bits = match ty.strip_prefix(['u', 'i']) {
            None if ty == "bool" => {
                let at = c.lex(name).start;
                c.constant(at, Value::Bit(bit), None);
                Some(1)
            }
            bits => bits.and_then(|bits| bits.parse().ok()),
        };
        let Some(bits) = bits else { break };
        bit = bit.saturating_add(bits);
    }
    c.scopes.pop();
    true
}
