//! Rust.

use std::collections::HashMap;

use tree_sitter::Node;

use super::collector::{children, named, Collector, Visitor, UNPARSED};
use crate::facts::{bare, read_type, Body, Constant, Field, Struct, Style, Type, Value};
use crate::processors::{Condition, Set};
use crate::source::{Kind, Source, Tokens};

/// What the attributes before an item say.
#[derive(Clone, Default)]
struct Attributes {
    condition: Option<Condition>,
    /// Whether the layout is promised.
    c_layout: bool,
    packed: Option<u64>,
    align: Option<Tokens>,
}

#[derive(Default)]
pub(super) struct Rust<'a> {
    attributes: Attributes,
    /// Of blocks in macros, by where they begin: their processors and owner.
    blocks: HashMap<usize, (Set, Option<&'a [u8]>)>,
}

impl<'a> Visitor<'a> for Rust<'a> {
    fn visit(&mut self, c: &mut Collector<'a>, node: Node<'_>) -> bool {
        let field = |name| node.child_by_field_name(name);
        let kind = node.kind();
        match kind {
            "attribute_item" => {
                let tokens = c.lex(node);
                self.attributes
                    .add(&c.source, tokens.start + 2..tokens.end - 1);
                return false;
            }
            "line_comment" | "block_comment" => return false,
            "inner_attribute_item" => {
                let tokens = c.lex(node);
                let mut inner = Attributes::default();
                inner.add(&c.source, tokens.start + 3..tokens.end - 1);
                let condition = inner.condition.unwrap_or(Condition::UNKNOWN);
                match c.scopes.last_mut() {
                    Some(scope) => scope.set = scope.set.and(condition.perhaps),
                    None => c.active = c.active.and(condition.perhaps),
                }
                return false;
            }
            _ => {}
        }
        let attributes = std::mem::take(&mut self.attributes);
        if let Some(condition) = attributes.condition {
            c.open(node, c.here().and(condition.perhaps), c.owner());
        }
        if c.here().is_empty() {
            return false;
        }
        match kind {
            "mod_item" | "function_item" | "block" => {
                if kind == "function_item" {
                    function(c, node);
                }
                c.open(node, c.here(), None);
            }
            "impl_item" | "trait_item" => {
                let owner = field("type").or(field("name")).map(|name| c.text(name));
                c.open(node, c.here(), owner);
            }
            "const_item" | "static_item" => {
                let ty = field("type").map(|ty| c.ty(ty));
                if let (Some(name), Some(value)) = (field("name"), field("value")) {
                    c.expression(name, value, ty, Style::Kernel);
                }
            }
            "let_declaration" => {
                if let (Some(name), Some(value)) = (field("pattern"), field("value")) {
                    if name.kind() == "identifier" {
                        c.expression(name, value, None, Style::Kernel);
                    }
                }
            }
            "type_item" => {
                if let (Some(name), Some(ty)) = (field("name"), field("type")) {
                    let ty = c.ty(ty);
                    c.facts.aliases.insert(c.text(name), ty);
                }
            }
            "struct_item" | "union_item" => structure(c, node, attributes),
            "enum_item" => {
                let owner = field("name").map(|name| c.text(name));
                c.open(node, c.here(), owner);
            }
            // Only those with a number; the others are no constants of an ABI.
            "enum_variant" => {
                if let (Some(name), Some(value)) = (field("name"), field("value")) {
                    c.enumerator(name, Some(value));
                }
            }
            "call_expression" => {
                if let (Some(name), Some(arguments)) = (field("function"), field("arguments")) {
                    c.call(name, &named(arguments));
                }
            }
            "macro_invocation" => {
                if let Some(name) = field("macro") {
                    ioctl_macro(c, name, node);
                }
            }
            "token_tree" => {
                if let Some((set, owner)) = self.blocks.remove(&node.start_byte()) {
                    c.open(node, set, owner);
                }
                self.tokens(c, node);
            }
            _ => {}
        }
        true
    }
}

impl Attributes {
    /// What is between the brackets: `cfg(…)`, `repr(…)`; others change nothing.
    fn add(&mut self, source: &Source<'_>, range: Tokens) {
        let is = |word: &[u8]| range.clone().find(|at| source.is(*at, word));
        match source.text(range.start) {
            b"cfg" => {
                let new = Condition::cfg(source, range.start + 2, range.end.saturating_sub(1));
                self.condition = Some(self.condition.map_or(new, |before| before.and(new)));
            }
            b"repr" => {
                self.c_layout |= is(b"C").or(is(b"transparent")).is_some();
                if let Some(at) = is(b"packed") {
                    let number = std::str::from_utf8(source.text(at + 2)).unwrap_or("");
                    self.packed = Some(number.parse().unwrap_or(1));
                }
                if let Some(at) = is(b"align") {
                    self.align = source.close(at + 1).map(|close| at + 2..close);
                }
            }
            _ => {}
        }
    }
}

