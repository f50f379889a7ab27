//! Sizes and offsets of the structs that a source declares.

use super::eval::Evaluator;
use super::facts::{named_type, Body, Struct, Tokens, Type, Value};
use super::names;
use super::processors::Set;

/// What is known of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub align: u64,
    /// Whether it is an integer, and if so whether it has a sign.
    pub signed: Option<bool>,
}

/// A field with its place.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The token of the name.
    pub at: usize,
    /// Bytes from the start of the struct.
    pub offset: u64,
    /// What it holds.
    pub layout: Layout,
}

/// How deep types may be nested.
const DEPTH: usize = 32;

/// An integer type by its name in any of the languages. `long` and pointers
/// are those of a 64-bit processor.
pub fn primitive(name: &str) -> Option<Layout> {
    let (size, signed) = match name {
        "u8" | "__u8" | "uint8_t" | "u_int8_t" | "unsigned char" | "c_uchar" | "uint8" | "byte"
        | "c_uint8" | "c_ubyte" | "uchar" | "bool" | "_Bool" | "c_bool" => (1, false),
        "i8" | "__s8" | "int8_t" | "s8" | "char" | "c_char" | "c_schar" | "int8" | "c_int8"
        | "c_byte" | "signed char" => (1, true),
        "u16" | "__u16" | "uint16_t" | "u_int16_t" | "unsigned short" | "unsigned short int"
        | "short unsigned int" | "c_ushort" | "uint16" | "c_uint16" | "ushort" => (2, false),
        "i16" | "__s16" | "int16_t" | "s16" | "short" | "short int" | "c_short" | "int16"
        | "c_int16" => (2, true),
        "u32" | "__u32" | "uint32_t" | "u_int32_t" | "unsigned" | "unsigned int" | "c_uint"
        | "uint32" | "c_uint32" | "uint" => (4, false),
        "i32" | "__s32" | "int32_t" | "s32" | "int" | "c_int" | "int32" | "c_int32" | "pid_t"
        | "rune" | "RawFd" => (4, true),
        "u64"
        | "__u64"
        | "uint64_t"
        | "u_int64_t"
        | "unsigned long long"
        | "unsigned long"
        | "unsigned long long int"
        | "long long unsigned int"
        | "long unsigned int"
        | "unsigned long int"
        | "c_ulonglong"
        | "c_ulong"
        | "uint64"
        | "c_uint64"
        | "ulonglong"
        | "ulong"
        | "usize"
        | "size_t"
        | "uintptr_t"
        | "uintptr"
        | "c_size_t"
        | "__le64"
        | "__aligned_u64"
        | "c_void_p"
        | "uintmax_t" => (8, false),
        "i64" | "__s64" | "int64_t" | "s64" | "long long" | "long" | "long int"
        | "long long int" | "c_longlong" | "c_long" | "int64" | "c_int64" | "longlong"
        | "isize" | "ssize_t" | "intptr_t" | "off_t" | "c_ssize_t" => (8, true),
        _ => return None,
    };
    Some(Layout {
        size,
        align: size,
        signed: Some(signed),
    })
}

