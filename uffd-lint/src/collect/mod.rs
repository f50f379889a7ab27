//! From a syntax tree to [`Facts`], a file for each language.

mod c;
mod go;
mod python;
mod rust;
mod zig;

use std::ops::{ControlFlow, Range};
use std::path::Path;

use tree_sitter::{Node, ParseOptions, Parser, Tree, TreeCursor};

use crate::facts::{bare, read_type, Constant, Facts, Function, Style, Type, Value};
use crate::language::Language;
use crate::processors::Set;
use crate::source::{Source, Tokens};

/// How deep structs may be nested.
const DEPTH: usize = 32;

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
    active: Set,
    scopes: Vec<Scope<'a>>,
}

/// A piece of the text that says something of what is in it.
struct Scope<'a> {
    /// The byte where it ends.
    end: usize,
    /// For which processors it is.
    set: Set,
    /// The type whose members are in it.
    owner: Option<&'a [u8]>,
    /// The last enumerator with a value, and how far behind it the next one is.
    enumerators: (Option<usize>, u32),
}

/// What a language does with the nodes of its tree.
trait Visitor<'a> {
    /// Takes what there is in a node; whether its children are visited too.
    fn visit(&mut self, collector: &mut Collector<'a>, node: Node<'_>) -> bool;
}

/// All definitions of a text, or of the pieces `ranges` of it.
///
/// # Errors
///
/// Why it cannot be parsed.
pub fn collect<'a>(
    language: Language,
    path: &Path,
    bytes: &'a [u8],
    ranges: &[tree_sitter::Range],
) -> Result<Collector<'a>, &'static str> {
    let mut tree = parse(language, bytes, ranges)?;
    let mut language = language;
    // A header may be of either language.
    if language == Language::C
        && tree.root_node().has_error()
        && path.extension().is_some_and(|extension| extension == "h")
    {
        let other = parse(Language::Cpp, bytes, ranges)?;
        if unparsed(&other) < unparsed(&tree) {
            (tree, language) = (other, Language::Cpp);
        }
    }
    let mut collector = Collector {
        source: Source::new(language, bytes),
        facts: Facts::default(),
        unread: vec![],
        embedded: vec![],
        active: Set::of_path(path),
        scopes: vec![],
    };
    let mut visitor: Box<dyn Visitor<'a>> = match language {
        Language::C | Language::Cpp => Box::new(c::C::default()),
        Language::Rust => Box::new(rust::Rust::default()),
        Language::Go => Box::new(go::Go::new(&mut collector)),
        Language::Zig => Box::new(zig::Zig),
        Language::Python => Box::new(python::Python),
    };
    walk(&tree, |node| {
        if node.is_error() || node.is_missing() {
            collector.unread.push(node.byte_range());
        }
        while collector
            .scopes
            .last()
            .is_some_and(|scope| node.start_byte() >= scope.end)
        {
            collector.scopes.pop();
        }
        visitor.visit(&mut collector, node)
    });
    Ok(collector)
}

fn parse(
    language: Language,
    bytes: &[u8],
    ranges: &[tree_sitter::Range],
) -> Result<Tree, &'static str> {
    let mut parser = Parser::new();
    parser
        .set_language(&language.grammar())
        .map_err(|_| "its grammar is of another version")?;
    parser
        .set_included_ranges(ranges)
        .map_err(|_| "its pieces overlap")?;
    // What a grammar cannot read can take it very long. Steps are counted, not
    // seconds, so that the same text always has the same fate; ordinary texts
    // take one for 100 bytes.
    let mut steps = 1000 + bytes.len() / 16;
    let mut progress = |_: &_| match steps.checked_sub(1) {
        Some(left) => {
            steps = left;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let blanked = c::blank(language, bytes);
    let bytes = blanked.as_deref().unwrap_or(bytes);
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    parser
        .parse_with_options(&mut read, None, Some(options))
        .ok_or("it is too hard to parse")
}

/// Visits all nodes in the order of the text, however deep.
fn walk(tree: &Tree, mut visit: impl FnMut(Node<'_>) -> bool) {
    let mut cursor = tree.walk();
    loop {
        if visit(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// How many bytes the grammar did not understand, and each gap as one.
fn unparsed(tree: &Tree) -> usize {
    let mut bytes = 0;
    walk(tree, |node| {
        let wrong = node.is_error() || node.is_missing();
        bytes += if wrong {
            1 + node.byte_range().len()
        } else {
            0
        };
        node.has_error() && !node.is_error()
    });
    bytes
}

/// The children of a node.
fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor: TreeCursor<'t> = node.walk();
    node.children(&mut cursor).collect()
}

/// The children of a node that have a meaning of their own.
fn named<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor: TreeCursor<'t> = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.is_extra() || child.is_error())
        .collect()
}

/// All children in a field. Asking node by node for the next would take the
/// square of their number.
fn fields<'t>(node: Node<'t>, field: &str) -> Vec<Node<'t>> {
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
    fn text(&self, node: Node<'_>) -> &'a [u8] {
        &self.source.bytes[node.byte_range()]
    }

    fn lex(&mut self, node: Node<'_>) -> Tokens {
        self.source.lex(node.byte_range())
    }

    /// A type that fills a node.
    fn ty(&mut self, node: Node<'_>) -> Type<'a> {
        let tokens = self.lex(node);
        read_type(&self.source, tokens, 0)
    }

    /// For which processors the visited code is.
    fn here(&self) -> Set {
        self.scopes.last().map_or(self.active, |scope| scope.set)
    }

    fn owner(&self) -> Option<&'a [u8]> {
        self.scopes.last().and_then(|scope| scope.owner)
    }

    /// From here to the end of `node`: for these processors, members of `owner`.
    fn open(&mut self, node: Node<'_>, set: Set, owner: Option<&'a [u8]>) {
        let end = node.end_byte();
        self.scopes.push(Scope {
            end,
            set,
            owner,
            enumerators: (None, 0),
        });
    }

    /// A constant with the value of an expression, if its code is compiled.
    fn constant(
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

    fn expression(&mut self, name: Node<'_>, value: Node<'_>, ty: Option<Type<'a>>, style: Style) {
        if name.start_byte() < name.end_byte() {
            let at = self.constant(name, Value::After(None, 0), ty, style);
            let tokens = self.lex(value);
            self.facts.constants[at].value = Value::Expression(tokens, None);
        }
    }

    /// The next enumerator of the innermost scope.
    fn enumerator(&mut self, name: Node<'_>, value: Option<Node<'_>>) {
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
    fn function(
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
    fn call(&mut self, function: Node<'_>, arguments: &[Node<'_>]) {
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
