//! Rust.

use super::{enumerator, expression, DEPTH};
use crate::facts::{
    bare, named_type, Body, Constant, Direction, Facts, Field, Struct, Style, Tokens, Type, Value,
};
use crate::lexer::Source;
use crate::processors::{Condition, Set};

/// One pair of braces.
struct Block {
    /// For which processors the code in it is.
    processors: Set,
    /// For which the `if #[cfg(…)]` before it, or one before that, held.
    taken: Option<Condition>,
}

/// What the attributes before an item say.
#[derive(Clone, Copy)]
struct Attributes {
    condition: Option<Condition>,
    repr: Option<Repr>,
}

#[derive(Clone, Copy)]
struct Repr {
    packed: bool,
}

const NO_ATTRIBUTES: Attributes = Attributes {
    condition: None,
    repr: None,
};

pub(super) fn collect<'a>(source: &Source<'a>, processors: Set, facts: &mut Facts<'a>) {
    let mut blocks = vec![Block {
        processors,
        taken: None,
    }];
    let mut attributes = NO_ATTRIBUTES;
    // Of the block that has just ended, for `else`.
    let mut ended: Option<Condition> = None;
    // Where one of the branches before this `else` holds.
    let mut earlier: Option<Condition> = None;
    let mut at = 0;
    while at < source.tokens.len() {
        let outside = blocks.last().map_or(processors, |block| block.processors);
        let here = attributes
            .condition
            .map_or(outside, |c| outside.and(c.perhaps));
        let next = match source.text(at) {
            b"#" => {
                let inner = source.is(at + 1, b"!");
                let open = at + 1 + usize::from(inner);
                let Some(close) = source.close(open).filter(|_| source.is(open, b"[")) else {
                    at += 1;
                    continue;
                };
                let before = if inner { NO_ATTRIBUTES } else { attributes };
                let after = attribute(source, open + 1, close, before);
                match (inner, blocks.last_mut()) {
                    (true, Some(block)) => {
                        let condition = after.condition.unwrap_or(Condition::UNKNOWN);
                        block.processors = block.processors.and(condition.perhaps);
                    }
                    _ => attributes = after,
                }
                close + 1
            }
            b"{" => {
                // `if #[cfg(…)] {`: an attribute nowhere else is before a brace.
                let branch = source.is(at.wrapping_sub(1), b"]");
                let taken = match (attributes.condition, earlier) {
                    (Some(condition), Some(earlier)) if branch => Some(earlier.or(condition)),
                    (condition, _) if branch => condition,
                    _ => None,
                };
                earlier = None;
                blocks.push(Block {
                    processors: here,
                    taken,
                });
                attributes = NO_ATTRIBUTES;
                at + 1
            }
            b"}" => {
                if blocks.len() > 1 {
                    ended = blocks.pop().and_then(|block| block.taken);
                }
                attributes = NO_ATTRIBUTES;
                at + 1
            }
            // In cfg_if: what is left when the branch before does not hold.
            b"else" => {
                earlier = ended.take();
                attributes.condition = earlier.map(Condition::not);
                at + 1
            }
            b";" | b"," => {
                attributes = NO_ATTRIBUTES;
                at + 1
            }
            b"const" | b"static" if !here.is_empty() => constant(source, at, here, facts),
            b"type" => alias(source, at, facts),
            b"struct" | b"union" if source.is_ident(at + 1) && !here.is_empty() => {
                structure(source, at, here, attributes.repr, facts)
            }
            b"enum" => enumeration(source, at, here, facts),
            _ if source.is_ident(at) && source.is(at + 1, b"!") && !here.is_empty() => {
                ioctl_macro(source, at, here, facts)
            }
            _ => at + 1,
        };
        at = next.max(at + 1);
    }
}

/// `cfg(…)` and `repr(…)`; others change nothing.
fn attribute(source: &Source<'_>, start: usize, end: usize, before: Attributes) -> Attributes {
    let mut attributes = before;
    match source.text(start) {
        b"cfg" => {
            let condition = Condition::cfg(source, start + 2, end.saturating_sub(1));
            attributes.condition = Some(match before.condition {
                Some(before) => before.and(condition),
                None => condition,
            });
        }
        b"repr" => {
            let is = |word: &[u8]| (start..end).any(|at| source.is(at, word));
            if is(b"C") || is(b"packed") || is(b"transparent") {
                attributes.repr = Some(Repr {
                    packed: is(b"packed"),
                });
            }
        }
        _ => {}
    }
    attributes
}

/// `const NAME: T = value;`; tells where to go on.
fn constant<'a>(source: &Source<'a>, at: usize, processors: Set, facts: &mut Facts<'a>) -> usize {
    let name = at + 1 + usize::from(source.is(at + 1, b"mut"));
    let typed = source.is(name + 1, b":");
    if !source.is_ident(name) || !(typed || source.is(name + 1, b"=")) {
        return at + 1;
    }
    let end = source.tokens.len();
    let stop = |at| matches!(source.text(at), b"=" | b";" | b"," | b")" | b"}" | b">");
    let equals = source.find(name + 1, end.min(name + 256), stop);
    if !source.is(equals, b"=") {
        return name + 1;
    }
    let end = source.find(equals, end, |at| matches!(source.text(at), b";" | b"}"));
    let ty = typed.then(|| named_type(source, name + 2..equals));
    facts.constant(expression(source, name, equals + 1..end, ty, processors));
    end
}