impl<'a> Evaluator<'_, 'a> {
    /// The layout of a type.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub fn layout(&mut self, ty: &Type<'a>, depth: usize) -> Result<Layout, String> {
        if depth > DEPTH {
            return Err("its types are nested too deeply".into());
        }
        match ty {
            Type::Pointer => Ok(Layout {
                size: 8,
                align: 8,
                signed: None,
            }),
            Type::Unclear => Err("it has a type that is not understood".into()),
            Type::Named(name) => self.named_layout(name, depth),
            Type::Inline(body) => Ok(self.body_layout(body, depth + 1)?.1),
            Type::Array(element, length) => {
                let element = self.layout(element, depth + 1)?;
                let length = self.expression(length.clone(), None)?;
                let length = u64::try_from(length).map_err(|_| "an array's length is negative")?;
                let size = element
                    .size
                    .checked_mul(length)
                    .filter(|size| *size < 1 << 32);
                let size = size.ok_or("an array is too long")?;
                Ok(Layout {
                    size,
                    align: element.align,
                    signed: None,
                })
            }
        }
    }

    fn named_layout(&mut self, name: &str, depth: usize) -> Result<Layout, String> {
        if let Some(index) = self.facts.structure_named(name.as_bytes()) {
            return Ok(self.struct_layout(index, depth + 1)?.1);
        }
        let facts = self.facts;
        if let Some(ty) = facts.aliases.get(name.as_bytes()) {
            return self.layout(ty, depth + 1);
        }
        if let Some(layout) = primitive(name) {
            return Ok(layout);
        }
        // A type that is a macro: #define u64 unsigned long long
        if facts.macros.contains_key(name.as_bytes()) {
            let last = facts.named(name.as_bytes(), usize::MAX, Set::ALL);
            let value = last.map(|index| facts.constants[index].value.clone());
            if let Some(Value::Expression(tokens, None)) = value {
                let ty = named_type(self.source, tokens);
                return self.layout(&ty, depth + 1);
            }
        }
        // A struct of the kernel that another file defines.
        match names::structure(name.as_bytes(), true) {
            Some(known) => Ok(Layout {
                size: known.size,
                align: known.align,
                signed: None,
            }),
            None => Err(format!("type {name} is not known")),
        }
    }

    /// The layout of a struct of the file, with its fields.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub fn struct_layout(
        &mut self,
        index: usize,
        depth: usize,
    ) -> Result<(Vec<Placed<'a>>, Layout), String> {
        if depth > DEPTH {
            return Err("its types are nested too deeply".into());
        }
        if let Some(known) = self.layouts.get(&index) {
            return known.clone();
        }
        let structure: &Struct<'a> = &self.facts.structs[index];
        // A struct that holds itself finds this.
        self.layouts.insert(index, Err("it contains itself".into()));
        let layout = self.body_layout(&structure.body, depth);
        self.layouts.insert(index, layout.clone());
        layout
    }

    fn body_layout(
        &mut self,
        body: &Body<'a>,
        depth: usize,
    ) -> Result<(Vec<Placed<'a>>, Layout), String> {
        if let Some(unclear) = body.unclear {
            return Err(unclear.into());
        }
        if body.fields.is_empty() {
            return Err("it has no fields".into());
        }
        let (mut end, mut size, mut align) = (0, 0, 1);
        let mut placed = vec![];
        for field in &body.fields {
            let layout = self.layout(&field.ty, depth + 1)?;
            let field_align = if body.packed { 1 } else { layout.align };
            let offset = if body.union {
                0
            } else {
                round_up(end, field_align)
            };
            placed.push(Placed {
                name: field.name,
                at: field.at,
                offset,
                layout,
            });
            end = offset + layout.size;
            size = u64::max(size, end);
            align = u64::max(align, field_align);
        }
        let size = round_up(size, align);
        Ok((
            placed,
            Layout {
                size,
                align,
                signed: None,
            },
        ))
    }

    /// The size of a type, or of what an expression names: `sizeof(...)`.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub fn size_of(&mut self, tokens: Tokens) -> Result<i128, String> {
        let source = self.source;
        let mut tokens = tokens;
        // unsafe.Sizeof(uffdioCopy{}), and C++'s sizeof(uffdio_copy{}).
        if tokens.len() > 2 && source.is(tokens.end - 1, b"}") && source.is(tokens.end - 2, b"{") {
            tokens.end -= 2;
        }
        let ty = named_type(source, tokens);
        Ok(i128::from(self.layout(&ty, 0)?.size))
    }
}

fn round_up(value: u64, align: u64) -> u64 {
    value.div_ceil(align.max(1)) * align.max(1)
}
