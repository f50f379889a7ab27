//! Names that the crate `userfaultfd-sys` 0.6 exports and this one has under
//! others, so that code written against it compiles.

#![allow(non_camel_case_types)]

/// The kernel's name for `u8`.
pub type __u8 = u8;
/// The kernel's name for `u16`.
pub type __u16 = u16;
/// The kernel's name for `u32`.
pub type __u32 = u32;
/// The kernel's name for `u64`.
pub type __u64 = u64;
/// The kernel's name for `i64`.
pub type __s64 = i64;

macro_rules! bindgen_numbers {
    ($($number:ident = $name:ident;)*) => {$(
        #[doc(hidden)]
        pub type $number = crate::$name;
    )*};
}

// bindgen numbers what C leaves without a name.
bindgen_numbers! {
    uffd_msg__bindgen_ty_1 = uffd_msg_arg;
    uffd_msg__bindgen_ty_1__bindgen_ty_1 = uffd_msg_pagefault;
    uffd_msg__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1 = uffd_msg_pagefault_feat;
    uffd_msg__bindgen_ty_1__bindgen_ty_2 = uffd_msg_fork;
    uffd_msg__bindgen_ty_1__bindgen_ty_3 = uffd_msg_remap;
    uffd_msg__bindgen_ty_1__bindgen_ty_4 = uffd_msg_remove;
    uffd_msg__bindgen_ty_1__bindgen_ty_5 = uffd_msg_reserved;
}