fn alias<'a>(source: &Source<'a>, at: usize, facts: &mut Facts<'a>) -> usize {
    let end = source.find(at, (at + 12).min(source.tokens.len()), |at| {
        source.is(at, b";")
    });
    if source.is_ident(at + 1) && source.is(at + 2, b"=") && source.is(end, b";") {
        facts
            .aliases
            .insert(source.text(at + 1), named_type(source, at + 3..end));
    }
    at + 1
}

fn structure<'a>(
    source: &Source<'a>,
    at: usize,
    processors: Set,
    repr: Option<Repr>,
    facts: &mut Facts<'a>,
) -> usize {
    let name = at + 1;
    // Generic structs are nobody's copy.
    let Some(close) = source.close(name + 1).filter(|_| source.is(name + 1, b"{")) else {
        return name + 1;
    };
    let mut body = Body {
        union: source.is(at, b"union"),
        packed: repr.is_some_and(|repr| repr.packed),
        ..Body::default()
    };
    for field in source.split(name + 2, close, b",") {
        let mut at = field.start;
        while source.is(at, b"#") {
            if source.is(at + 2, b"cfg") {
                body.unclear = Some("it has fields under a condition");
            }
            at = source.skip(at + 1);
        }
        if source.is(at, b"pub") {
            at += 1;
            if source.is(at, b"(") {
                at = source.skip(at);
            }
        }
        if at >= field.end {
            continue;
        }
        let ty = if source.is_ident(at) && source.is(at + 1, b":") {
            field_type(source, at + 2..field.end, 0)
        } else {
            Type::Unclear
        };
        body.fields.push(Field {
            name: bare(source.text(at)),
            at,
            ty,
        });
    }
    let text = source.text(name);
    facts.structure(Struct {
        name: text,
        at: name,
        body,
        processors,
        c_layout: repr.is_some(),
    });
    close + 1
}

fn field_type<'a>(source: &Source<'a>, ty: Tokens, depth: usize) -> Type<'a> {
    if !source.is(ty.start, b"[") || depth > DEPTH {
        return named_type(source, ty);
    }
    let Some(close) = source.close(ty.start) else {
        return Type::Unclear;
    };
    let semicolon = source.find(ty.start + 1, close, |at| source.is(at, b";"));
    if semicolon >= close {
        return Type::Unclear;
    }
    let element = field_type(source, ty.start + 1..semicolon, depth + 1);
    Type::Array(Box::new(element), semicolon + 1..close)
}

fn enumeration<'a>(
    source: &Source<'a>,
    at: usize,
    processors: Set,
    facts: &mut Facts<'a>,
) -> usize {
    let Some(close) = source.close(at + 2).filter(|_| source.is(at + 2, b"{")) else {
        return at + 1;
    };
    let mut before = None;
    for variant in source.split(at + 3, close, b",") {
        let mut at = variant.start;
        while source.is(at, b"#") {
            at = source.skip(at + 1);
        }
        // Only those with a number; the others are no constants of an ABI.
        if source.is_ident(at) && source.is(at + 1, b"=") && at < variant.end {
            enumerator(source, at, variant.end, &mut before, processors, facts);
        }
    }
    close + 1
}

/// The macros of nix, vmm-sys-util and others that define a request:
/// `ioctl_readwrite!(name, type, number, T)`, `ioctl_iowr_nr!(NAME, …)`.
fn ioctl_macro<'a>(
    source: &Source<'a>,
    at: usize,
    processors: Set,
    facts: &mut Facts<'a>,
) -> usize {
    let inside = at + 2;
    let (Some(close), Some(name)) = (
        source.close(inside),
        source.text(at).strip_prefix(b"ioctl_"),
    ) else {
        return at + 2;
    };
    let (read, write) = match name {
        b"none" | b"io_nr" | b"write_int" => (false, name == b"write_int"),
        b"read" | b"ior_nr" | b"read_buf" => (true, false),
        b"write_ptr" | b"iow_nr" | b"write_buf" => (false, true),
        b"readwrite" | b"iowr_nr" | b"readwrite_buf" => (true, true),
        _ if name.ends_with(b"_bad") => (false, false),
        _ => return at + 2,
    };
    let arguments = source.split(inside + 1, close, b",");
    let mut at = arguments.first().map_or(close, |first| first.start);
    while source.is(at, b"#") {
        at = source.skip(at + 1);
    }
    let value = match arguments.as_slice() {
        [_, code, ..] if name.ends_with(b"_bad") => Value::Expression(code.clone(), None),
        // The number's argument is an int by value.
        [_, _, _] if name == b"write_int" => return close + 1,
        [_, group, number, argument @ ..] if argument.len() <= 1 => Value::Request {
            direction: Direction::new(read, write),
            group: group.clone(),
            number: number.clone(),
            argument: argument.first().cloned(),
        },
        _ => return close + 1,
    };
    facts.constant(Constant {
        name: source.text(at),
        at,
        value,
        ty: None,
        processors,
        style: Style::Function,
    });
    close + 1
}
