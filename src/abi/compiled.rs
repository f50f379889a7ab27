//! The witness of these bindings: what Rust made of them.

use std::collections::BTreeMap;
use std::mem::{align_of, size_of, MaybeUninit};

use libc::c_int;

use super::table::Encoding;
use super::{SeenConstant, SeenField, SeenStruct, Target, Witness};

/// What these bindings say, as compiled for this target.
pub fn compiled() -> Witness {
    Witness {
        name: "bindings".to_owned(),
        constants: constants(),
        structs: structs(),
    }
}

/// What the table is to be read for on this target.
pub fn target() -> Target {
    Target {
        encoding: Encoding::of_arch(std::env::consts::ARCH),
        align_of_u64: align_of::<Aligned>() as u64,
    }
}

/// In a struct, as C aligns it: `align_of::<u64>()` of Rust 1.63 agrees on
/// i686, but the ABI is about fields.
#[repr(C)]
struct Aligned(u64);

/// A type that constants have, and its name in the table.
trait ConstantType: Copy {
    const NAME: &'static str;
    fn as_u64(self) -> u64;
}

macro_rules! constant_types {
    ($($ty:ident)*) => {$(
        impl ConstantType for $ty {
            const NAME: &'static str = stringify!($ty);
            fn as_u64(self) -> u64 {
                self as u64
            }
        }
    )*};
}
constant_types!(u64 u32 u8 c_int);

fn seen_constant<T: ConstantType>(name: &str, value: T) -> (String, SeenConstant) {
    let seen = SeenConstant {
        ty: Some(T::NAME.to_owned()),
        value: value.as_u64(),
    };
    (name.to_owned(), seen)
}

// A row's type is that of the constant, not that of the table.
macro_rules! constants_of_rows {
    ($($name:ident: $ty:ident = $value:literal $(or $other:literal)?, $since:literal, $doc:literal;)*) => {
        fn constants() -> BTreeMap<String, SeenConstant> {
            IntoIterator::into_iter([$(seen_constant(stringify!($name), crate::$name)),*]).collect()
        }
    };
}
each_constant!(constants_of_rows);

/// The offset of a field, which may be one of a packed struct or a union.
macro_rules! offset_of {
    ($name:ident, $field:ident) => {{
        let place = MaybeUninit::<crate::$name>::uninit();
        let start = place.as_ptr();
        // SAFETY: the address of a field inside `place` is computed; nothing
        // is read and no reference is made.
        let field = unsafe { std::ptr::addr_of!((*start).$field) };
        field as usize - start as usize
    }};
}

/// The size of the field that `_get` reads.
fn size_of_field<S, F>(_get: impl Fn(S) -> F) -> usize {
    size_of::<F>()
}

macro_rules! size_of_field {
    (struct $name:ident, $field:ident) => {
        size_of_field(|s: crate::$name| s.$field)
    };
    (union $name:ident, $field:ident) => {
        // SAFETY: never called; if it were, any bits are a valid value of
        // every member, which are all made of integers.
        size_of_field(|s: crate::$name| unsafe { s.$field })
    };
}

/// A field that the table does not list is a compile error.
macro_rules! assert_exhaustive {
    (struct $name:ident { $($field:ident)* }) => {
        const _: fn(crate::$name) = |s| { let crate::$name { $($field: _),* } = s; };
    };
    // A pattern of a union names one member; tests/layout.rs counts them.
    (union $name:ident { $($field:ident)* }) => {};
}

macro_rules! structs_of_rows {
    ($($kind:ident $name:ident: $c:literal, $size:literal, $align:literal, $since:literal, $doc:literal {
        $($field:ident: $start:literal..$end:literal, $field_doc:literal;)*
    })*) => {
        $(assert_exhaustive!($kind $name { $($field)* });)*

        fn structs() -> BTreeMap<String, SeenStruct> {
            let all: Vec<(&str, SeenStruct)> = vec![$((stringify!($name), SeenStruct {
                size: size_of::<crate::$name>() as u64,
                align: Some(align_of::<crate::$name>() as u64),
                fields: vec![$(SeenField {
                    name: stringify!($field).trim_end_matches('_').to_owned(),
                    offset: offset_of!($name, $field) as u64,
                    size: size_of_field!($kind $name, $field) as u64,
                }),*],
            })),*];
            all.into_iter().map(|(name, seen)| (name.to_owned(), seen)).collect()
        }
    };
}
each_struct!(structs_of_rows);
