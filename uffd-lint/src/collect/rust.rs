//! Rust.

use tree_sitter::Node;

use super::collector::{Collector, Visitor};
use super::nodes::Nodes;
use crate::condition::Condition;
use crate::facts::{bare, read_type, Body, Style, Value};
use crate::processors::Set;
use crate::source::{Source, Tokens};

/// How deep the blocks in a macro may be nested.
const DEPTH: usize = 100;

/// What the attributes before an item say.
#[derive(Default)]
struct Attributes<'a> {
    condition: Option<Condition>,
    /// What `repr(…)` says: a struct without fields.
    repr: Body<'a>,
}

#[derive(Default)]
pub(super) struct Rust<'a> {
    attributes: Attributes<'a>,
    /// Where the arguments of the last macro end.
    macros: usize,
}

impl Rust<'_> {
    pub(super) fn new(c: &mut Collector<'_>) -> Self {
        c.active = c.active.and(Set::RUST);
        Rust::default()
    }
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
            c.open(node.end_byte(), attributes.set(c.here()), c.owner());
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
                let name = node.field("pattern");
                c.definition(name.filter(|it| it.kind() == "identifier"), value(), None);
            }
            "type_item" => c.alias(name(), ty()),
            "struct_item" | "union_item" => structure(c, node, attributes.repr),
            // Only those with a number; the others are no constants of an ABI.
            "enum_variant" if value().is_some() => c.enumerator(name(), value()),
            "macro_invocation" => ioctl_macro(c, node),
            "token_tree" if node.start_byte() >= self.macros => {
                self.macros = node.end_byte();
                let tokens = c.lex(node);
                items(c, tokens.start + 1..tokens.end.saturating_sub(1), 0);
            }
            _ => {}
        }
        true
    }
}

impl Attributes<'_> {
    /// What is between the brackets: `cfg(…)`, `repr(…)`; others change nothing.
    fn add(&mut self, source: &Source<'_>, range: Tokens) {
        let is = |word: &[u8]| range.clone().find(|at| source.is(*at, word));
        match source.text(range.start) {
            b"cfg" => {
                let new = Condition::cfg(source, range.start + 2..range.end.saturating_sub(1));
                self.condition = Some(self.condition.map_or(new, |before| before.and(new)));
            }
            b"repr" => {
                self.repr.c_layout |= is(b"C").or(is(b"transparent")).is_some();
                if let Some(at) = is(b"packed") {
                    let number = std::str::from_utf8(source.text(at + 2)).unwrap_or("");
                    self.repr.packed = Some(number.parse().unwrap_or(1));
                }
                if let Some(at) = is(b"align") {
                    self.repr.align = source.close(at + 1).map(|close| at + 2..close);
                }
            }
            _ => {}
        }
    }

    /// For which of those processors the item may be.
    fn set(&self, of: Set) -> Set {
        let condition = self.condition.as_ref();
        condition.map_or(of, |condition| of.and(condition.perhaps))
    }
}

fn structure<'a>(c: &mut Collector<'a>, node: Node<'_>, repr: Body<'a>) {
    if let (Some(name), Some(_)) = (node.field("name"), node.field("body")) {
        let body = Body {
            c_layout: repr.c_layout,
            packed: repr.packed,
            align: repr.align,
            ..c.body(node, 0)
        };
        let at = c.lex(name).start;
        c.structure(at, bare(c.text(name)), body);
    }
}

/// The macros of nix, vmm-sys-util and others that define a request:
/// `ioctl_readwrite!(name, type, number, T)`, `ioctl_iowr_nr!(NAME, …)`.
fn ioctl_macro(c: &mut Collector<'_>, node: Node<'_>) {
    let name = node.field("macro").map_or(&b""[..], |name| c.text(name));
    if !name.starts_with(b"ioctl_") {
        return;
    }
    let call = c.lex(node);
    let open = call.start + 2;
    let close = c.source.close(open).unwrap_or(open);
    let arguments = c.source.split(open + 1..close, b",");
    let [first, rest @ ..] = &arguments[..] else {
        return;
    };
    let mut at = first.start;
    while c.source.is(at, b"#") {
        at = c.source.skip(at + 1);
    }
    let value = match rest {
        [code, ..] if name.ends_with(b"_bad") => code.clone(),
        _ => call.start..close + 1,
    };
    let index = c.constant(at, Value::Expression(value, None), None);
    c.facts.constants[index].style = Style::Function;
}

