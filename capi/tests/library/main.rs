//! The C header and the library as a program finds them: everything here is
//! about files that `make install` has put into a folder. It owns one file a
//! promise; it may use the pinned table, `uffd_kit`, and what `tests/` shares.

mod abi;
// The Rust half of each row is for the tests of the build script.
#[allow(dead_code)]
#[path = "../../../tests/tomorrow/additions.rs"]
mod additions;
mod api;
mod calls;
mod dependent;
mod exports;
mod install;
mod memory;
mod orders;
mod programs;
mod refusals;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;
mod standards;
mod support;
mod tomorrow;
mod values;
