//! Sizes and offsets of the structs that a source declares.

use crate::evaluator::Evaluator;
use crate::facts::{read_type, Body, Struct, Type, Value};
use crate::names;
use crate::processors::Set;
use crate::source::Tokens;
use crate::types::{primitive, Layout, Placed};

/// How deep types may be nested.
const DEPTH: usize = 32;
/// Of how many fields within a field the places are kept.
const INNER: usize = 64;

impl<'a> Evaluator<'_, 'a> {
    /// The layout of a type.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub fn layout(&mut self, ty: &Type<'a>, depth: usize) -> Result<Layout, String> {
        self.placed(ty, depth).map(|(_, layout)| layout)
    }

    /// The layout of a type, with its fields if it is a struct of the file.
    fn placed(&mut self, ty: &Type<'a>, depth: usize) -> Result<(Vec<Placed<'a>>, Layout), String> {
        if depth > DEPTH {
            return Err("its types are nested too deeply".into());
        }
        let layout = match ty {
            Type::Pointer => Layout {
                size: self.target.long,
                align: self.target.long,
                signed: None,
            },
            Type::Unclear => return Err("it has a type that is not understood".into()),
            Type::Named(name) => return self.named_layout(name, depth),
            Type::Inline(body) => return self.body_layout(body, depth + 1),
            Type::Array(element, length) => {
                let element = self.layout(element, depth + 1)?;
                let length = self.expression(length.clone(), None)?;
                let length = u64::try_from(length).map_err(|_| "an array's length is negative")?;
                let size = element
                    .size
                    .checked_mul(length)
                    .filter(|size| *size < 1 << 32);
                let size = size.ok_or("an array is too long")?;
                Layout {
                    size,
                    align: element.align,
                    signed: None,
                }
            }
        };
        Ok((vec![], layout))
    }

    fn named_layout(
        &mut self,
        name: &str,
        depth: usize,
    ) -> Result<(Vec<Placed<'a>>, Layout), String> {
        if let Some(index) = self.facts.structure_named(name.as_bytes()) {
            return self.struct_layout(index, depth + 1);
        }
        let facts = self.facts;
        if let Some(ty) = facts.aliases.get(name.as_bytes()) {
            return self.placed(ty, depth + 1);
        }
        let (long, align_of_u64) = (self.target.long, self.target.align_of_u64);
        if let Some(layout) = primitive(name, long) {
            // __aligned_u64 is there for those that align it to less.
            let most = if name == "__aligned_u64" {
                8
            } else {
                align_of_u64
            };
            return Ok((
                vec![],
                Layout {
                    align: layout.align.min(most),
                    ..layout
                },
            ));
        }
        // A type that is a macro: #define u64 unsigned long long
        if facts.macros.contains_key(name.as_bytes()) {
            let last = facts.named(name.as_bytes(), usize::MAX, Set::ALL);
            let value = last.map(|index| facts.constants[index].value.clone());
            if let Some(Value::Expression(tokens, None)) = value {
                let ty = read_type(self.source, tokens, 0);
                return self.placed(&ty, depth + 1);
            }
        }
        // A struct of the kernel that another file defines.
        let known = names::structure(name.as_bytes(), true);
        let known = known.ok_or_else(|| format!("type {name} is not known"))?;
        let (size, align) = (known.size_for(align_of_u64), known.align_for(align_of_u64));
        Ok((
            vec![],
            Layout {
                size,
                align,
                signed: None,
            },
        ))
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
            let (mut inner, layout) = self.placed(&field.ty, depth + 1)?;
            // Those of a message are few; thousands are nobody's copy.
            if count(&inner) > INNER {
                inner.clear();
            }
            let mut field_align = layout.align.min(body.packed.unwrap_or(u64::MAX)).max(1);
            if let Some(align) = field.align.clone() {
                field_align = field_align.max(self.alignment(align)?);
            }
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
                inner,
            });
            end = offset + layout.size;
            size = u64::max(size, end);
            align = u64::max(align, field_align);
        }
        if let Some(least) = body.align.clone() {
            align = align.max(self.alignment(least)?);
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

    fn alignment(&mut self, tokens: Tokens) -> Result<u64, String> {
        // alignas(uint64_t)
        if let Ok(layout) = self.layout(&read_type(self.source, tokens.clone(), 0), 0) {
            return Ok(layout.align);
        }
        let align = self.expression(tokens, None)?;
        let power = u64::try_from(align)
            .ok()
            .filter(|align| align.is_power_of_two());
        power
            .filter(|align| *align <= 1 << 16)
            .ok_or_else(|| "its alignment is no power of two".into())
    }

    /// The size of a type, or of what an expression names: `sizeof(...)`.
    ///
    /// # Errors
    ///
    /// What is not known of it.
    pub fn size_of(&mut self, tokens: Tokens) -> Result<i128, String> {
        let source = self.source;
        let (mut tokens, frame) = self.resolve(tokens);
        // unsafe.Sizeof(uffdioCopy{}), and C++'s sizeof(uffdio_copy{}).
        if tokens.len() > 2 && source.is(tokens.end - 1, b"}") && source.is(tokens.end - 2, b"{") {
            tokens.end -= 2;
        }
        let ty = read_type(source, tokens, 0);
        let inner = std::mem::replace(&mut self.frame, frame);
        let size = self.layout(&ty, 0).map(|layout| i128::from(layout.size));
        self.frame = inner;
        size
    }
}

fn count(placed: &[Placed<'_>]) -> usize {
    placed.iter().map(|field| 1 + count(&field.inner)).sum()
}

fn round_up(value: u64, align: u64) -> u64 {
    value.div_ceil(align.max(1)) * align.max(1)
}
