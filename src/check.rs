//! The bindings against the pinned table, whenever the crate is compiled: each
//! constant's type and value, each struct's size and alignment, and each field's
//! offset and size. A kernel header that was altered, or one of another
//! processor, would otherwise go unseen until a call fails or corrupts memory.

use core::mem::{align_of, size_of};
use core::ptr::addr_of;

use libc::c_int;

use crate::bindings::*;

/// What to do about a difference. A macro, because `concat!` takes literals alone.
macro_rules! remedy {
    () => {
        "When cross-compiling, set UFFD_SYS_HEADERS to a folder with the target's headers, or to \
         `none` for this crate's own definitions."
    };
}

/// asm/ioctl.h: these processors have three bits of direction and 13 of the
/// size, the others two and 14.
const THREE_BITS: bool = cfg!(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64",
));

/// The request code that this target's kernel takes, of the one that most take.
const fn request(generic: u64) -> u64 {
    if !THREE_BITS {
        return generic;
    }
    // None, write, read and both, in the order of the two bits.
    let direction = [1, 4, 2, 6][(generic >> 30) as usize];
    direction << 29 | generic & 0x1fff_ffff
}

pub(crate) const fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    let mut i = 0;
    while i < prefix.len() {
        if i == text.len() || text[i] != prefix[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// `UFFD_API_*` has the bits that the kernel's header knows, which may be newer.
const fn is_mask(name: &str) -> bool {
    starts_with(name, "UFFD_API_")
}

/// A type that constants have, and its name in the table.
pub(crate) trait ConstantType {
    const NAME: &'static str;
}

macro_rules! constant_types {
    ($($ty:ident)*) => {
        $(impl ConstantType for $ty {
            const NAME: &'static str = stringify!($ty);
        })*
    };
}
constant_types!(u64 u32 u8 c_int);

/// The name of a constant's type.
pub(crate) const fn type_of<T: ConstantType>(_: *const T) -> &'static str {
    T::NAME
}

macro_rules! check_constants {
    ($($name:ident: $ty:ident = $value:literal $(or $other:literal)?, $since:literal, $doc:literal;)*) => {$(
        const _: () = assert!(
            type_of(&$name).len() == stringify!($ty).len() && starts_with(type_of(&$name), stringify!($ty)),
            concat!("uffd-sys: ", stringify!($name), " is not a ", stringify!($ty), ". This is a mistake in build.rs.")
        );
        check_constants!(@value $name: $ty = $value);
    )*};
    (@value $name:ident: u32 = $value:literal) => {
        const _: () = assert!(
            $name as u64 == request($value),
            concat!(
                "uffd-sys: ", stringify!($name), " is not the number that this target's kernel takes. ",
                "The bindings were made from the kernel headers of another processor. ", remedy!(),
            )
        );
    };
    (@value $name:ident: $ty:ident = $value:literal) => {
        const _: () = assert!(
            $name as u64 == $value || is_mask(stringify!($name)) && $name as u64 & $value == $value,
            concat!(
                "uffd-sys: ", stringify!($name), " is not ", stringify!($value), ", as Linux has it. ",
                "The bindings were made from a header that somebody altered. ", remedy!(),
            )
        );
    };
}
each_constant!(check_constants);

/// The alignment of a `u64` in a struct: 8, but 4 on i686. (`align_of::<u64>()` of
/// Rust 1.63 agrees, but the ABI is about fields.)
pub(crate) const ALIGN_OF_U64: usize = {
    #[repr(C)]
    struct Aligned(u64);
    align_of::<Aligned>()
};

/// The alignment of a struct that has this one where `u64` is aligned to 8.
const fn align(align: usize) -> usize {
    if align < ALIGN_OF_U64 {
        align
    } else {
        ALIGN_OF_U64
    }
}

/// The size of a struct of this alignment whose fields end at these bytes.
const fn size(ends: &[usize], align: usize) -> usize {
    let (mut i, mut last) = (0, 0);
    while i < ends.len() {
        if ends[i] > last {
            last = ends[i];
        }
        i += 1;
    }
    (last + align - 1) / align * align
}

/// The size of a field, which is not read.
pub(crate) const fn size_of_pointee<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// Byte n is n. A field that lies over it reads its own offset there, which Rust
/// 1.63 could not compute in a constant otherwise.
#[repr(C, align(16))]
struct Ruler([u8; 256]);

const RULER: Ruler = {
    let mut bytes = [0; 256];
    let mut n = 0;
    while n < 256 {
        bytes[n] = n as u8;
        n += 1;
    }
    Ruler(bytes)
};

macro_rules! check_structs {
    ($($kind:ident $name:ident: $c:literal, $size:literal, $align:literal, $since:literal, $doc:literal {
        $($field:ident: $start:literal..$end:literal, $field_doc:literal;)*
    })*) => {$(
        const _: () = {
            let ruler: *const $name = &RULER as *const Ruler as *const $name;
            assert!(
                size_of::<$name>() == size(&[$($end),*], align($align)),
                check_structs!(@differs $name, "its size is not ", $size)
            );
            assert!(
                align_of::<$name>() == align($align),
                check_structs!(@differs $name, "its alignment is not ", $align)
            );
            $(
                // SAFETY: the ruler is longer than the struct and aligned for it,
                // and any bits are a valid value of its integers.
                let (field, offset) = unsafe {
                    let field = addr_of!((*ruler).$field);
                    (field, *(field as *const u8))
                };
                assert!(
                    offset == $start,
                    check_structs!(@differs $name, concat!("`", stringify!($field), "` is not at byte "), $start)
                );
                // `uffd_msg_arg.pagefault` has no padding at its end on i686.
                let (found, expected) = (size_of_pointee(field), $end - $start);
                assert!(
                    found <= expected && found + 8 - ALIGN_OF_U64 >= expected,
                    check_structs!(@differs $name, concat!("`", stringify!($field), "` does not end at byte "), $end)
                );
            )*
        };
    )*};
    (@differs $name:ident, $what:expr, $number:literal) => {
        concat!(
            "uffd-sys: the struct ", stringify!($name), " is not laid out as in Linux: ", $what, stringify!($number), ". ",
            "The bindings were made from a header that somebody altered, or of another processor. ", remedy!(),
        )
    };
}
each_struct!(check_structs);
