//! Structs and unions of C and C++.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input};
use tree_sitter::Node;

use super::collector::{too_deep, Collector, DEPTH, UNPARSED};
use super::nodes::Nodes;
use crate::facts::{Body, Field, Type};
use crate::source::{is_word, Source, Tokens};

/// Macros for attributes, which no grammar can know.
const PACKED: &str = "__packed _packed_ PACKED QEMU_PACKED __attribute_packed__";

const UNCLEAR: Option<&str> = Some("it has members that are not understood");

/// As long as the longest of them.
pub(super) const SPACES: &[u8] = b"                    ";

/// Where the macros are in a piece that would hide a struct from the grammar.
pub(super) fn blanks(bytes: &[u8], piece: Range<usize>) -> Vec<Range<usize>> {
    static MACROS: LazyLock<AhoCorasick> =
        LazyLock::new(|| AhoCorasick::new(PACKED.split(' ')).expect("a few words"));
    let found = MACROS.find_iter(Input::new(bytes).range(piece));
    let found = found.filter(|found| {
        let before = &bytes[..found.start()];
        let around = [before.last(), bytes.get(found.end())];
        let within = around.into_iter().flatten().any(|byte| is_word(*byte));
        !within && !before.trim_ascii_end().ends_with(b"define")
    });
    found.map(|found| found.range()).collect()
}

/// A struct or union with its fields; `pack` is that of the pragma.
pub(super) fn structure(c: &mut Collector<'_>, node: Node<'_>, list: Node<'_>, pack: Option<u64>) {
    let mut body = Body {
        packed: pack,
        c_layout: true,
        ..Body::default()
    };
    let head = c.source.lex(node.start_byte()..list.start_byte());
    let end = list.end_byte();
    let rest = &c.source.bytes[end..];
    let rest = &rest[..rest.len().min(400)];
    let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let tail = c.source.lex(end..end + length);
    let mut name = attributes(&c.source, head.start + 1..head.end, &mut body);
    let after = attributes(&c.source, tail.clone(), &mut body);
    if name >= head.end {
        // typedef struct { … } name;
        let parent = node.parent().map(|parent| parent.kind());
        if parent != Some("type_definition") || after >= tail.end {
            return;
        }
        name = after;
        attributes(&c.source, after + 1..tail.end, &mut body);
    }
    if !c.source.is_ident(name) {
        return;
    }
    members(c, node, list, 0, &mut body);
    // struct x : y { … }
    if name + 1 < head.end && c.source.is(name + 1, b":") {
        body.unclear = Some("it inherits from another");
    }
    let kernel = c.source.text(tail.start) == b"__packed";
    body.kernel_packed = kernel.then(|| c.source.start(tail.start));
    c.structure_at(name, c.source.text(name), body);
}

/// Skips `__attribute__((...))`, `alignas(...)` and `[[...]]`; puts what they say
/// into `body`, and tells where they end.
fn attributes(source: &Source<'_>, range: Tokens, body: &mut Body<'_>) -> usize {
    let is_macro = |word: &[u8]| PACKED.split(' ').any(|known| known.as_bytes() == word);
    let mut at = range.start;
    while at < range.end {
        let next = match source.text(at) {
            b"__attribute__" | b"__attribute" | b"alignas" | b"_Alignas" | b"__declspec"
            | b"__aligned" => source.skip(at + 1),
            b"[" if source.is(at + 1, b"[") => source.skip(at),
            word if is_macro(word) => at + 1,
            _ => break,
        };
        for word in at..next.min(range.end) {
            let text = source.text(word);
            if matches!(text, b"packed" | b"__packed__") || is_macro(text) {
                body.packed = Some(1);
            }
            body.align = alignment(source, word).or(body.align.take());
        }
        at = next;
    }
    at
}

/// What `aligned(…)` or `alignas(…)` at a token says.
fn alignment(source: &Source<'_>, at: usize) -> Option<Tokens> {
    match source.text(at) {
        b"aligned" | b"__aligned__" | b"__aligned" | b"alignas" | b"_Alignas" => {
            source.close(at + 1).map(|close| at + 2..close)
        }
        _ => None,
    }
}

/// The fields of a struct or union.
fn members<'a>(
    c: &mut Collector<'a>,
    node: Node<'_>,
    list: Node<'_>,
    depth: usize,
    body: &mut Body<'a>,
) {
    body.union = node.kind() == "union_specifier";
    body.unclear = too_deep(depth);
    let parts = list.parts().into_iter();
    for child in parts.filter(|_| depth <= DEPTH) {
        match child.kind() {
            "field_declaration" if !child.has_error() => member(c, child, depth, body),
            "preproc_def" | "preproc_function_def" | "static_assert_declaration" => {}
            "preproc_call" if !c.text(child).starts_with(b"#e") => {}
            // A field under a condition would be counted always.
            "preproc_if" | "preproc_ifdef" if !child.has_error() => {
                body.unclear = Some("it has fields under a condition");
            }
            kind if kind.starts_with("preproc_") || child.has_error() => {
                body.unclear = Some(UNPARSED);
            }
            _ => body.unclear = UNCLEAR,
        }
    }
}

/// One declaration in a struct.
fn member<'a>(c: &mut Collector<'a>, node: Node<'_>, depth: usize, body: &mut Body<'a>) {
    let Some(ty) = node.field("type") else {
        body.unclear = UNCLEAR;
        return;
    };
    let base = match ty.field("body") {
        Some(list) => {
            let mut inner = Body::default();
            members(c, ty, list, depth + 1, &mut inner);
            let head = c.source.lex(ty.start_byte()..list.start_byte());
            let tail = c.source.lex(list.end_byte()..node.end_byte());
            for marks in [head.start + 1..head.end, tail] {
                attributes(&c.source, marks, &mut inner);
            }
            Type::Inline(Box::new(inner))
        }
        None => c.ty(ty),
    };
    // static, which C++ counts nowhere.
    if node.of_kind("storage_class_specifier").is_some() {
        return;
    }
    let align = c.lex(node).find_map(|at| alignment(&c.source, at));
    let declarators = node.fields("declarator");
    if declarators.is_empty() {
        let at = c.lex(ty).start;
        let part = c.field(at, base.clone(), align.clone());
        body.fields.push(Field { name: b"", ..part });
    }
    for mut declarator in declarators {
        let after = c.source.bytes[declarator.end_byte()..].trim_ascii_start();
        let bits = after.starts_with(b":");
        let mut read = if bits { Type::Unclear } else { base.clone() };
        while let Some(inner) = declarator.field("declarator") {
            read = match (declarator.kind(), declarator.field("size")) {
                ("array_declarator", Some(size)) => Type::Array(Box::new(read), c.lex(size)),
                ("pointer_declarator", _) => Type::Pointer,
                ("attributed_declarator", _) => read,
                _ => Type::Unclear,
            };
            if declarator.kind() == "function_declarator" && inner.kind() == "field_identifier" {
                body.unclear = UNCLEAR;
            }
            declarator = inner;
        }
        let at = c.lex(declarator).start;
        body.fields.push(c.field(at, read, align.clone()));
    }
}
