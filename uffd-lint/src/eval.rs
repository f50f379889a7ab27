//! Expressions of integers, in all six languages.

use crate::evaluator::{Evaluator, ELSEWHERE};
use crate::facts::{bare, read_type, Type, Value};
use crate::language::Language;
use crate::literal;
use crate::names;
use crate::processors::Set;
use crate::source::{Kind, Tokens};
use crate::types::primitive;

impl<'a> Evaluator<'_, 'a> {
    /// The value of the file's constant `index`, or why it cannot be computed.
    pub fn constant(&mut self, index: usize) -> Result<i128, String> {
        if let Some(known) = self.constants.get(&index) {
            return known.clone();
        }
        self.nested(|this| {
            // A constant made of itself finds this.
            this.constants
                .insert(index, Err("it is defined by itself".into()));
            let outer = (this.current.replace(index), this.iota.take(), this.own);
            this.own = false;
            let mut value = this.within(None, |this| this.value(index));
            if value.is_ok() && !this.own {
                value = Err(ELSEWHERE.into());
            }
            (this.current, this.iota, this.own) = outer;
            this.constants.insert(index, value.clone());
            value
        })
    }

    fn value(&mut self, index: usize) -> Result<i128, String> {
        let value = match self.facts.constants[index].value.clone() {
            Value::Expression(tokens, iota) => return self.expression(tokens, iota),
            Value::After(None, by) => i128::from(by),
            Value::After(Some(base), by) => self.constant(base)?.wrapping_add(i128::from(by)),
            Value::Bit(bit) => 1 << bit,
        };
        self.own = true;
        Ok(value)
    }

    /// The value of an expression that fills `tokens`, or why it cannot be
    /// computed.
    pub fn expression(&mut self, tokens: Tokens, iota: Option<u32>) -> Result<i128, String> {
        let iota = iota.or(self.iota);
        let outer = std::mem::replace(&mut self.iota, iota);
        let mut at = tokens.start;
        let value = self.binary(&mut at, tokens.end, 0);
        self.iota = outer;
        if value.is_ok() && at < tokens.end {
            return Err(format!("`{}` is not understood", self.shown(at)));
        }
        value
    }

    fn binary(&mut self, at: &mut usize, end: usize, weakest: u8) -> Result<i128, String> {
        self.nested(|this| {
            let mut left = this.unary(at, end)?;
            loop {
                let operator = this.source.text(*at);
                let sign = *at < end && this.source.kind(*at) == Some(Kind::Punct);
                let known = this.source.language.binding(operator).filter(|_| sign);
                let Some(binding) = known.filter(|binding| *binding > weakest) else {
                    return Ok(left);
                };
                *at += 1;
                let right = this.binary(at, end, binding)?;
                left = apply(operator, left, right)?;
            }
        })
    }

    fn unary(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        let mut value = self.prefixed(at, end)?;
        while self.source.language == Language::Rust && *at < end && self.source.is(*at, b"as") {
            let start = *at + 1;
            *at = start + 1;
            while *at + 1 < end && self.source.is(*at, b"::") {
                *at += 2;
            }
            value = self.cast(value, start..*at);
        }
        Ok(value)
    }

    fn prefixed(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        if *at >= end {
            return Err("an operand is missing".into());
        }
        let negate: fn(i128) -> i128 = match (self.source.text(*at), self.source.language) {
            (b"-", _) => i128::wrapping_neg,
            (b"+", _) => |value| value,
            (b"~", _) | (b"!", Language::Rust) | (b"^", Language::Go) => |value| !value,
            _ => return self.primary(at, end),
        };
        *at += 1;
        self.nested(|this| this.prefixed(at, end)).map(negate)
    }

    fn primary(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        let token = *at;
        let text = self.source.text(token);
        let kind = self.source.kind(token);
        match kind {
            Some(Kind::Ident) => return self.name(at, end),
            Some(Kind::Number | Kind::Char) => *at += 1,
            Some(Kind::Punct) if text == b"(" => {
                let close = self.close(token, end)?;
                *at = close + 1;
                if self.source.language.is_c_family() && self.is_cast(token + 1, close, end) {
                    let value = self.nested(|this| this.prefixed(at, end))?;
                    return Ok(self.cast(value, token + 1..close));
                }
                return self.expression(token + 1..close, None);
            }
            _ => return Err(format!("`{}` is not understood", self.shown(token))),
        }
        self.own = true;
        let (value, what) = match kind {
            Some(Kind::Number) => (literal::integer(self.source.language, text), "integer"),
            _ => (literal::character(text), "ASCII character"),
        };
        value.ok_or_else(|| format!("{} is no {what}", self.shown(token)))
    }

    fn close(&self, open: usize, end: usize) -> Result<usize, String> {
        let close = self.source.close(open).filter(|close| *close < end);
        close.ok_or_else(|| "a bracket is not closed".into())
    }

    /// Whether `(…)` is a type of C before what it converts.
    fn is_cast(&self, start: usize, close: usize, end: usize) -> bool {
        let source = self.source;
        let word = |at| source.is_ident(at) || matches!(source.text(at), b"*" | b"::");
        if start >= close || close + 1 >= end || !(start..close).all(word) {
            return false;
        }
        // (size) << 16 begins with a parameter.
        let frame = self.frame.as_ref().filter(|_| start + 1 == close);
        if frame.is_some_and(|frame| frame.function.parameters.contains(&source.text(start))) {
            return false;
        }
        match (source.kind(close + 1), source.text(close + 1)) {
            (Some(Kind::Number | Kind::Ident | Kind::Char), _) | (_, b"(") => true,
            (_, b"~" | b"-") => match read_type(source, start..close, 0) {
                Type::Named(name) => primitive(&name, 8).is_some() || name.ends_with("_t"),
                Type::Pointer => true,
                _ => false,
            },
            _ => false,
        }
    }

    /// What a conversion leaves of a value. A type that is not known is taken
    /// to hold it.
    pub fn cast(&mut self, value: i128, ty: Tokens) -> i128 {
        let ty = read_type(self.source, ty, 0);
        let Some(layout) = self.layout(&ty).ok().filter(|layout| layout.size <= 8) else {
            return value;
        };
        let unused = 128 - 8 * layout.size as u32;
        match layout.signed {
            Some(true) => value << unused >> unused,
            Some(false) => ((value as u128) << unused >> unused) as i128,
            None => value,
        }
    }

    /// A name, a path, a call.
    fn name(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        let source = self.source;
        let first = *at;
        let (mut last, mut next) = (first, first + 1);
        let step = |at| at < end && matches!(source.text(at), b"::" | b"." | b"->");
        while step(next) && next + 1 < end && source.is_ident(next + 1) {
            (last, next) = (next + 1, next + 2);
        }
        let mut generic = None;
        let open = next + usize::from(step(next));
        if source.is(open, b"<") && open < end {
            // size_of::<T>(), static_cast<T>(x); a comparison has no `>(`.
            let close = source.find(open + 1, end, |at| source.is(at, b">"));
            if close + 1 < end && source.is(close + 1, b"(") {
                generic = Some(open + 1..close);
                next = close + 1;
            }
        }
        if source.is(next, b"!") && matches!(source.text(next + 1), b"(" | b"[" | b"{") {
            next += 1;
        }
        *at = next;
        if next >= end || !matches!(source.text(next), b"(" | b"{") {
            return self.named(first, last);
        }
        let close = self.close(next, end)?;
        *at = close + 1;
        if source.is(*at, b".") && source.is(*at + 1, b"value") {
            *at += 2;
        }
        self.call(first, last, generic, next + 1..close)
    }

    fn named(&mut self, first: usize, last: usize) -> Result<i128, String> {
        let name = bare(self.source.text(last));
        if let Some(iota) = self.iota.filter(|_| first == last && name == b"iota") {
            self.own = true;
            return Ok(i128::from(iota));
        }
        let (argument, frame) = self.resolve(first..last + 1);
        if argument != (first..last + 1) {
            return self.nested(|this| this.within(frame, |this| this.expression(argument, None)));
        }
        let current = self
            .current
            .map(|index| self.facts.constants[index].processors);
        let found = self.facts.named(name, last, current.unwrap_or(Set::ALL));
        let found = found.filter(|index| !self.is_undefined(*index, last));
        // `libc::UFFDIO_WAKE` is not this file's.
        let local = self.is_local(first, last);
        if let Some(index) = found.filter(|index| local || Some(*index) != self.current) {
            let value = self.constant(index)?;
            self.own = true;
            return Ok(value);
        }
        match (names::exact(name), self.direction_bit(name)) {
            (Some(constant), _) => Ok(i128::from(constant.value(self.target.encoding))),
            (_, Some(bits)) => Ok(bits),
            _ => Err(format!("{} is not known", self.shown(last))),
        }
    }

    /// Whether an `#undef` stands between the definition and its use.
    fn is_undefined(&self, index: usize, used: usize) -> bool {
        let constant = &self.facts.constants[index];
        let between = self.source.start(constant.at)..self.source.start(used);
        let mut undefined = self.facts.macros.get(constant.name).into_iter().flatten();
        undefined.any(|at| between.contains(at))
    }
}

fn apply(operator: &[u8], left: i128, right: i128) -> Result<i128, String> {
    let by = || match u32::try_from(right) {
        Ok(by @ ..127) => Ok(by),
        _ => Err("a shift is too far"),
    };
    Ok(match operator {
        b"<<" => left.wrapping_shl(by()?),
        b">>" => left.wrapping_shr(by()?),
        b"|" => left | right,
        b"&" => left & right,
        b"^" => left ^ right,
        b"&^" => left & !right,
        b"+" => left.wrapping_add(right),
        b"-" => left.wrapping_sub(right),
        b"*" => left.wrapping_mul(right),
        b"/" | b"//" => left.checked_div(right).ok_or("a division by zero")?,
        b"%" => left.checked_rem(right).ok_or("a division by zero")?,
        _ => return Err("an operator is not understood".into()),
    })
}
