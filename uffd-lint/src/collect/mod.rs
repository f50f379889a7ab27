//! From a syntax tree to [`Facts`], a file for each language.

mod c;
mod collector;
mod go;
mod nodes;
mod python;
mod rust;
mod structs;
mod zig;

use std::ops::{ControlFlow, Range};
use std::path::Path;

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::facts::Facts;
use crate::language::Language;
use crate::processors::Set;
use crate::source::Source;
use collector::Visitor;
use structs::SPACES;

pub use collector::Collector;
pub use structs::UNPARSED;

/// What a grammar cannot read can take it very long, and some 25 KB for each of
/// these steps. They are counted, not seconds or bytes, so that the same text
/// always has the same fate; ordinary texts take one for 100 bytes.
const STEPS: usize = 1100;

/// The pieces of a text that are to be read; none means all of it.
type Pieces = [tree_sitter::Range];

/// All definitions of a text, or of the pieces `ranges` of it; or why it cannot
/// be parsed.
pub fn collect<'a>(
    language: Language,
    path: &Path,
    bytes: &'a [u8],
    ranges: &Pieces,
) -> Result<Collector<'a>, &'static str> {
    if pieces(bytes, ranges).any(|piece| is_deep(&bytes[piece])) {
        return Err(TOO_DEEP);
    }
    let (tree, language) = tree(language, path, bytes, ranges)?;
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
        Language::Rust => Box::new(rust::Rust::new(&mut collector)),
        Language::Go => Box::new(go::Go::new(&mut collector)),
        Language::Zig => Box::new(zig::Zig),
        Language::Python => Box::new(python::Python),
    };
    walk(&tree, |node| {
        if node.is_error() || node.is_missing() {
            collector.unread.push(node.byte_range());
        }
        collector.close(node.start_byte());
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
        true => Err(TOO_DEEP),
        false => Ok(collector),
    }
}

pub const TOO_DEEP: &str = "it is nested too deeply";

/// The bytes that are read.
fn pieces<'r>(bytes: &[u8], ranges: &'r Pieces) -> impl Iterator<Item = Range<usize>> + 'r {
    let whole = ranges.is_empty().then_some(0..bytes.len());
    let named = ranges.iter().map(|piece| piece.start_byte..piece.end_byte);
    whole.into_iter().chain(named)
}

/// Whether more brackets are open at a time than the parser can take: it frees
/// what is nested by recursion, and of what does not close it holds a lot.
fn is_deep(bytes: &[u8]) -> bool {
    let mut depth = 0_usize;
    bytes.iter().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 2500
    })
}

/// The tree of a text, and its language: a header may be in C or in C++. One
/// tree at a time is held, though the first may have to be made again.
fn tree(
    language: Language,
    path: &Path,
    bytes: &[u8],
    ranges: &Pieces,
) -> Result<(Tree, Language), &'static str> {
    let tree = parse(language, bytes, ranges)?;
    let header = language == Language::C && path.extension().is_some_and(|it| it == "h");
    if !header || !tree.root_node().has_error() {
        return Ok((tree, language));
    }
    let gaps = unparsed(&tree);
    drop(tree);
    match parse(Language::Cpp, bytes, ranges) {
        Ok(other) if unparsed(&other) < gaps => Ok((other, Language::Cpp)),
        _ => Ok((parse(language, bytes, ranges)?, language)),
    }
}

fn parse(language: Language, bytes: &[u8], ranges: &Pieces) -> Result<Tree, &'static str> {
    let mut parser = Parser::new();
    let set = parser.set_language(&language.grammar());
    set.map_err(|_| "its grammar is of another version")?;
    let set = parser.set_included_ranges(ranges);
    set.map_err(|_| "its pieces overlap")?;
    let mut steps = 0..STEPS;
    let mut progress = |_: &_| match steps.next() {
        Some(_) => ControlFlow::Continue(()),
        None => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let pieces = pieces(bytes, ranges).filter(|_| language.is_c_family());
    let blanks: Vec<_> = pieces
        .flat_map(|piece| structs::blanks(bytes, piece))
        .collect();
    let mut read = |at: usize, _| {
        let next = blanks.partition_point(|blank| blank.end <= at);
        match blanks.get(next) {
            Some(blank) if blank.contains(&at) => &SPACES[..blank.end - at],
            Some(blank) => &bytes[at..blank.start],
            None => bytes.get(at..).unwrap_or_default(),
        }
    };
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
