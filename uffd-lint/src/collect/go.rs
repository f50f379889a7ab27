//! Go.

use tree_sitter::{Node, Range};

use super::collector::{Collector, Visitor};
use super::nodes::Nodes;
use crate::condition::Condition;
use crate::facts::Value;

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
        match node.kind() {
            "comment" => {
                self.comments.extend(inside(c, node));
                return false;
            }
            "import_spec" if c.text(node).ends_with(b"\"C\"") => {
                c.embedded.append(&mut self.comments);
            }
            "import" | "import_declaration" | "import_spec_list" | "(" | "\n" => return true,
            "const_declaration" => constants(c, node),
            "var_spec" => {
                let values = node.parts_of("value");
                for (name, value) in node.fields("name").into_iter().zip(values) {
                    c.definition(Some(name), Some(value), node.field("type"));
                }
            }
            "type_spec" | "type_alias" => match (node.field("name"), node.field("type")) {
                (Some(name), Some(ty)) if ty.kind() == "struct_type" => {
                    let (at, body) = (c.lex(name).start, c.body(ty, 0));
                    c.structure(at, c.text(name), body);
                }
                (name, ty) => c.alias(name, ty),
            },
            _ => {}
        }
        self.comments.clear();
        true
    }
}

/// A comment without its marks. A directive in it ends with its line.
fn inside(c: &Collector<'_>, comment: Node<'_>) -> Option<Range> {
    let mut range = comment.range();
    range.start_byte += 2;
    range.start_point.column += 2;
    if c.text(comment).starts_with(b"/*") {
        range.end_byte -= 2;
        range.end_point.column = range.end_point.column.saturating_sub(2);
    } else if c.source.bytes.get(range.end_byte) == Some(&b'\n') {
        range.end_byte += 1;
        range.end_point = tree_sitter::Point::new(range.end_point.row + 1, 0);
    }
    Some(range).filter(|range| range.start_byte < range.end_byte)
}

/// `const (…)`. Without values those of the line before count again.
fn constants(c: &mut Collector<'_>, node: Node<'_>) {
    let (mut values, mut ty) = (vec![], None);
    let mut lines = node.parts();
    lines.retain(|line| line.kind() == "const_spec");
    for (number, line) in (0..).zip(lines) {
        if line.field("value").is_some() {
            let parts = line.parts_of("value").into_iter();
            values = parts.map(|value| c.lex(value)).collect();
            ty = line.field("type").map(|ty| c.ty(ty));
        }
        for (name, value) in line.fields("name").into_iter().zip(&values) {
            let value = Value::Expression(value.clone(), Some(number));
            let at = c.lex(name).start;
            c.constant(at, value, ty.clone());
        }
    }
}
