//! From tokens to [`Facts`], a file for each language.

mod c;
mod go;
mod python;
mod rust;
mod zig;

use super::facts::{bare, Constant, Facts, Style, Tokens, Type, Value};
use super::language::Language;
use super::lexer::Source;
use super::processors::Set;

/// How deep structs may be nested.
const DEPTH: usize = 32;

/// All definitions of a file that is for these `processors`.
pub fn facts<'a>(source: &Source<'a>, processors: Set) -> Facts<'a> {
    let mut facts = Facts::default();
    match source.language {
        Language::C | Language::Cpp => c::collect(source, processors, &mut facts),
        Language::Rust => rust::collect(source, processors, &mut facts),
        Language::Go => go::collect(source, processors, &mut facts),
        Language::Zig => zig::collect(source, processors, &mut facts),
        Language::Python => python::collect(source, processors, &mut facts),
    }
    facts
}

/// A constant that is an expression.
fn expression<'a>(
    source: &Source<'a>,
    at: usize,
    value: Tokens,
    ty: Option<Type<'a>>,
    processors: Set,
) -> Constant<'a> {
    Constant {
        name: bare(source.text(at)),
        at,
        value: Value::Expression(value, None),
        ty,
        processors,
        style: Style::Kernel,
    }
}

/// An enumerator at `at`, which begins at its name; tells where it ends.
/// `before` is the enumerator before it, and becomes this one.
fn enumerator<'a>(
    source: &Source<'a>,
    at: usize,
    end: usize,
    before: &mut Option<usize>,
    processors: Set,
    facts: &mut Facts<'a>,
) -> usize {
    let stop = |at| source.is(at, b",") || source.kind(at) == Some(super::lexer::Kind::Directive);
    let close = source.find(at, end, stop);
    let equals = source.find(at + 1, close, |at| source.is(at, b"="));
    let value = if equals < close {
        Value::Expression(equals + 1..close, None)
    } else {
        Value::After(*before)
    };
    *before = Some(facts.constant(Constant {
        name: bare(source.text(at)),
        at,
        value,
        ty: None,
        processors,
        style: Style::Camel,
    }));
    close
}
