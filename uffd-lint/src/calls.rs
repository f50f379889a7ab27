//! What an expression may call: `_IOWR()` in all its spellings, `sizeof`,
//! conversions, and macros that only shift a bit.

use std::rc::Rc;

use crate::evaluator::{Evaluator, Frame};
use crate::facts::{bare, read_type, Type};
use crate::language::Language;
use crate::names;
use crate::source::{Kind, Tokens};
use crate::target::directions;
use crate::types::primitive;

impl<'a> Evaluator<'_, 'a> {
    /// A call of the function, macro or type at `last`, whose path begins at
    /// `first`.
    pub fn call(
        &mut self,
        first: usize,
        last: usize,
        generic: Option<Tokens>,
        inside: Tokens,
    ) -> Result<i128, String> {
        let source = self.source;
        let name = String::from_utf8_lossy(bare(source.text(last)));
        let arguments = source.split(inside.clone(), b",");
        let one = || match arguments.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(format!("{name}() has not one argument")),
        };
        match name.trim_matches('_') {
            "sizeof" | "Sizeof" | "@sizeOf" | "size_of" => {
                self.own = true;
                return self.size_of(generic.map_or_else(one, Ok)?);
            }
            "calcsize" => {
                self.own = true;
                return calcsize(&String::from_utf8_lossy(source.text(one()?.start)));
            }
            "BIT" | "BIT_ULL" | "BITUL" | "BITULL" | "BIT_U64" | "BIT_U32" | "bit" => {
                self.own = true;
                let bit = self.expression(one()?, None)?;
                let known = (0..64).contains(&bit).then(|| 1 << bit);
                return known.ok_or_else(|| "a shift is too far".into());
            }
            "UINT64_C" | "UINT32_C" | "INT64_C" | "U64_C" | "UL" | "ULL" | "int" => {
                return self.expression(one()?, None);
            }
            "AC" | "@as" | "@intCast" | "@truncate" | "@bitCast" => {
                return match &arguments[..] {
                    [ty, value] if name.starts_with('@') => self.converted(value, ty.clone()),
                    [value] | [value, _] => self.expression(value.clone(), None),
                    _ => Err("a conversion has too many arguments".into()),
                };
            }
            "static_cast" | "reinterpret_cast" | "bit_cast" | "narrow_cast" => {
                let ty = generic.ok_or("a conversion names no type")?;
                return self.converted(&one()?, ty);
            }
            "from" if last >= first + 2 => return self.converted(&one()?, last - 2..last - 1),
            _ => {}
        }
        let own = self.own_function(first, last, generic.as_ref(), &arguments);
        if let Some(Ok(value)) = own {
            return Ok(value);
        }
        // The macros that define a request have its name before all.
        let defines = name.starts_with("ioctl_") && source.is(inside.start - 2, b"!");
        let parts = &arguments[usize::from(defines).min(arguments.len())..];
        if let Some(value) = self.request(&name, generic, parts)? {
            return Ok(value);
        }
        // uint64_t{1}, uint64(1), ctypes.c_uint64(1).
        if source.language != Language::Rust && self.is_type(&name) {
            return self.converted(&one()?, last..last + 1);
        }
        own.unwrap_or_else(|| Err(format!("it calls {name}()")))
    }

    fn is_type(&self, name: &str) -> bool {
        primitive(name, 8).is_some() || self.facts.aliases.contains_key(name.as_bytes())
    }

    /// A function or macro of the file; `None` if it has none of that name.
    fn own_function(
        &mut self,
        first: usize,
        last: usize,
        generic: Option<&Tokens>,
        arguments: &[Tokens],
    ) -> Option<Result<i128, String>> {
        let function = self.facts.functions.get(self.source.text(last))?;
        let types = generic.map_or(vec![], |types| self.source.split(types.clone(), b","));
        let all = [&types, arguments].concat();
        let fits = types.len() == function.generic && all.len() == function.parameters.len();
        if !fits || !self.is_local(first, last) {
            return None;
        }
        Some(self.nested(|this| {
            this.own = true;
            let frame = Some(Rc::new(Frame {
                function,
                arguments: all,
                outer: this.frame.clone(),
            }));
            this.within(frame, |this| this.expression(function.body.clone(), None))
        }))
    }

    fn converted(&mut self, value: &Tokens, ty: Tokens) -> Result<i128, String> {
        let value = self.expression(value.clone(), None)?;
        Ok(self.cast(value, ty))
    }

    /// `_IOWR()` and its like; `None` if the name is none of them.
    fn request(
        &mut self,
        name: &str,
        generic: Option<Tokens>,
        arguments: &[Tokens],
    ) -> Result<Option<i128>, String> {
        let lower = name.trim_matches('_').to_ascii_lowercase();
        let ends = ["_nr", "_buf", "_ptr"].iter();
        let lower = ends.fold(&*lower, |name, end| name.strip_suffix(end).unwrap_or(name));
        let (directions, shift) = directions(self.target.encoding);
        // UFFD_SYS_IOWR, request_code_readwrite, ioctl_iowr, opcode::read_write.
        let direction = match lower.rsplit('_').next() {
            Some("write") if lower.ends_with("read_write") => 3,
            Some("io" | "none") => 0,
            Some("iow" | "write") => 1,
            Some("ior" | "read") => 2,
            Some("iowr" | "readwrite") => 3,
            Some("ioc") => {
                let [direction, group, number, size] = arguments else {
                    return Ok(None);
                };
                let bits = match self.expression(direction.clone(), None)? {
                    // As `_IOC_READ` and the others have it.
                    bits @ 0..8 => bits,
                    // Already in its place.
                    bits if bits % (1 << 29) == 0 => bits >> shift,
                    _ => return Err("the direction of _IOC() is not understood".into()),
                };
                return self.request_of(bits, group, number, Some(size)).map(Some);
            }
            _ => return Ok(None),
        };
        let (group, number, argument) = match (arguments, &generic) {
            ([_, _], None) if direction > 0 => {
                return Err(format!("{name}() has too few arguments"));
            }
            ([group, number], argument) => (group, number, argument.as_ref()),
            ([group, number, argument], None) => (group, number, Some(argument)),
            _ => {
                return Err(format!(
                    "{name}() is called in a way that is not understood"
                ))
            }
        };
        let argument = argument.filter(|_| direction > 0 || arguments.len() > 2);
        self.request_of(directions[direction], group, number, argument)
            .map(Some)
    }

    /// A request code of these parts, the first of them as a number.
    fn request_of(
        &mut self,
        direction: i128,
        group: &Tokens,
        number: &Tokens,
        argument: Option<&Tokens>,
    ) -> Result<i128, String> {
        self.own = true;
        let group = match self.source.text(group.start) {
            // Rust's b'f' and Python's "f" are strings of one byte here.
            [b'"' | b'\'', byte, b'"' | b'\''] if group.len() == 1 => i128::from(*byte),
            _ => self.expression(group.clone(), None)?,
        };
        let number = self.expression(number.clone(), None)?;
        let size = argument.map_or(Ok(0), |argument| self.argument_size(argument.clone()))?;
        let byte = 0..256;
        if !byte.contains(&group) || !byte.contains(&number) || !(0..1 << 13).contains(&size) {
            return Err("a part of the request code is too large".into());
        }
        let (_, shift) = directions(self.target.encoding);
        Ok(direction << shift | size << 16 | group << 8 | number)
    }

    /// The last argument of `_IOWR()`: a type in C, a type or its size
    /// elsewhere.
    fn argument_size(&mut self, argument: Tokens) -> Result<i128, String> {
        let source = self.source;
        let (resolved, frame) = self.resolve(argument.clone());
        if resolved != argument {
            return self.within(frame, |this| this.argument_size(resolved));
        }
        let keyword = matches!(source.text(argument.start), b"struct" | b"union");
        let number = source.kind(argument.start) == Some(Kind::Number);
        let is_type = match read_type(source, argument.clone(), 0) {
            Type::Named(name) => {
                let structure = self.facts.structure_named(name.as_bytes()).is_some()
                    || names::structure(name.as_bytes(), true).is_some();
                !number && (keyword || structure || self.is_type(&name))
            }
            Type::Pointer => source.language.is_c_family(),
            _ => false,
        };
        if is_type {
            self.size_of(argument)
        } else {
            self.expression(argument, None)
        }
    }

    /// `_IOC_READ` and the others, where the file does not define them.
    pub fn direction_bit(&self, name: &[u8]) -> Option<i128> {
        let names: [&[u8]; 3] = [b"_IOC_NONE", b"_IOC_WRITE", b"_IOC_READ"];
        let index = names.iter().position(|known| *known == name)?;
        Some(directions(self.target.encoding).0[index])
    }
}

/// Python's `struct.calcsize("QQQ")`, for integers that need no padding.
fn calcsize(text: &str) -> Result<i128, String> {
    let format = text.trim_matches(['"', '\'']);
    let letters = format.trim_start_matches(['@', '=', '<', '>', '!']).chars();
    let (mut size, mut count) = (0_i128, None);
    for letter in letters {
        let each = match letter {
            'b' | 'B' | 'x' | 's' | 'c' | '?' => 1,
            'h' | 'H' => 2,
            'i' | 'I' => 4,
            'q' | 'Q' | 'l' | 'L' | 'P' | 'n' | 'N' => 8,
            ' ' => continue,
            _ => 0,
        };
        if let Some(digit) = letter.to_digit(10) {
            count = Some(count.unwrap_or(0) * 10 + i128::from(digit));
        } else if each > 0 && size % each == 0 {
            size += each * count.take().unwrap_or(1);
        } else {
            size = i128::MAX;
        }
        if size.max(count.unwrap_or(0)) > 1 << 20 {
            return Err(format!("calcsize({text}) is not understood"));
        }
    }
    Ok(size)
}
