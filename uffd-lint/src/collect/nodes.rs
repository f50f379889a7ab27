//! Shorter ways through a syntax tree.

use tree_sitter::Node;

pub(super) trait Nodes<'t> {
    /// The child in a field.
    fn field(&self, name: &str) -> Option<Node<'t>>;
    /// All children in a field. Asking node by node for the next would take
    /// the square of their number.
    fn fields(&self, name: &str) -> Vec<Node<'t>>;
    /// All children.
    fn all(&self) -> Vec<Node<'t>>;
    /// The children that have a meaning of their own.
    fn parts(&self) -> Vec<Node<'t>>;
    /// Those of the child in a field.
    fn parts_of(&self, field: &str) -> Vec<Node<'t>>;
    /// The first child of a kind.
    fn of_kind(&self, kind: &str) -> Option<Node<'t>>;
}

impl<'t> Nodes<'t> for Node<'t> {
    fn field(&self, name: &str) -> Option<Node<'t>> {
        self.child_by_field_name(name)
    }

    fn fields(&self, name: &str) -> Vec<Node<'t>> {
        let mut cursor = self.walk();
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

    fn all(&self) -> Vec<Node<'t>> {
        self.children(&mut self.walk()).collect()
    }

    fn parts(&self) -> Vec<Node<'t>> {
        let mut cursor = self.walk();
        let named = self.named_children(&mut cursor);
        named
            .filter(|child| !child.is_extra() || child.is_error())
            .collect()
    }

    fn parts_of(&self, field: &str) -> Vec<Node<'t>> {
        self.field(field).map_or(vec![], |child| child.parts())
    }

    fn of_kind(&self, kind: &str) -> Option<Node<'t>> {
        self.all().into_iter().find(|child| child.kind() == kind)
    }
}
