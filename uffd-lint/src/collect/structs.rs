//! Structs and unions, and the attributes of those of C and C++.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input};
use memchr::memmem::find;
use tree_sitter::Node;

use super::collector::Collector;
use super::nodes::Nodes;
use crate::facts::{bare, Body, Field, Type};
use crate::language::Language;
use crate::source::{is_word, Source, Tokens};

/// Macros for attributes, which no grammar can know.
const PACKED: &str = "__packed _packed_ PACKED QEMU_PACKED __attribute_packed__";

/// How deep structs may be nested.
const DEPTH: usize = 32;

/// What is said of a struct that the grammar did not understand.
pub const UNPARSED: &str = "a part of it could not be parsed";
const UNCLEAR: Option<&str> = Some("it has members that are not understood");
const CONDITION: Option<&str> = Some("it has fields under a condition");

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

/// A struct or union of C, if it has a name; `pack` is that of the pragma.
pub(super) fn structure(c: &mut Collector<'_>, node: Node<'_>, list: Node<'_>, pack: Option<u64>) {
    let mut marks = Body {
        packed: pack,
        ..Body::default()
    };
    let head = c.source.lex(node.start_byte()..list.start_byte());
    let end = list.end_byte();
    let rest = &c.source.bytes[end..];
    let rest = &rest[..rest.len().min(400)];
    let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let tail = c.source.lex(end..end + length);
    let mut name = attributes(&c.source, head.start + 1..head.end, &mut marks);
    let after = attributes(&c.source, tail.clone(), &mut marks);
    if name >= head.end {
        // typedef struct { … } name;
        let parent = node.parent().map(|parent| parent.kind());
        if parent != Some("type_definition") || after >= tail.end {
            return;
        }
        name = after;
        attributes(&c.source, after + 1..tail.end, &mut marks);
    }
    if !c.source.is_ident(name) {
        return;
    }
    let kernel = c.source.text(tail.start) == b"__packed";
    let mut body = Body {
        packed: marks.packed,
        align: marks.align,
        kernel_packed: kernel.then(|| c.source.start(tail.start)),
        ..c.body(node, 0)
    };
    // struct x : y { … }
    if name + 1 < head.end && c.source.is(name + 1, b":") {
        body.unclear = Some("it inherits from another");
    }
    c.structure(name, c.source.text(name), body);
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

/// What `aligned(…)`, `alignas(…)` or Zig's `align(…)` at a token says.
fn alignment(source: &Source<'_>, at: usize) -> Option<Tokens> {
    match source.text(at) {
        b"aligned" | b"__aligned__" | b"__aligned" | b"alignas" | b"_Alignas" | b"align" => {
            source.close(at + 1).map(|close| at + 2..close)
        }
        _ => None,
    }
}

impl<'a> Collector<'a> {
    /// What is in a struct or union.
    pub(super) fn body(&mut self, node: Node<'_>, depth: usize) -> Body<'a> {
        let has = |kind: &str| node.of_kind(kind).is_some();
        let c = self.source.language.is_c_family();
        let promised = c || self.source.language == Language::Go;
        let mut body = Body {
            union: has("union"),
            // Its bits are without padding; whole bytes Zig places like C's packed.
            packed: has("packed").then_some(1),
            c_layout: promised || has("packed") || has("extern"),
            ..Body::default()
        };
        let list = node
            .field("body")
            .or(node.of_kind("field_declaration_list"));
        let list = list.unwrap_or(node);
        if depth > DEPTH {
            body.unclear = Some("its structs are nested too deeply");
            return body;
        }
        if list.kind() == "ordered_field_declaration_list" {
            body.unclear = Some("its fields have no names");
        }
        for part in list.parts() {
            match (part.kind(), part.has_error()) {
                ("field_declaration" | "container_field", false) => {
                    self.member(part, depth, &mut body);
                }
                ("field_declaration" | "container_field" | "ERROR", _) => {
                    body.unclear = Some(UNPARSED);
                }
                // A field under a condition would be counted always.
                ("preproc_if" | "preproc_ifdef", false) => body.unclear = CONDITION,
                ("attribute_item", _) if find(self.text(part), b"cfg").is_some() => {
                    body.unclear = CONDITION;
                }
                ("preproc_def" | "preproc_function_def" | "static_assert_declaration", _) => {}
                ("preproc_call", _) if !self.text(part).starts_with(b"#e") => {}
                (kind, error) if c && (error || kind.starts_with("preproc_")) => {
                    body.unclear = Some(UNPARSED);
                }
                _ if c => body.unclear = UNCLEAR,
                _ => {}
            }
        }
        body
    }

    /// One declaration in a struct.
    fn member(&mut self, node: Node<'_>, depth: usize, body: &mut Body<'a>) {
        let c = self.source.language.is_c_family();
        let Some(ty) = node.field("type") else {
            body.unclear = body.unclear.or(UNCLEAR.filter(|_| c));
            return;
        };
        let list = ty.field("body");
        let kinds = ["struct_type", "struct_declaration", "union_declaration"];
        let base = if list.is_some() || kinds.contains(&ty.kind()) {
            let mut inner = self.body(ty, depth + 1);
            if let Some(list) = list {
                let head = self.source.lex(ty.start_byte()..list.start_byte());
                let tail = self.source.lex(list.end_byte()..node.end_byte());
                attributes(&self.source, head.start + 1..head.end, &mut inner);
                attributes(&self.source, tail, &mut inner);
            }
            Type::Inline(Box::new(inner))
        } else {
            self.ty(ty)
        };
        // static, which C++ counts nowhere.
        if node.of_kind("storage_class_specifier").is_some() {
            return;
        }
        let align = self.lex(node).find_map(|at| alignment(&self.source, at));
        let names = [node.fields("name"), node.fields("declarator")].concat();
        if names.is_empty() && c {
            let at = self.lex(ty).start;
            let part = self.field(at, base.clone(), align.clone());
            body.fields.push(Field { name: b"", ..part });
        } else if names.is_empty() && self.source.language == Language::Go {
            body.unclear = body.unclear.or(Some("it embeds another struct"));
        }
        for mut name in names {
            let after = self.source.bytes[name.end_byte()..].trim_ascii_start();
            let bits = c && after.starts_with(b":");
            let mut ty = if bits { Type::Unclear } else { base.clone() };
            while let Some(inner) = name.field("declarator") {
                ty = match (name.kind(), name.field("size")) {
                    ("array_declarator", Some(size)) => Type::Array(Box::new(ty), self.lex(size)),
                    ("pointer_declarator", _) => Type::Pointer,
                    ("attributed_declarator", _) => ty,
                    _ => Type::Unclear,
                };
                if name.kind() == "function_declarator" && inner.kind() == "field_identifier" {
                    body.unclear = UNCLEAR;
                }
                name = inner;
            }
            let at = self.lex(name).start;
            body.fields.push(self.field(at, ty, align.clone()));
        }
    }

    /// A field whose name is token `at`.
    pub(super) fn field(&self, at: usize, ty: Type<'a>, align: Option<Tokens>) -> Field<'a> {
        let name = bare(self.source.text(at));
        Field {
            name,
            at,
            ty,
            align,
        }
    }
}
