//! What the collectors of all languages share.

use std::ops::Range;

use tree_sitter::{Node, TreeCursor};

use crate::facts::{bare, read_type, Body, Constant, Facts, Function, Struct, Style, Type, Value};
use crate::processors::Set;
use crate::source::{Source, Tokens};

/// How deep structs may be nested.
pub(super) const DEPTH: usize = 32;

/// What is said of a struct that the grammar did not understand.
pub const UNPARSED: &str = "a part of it could not be parsed";

/// What is collected of a file.
pub struct Collector<'a> {
    /// The text.
    pub source: Source<'a>,
    /// What it defines.
    pub facts: Facts<'a>,
    /// Where the grammar did not understand the text, as bytes.
    pub unread: Vec<Range<usize>>,
    /// Pieces in C, before Go's `import "C"`.
    pub embedded: Vec<tree_sitter::Range>,
    /// For which processors the code is that is visited.
    pub(super) active: Set,
    pub(super) scopes: Vec<Scope<'a>>,
}

/// A piece of the text that says something of what is in it.
pub(super) struct Scope<'a> {
    /// The byte where it ends.
    pub(super) end: usize,
    /// For which processors it is.
    pub(super) set: Set,
    /// The type whose members are in it.
    pub(super) owner: Option<&'a [u8]>,
    /// The last enumerator with a value, and how far behind it the next one is.
    pub(super) enumerators: (Option<usize>, u32),
}

/// What a language does with the nodes of its tree.
pub(super) trait Visitor<'a> {
    /// Takes what there is in a node; whether its children are visited too.
    fn visit(&mut self, collector: &mut Collector<'a>, node: Node<'_>) -> bool;
}

/// The children of a node.
pub(super) fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor: TreeCursor<'t> = node.walk();
    node.children(&mut cursor).collect()
}

/// The children of a node that have a meaning of their own.
pub(super) fn named<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor: TreeCursor<'t> = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.is_extra() || child.is_error())
        .collect()
}

/// All children in a field. Asking node by node for the next would take the
/// square of their number.
pub(super) fn fields<'t>(node: Node<'t>, field: &str) -> Vec<Node<'t>> {
    let mut cursor: TreeCursor<'t> = node.walk();
    let mut found = vec![];
    let mut more = cursor.goto_first_child();
    while more {
        if cursor.field_name() == Some(field) && cursor.node().is_named() {
            found.push(cursor.node());
        }
        more = cursor.goto_next_sibling();
    }
    found
}

impl<'a> Collector<'a> {
    pub(super) fn text(&self, node: Node<'_>) -> &'a [u8] {
        &self.source.bytes[node.byte_range()]
    }

    pub(super) fn lex(&mut self, node: Node<'_>) -> Tokens {
        self.source.lex(node.byte_range())
    }

    /// A type that fills a node.
    pub(super) fn ty(&mut self, node: Node<'_>) -> Type<'a> {
        let tokens = self.lex(node);
        read_type(&self.source, tokens, 0)
    }

    /// For which processors the visited code is.
    pub(super) fn here(&self) -> Set {
        self.scopes.last().map_or(self.active, |scope| scope.set)
    }

    /// Notes a struct of the visited code. Whether its layout is that of C, the
    /// language decides.
    pub(super) fn structure(&mut self, name: &'a [u8], at: usize, body: Body<'a>, c_layout: bool) {
        let processors = self.here();
        self.facts.structure(Struct {
            name,
            at,
            body,
            processors,
            c_layout,
            kernel_packed: None,
        });
    }

    pub(super) fn owner(&self) -> Option<&'a [u8]> {
        self.scopes.last().and_then(|scope| scope.owner)
    }

    /// From here to the end of `node`: for these processors, members of `owner`.
    pub(super) fn open(&mut self, node: Node<'_>, set: Set, owner: Option<&'a [u8]>) {
        let end = node.end_byte();
        self.scopes.push(Scope {
            end,
            set,
            owner,
            enumerators: (None, 0),
        });
    }

    /// A constant with the value of an expression, if its code is compiled.
    pub(super) fn constant(
        &mut self,
        name: Node<'_>,
        value: Value,
        ty: Option<Type<'a>>,
        style: Style,
    ) -> usize {
        let at = self.lex(name).start;
        self.facts.constant(Constant {
            name: bare(self.text(name)),
            at,
            value,
            ty,
            processors: self.here(),
            style,
            owner: self.owner(),
            fallback: false,
        })
    }

    pub(super) fn expression(
        &mut self,
        name: Node<'_>,
        value: Node<'_>,
        ty: Option<Type<'a>>,
        style: Style,
    ) {
        if name.start_byte() < name.end_byte() {
            let at = self.constant(name, Value::After(None, 0), ty, style);
            let tokens = self.lex(value);
            self.facts.constants[at].value = Value::Expression(tokens, None);
        }
    }

    /// The next enumerator of the innermost scope.
    pub(super) fn enumerator(&mut self, name: Node<'_>, value: Option<Node<'_>>) {
        let (base, by) = self
            .scopes
            .last()
            .map_or((None, 0), |scope| scope.enumerators);
        let index = self.constant(name, Value::After(base, by), None, Style::Camel);
        if let Some(value) = value {
            let tokens = self.lex(value);
            self.facts.constants[index].value = Value::Expression(tokens, None);
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.enumerators = match value {
                Some(_) => (Some(index), 1),
                None => (base, by.saturating_add(1)),
            };
        }
    }

    /// A function that is one expression; the first parameters are `generic`.
    pub(super) fn function(
        &mut self,
        name: Node<'_>,
        generic: &[Node<'_>],
        parameters: &[Node<'_>],
        body: Node<'_>,
    ) {
        let parameters = generic
            .iter()
            .chain(parameters)
            .map(|node| self.text(*node))
            .collect();
        let (generic, body) = (generic.len(), self.lex(body));
        let function = Function {
            parameters,
            generic,
            body,
        };
        self.facts
            .functions
            .entry(self.text(name))
            .or_insert(function);
    }

    /// A call, if it is one of ioctl(2) with a number.
    pub(super) fn call(&mut self, function: Node<'_>, arguments: &[Node<'_>]) {
        let name = self.text(function);
        // A call of what a call returned may be as long as the text.
        let name = &name[name.len().saturating_sub(64)..];
        let name = name
            .rsplit(|byte| matches!(byte, b'.' | b':'))
            .next()
            .unwrap_or(name);
        let code = match name.to_ascii_lowercase().as_slice() {
            name if name.ends_with(b"ioctl") => arguments.get(1),
            // syscall(SYS_ioctl, fd, code, …)
            name if name.ends_with(b"syscall") || name.starts_with(b"syscall") => {
                let first = arguments
                    .first()
                    .map_or(&b""[..], |first| self.text(*first));
                arguments
                    .get(2)
                    .filter(|_| first.to_ascii_lowercase().ends_with(b"ioctl"))
            }
            _ => None,
        };
        if let Some(code) = code {
            let tokens = self.lex(*code);
            self.facts.requests.push(tokens);
        }
    }
}
