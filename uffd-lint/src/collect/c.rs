//! C and C++.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use tree_sitter::Node;

use super::collector::{children, fields, named, Collector, Visitor, DEPTH, UNPARSED};
use crate::facts::{Body, Field, Function, Struct, Style, Type, Value};
use crate::language::Language;
use crate::processors::{Condition, Set};
use crate::source::{is_word, Source, Tokens};

/// Macros for attributes, which no grammar can know.
const PACKED: [&[u8]; 5] = [
    b"__packed",
    b"_packed_",
    b"PACKED",
    b"QEMU_PACKED",
    b"__attribute_packed__",
];

/// The text without macros that would hide a struct from the grammar.
pub(super) fn blank(language: Language, bytes: &[u8]) -> Option<Vec<u8>> {
    static MACROS: LazyLock<AhoCorasick> =
        LazyLock::new(|| AhoCorasick::new(PACKED).expect("a few words"));
    if !language.is_c_family() {
        return None;
    }
    let mut blanked = None;
    for found in MACROS.find_iter(bytes) {
        let around = [found.start().checked_sub(1), Some(found.end())];
        let word = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|b| is_word(*b));
        let defined = bytes[..found.start()].trim_ascii_end().ends_with(b"define");
        if !around.into_iter().any(word) && !defined {
            blanked.get_or_insert_with(|| bytes.to_vec())[found.range()].fill(b' ');
        }
    }
    blanked
}

/// One `#if` … `#endif`.
struct Branches<'a> {
    outside: Set,
    /// Those for which an earlier branch surely holds.
    taken: Set,
    /// The name of its `#ifndef`.
    guard: &'a [u8],
}

#[derive(Default)]
pub(super) struct C<'a> {
    branches: Vec<Branches<'a>>,
    /// The struct of a `typedef`.
    defined: Option<usize>,
    /// `#pragma pack`, innermost last.
    packs: Vec<Option<u64>>,
}

impl<'a> Visitor<'a> for C<'a> {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "#if" | "#ifdef" | "#ifndef" | "#elif" | "#elifdef" | "#elifndef" | "#else"
            | "#endif" | "preproc_directive"
                if !node.is_missing() =>
            {
                self.directive(c, node);
                return false;
            }
            "preproc_def" | "preproc_function_def" => {
                if let Some(name) = field("name").filter(|_| !c.active.is_empty()) {
                    self.define(c, name, field("parameters"));
                }
                return false;
            }
            _ if c.active.is_empty() => {}
            "enum_specifier" => {
                let owner = field("name").map(|name| c.text(name));
                if let Some(body) = field("body") {
                    c.open(body, c.active, owner);
                }
            }
            "enumerator" => {
                if let Some(name) = field("name") {
                    c.enumerator(name, field("value"));
                }
            }
            "type_definition" | "alias_declaration" => self.alias(c, node),
            "struct_specifier" | "union_specifier" => {
                if let Some(list) = field("body") {
                    self.structure(c, node, list);
                }
            }
            "declaration" | "field_declaration" => declaration(c, node),
            "function_definition" => function(c, node),
            "call_expression" => {
                if let (Some(name), Some(arguments)) = (field("function"), field("arguments")) {
                    c.call(name, &named(arguments));
                }
            }
            _ => {}
        }
        true
    }
}

/// The end of a line that backslashes may join to further ones.
fn line_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at += memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = bytes[from..at]
            .strip_suffix(b"\r")
            .unwrap_or(&bytes[from..at]);
        if at == bytes.len() || !line.ends_with(b"\\") {
            return at;
        }
        at += 1;
    }
}

