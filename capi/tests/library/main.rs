//! The C header and the library as a program finds them: everything here is
//! about files that `make install` has put into a folder.

mod abi;
mod api;
mod calls;
mod dependent;
mod exports;
mod install;
mod memory;
mod programs;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;
mod support;
mod values;
