//! From a syntax tree to [`Facts`], a file for each language.

mod c;
mod c_structs;
mod collector;
mod go;
mod nodes;
mod python;
mod rust;
mod zig;

use std::ops::ControlFlow;
use std::path::Path;

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::facts::Facts;
use crate::language::Language;
use crate::processors::Set;
use crate::source::Source;
use collector::Visitor;

pub use collector::{Collector, UNPARSED};

/// All definitions of a text, or of the pieces `ranges` of it; or why it cannot
/// be parsed.
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
        let start = node.start_byte();
        while collector
            .scopes
            .last()
            .is_some_and(|scope| start >= scope.end)
        {
            collector.scopes.pop();
        }
        match node.kind() {
            _ if collector.here().is_empty() => {}
            "call_expression" | "call" => collector.call(node),
            "function_definition" | "function_declaration" | "function_item" => {
                collector.function(node, None);
            }
            _ => {}
        }
        visitor.visit(&mut collector, node) && !collector.source.is_exhausted()
    });
    match collector.source.is_exhausted() {
        true => Err("it is nested too deeply"),
        false => Ok(collector),
    }
}

fn parse(
    language: Language,
    bytes: &[u8],
    ranges: &[tree_sitter::Range],
) -> Result<Tree, &'static str> {
    let mut parser = Parser::new();
    let set = parser.set_language(&language.grammar());
    set.map_err(|_| "its grammar is of another version")?;
    let set = parser.set_included_ranges(ranges);
    set.map_err(|_| "its pieces overlap")?;
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
    let blanked = c_structs::blank(language, bytes);
    let bytes = blanked.as_deref().unwrap_or(bytes);
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.ok_or("it is too hard to parse")
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
        if node.is_error() || node.is_missing() {
            bytes += 1 + node.byte_range().len();
        }
        node.has_error() && !node.is_error()
    });
    bytes
}