impl<'a> C<'a> {
    fn directive(&mut self, c: &mut Collector<'a>, node: Node<'_>) {
        let bytes = c.source.bytes;
        let tokens = c
            .source
            .lex(node.end_byte()..line_end(bytes, node.end_byte()));
        let argument = c.source.text(tokens.start);
        let name = c.text(node).trim_ascii_start();
        let name = name.strip_prefix(b"#").unwrap_or(name).trim_ascii();
        let condition = match name {
            b"ifdef" | b"elifdef" => Condition::defined(argument),
            b"ifndef" | b"elifndef" => Condition::defined(argument).not(),
            b"if" | b"elif" => Condition::preprocessor(&c.source, tokens.start, tokens.end),
            _ => Condition::UNKNOWN,
        };
        match name {
            b"if" | b"ifdef" | b"ifndef" => {
                // #if !defined(X), too.
                let negated = c.source.is(tokens.start, b"!");
                let last = (tokens.start..tokens.end).rfind(|at| c.source.is_ident(*at));
                let guard = match last {
                    Some(last) if name == b"ifndef" || negated => c.source.text(last),
                    _ => b"",
                };
                let (outside, taken) = (c.active, condition.surely);
                self.branches.push(Branches {
                    outside,
                    taken,
                    guard,
                });
                c.active = c.active.and(condition.perhaps);
            }
            b"elif" | b"elifdef" | b"elifndef" | b"else" => {
                if let Some(open) = self.branches.last_mut() {
                    c.active = open.outside.and(condition.perhaps).and(open.taken.not());
                    open.taken = open.taken | condition.surely;
                    open.guard = b"";
                }
            }
            b"endif" => {
                if let Some(open) = self.branches.pop() {
                    c.active = open.outside;
                }
            }
            b"undef" => {
                c.facts
                    .macros
                    .entry(argument)
                    .or_default()
                    .push(node.start_byte());
            }
            b"pragma" if argument == b"pack" => self.pack(&c.source, tokens),
            _ => {}
        }
    }

    fn pack(&mut self, source: &Source<'a>, tokens: Tokens) {
        let words: Vec<&[u8]> = tokens.map(|at| source.text(at)).collect();
        let number = words
            .iter()
            .find_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
        if words.contains(&&b"pop"[..]) {
            self.packs.pop();
            return;
        }
        if !words.contains(&&b"push"[..]) {
            self.packs.pop();
        }
        self.packs.push(number);
    }

    /// `#define NAME …` or `#define NAME(…) …`.
    fn define(&mut self, c: &mut Collector<'a>, name: Node<'_>, parameters: Option<Node<'_>>) {
        let bytes = c.source.bytes;
        c.facts.macros.entry(c.text(name)).or_default();
        let from = parameters.unwrap_or(name).end_byte();
        if let Some(parameters) = parameters {
            let parameters = named(parameters)
                .into_iter()
                .map(|node| c.text(node))
                .collect();
            let body = c.source.lex(from..line_end(bytes, from));
            let function = Function {
                parameters,
                generic: 0,
                body,
            };
            c.facts.functions.entry(c.text(name)).or_insert(function);
            return;
        }
        let index = c.constant(name, Value::After(None, 0), None, Style::Kernel);
        let tokens = c.source.lex(from..line_end(bytes, from));
        // `#define NAME NAME` beside an enumerator tells nothing.
        let itself = tokens.len() == 1 && c.source.text(tokens.start) == c.text(name);
        let constant = &mut c.facts.constants[index];
        constant.processors = c.active;
        constant.owner = None;
        constant.fallback = self.branches.iter().any(|open| open.guard == constant.name);
        constant.value = Value::Expression(tokens.clone(), None);
        if itself || tokens.is_empty() {
            constant.processors = Set::NONE;
        }
    }

    /// `typedef TYPE NAME;` of a plain type, and `using NAME = TYPE;`.
    fn alias(&mut self, c: &mut Collector<'a>, node: Node<'_>) {
        let Some(ty) = node.child_by_field_name("type") else {
            return;
        };
        if ty.child_by_field_name("body").is_some() {
            self.defined = Some(ty.id());
            return;
        }
        let name = node
            .child_by_field_name("declarator")
            .or(node.child_by_field_name("name"));
        let Some(name) = name else { return };
        let read = match name.kind() {
            "type_identifier" | "primitive_type" => c.ty(ty),
            "pointer_type_declarator" => Type::Pointer,
            _ => return,
        };
        let words = c.text(name).trim_ascii_start();
        let words = words.strip_prefix(b"*").unwrap_or(words).trim_ascii();
        // `typedef struct x x;` says nothing.
        if !matches!(&read, Type::Named(name) if name.as_bytes() == words) {
            c.facts.aliases.insert(words, read);
        }
    }

