//! The names, types and features of the crate `userfaultfd-sys` 0.6, over
//! `uffd-sys` and without libclang, for `[patch.crates-io]`.
//!
//! It owns only what differs between the two: the numbers that bindgen gives to
//! the anonymous parts of `uffd_msg`, and the kernel's names for integers. The
//! masks `UFFD_API_*` have the bits of Linux 7.3 here, whatever features are on.

#![no_std]
#![allow(non_camel_case_types)]

pub use uffd_sys::*;

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

/// [`uffd_msg::arg`].
pub type uffd_msg__bindgen_ty_1 = uffd_msg_arg;
/// [`uffd_msg_arg::pagefault`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_1 = uffd_msg_pagefault;
/// [`uffd_msg_pagefault::feat`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_1__bindgen_ty_1 = uffd_msg_pagefault_feat;
/// [`uffd_msg_arg::fork`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_2 = uffd_msg_fork;
/// [`uffd_msg_arg::remap`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_3 = uffd_msg_remap;
/// [`uffd_msg_arg::remove`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_4 = uffd_msg_remove;
/// [`uffd_msg_arg::reserved`].
pub type uffd_msg__bindgen_ty_1__bindgen_ty_5 = uffd_msg_reserved;

/// What docs/migrating.md shows is compiled and run with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../docs/migrating.md")]
struct Migrating;