fn structure(c: &mut Collector<'_>, node: Node<'_>, attributes: Attributes) {
    let (Some(name), Some(list)) = (
        node.child_by_field_name("name"),
        node.child_by_field_name("body"),
    ) else {
        return;
    };
    let mut body = Body {
        union: node.kind() == "union_item",
        packed: attributes.packed,
        align: attributes.align,
        ..Body::default()
    };
    if list.kind() == "ordered_field_declaration_list" {
        body.unclear = Some("its fields have no names");
    }
    let at = c.lex(name).start;
    for part in named(list) {
        match part.kind() {
            "field_declaration" if part.has_error() => body.unclear = Some(UNPARSED),
            "field_declaration" => {
                let (Some(name), Some(ty)) = (
                    part.child_by_field_name("name"),
                    part.child_by_field_name("type"),
                ) else {
                    continue;
                };
                let at = c.lex(name).start;
                let ty = c.ty(ty);
                body.fields.push(Field {
                    name: bare(c.text(name)),
                    at,
                    ty,
                    align: None,
                });
            }
            "attribute_item" if memchr::memmem::find(c.text(part), b"cfg").is_some() => {
                body.unclear = Some("it has fields under a condition");
            }
            "ERROR" => body.unclear = Some(UNPARSED),
            _ => {}
        }
    }
    c.structure(c.text(name), at, body, attributes.c_layout);
}

/// `const fn name<T>(…) -> u32 { … }`
fn function(c: &mut Collector<'_>, node: Node<'_>) {
    let body = node
        .child_by_field_name("body")
        .map(named)
        .unwrap_or_default();
    let Some(name) = node.child_by_field_name("name") else {
        return;
    };
    // What `let` gives a name is found as a constant.
    let Some((value, before)) = body.split_last() else {
        return;
    };
    if before.iter().any(|node| node.kind() != "let_declaration") {
        return;
    }
    let mut parameters = vec![];
    for parameter in node
        .child_by_field_name("parameters")
        .map(named)
        .unwrap_or_default()
    {
        parameters.extend(parameter.child_by_field_name("pattern"));
    }
    let generic = node
        .child_by_field_name("type_parameters")
        .map(named)
        .unwrap_or_default();
    let generic: Vec<_> = generic
        .into_iter()
        .map(|node| node.child_by_field_name("name").unwrap_or(node))
        .collect();
    c.function(name, &generic, &parameters, *value);
}

/// The macros of nix, vmm-sys-util and others that define a request:
/// `ioctl_readwrite!(name, type, number, T)`, `ioctl_iowr_nr!(NAME, …)`.
fn ioctl_macro(c: &mut Collector<'_>, name: Node<'_>, node: Node<'_>) {
    let Some(kind) = c.text(name).strip_prefix(b"ioctl_") else {
        return;
    };
    let (read, write) = match kind {
        b"none" | b"io_nr" | b"write_int" => (false, kind == b"write_int"),
        b"read" | b"ior_nr" | b"read_buf" => (true, false),
        b"write_ptr" | b"iow_nr" | b"write_buf" => (false, true),
        b"readwrite" | b"iowr_nr" | b"readwrite_buf" => (true, true),
        _ if kind.ends_with(b"_bad") => (false, false),
        _ => return,
    };
    let all = c.source.lex(name.end_byte()..node.end_byte());
    let open = all.start + 1;
    let Some(close) = c.source.close(open) else {
        return;
    };
    let arguments = c.source.split(open + 1..close, b",");
    let mut at = arguments.first().map_or(close, |first| first.start);
    while c.source.is(at, b"#") {
        at = c.source.skip(at + 1);
    }
    let value = match arguments.as_slice() {
        [_, code, ..] if kind.ends_with(b"_bad") => Value::Expression(code.clone(), None),
        // The number's argument is an int by value.
        [_, _, _] if kind == b"write_int" => return,
        [_, group, number, argument @ ..] if argument.len() <= 1 => Value::Request {
            read,
            write,
            group: group.clone(),
            number: number.clone(),
            argument: argument.first().cloned(),
        },
        _ => return,
    };
    plain(c, at, value, None, c.here(), Style::Function);
}

