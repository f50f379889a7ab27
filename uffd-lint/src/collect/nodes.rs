//! Shorter ways through a syntax tree.

use tree_sitter::Node;

pub(super) trait Nodes<'t>: Copy + Into<Node<'t>> {
    /// The child in a field.
    fn field(self, name: &str) -> Option<Node<'t>> {
        self.into().child_by_field_name(name)
    }

    /// All children in a field. Asking node by node for the next would take
    /// the square of their number.
    fn fields(self, name: &str) -> Vec<Node<'t>> {
        let mut cursor = self.into().walk();
        let mut found = vec![];
        let mut more = cursor.goto_first_child();
        while more {
            if cursor.field_name() == Some(name) && cursor.node().is_named() {
                found.push(cursor.node());
            }
            more = cursor.goto_next_sibling();
        }
        found
    }

    /// All children.
    fn all(self) -> Vec<Node<'t>> {
        let node = self.into();
        let mut cursor = node.walk();
        node.children(&mut cursor).collect()
    }

    /// The children that have a meaning of their own.
    fn parts(self) -> Vec<Node<'t>> {
        let mut all = self.all();
        all.retain(|child| child.is_named() && (!child.is_extra() || child.is_error()));
        all
    }

    /// Those of the child in a field.
    fn parts_of(self, field: &str) -> Vec<Node<'t>> {
        self.field(field).map_or(vec![], |child| child.parts())
    }

    /// The first child of a kind.
    fn of_kind(self, kind: &str) -> Option<Node<'t>> {
        self.all().into_iter().find(|child| child.kind() == kind)
    }
}

impl<'t> Nodes<'t> for Node<'t> {}
