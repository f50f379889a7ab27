//! Sizes and offsets of the structs that a source declares.

use crate::evaluator::Evaluator;
use crate::facts::{read_type, Body, Type, Value};
use crate::names;
use crate::processors::Set;
use crate::source::Tokens;
use crate::types::{primitive, Layout, Placed};

/// How deep types may be nested.
const DEPTH: usize = 32;
/// Of how many fields within a field the places are kept.
const INNER: usize = 64;

impl<'a> Evaluator<'_, 'a> {
    /// The layout of a type, or what is not known of it.
    pub fn layout(&mut self, ty: &Type<'a>) -> Result<Layout<'a>, String> {
        if self.types >= DEPTH {
            return Err("its types are nested too deeply".into());
        }
        self.types += 1;
        let layout = match ty {
            Type::Pointer => Ok(Layout::plain(self.target.long, self.target.long, None)),
            Type::Unclear => Err("it has a type that is not understood".into()),
            Type::Named(name) => self.named_layout(name),
            Type::Inline(body) => self.body_layout(body),
            Type::Array(element, length) => self.array(element, length.clone()),
        };
        self.types -= 1;
        layout
    }

    fn array(&mut self, element: &Type<'a>, length: Tokens) -> Result<Layout<'a>, String> {
        let element = self.layout(element)?;
        let length = self.expression(length, None)?;
        let length = u64::try_from(length).map_err(|_| "an array's length is negative")?;
        match element.size.checked_mul(length) {
            Some(size @ ..=0xFFFF_FFFF) => Ok(Layout::plain(size, element.align, None)),
            _ => Err("an array is too long".into()),
        }
    }

    fn named_layout(&mut self, name: &str) -> Result<Layout<'a>, String> {
        let facts = self.facts;
        let bytes = name.as_bytes();
        if let Some(index) = facts.structure_named(bytes) {
            return self.struct_layout(index);
        }
        if let Some(ty) = facts.aliases.get(bytes) {
            return self.layout(ty);
        }
        let align_of_u64 = self.target.align_of_u64;
        if let Some(mut layout) = primitive(name, self.target.long) {
            // __aligned_u64 is there for those that align it to less.
            if name != "__aligned_u64" {
                layout.align = layout.align.min(align_of_u64);
            }
            return Ok(layout);
        }
        // A type that is a macro: #define u64 unsigned long long
        if facts.macros.contains_key(bytes) {
            let last = facts.named(bytes, usize::MAX, Set::ALL);
            let value = last.map(|index| facts.constants[index].value.clone());
            if let Some(Value::Expression(tokens, None)) = value {
                return self.layout(&read_type(self.source, tokens, 0));
            }
        }
        // A struct of the kernel that another file defines.
        let known = names::structure(bytes, true);
        let known = known.ok_or_else(|| format!("type {name} is not known"))?;
        let (size, align) = (known.size_for(align_of_u64), known.align_for(align_of_u64));
        Ok(Layout::plain(size, align, None))
    }

    /// The layout of a struct of the file, or what is not known of it.
    pub fn struct_layout(&mut self, index: usize) -> Result<Layout<'a>, String> {
        if let Some(known) = self.layouts.get(&index) {
            return known.clone();
        }
        let facts = self.facts;
        // A struct that holds itself finds this.
        self.layouts.insert(index, Err("it contains itself".into()));
        let layout = self.body_layout(&facts.structs[index].body);
        self.layouts.insert(index, layout.clone());
        layout
    }

    fn body_layout(&mut self, body: &Body<'a>) -> Result<Layout<'a>, String> {
        if let Some(unclear) = body.unclear {
            return Err(unclear.into());
        }
        if body.fields.is_empty() {
            return Err("it has no fields".into());
        }
        let mut whole = Layout::plain(0, 1, None);
        let mut end = 0;
        for field in &body.fields {
            let mut layout = self.layout(&field.ty)?;
            // Those of a message are few; thousands are nobody's copy.
            if count(&layout) > INNER {
                layout.fields.clear();
            }
            let mut align = layout.align.min(body.packed.unwrap_or(u64::MAX)).max(1);
            if let Some(least) = field.align.clone() {
                align = align.max(self.alignment(least)?);
            }
            let offset = if body.union { 0 } else { round_up(end, align) };
            end = offset + layout.size;
            whole.size = whole.size.max(end);
            whole.align = whole.align.max(align);
            whole.fields.push(Placed {
                name: field.name,
                at: field.at,
                offset,
                layout,
            });
        }
        if let Some(least) = body.align.clone() {
            whole.align = whole.align.max(self.alignment(least)?);
        }
        whole.size = round_up(whole.size, whole.align);
        Ok(whole)
    }

    fn alignment(&mut self, tokens: Tokens) -> Result<u64, String> {
        // alignas(uint64_t)
        if let Ok(layout) = self.layout(&read_type(self.source, tokens.clone(), 0)) {
            return Ok(layout.align);
        }
        match u64::try_from(self.expression(tokens, None)?) {
            Ok(align @ ..=0x1_0000) if align.is_power_of_two() => Ok(align),
            _ => Err("its alignment is no power of two".into()),
        }
    }

    /// The size of a type, or of what an expression names: `sizeof(...)`.
    pub fn size_of(&mut self, tokens: Tokens) -> Result<i128, String> {
        let source = self.source;
        let (mut tokens, frame) = self.resolve(tokens);
        // unsafe.Sizeof(uffdioCopy{}), and C++'s sizeof(uffdio_copy{}).
        if tokens.len() > 2 && source.is(tokens.end - 1, b"}") && source.is(tokens.end - 2, b"{") {
            tokens.end -= 2;
        }
        let ty = read_type(source, tokens, 0);
        let layout = self.within(frame, |this| this.layout(&ty))?;
        Ok(i128::from(layout.size))
    }
}

fn count(layout: &Layout<'_>) -> usize {
    let fields = layout.fields.iter();
    fields.map(|field| 1 + count(&field.layout)).sum()
}

fn round_up(value: u64, align: u64) -> u64 {
    value.div_ceil(align) * align
}
