//! Expressions of integers, in all six languages.

use crate::evaluator::{Evaluator, ELSEWHERE};
use crate::facts::{bare, read_type, Type, Value};
use crate::language::Language;
use crate::literal;
use crate::names;
use crate::processors::Set;
use crate::source::{Kind, Tokens};
use crate::types::{primitive, Layout};

impl<'a> Evaluator<'_, 'a> {
    /// The value of the file's constant `index`.
    ///
    /// # Errors
    ///
    /// Why it cannot be computed.
    pub fn constant(&mut self, index: usize) -> Result<i128, String> {
        if let Some(known) = self.constants.get(&index) {
            return known.clone();
        }
        self.deeper()?;
        // A constant made of itself finds this.
        self.constants
            .insert(index, Err("it is defined by itself".into()));
        let outer = (
            self.current.replace(index),
            self.iota.take(),
            self.own,
            self.frame.take(),
        );
        self.own = false;
        let mut value = match self.facts.constants[index].value.clone() {
            Value::Expression(tokens, iota) => self.expression(tokens, iota),
            Value::After(base, by) => {
                let base = base.map_or(Ok(0), |base| self.constant(base));
                self.own = true;
                base.map(|base| base.wrapping_add(i128::from(by)))
            }
            Value::Bit(bit) => {
                self.own = true;
                1_i128
                    .checked_shl(bit)
                    .ok_or_else(|| "it has too many bits".into())
            }
            Value::Request {
                read,
                write,
                group,
                number,
                argument,
            } => {
                let direction = self.direction(read, write);
                self.request_of(direction, group, number, argument)
            }
        };
        if value.is_ok() && !self.own {
            value = Err(ELSEWHERE.into());
        }
        (self.current, self.iota, self.own, self.frame) = outer;
        self.depth -= 1;
        self.constants.insert(index, value.clone());
        value
    }

    /// The value of an expression that fills `tokens`.
    ///
    /// # Errors
    ///
    /// Why it cannot be computed.
    pub fn expression(&mut self, tokens: Tokens, iota: Option<u32>) -> Result<i128, String> {
        let iota = iota.or(self.iota);
        let outer = std::mem::replace(&mut self.iota, iota);
        let mut at = tokens.start;
        let mut value = self.binary(&mut at, tokens.end, 0);
        self.iota = outer;
        if value.is_ok() && at < tokens.end {
            value = Err(format!("`{}` is not understood", self.shown(at)));
        }
        value
    }

    fn binary(&mut self, at: &mut usize, end: usize, weakest: u8) -> Result<i128, String> {
        self.deeper()?;
        let value = self.binary_inner(at, end, weakest);
        self.shallower();
        value
    }

    fn binary_inner(&mut self, at: &mut usize, end: usize, weakest: u8) -> Result<i128, String> {
        let mut left = self.unary(at, end)?;
        loop {
            let operator = self.source.text(*at);
            let known = (*at < end && self.source.kind(*at) == Some(Kind::Punct))
                .then(|| self.source.language.binding(operator))
                .flatten();
            let Some(binding) = known.filter(|binding| *binding > weakest) else {
                return Ok(left);
            };
            *at += 1;
            let right = self.binary(at, end, binding)?;
            left = apply(operator, left, right)?;
        }
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
        let text = self.source.text(*at);
        let negate: fn(i128) -> i128 = match (text, self.source.language) {
            (b"-", _) => i128::wrapping_neg,
            (b"+", _) => |value| value,
            (b"~", _) | (b"!", Language::Rust) | (b"^", Language::Go) => |value| !value,
            _ => return self.primary(at, end),
        };
        if self.source.kind(*at) != Some(Kind::Punct) {
            return self.primary(at, end);
        }
        *at += 1;
        self.deeper()?;
        let value = self.prefixed(at, end);
        self.shallower();
        value.map(negate)
    }

    fn primary(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        let token = *at;
        let text = self.source.text(token);
        match self.source.kind(token) {
            Some(Kind::Number) => {
                *at += 1;
                self.own = true;
                let value = literal::integer(self.source.language, text);
                value.ok_or_else(|| format!("{} is no integer", self.shown(token)))
            }
            Some(Kind::Char) => {
                *at += 1;
                self.own = true;
                let value = literal::character(text);
                value.ok_or_else(|| format!("{} is no ASCII character", self.shown(token)))
            }
            Some(Kind::Ident) => self.name(at, end),
            Some(Kind::Punct) if text == b"(" => {
                let close = self.close(token, end)?;
                *at = close + 1;
                if self.source.language.is_c_family() && self.is_cast(token + 1, close, end) {
                    self.deeper()?;
                    let value = self.prefixed(at, end);
                    self.depth -= 1;
                    return Ok(self.cast(value?, token + 1..close));
                }
                self.expression(token + 1..close, None)
            }
            _ => Err(format!("`{}` is not understood", self.shown(token))),
        }
    }

    fn close(&self, open: usize, end: usize) -> Result<usize, String> {
        let close = self.source.close(open).filter(|close| *close < end);
        close.ok_or_else(|| "a bracket is not closed".into())
    }

    /// Whether `(…)` is a type of C before what it converts.
    fn is_cast(&self, start: usize, close: usize, end: usize) -> bool {
        let words = (start..close)
            .all(|at| self.source.is_ident(at) || matches!(self.source.text(at), b"*" | b"::"));
        if !words || start >= close || close + 1 >= end {
            return false;
        }
        // (size) << 16 begins with a parameter.
        let frame = self.frame.as_ref().filter(|_| start + 1 == close);
        if frame.is_some_and(|frame| frame.function.parameters.contains(&self.source.text(start))) {
            return false;
        }
        let operand = matches!(
            self.source.kind(close + 1),
            Some(Kind::Number | Kind::Ident | Kind::Char)
        ) || self.source.is(close + 1, b"(");
        let known = || match read_type(self.source, start..close, 0) {
            Type::Named(name) => primitive(&name, 8).is_some() || name.ends_with("_t"),
            Type::Pointer => true,
            _ => false,
        };
        operand || matches!(self.source.text(close + 1), b"~" | b"-") && known()
    }

    /// What a conversion leaves of a value. A type that is not known is taken
    /// to hold it.
    pub(crate) fn cast(&mut self, value: i128, ty: Tokens) -> i128 {
        let ty = read_type(self.source, ty, 0);
        if matches!(ty, Type::Pointer) {
            return value;
        }
        match self.layout(&ty, 0) {
            Ok(Layout {
                size,
                signed: Some(signed),
                ..
            }) if (1..=8).contains(&size) => truncate(value, size, signed),
            _ => value,
        }
    }

    /// A name, a path, a call.
    fn name(&mut self, at: &mut usize, end: usize) -> Result<i128, String> {
        let source = self.source;
        let first = *at;
        let mut last = first;
        let mut generic = None;
        let mut next = first + 1;
        loop {
            let step = matches!(source.text(next), b"::" | b"." | b"->") && next < end;
            if step && source.is_ident(next + 1) && next + 1 < end {
                last = next + 1;
                next += 2;
            } else if (step && source.is(next + 1, b"<")) || (source.is(next, b"<") && next < end) {
                // size_of::<T>(), static_cast<T>(x); a comparison has no `>(`.
                let open = next + usize::from(step);
                let close = source.find(open + 1, end, |at| source.is(at, b">"));
                if close + 1 >= end || !source.is(close + 1, b"(") {
                    break;
                }
                generic = Some(open + 1..close);
                next = close + 1;
                break;
            } else {
                break;
            }
        }
        if source.is(next, b"!") && matches!(source.text(next + 1), b"(" | b"[" | b"{") {
            next += 1;
        }
        let open = next < end && (source.is(next, b"(") || source.is(next, b"{"));
        if !open {
            *at = next;
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
        if first == last && name == b"iota" {
            if let Some(iota) = self.iota {
                self.own = true;
                return Ok(i128::from(iota));
            }
        }
        let (argument, frame) = self.resolve(first..last + 1);
        if argument != (first..last + 1) {
            self.deeper()?;
            let inner = std::mem::replace(&mut self.frame, frame);
            let value = self.expression(argument, None);
            self.frame = inner;
            self.depth -= 1;
            return value;
        }
        let current = self.current.map(|index| &self.facts.constants[index]);
        let processors = current.map_or(Set::ALL, |constant| constant.processors);
        // `libc::UFFDIO_WAKE` is not this file's.
        let local = self.is_local(first, last);
        let found = self.facts.named(name, last, processors);
        let found = found.filter(|index| !self.is_undefined(*index, last));
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
        let undefined = self.facts.macros.get(constant.name);
        undefined.is_some_and(|all| all.iter().any(|at| between.contains(at)))
    }
}

fn truncate(value: i128, size: u64, signed: bool) -> i128 {
    let unused = 128 - 8 * size as u32;
    if signed {
        value << unused >> unused
    } else {
        ((value as u128) << unused >> unused) as i128
    }
}

fn apply(operator: &[u8], left: i128, right: i128) -> Result<i128, String> {
    let by = || {
        u32::try_from(right)
            .ok()
            .filter(|by| *by < 127)
            .ok_or("a shift is too far")
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
