//! The crate `userfaultfd-sys` 0.5 for `[patch.crates-io]`: version 0.6 has the
//! same names and types, and adds those of Linux 5.13.

#![no_std]

pub use newer::*;