    /// A struct or union with its fields.
    fn structure(&mut self, c: &mut Collector<'a>, node: Node<'_>, list: Node<'_>) {
        let head = c.source.lex(node.start_byte()..list.start_byte());
        let (mut name, mut marks) = attributes(&c.source, head.start + 1..head.end);
        let rest = &c.source.bytes[list.end_byte()..];
        let length = rest
            .iter()
            .take(400)
            .position(|b| *b == b';')
            .unwrap_or(rest.len().min(400));
        let tail = c.source.lex(list.end_byte()..list.end_byte() + length);
        let (after, behind) = attributes(&c.source, tail.clone());
        marks.merge(behind);
        let kernel_packed =
            (c.source.text(tail.start) == b"__packed").then(|| c.source.start(tail.start));
        if name >= head.end {
            name = after;
            marks.merge(attributes(&c.source, after + 1..tail.end).1);
        }
        if name >= tail.end
            || !c.source.is_ident(name)
            || self.defined != Some(node.id()) && name >= head.end
        {
            return;
        }
        let mut body = body(c, node, list, 0);
        body.packed = match (marks.packed, self.packs.last()) {
            (true, _) => Some(1),
            (false, Some(pack)) => *pack,
            _ => None,
        };
        body.align = marks.align;
        // struct x : y { … }
        if name + 1 < head.end && c.source.is(name + 1, b":") {
            body.unclear = Some("it inherits from another");
        }
        let (text, processors) = (c.source.text(name), c.active);
        // The name comes before its fields, for whoever asks what is nearest.
        c.facts.structure(Struct {
            name: text,
            at: name,
            body,
            processors,
            c_layout: true,
            kernel_packed,
        });
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
            match source.text(word) {
                b"packed" | b"__packed__" => marks.packed = true,
                text if PACKED.contains(&text) => marks.packed = true,
                b"aligned" | b"__aligned__" | b"alignas" | b"_Alignas" | b"__aligned" => {
                    let close = source.close(word + 1);
                    marks.align = close.map(|close| word + 2..close).or(marks.align.take());
                }
                _ => {}
            }
        }
        at = next;
    }
    (at, marks)
}

/// The fields of a struct or union.
fn body<'a>(c: &mut Collector<'a>, node: Node<'_>, list: Node<'_>, depth: usize) -> Body<'a> {
    let union = node.kind() == "union_specifier";
    let mut body = Body {
        union,
        ..Body::default()
    };
    if depth > DEPTH {
        body.unclear = Some("its structs are nested too deeply");
        return body;
    }
    for child in named(list) {
        let text = c.text(child);
        match child.kind() {
            _ if child.is_error() => body.unclear = Some(UNPARSED),
            "field_declaration" if child.has_error() => body.unclear = Some(UNPARSED),
            "field_declaration" => member(c, child, depth, &mut body),
            "preproc_def" | "preproc_function_def" | "static_assert_declaration" => {}
            "preproc_call" if !text.starts_with(b"#e") => {}
            // A field under a condition would be counted always.
            kind if kind.starts_with("preproc_") => {
                let whole = !child.has_error() && kind != "preproc_call";
                body.unclear = Some(if whole {
                    "it has fields under a condition"
                } else {
                    UNPARSED
                });
            }
            _ => body.unclear = Some("it has members that are not understood"),
        }
    }
    body
}

