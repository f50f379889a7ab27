//! Structs and unions of C and C++.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input};
use tree_sitter::Node;

use super::collector::{too_deep, Collector, UNPARSED};
use super::nodes::Nodes;
use crate::facts::{Body, Field, Type};
use crate::source::{is_word, Source, Tokens};

/// Macros for attributes, which no grammar can know.
const PACKED: [&[u8]; 5] = [
    b"__packed",
    b"_packed_",
    b"PACKED",
    b"QEMU_PACKED",
    b"__attribute_packed__",
];

const UNCLEAR: Option<&str> = Some("it has members that are not understood");

/// As long as the longest of them.
pub(super) const SPACES: &[u8] = b"                    ";

/// Where the macros are in a piece that would hide a struct from the grammar.
pub(super) fn blanks(bytes: &[u8], piece: Range<usize>) -> Vec<Range<usize>> {
    static MACROS: LazyLock<AhoCorasick> =
        LazyLock::new(|| AhoCorasick::new(PACKED).expect("a few words"));
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
pub(super) fn structure(
    c: &mut Collector<'_>,
    node: Node<'_>,
    list: Node<'_>,
    pack: Option<u64>,
    defined: bool,
) {
    let head = c.source.lex(node.start_byte()..list.start_byte());
    let (mut name, mut marks) = attributes(&c.source, head.start + 1..head.end);
    let end = list.end_byte();
    let rest = c.source.bytes[end..].iter().take(400);
    let length = rest
        .clone()
        .position(|byte| *byte == b';')
        .unwrap_or(rest.len());
    let tail = c.source.lex(end..end + length);
    let (after, behind) = attributes(&c.source, tail.clone());
    marks.merge(behind);
    if name >= head.end {
        // typedef struct { … } name;
        name = after;
        marks.merge(attributes(&c.source, after + 1..tail.end).1);
        if !defined || name >= tail.end {
            return;
        }
    }
    if !c.source.is_ident(name) {
        return;
    }
    let mut body = body(c, node, list, 0);
    body.packed = if marks.packed { Some(1) } else { pack };
    body.align = marks.align;
    // struct x : y { … }
    if name + 1 < head.end && c.source.is(name + 1, b":") {
        body.unclear = Some("it inherits from another");
    }
    c.structure_at(name, c.source.text(name), body, true);
    let kernel = c.source.text(tail.start) == b"__packed";
    if let Some(structure) = c.facts.structs.last_mut().filter(|_| kernel) {
        structure.kernel_packed = Some(c.source.start(tail.start));
    }
}

#[derive(Default)]
struct Marks {
    packed: bool,
    align: Option<Tokens>,
}

impl Marks {
    fn merge(&mut self, other: Marks) {
        self.packed |= other.packed;
        self.align = self.align.take().or(other.align);
    }
}

/// Skips `__attribute__((...))`, `alignas(...)` and `[[...]]`; tells where they
/// end and what they say.
fn attributes(source: &Source<'_>, range: Tokens) -> (usize, Marks) {
    let (mut at, mut marks) = (range.start, Marks::default());
    while at < range.end {
        let next = match source.text(at) {
            b"__attribute__" | b"__attribute" | b"alignas" | b"_Alignas" | b"__declspec"
            | b"__aligned" => source.skip(at + 1),
            b"[" if source.is(at + 1, b"[") => source.skip(at),
            word if PACKED.contains(&word) => at + 1,
            _ => break,
        };
        for word in at..next.min(range.end) {
            let text = source.text(word);
            marks.packed |= matches!(text, b"packed" | b"__packed__") || PACKED.contains(&text);
            marks.align = alignment(source, word).or(marks.align.take());
        }
        at = next;
    }
    (at, marks)
}

/// What `aligned(…)` or `alignas(…)` at a token says.
fn alignment(source: &Source<'_>, at: usize) -> Option<Tokens> {
    let words: [&[u8]; 5] = [
        b"aligned",
        b"__aligned__",
        b"__aligned",
        b"alignas",
        b"_Alignas",
    ];
    let close = source
        .close(at + 1)
        .filter(|_| words.contains(&source.text(at)))?;
    Some(at + 2..close)
}

/// The fields of a struct or union.
fn body<'a>(c: &mut Collector<'a>, node: Node<'_>, list: Node<'_>, depth: usize) -> Body<'a> {
    let union = node.kind() == "union_specifier";
    let mut body = Body {
        union,
        unclear: too_deep(depth),
        ..Body::default()
    };
    if body.unclear.is_some() {
        return body;
    }
    for child in list.parts() {
        match child.kind() {
            "field_declaration" if !child.has_error() => member(c, child, depth, &mut body),
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
    body
}

/// One declaration in a struct.
fn member<'a>(c: &mut Collector<'a>, node: Node<'_>, depth: usize, body: &mut Body<'a>) {
    let Some(ty) = node.field("type") else {
        body.unclear = UNCLEAR;
        return;
    };
    let base = match ty.field("body") {
        Some(list) => {
            let mut inner = self::body(c, ty, list, depth + 1);
            let tail = c.source.lex(list.end_byte()..node.end_byte());
            let head = c.source.lex(ty.start_byte()..list.start_byte());
            let marks = [head.start + 1..head.end, tail];
            let packed = marks.map(|marks| attributes(&c.source, marks).1.packed);
            inner.packed = packed.contains(&true).then_some(1);
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
        body.fields.push(Field {
            name: b"",
            at,
            ty: base.clone(),
            align: align.clone(),
        });
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
        let mut field = c.field(declarator, read);
        field.align = align.clone();
        body.fields.push(field);
    }
}
