//! The userfaultfd constants, request codes and structs that other people's
//! sources copy, against the pinned table.
//!
//! A file goes through [`walk`] (which files), `lexer` (tokens), `collect` (the
//! definitions in them, a file for each language), `eval` and `layout` (their
//! values and sizes), and [`check`], where they meet the table.

mod calls;
pub mod check;
mod collect;
mod eval;
mod facts;
pub mod language;
mod layout;
mod lexer;
mod literal;
mod names;
mod processors;
mod structs;
pub mod walk;
mod why;