/// A constant whose name is a token.
fn plain<'a>(
    c: &mut Collector<'a>,
    at: usize,
    value: Value,
    ty: Option<Type<'a>>,
    processors: Set,
    style: Style,
) {
    let (name, owner) = (bare(c.source.text(at)), c.owner());
    c.facts.constant(Constant {
        name,
        at,
        value,
        ty,
        processors,
        style,
        owner,
        fallback: false,
    });
}

impl<'a> Rust<'a> {
    /// The arguments of a macro, which the grammar leaves alone: constants and
    /// structs in them, such as those of bitflags!, and the branches of cfg_if!.
    fn tokens(&mut self, c: &mut Collector<'a>, node: Node<'_>) {
        let parts = children(node);
        let mut attributes = Attributes::default();
        // Where one of the branches before this `else` holds.
        let mut taken: Option<Condition> = None;
        let (mut branch, mut structure, mut owner) = (false, false, None);
        for (index, part) in parts.iter().enumerate() {
            let text = c.text(*part);
            let next = parts.get(index + 1);
            match text {
                b"#" => {
                    if let Some(next) = next {
                        let tokens = c.lex(*next);
                        let inside = tokens.start + 1..tokens.end.saturating_sub(1);
                        attributes.add(&c.source, inside);
                    }
                }
                b"if" => branch = true,
                b"else" => attributes.condition = taken.map(Condition::not),
                b";" | b"," => (attributes, owner) = (Attributes::default(), None),
                b"const" | b"static" if next.is_some_and(|next| next.kind() == "identifier") => {
                    let rest = &parts[index + 1..];
                    let end = rest.iter().find(|part| c.text(**part) == b";");
                    let end = end.map_or(node.end_byte(), |end| end.start_byte());
                    let tokens = c.source.lex(rest[0].start_byte()..end);
                    constant(c, tokens, attributes.condition);
                }
                b"struct" | b"union" | b"impl" => {
                    structure = text != b"impl";
                    owner = next.map(|next| c.text(*next));
                }
                _ if part.kind() == "token_tree" && text.starts_with(b"{") => {
                    let condition = attributes.condition;
                    let here = c.here();
                    let set = condition.map_or(here, |condition| here.and(condition.perhaps));
                    if let (Some(name), true) = (owner, structure) {
                        record(c, name, *part, set, &attributes);
                    }
                    if branch {
                        taken = taken
                            .zip(condition)
                            .map(|(a, b)| a.or(b))
                            .or(taken)
                            .or(condition);
                    }
                    if set != here || owner.is_some() {
                        self.blocks.insert(part.start_byte(), (set, owner));
                    }
                    (attributes, branch, structure, owner) = Default::default();
                }
                _ => {}
            }
        }
    }
}

/// `NAME [: T] = value`, in a macro.
fn constant(c: &mut Collector<'_>, tokens: Tokens, condition: Option<Condition>) {
    let name = tokens.start;
    let equals = c
        .source
        .find(name + 1, tokens.end, |at| c.source.is(at, b"="));
    if equals >= tokens.end {
        return;
    }
    let ty = c
        .source
        .is(name + 1, b":")
        .then(|| read_type(&c.source, name + 2..equals, 0));
    let set = condition.map_or(c.here(), |condition| c.here().and(condition.perhaps));
    let value = Value::Expression(equals + 1..tokens.end, None);
    plain(c, name, value, ty, set, Style::Kernel);
}

/// A struct in a macro, which may well give it the layout of C.
fn record<'a>(
    c: &mut Collector<'a>,
    name: &'a [u8],
    part: Node<'_>,
    processors: Set,
    attributes: &Attributes,
) {
    let tokens = c.lex(part);
    let mut body = Body {
        packed: attributes.packed,
        align: attributes.align.clone(),
        ..Body::default()
    };
    for field in c
        .source
        .split(tokens.start + 1..tokens.end.saturating_sub(1), b",")
    {
        let mut at = field.start;
        while matches!(c.source.text(at), b"#" | b"pub") {
            at = if c.source.is(at, b"#") {
                c.source.skip(at + 1)
            } else {
                at + 1
            };
            at = if c.source.is(at, b"(") {
                c.source.skip(at)
            } else {
                at
            };
        }
        if c.source.kind(at) != Some(Kind::Ident) || !c.source.is(at + 1, b":") {
            return;
        }
        let ty = read_type(&c.source, at + 2..field.end, 0);
        body.fields.push(Field {
            name: bare(c.source.text(at)),
            at,
            ty,
            align: None,
        });
    }
    let at = tokens.start;
    c.facts.structure(Struct {
        name,
        at,
        body,
        processors,
        c_layout: true,
        kernel_packed: None,
    });
}