/// The arguments of a macro, which the grammar leaves alone: constants and
/// structs in them, such as those of bitflags!, and the branches of cfg_if!.
fn items(c: &mut Collector<'_>, range: Tokens, depth: usize) {
    if depth > DEPTH {
        return c.source.exhaust();
    }
    let mut attributes = Attributes::default();
    // Where one of the branches before this `else` holds.
    let mut taken: Option<Condition> = None;
    let (mut branch, mut structure, mut owner) = (false, false, None);
    let mut at = range.start;
    while at < range.end {
        let (text, next) = (c.source.text(at), c.source.skip(at));
        match text {
            b"#" => attributes.add(&c.source, at + 2..c.source.skip(at + 1) - 1),
            b"if" => branch = true,
            b"else" => attributes.condition = taken.map(Condition::not),
            b";" | b"," => (attributes, owner) = (Attributes::default(), None),
            b"const" | b"static" if c.source.is_ident(at + 1) => {
                let end = c.source.find(at, range.end, |at| c.source.is(at, b";"));
                constant(c, at + 1..end, &attributes);
            }
            b"struct" | b"union" | b"impl" => {
                structure = text != b"impl";
                owner = Some(c.source.text(at + 1));
                // struct Flags: u64 { … }
                if c.source.is(at + 2, b":") {
                    let ty = read_type(&c.source, at + 3..at + 4, 0);
                    c.facts.aliases.insert(c.source.text(at + 1), ty);
                }
            }
            b"{" => {
                let set = attributes.set(c.here());
                if branch {
                    let both = taken.zip(attributes.condition).map(|(a, b)| a.or(b));
                    taken = both.or(taken).or(attributes.condition);
                }
                c.open(usize::MAX, set, owner.or(c.owner()));
                if let Some(name) = owner.filter(|_| structure) {
                    record(c, name, at..next, attributes.repr);
                }
                items(c, at + 1..next - 1, depth + 1);
                c.scopes.pop();
                (branch, structure, owner) = (false, false, None);
                attributes = Attributes::default();
            }
            _ if next > at + 1 => items(c, at + 1..next - 1, depth + 1),
            _ => {}
        }
        at = next;
    }
}

/// `NAME [: T] = value`, in a macro.
fn constant(c: &mut Collector<'_>, tokens: Tokens, attributes: &Attributes<'_>) {
    let (name, source) = (tokens.start, &c.source);
    let equals = source.find(name + 1, tokens.end, |at| source.is(at, b"="));
    if equals < tokens.end {
        let typed = source.is(name + 1, b":");
        let ty = typed.then(|| read_type(source, name + 2..equals, 0));
        let value = Value::Expression(equals + 1..tokens.end, None);
        let index = c.constant(name, value, ty);
        c.facts.constants[index].processors = attributes.set(c.here());
    }
}

/// A struct in a macro, which may well give it the layout of C.
fn record<'a>(c: &mut Collector<'a>, name: &'a [u8], block: Tokens, repr: Body<'a>) {
    let mut fields = vec![];
    for field in c.source.split(block.start + 1..block.end - 1, b",") {
        let mut at = field.start;
        while matches!(c.source.text(at), b"#" | b"[" | b"pub" | b"(") {
            at = c.source.skip(at);
        }
        if !c.source.is_ident(at) || !c.source.is(at + 1, b":") {
            return;
        }
        let ty = read_type(&c.source, at + 2..field.end, 0);
        fields.push(c.field(at, ty, None));
    }
    let body = Body {
        fields,
        c_layout: true,
        ..repr
    };
    c.structure(block.start, bare(name), body);
}
