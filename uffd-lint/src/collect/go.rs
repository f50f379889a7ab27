//! Go.

use tree_sitter::{Node, Range};

use super::collector::{fields, named, Collector, Visitor, DEPTH, UNPARSED};
use crate::facts::{Body, Field, Style, Type, Value};
use crate::processors::Condition;

#[derive(Default)]
pub(super) struct Go {
    /// The comments just before the node, without their marks.
    comments: Vec<Range>,
}

impl Go {
    pub(super) fn new(c: &mut Collector<'_>) -> Go {
        c.active = c.active.and(Condition::go_build(c.source.bytes).perhaps);
        Go::default()
    }
}

impl<'a> Visitor<'a> for Go {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "comment" => {
                let mut range = node.range();
                range.start_byte += 2;
                range.start_point.column += 2;
                if c.text(node).starts_with(b"/*") {
                    range.end_byte -= 2;
                    range.end_point.column = range.end_point.column.saturating_sub(2);
                } else if c.source.bytes.get(range.end_byte) == Some(&b'\n') {
                    // A directive ends with its line.
                    range.end_byte += 1;
                    range.end_point = tree_sitter::Point::new(range.end_point.row + 1, 0);
                }
                self.comments
                    .extend(Some(range).filter(|range| range.start_byte < range.end_byte));
                return false;
            }
            "import_spec" if field("path").is_some_and(|path| c.text(path) == b"\"C\"") => {
                c.embedded.append(&mut self.comments);
            }
            "import" | "import_declaration" | "import_spec_list" | "(" | "\n" => return true,
            "const_declaration" => constants(c, node),
            "var_spec" => {
                let ty = field("type").map(|ty| c.ty(ty));
                let values = field("value").map(named).unwrap_or_default();
                for (name, value) in fields(node, "name").into_iter().zip(values) {
                    c.expression(name, value, ty.clone(), Style::Camel);
                }
            }
            "type_spec" | "type_alias" => {
                if let (Some(name), Some(ty)) = (field("name"), field("type")) {
                    if ty.kind() == "struct_type" {
                        let at = c.lex(name).start;
                        let body = body(c, ty, 0);
                        c.structure(c.text(name), at, body, true);
                    } else {
                        let ty = c.ty(ty);
                        c.facts.aliases.insert(c.text(name), ty);
                    }
                }
            }
            "function_declaration" => function(c, node),
            "call_expression" => {
                if let (Some(name), Some(arguments)) = (field("function"), field("arguments")) {
                    c.call(name, &named(arguments));
                }
            }
            _ => {}
        }
        self.comments.clear();
        true
    }
}

/// `const (…)`. Without values those of the line before count again.
fn constants(c: &mut Collector<'_>, node: Node<'_>) {
    let mut repeated = (vec![], None);
    let lines = named(node)
        .into_iter()
        .filter(|line| line.kind() == "const_spec");
    for (number, line) in (0..).zip(lines) {
        if let Some(values) = line.child_by_field_name("value") {
            let values = named(values)
                .into_iter()
                .map(|value| c.lex(value))
                .collect();
            repeated = (values, line.child_by_field_name("type").map(|ty| c.ty(ty)));
        }
        for (name, value) in fields(line, "name").into_iter().zip(&repeated.0) {
            let value = Value::Expression(value.clone(), Some(number));
            c.constant(name, value, repeated.1.clone(), Style::Camel);
        }
    }
}

fn body<'a>(c: &mut Collector<'a>, node: Node<'_>, depth: usize) -> Body<'a> {
    let mut body = Body::default();
    if depth > DEPTH {
        body.unclear = Some("its structs are nested too deeply");
        return body;
    }
    let list = named(node).into_iter().next();
    for part in list.map(named).unwrap_or_default() {
        let (names, ty) = (fields(part, "name"), part.child_by_field_name("type"));
        let Some(ty) = ty.filter(|_| !part.has_error()) else {
            body.unclear = Some(UNPARSED);
            return body;
        };
        if names.is_empty() {
            body.unclear = Some("it embeds another struct");
            return body;
        }
        let read = match ty.kind() {
            "struct_type" => Type::Inline(Box::new(self::body(c, ty, depth + 1))),
            _ => c.ty(ty),
        };
        for name in names {
            let at = c.lex(name).start;
            body.fields.push(Field {
                name: c.text(name),
                at,
                ty: read.clone(),
                align: None,
            });
        }
    }
    body
}

/// `func name(…) uintptr { return … }`
fn function(c: &mut Collector<'_>, node: Node<'_>) {
    let mut body = node
        .child_by_field_name("body")
        .map(named)
        .unwrap_or_default();
    if let [list] = body.as_slice() {
        if list.kind() == "statement_list" {
            body = named(*list);
        }
    }
    let values = match body.as_slice() {
        [statement] if statement.kind() == "return_statement" => named(*statement),
        _ => return,
    };
    let mut parameters = vec![];
    for parameter in node
        .child_by_field_name("parameters")
        .map(named)
        .unwrap_or_default()
    {
        parameters.extend(fields(parameter, "name"));
    }
    if let (Some(name), [value]) = (node.child_by_field_name("name"), values.as_slice()) {
        c.function(name, &[], &parameters, *value);
    }
}
