//! The witness of these bindings: what Rust made of them.

use std::collections::BTreeMap;
use std::mem::{align_of, size_of, MaybeUninit};

use super::table::Encoding;
use super::{SeenConstant, SeenField, SeenStruct, Target, Witness};
use crate::check::{size_of_pointee, type_of, ALIGN_OF_U64};

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
        align_of_u64: ALIGN_OF_U64 as u64,
    }
}

// A row's type is that of the constant, not that of the table.
macro_rules! constants_of_rows {
    ($($name:ident: $ty:ident = $value:literal $(or $other:literal)?, $since:literal, $doc:literal;)*) => {
        fn constants() -> BTreeMap<String, SeenConstant> {
            IntoIterator::into_iter([$((stringify!($name).to_owned(), SeenConstant {
                ty: Some(type_of(&crate::$name).to_owned()),
                value: crate::$name as u64,
            })),*])
            .collect()
        }
    };
}
each_constant!(constants_of_rows);

/// The offset and the size of a field, which may be one of a packed struct or a
/// union.
macro_rules! place_of {
    ($name:ident, $field:ident) => {{
        let place = MaybeUninit::<crate::$name>::uninit();
        let start = place.as_ptr();
        // SAFETY: the address of a field inside `place` is computed; nothing
        // is read and no reference is made.
        let field = unsafe { std::ptr::addr_of!((*start).$field) };
        (field as usize - start as usize, size_of_pointee(field))
    }};
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
                fields: vec![$({
                    let (offset, size) = place_of!($name, $field);
                    SeenField {
                        name: stringify!($field).trim_end_matches('_').to_owned(),
                        offset: offset as u64,
                        size: size as u64,
                    }
                }),*],
            })),*];
            all.into_iter().map(|(name, seen)| (name.to_owned(), seen)).collect()
        }
    };
}
each_struct!(structs_of_rows);
