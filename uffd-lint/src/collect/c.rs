//! C and C++.

use tree_sitter::Node;

use super::collector::{Collector, Visitor};
use super::nodes::Nodes;
use super::structs;
use crate::condition::Condition;
use crate::facts::{Type, Value};
use crate::processors::Set;
use crate::source::{line_end, Source, Tokens};

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
    /// `#pragma pack`, innermost last.
    packs: Vec<Option<u64>>,
}

impl<'a> Visitor<'a> for C<'a> {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        // Found only where they are needed: most nodes have none.
        let (name, body) = (|| node.field("name"), || node.field("body"));
        match node.kind() {
            "#if" | "#ifdef" | "#ifndef" | "#elif" | "#elifdef" | "#elifndef" | "#else"
            | "#endif" | "preproc_directive"
                if !node.is_missing() =>
            {
                self.directive(c, node);
                return false;
            }
            "preproc_def" | "preproc_function_def" => {
                if let Some(name) = name().filter(|_| !c.active.is_empty()) {
                    self.define(c, name, node.field("parameters"));
                }
                return false;
            }
            _ if c.active.is_empty() => {}
            "enum_specifier" => {
                if let Some(body) = body() {
                    c.open_of(body, name());
                }
            }
            "enumerator" => c.enumerator(name(), node.field("value")),
            "type_definition" | "alias_declaration" => alias(c, node),
            "struct_specifier" | "union_specifier" => {
                if let Some(list) = body() {
                    structs::structure(c, node, list, self.packs.last().copied().flatten());
                }
            }
            "declaration" | "field_declaration" => declaration(c, node),
            "function_definition" => hidden_struct(c, node),
            _ => {}
        }
        true
    }
}

impl<'a> C<'a> {
    fn directive(&mut self, c: &mut Collector<'a>, node: Node<'_>) {
        let end = line_end(c.source.bytes, node.end_byte());
        let tokens = c.source.lex(node.end_byte()..end);
        let argument = c.source.text(tokens.start);
        let name = c.text(node).trim_ascii_start();
        let name = name.strip_prefix(b"#").unwrap_or(name).trim_ascii();
        let condition = match name {
            b"ifdef" | b"elifdef" => Condition::defined(argument),
            b"ifndef" | b"elifndef" => Condition::defined(argument).not(),
            b"if" | b"elif" => Condition::expression(&c.source, tokens.clone()),
            _ => Condition::UNKNOWN,
        };
        match (name, self.branches.last_mut()) {
            (b"if" | b"ifdef" | b"ifndef", _) => {
                // #if !defined(X), too.
                let negated = name == b"ifndef" || c.source.is(tokens.start, b"!");
                let last = tokens.rev().find(|at| negated && c.source.is_ident(*at));
                self.branches.push(Branches {
                    outside: c.active,
                    taken: condition.surely,
                    guard: last.map_or(b"", |last| c.source.text(last)),
                });
                c.active = c.active.and(condition.perhaps);
            }
            (b"elif" | b"elifdef" | b"elifndef" | b"else", Some(open)) => {
                c.active = open.outside.and(condition.perhaps).and(open.taken.not());
                open.taken = open.taken | condition.surely;
                open.guard = b"";
            }
            (b"endif", Some(open)) => {
                c.active = open.outside;
                self.branches.pop();
            }
            (b"undef", _) => {
                let undefined = c.facts.macros.entry(argument).or_default();
                undefined.push(node.start_byte());
            }
            (b"pragma", _) if argument == b"pack" => self.pack(&c.source, tokens),
            _ => {}
        }
    }

    fn pack(&mut self, source: &Source<'a>, tokens: Tokens) {
        let words: Vec<&[u8]> = tokens.map(|at| source.text(at)).collect();
        let pop = words.contains(&&b"pop"[..]);
        if pop || !words.contains(&&b"push"[..]) {
            self.packs.pop();
        }
        if !pop {
            let mut words = words.iter();
            let number = words.find_map(|word| std::str::from_utf8(word).ok()?.parse().ok());
            self.packs.push(number);
        }
    }

    /// `#define NAME …` or `#define NAME(…) …`.
    fn define(&mut self, c: &mut Collector<'a>, name: Node<'_>, parameters: Option<Node<'_>>) {
        let text = c.text(name);
        c.facts.macros.entry(text).or_default();
        let at = c.lex(name).start;
        let from = parameters.unwrap_or(name).end_byte();
        let body = c.source.lex(from..line_end(c.source.bytes, from));
        if let Some(parameters) = parameters {
            let parameters = c.parameters(parameters);
            return c.facts.function(text, parameters, 0, body);
        }
        // `#define NAME NAME` beside an enumerator tells nothing.
        let itself = body.len() == 1 && c.source.text(body.start) == text;
        let empty = itself || body.is_empty();
        let index = c.constant(at, Value::Expression(body, None), None);
        let constant = &mut c.facts.constants[index];
        constant.owner = None;
        constant.fallback = self.branches.iter().any(|open| open.guard == text);
        if empty {
            constant.processors = Set::NONE;
        }
    }
}

/// `typedef TYPE NAME;` of a plain type, and `using NAME = TYPE;`.
fn alias(c: &mut Collector<'_>, node: Node<'_>) {
    let name = node.field("declarator").or(node.field("name"));
    let (Some(ty), Some(name)) = (node.field("type"), name) else {
        return;
    };
    let read = match name.kind() {
        _ if ty.field("body").is_some() => return,
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

/// `const int A = 1, B = 2;`, and the same as a static member.
fn declaration(c: &mut Collector<'_>, node: Node<'_>) {
    // static constexpr T NAME = value; in a struct of C++.
    let default = node.field("default_value");
    for declarator in node.fields("declarator") {
        let (name, mut value) = match declarator.kind() {
            "init_declarator" => (declarator.field("declarator"), declarator.field("value")),
            _ => (Some(declarator), default),
        };
        // NAME{value}
        if let Some(list) = value.filter(|value| value.kind() == "initializer_list") {
            value = match list.parts()[..] {
                [one] => Some(one),
                _ => None,
            };
        }
        let plain = |name: &Node<'_>| matches!(name.kind(), "identifier" | "field_identifier");
        c.definition(name.filter(plain), value, node.field("type"));
    }
}

/// A macro that is not known, and a struct: taken for a function without any
/// error.
fn hidden_struct(c: &mut Collector<'_>, function: Node<'_>) {
    let Some(block) = function.field("body") else {
        return;
    };
    let start = block.start_byte();
    let from = start.saturating_sub(80).max(function.start_byte());
    let head = c.source.lex(from..start);
    if head.len() > 2 && matches!(c.source.text(head.end - 2), b"struct" | b"union") {
        c.unread.push(start..start);
    }
}