/// One declaration in a struct.
fn member<'a>(c: &mut Collector<'a>, node: Node<'_>, depth: usize, body: &mut Body<'a>) {
    let Some(ty) = node.child_by_field_name("type") else {
        body.unclear = Some("it has members that are not understood");
        return;
    };
    let declarators = fields(node, "declarator");
    let parts = children(node);
    let at = c.lex(ty).start;
    let base = match ty.child_by_field_name("body") {
        Some(list) => {
            let mut inner = self::body(c, ty, list, depth + 1);
            let tail = c.source.lex(list.end_byte()..node.end_byte());
            let marks = attributes(&c.source, tail).1;
            let head = c.source.lex(ty.start_byte()..list.start_byte());
            let packed = marks.packed | attributes(&c.source, head.start + 1..head.end).1.packed;
            inner.packed = packed.then_some(1);
            Type::Inline(Box::new(inner))
        }
        None => c.ty(ty),
    };
    if parts
        .iter()
        .any(|part| part.kind() == "storage_class_specifier")
    {
        // static, which C++ counts nowhere.
        return;
    }
    let all = c.lex(node);
    let aligned = (all.start..all.end)
        .find(|at| c.source.text(*at).ends_with(b"aligned") || c.source.is(*at, b"alignas"));
    let align = aligned.and_then(|at| Some(at + 2..c.source.close(at + 1)?));
    if declarators.is_empty() {
        body.fields.push(Field {
            name: b"",
            at,
            ty: base,
            align,
        });
        return;
    }
    // Those of bits end where a `:` and their number begin.
    let bits: HashSet<usize> = parts
        .windows(2)
        .filter(|pair| pair[1].kind() == "bitfield_clause")
        .map(|pair| pair[0].id())
        .collect();
    for mut declarator in declarators {
        let mut read = if bits.contains(&declarator.id()) {
            Type::Unclear
        } else {
            base.clone()
        };
        while let Some(inner) = declarator.child_by_field_name("declarator") {
            read = match declarator.kind() {
                "array_declarator" => match declarator.child_by_field_name("size") {
                    Some(size) => Type::Array(Box::new(read), c.lex(size)),
                    None => Type::Unclear,
                },
                "pointer_declarator" => Type::Pointer,
                "attributed_declarator" => read,
                _ => Type::Unclear,
            };
            if declarator.kind() == "function_declarator" && inner.kind() == "field_identifier" {
                body.unclear = Some("it has members that are not understood");
            }
            declarator = inner;
        }
        let name = c.text(declarator);
        let at = c.lex(declarator).start;
        body.fields.push(Field {
            name,
            at,
            ty: read,
            align: align.clone(),
        });
    }
}

/// `const int A = 1, B = 2;`, and the same as a static member.
fn declaration(c: &mut Collector<'_>, node: Node<'_>) {
    let ty = node.child_by_field_name("type");
    // static constexpr T NAME = value; in a struct of C++.
    let default = node.child_by_field_name("default_value");
    for declarator in fields(node, "declarator") {
        let (name, value) = match declarator.kind() {
            "init_declarator" => (
                declarator.child_by_field_name("declarator"),
                declarator.child_by_field_name("value"),
            ),
            _ => (Some(declarator), default),
        };
        let (Some(name), Some(mut value)) = (name, value) else {
            continue;
        };
        if !matches!(name.kind(), "identifier" | "field_identifier") {
            continue;
        }
        if value.kind() == "initializer_list" {
            match named(value).as_slice() {
                [one] => value = *one,
                _ => continue,
            }
        }
        let read = ty.map(|ty| c.ty(ty));
        c.expression(name, value, read, Style::Kernel);
    }
}

/// `static inline T name(…) { return …; }`
fn function(c: &mut Collector<'_>, node: Node<'_>) {
    let Some(block) = node.child_by_field_name("body") else {
        return;
    };
    // A macro that is not known, and a struct: taken for a function without any error.
    let head = c
        .source
        .lex(block.start_byte().saturating_sub(80).max(node.start_byte())..block.start_byte());
    if head.len() > 2 && matches!(c.source.text(head.end - 2), b"struct" | b"union") {
        c.unread.push(block.start_byte()..block.start_byte());
    }
    let body = named(block);
    let [statement] = body.as_slice() else { return };
    let mut declarator = node.child_by_field_name("declarator");
    while let Some(inner) = declarator.filter(|node| node.kind() != "function_declarator") {
        declarator = inner.child_by_field_name("declarator");
    }
    let Some(declarator) = declarator.filter(|_| statement.kind() == "return_statement") else {
        return;
    };
    let mut parameters = vec![];
    for parameter in declarator
        .child_by_field_name("parameters")
        .map(named)
        .unwrap_or_default()
    {
        parameters.extend(parameter.child_by_field_name("declarator"));
    }
    let mut generic = vec![];
    // template<typename T>
    let template = node
        .parent()
        .filter(|parent| parent.kind() == "template_declaration");
    let list = template.and_then(|template| template.child_by_field_name("parameters"));
    for parameter in list.map(named).unwrap_or_default() {
        generic.extend(named(parameter).last());
    }
    let name = declarator.child_by_field_name("declarator");
    if let (Some(name), [value]) = (name, named(*statement).as_slice()) {
        c.function(name, &generic, &parameters, *value);
    }
}
