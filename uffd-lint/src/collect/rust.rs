//! Rust.

use std::collections::HashMap;

use tree_sitter::Node;

use super::collector::{Collector, Visitor, UNPARSED};
use super::nodes::Nodes;
use crate::condition::Condition;
use crate::facts::{bare, read_type, Body, Field, Style, Value};
use crate::processors::Set;
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
        let kind = node.kind();
        match kind {
            "attribute_item" => {
                let tokens = c.lex(node);
                self.attributes
                    .add(&c.source, tokens.start + 2..tokens.end - 1);
                return false;
            }
            "inner_attribute_item" => {
                let tokens = c.lex(node);
                let mut inner = Attributes::default();
                inner.add(&c.source, tokens.start + 3..tokens.end - 1);
                let set = inner.set(c.here());
                match c.scopes.last_mut() {
                    Some(scope) => scope.set = set,
                    None => c.active = set,
                }
                return false;
            }
            "line_comment" | "block_comment" => return false,
            _ => {}
        }
        let attributes = std::mem::take(&mut self.attributes);
        if attributes.condition.is_some() {
            c.open(node, attributes.set(c.here()), c.owner());
        }
        if c.here().is_empty() {
            return false;
        }
        // Found only where they are needed: most nodes have none.
        let (name, value) = (|| node.field("name"), || node.field("value"));
        let ty = || node.field("type");
        match kind {
            "mod_item" | "function_item" | "block" => c.open_of(node, None),
            "impl_item" | "trait_item" => c.open_of(node, ty().or_else(name)),
            "enum_item" => c.open_of(node, name()),
            "const_item" | "static_item" => c.definition(name(), value(), ty()),
            "let_declaration" => {
                let name = node
                    .field("pattern")
                    .filter(|name| name.kind() == "identifier");
                c.definition(name, value(), None);
            }
            "type_item" => {
                if let (Some(name), Some(ty)) = (name(), ty()) {
                    c.alias(name, ty);
                }
            }
            "struct_item" | "union_item" => structure(c, node, attributes),
            // Only those with a number; the others are no constants of an ABI.
            "enum_variant" => {
                if let (Some(name), Some(value)) = (name(), value()) {
                    c.enumerator(name, Some(value));
                }
            }
            "macro_invocation" => {
                if let Some(name) = node.field("macro") {
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

    /// For which of those processors the item may be.
    fn set(&self, of: Set) -> Set {
        self.condition
            .map_or(of, |condition| of.and(condition.perhaps))
    }

    fn body<'a>(&self) -> Body<'a> {
        let (packed, align) = (self.packed, self.align.clone());
        Body {
            packed,
            align,
            ..Body::default()
        }
    }
}

fn structure(c: &mut Collector<'_>, node: Node<'_>, attributes: Attributes) {
    let (Some(name), Some(list)) = (node.field("name"), node.field("body")) else {
        return;
    };
    let mut body = attributes.body();
    body.union = node.kind() == "union_item";
    if list.kind() == "ordered_field_declaration_list" {
        body.unclear = Some("its fields have no names");
    }
    for part in list.parts() {
        match (part.kind(), part.field("name"), part.field("type")) {
            ("ERROR", ..) => body.unclear = Some(UNPARSED),
            ("field_declaration", ..) if part.has_error() => body.unclear = Some(UNPARSED),
            ("field_declaration", Some(name), Some(ty)) => {
                let ty = c.ty(ty);
                body.fields.push(c.field(name, ty));
            }
            ("attribute_item", ..) if memchr::memmem::find(c.text(part), b"cfg").is_some() => {
                body.unclear = Some("it has fields under a condition");
            }
            _ => {}
        }
    }
    c.structure(name, body, attributes.c_layout);
}

/// The macros of nix, vmm-sys-util and others that define a request:
/// `ioctl_readwrite!(name, type, number, T)`, `ioctl_iowr_nr!(NAME, …)`.
fn ioctl_macro(c: &mut Collector<'_>, name: Node<'_>, node: Node<'_>) {
    if !c.text(name).starts_with(b"ioctl_") {
        return;
    }
    let call = c.source.lex(name.start_byte()..node.end_byte());
    let open = call.start + 2;
    let close = c.source.close(open).unwrap_or(open);
    let arguments = c.source.split(open + 1..close, b",");
    let Some(mut at) = arguments.first().map(|first| first.start) else {
        return;
    };
    while c.source.is(at, b"#") {
        at = c.source.skip(at + 1);
    }
    let value = match &arguments[1..] {
        [code, ..] if c.text(name).ends_with(b"_bad") => code.clone(),
        _ => call.start..close + 1,
    };
    let index = c.constant(at, Value::Expression(value, None), None);
    c.facts.constants[index].style = Style::Function;
}

impl<'a> Rust<'a> {
    /// The arguments of a macro, which the grammar leaves alone: constants and
    /// structs in them, such as those of bitflags!, and the branches of cfg_if!.
    fn tokens(&mut self, c: &mut Collector<'a>, node: Node<'_>) {
        let parts = node.all();
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
                    constant(c, tokens, &attributes);
                }
                b"struct" | b"union" | b"impl" => {
                    structure = text != b"impl";
                    owner = next.map(|next| c.text(*next));
                    // struct Flags: u64 { … }
                    if let [name, colon, ty, ..] = &parts[index + 1..] {
                        if c.text(*colon) == b":" {
                            c.alias(*name, *ty);
                        }
                    }
                }
                _ if part.kind() == "token_tree" && text.starts_with(b"{") => {
                    let here = c.here();
                    let set = attributes.set(here);
                    if let (Some(name), true) = (owner, structure) {
                        record(c, name, *part, &attributes);
                    }
                    if branch {
                        let condition = attributes.condition;
                        let both = taken.zip(condition).map(|(a, b)| a.or(b));
                        taken = both.or(taken).or(condition);
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
fn constant(c: &mut Collector<'_>, tokens: Tokens, attributes: &Attributes) {
    let name = tokens.start;
    let equals = c
        .source
        .find(name + 1, tokens.end, |at| c.source.is(at, b"="));
    if equals < tokens.end {
        let typed = c.source.is(name + 1, b":");
        let ty = typed.then(|| read_type(&c.source, name + 2..equals, 0));
        let value = Value::Expression(equals + 1..tokens.end, None);
        let index = c.constant(name, value, ty);
        c.facts.constants[index].processors = attributes.set(c.here());
    }
}

/// A struct in a macro, which may well give it the layout of C.
fn record<'a>(c: &mut Collector<'a>, name: &'a [u8], part: Node<'_>, attributes: &Attributes) {
    let tokens = c.lex(part);
    let mut body = attributes.body();
    let inside = tokens.start + 1..tokens.end.saturating_sub(1);
    for field in c.source.split(inside, b",") {
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
    c.structure_at(tokens.start, name, body, true);
    if let Some(structure) = c.facts.structs.last_mut() {
        structure.processors = attributes.set(structure.processors);
    }
}
