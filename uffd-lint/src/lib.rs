//! Finds wrong copies of the userfaultfd ABI in other people's sources: the
//! constants, request codes and structs that they define themselves, compared
//! with the pinned table of the crate `uffd-sys`.
//!
//! It reads C, C++, Rust, Go, Zig and Python through the tree-sitter grammars,
//! seccomp profiles (minijail's `.policy`, JSON as containers have it), and
//! syzkaller's `.const`. It prints nothing. `uffd-abi lint` is its command.
//!
//! One text, from anywhere:
//!
//! ```
//! use std::path::Path;
//! use uffd_lint::{check, Form, Language, Target};
//!
//! let text = b"const UFFDIO_WAKE: u64 = 0x4010aa02;";
//! let report = check(Form::Source(Language::Rust), Path::new("uffd.rs"), text, Target::default());
//! assert_eq!(report.compared.len(), 1);
//! let problem = &report.problems[0];
//! assert_eq!((problem.line, problem.column), (1, 7));
//! assert_eq!(problem.message(), "value is 0x4010aa02, expected 0x8010aa02");
//! ```
//!
//! A tree of files:
//!
//! ```
//! use uffd_lint::{lint, Options, Severity};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # std::fs::write(folder.path().join("uffd.h"), "#define UFFD_API 0xAA\n").unwrap();
//! let report = lint(&[folder.path().to_owned()], &Options::default())?;
//! let errors = report.problems().filter(|(_, problem)| problem.severity == Severity::Error);
//! assert_eq!((report.files_read, errors.count()), (1, 0));
//! # Ok::<(), String>(())
//! ```
//!
//! A text goes through `prefilter` (is there anything to find?), `collect` (the
//! definitions in its syntax tree, a file for each language), `eval`, `calls`
//! and `layout` (their values and sizes), and `check`, where they meet the
//! table; `why` says what comes of a mistake.
//!
//! What it cannot do, it says: a value that is not understood is
//! `not-evaluated`, and a definition that the grammar could not read is
//! `not-read`. Neither is passed over.

mod calls;
mod check;
mod collect;
mod condition;
mod data;
mod eval;
mod evaluator;
mod facts;
mod findings;
mod language;
mod layout;
mod literal;
mod names;
mod prefilter;
mod processors;
mod report;
mod source;
mod structs;
mod target;
mod tree;
mod types;
mod walk;
mod why;

pub use check::{check, MAX_PARSED};
pub use language::{Data, Form, Language};
pub use report::{Compared, FileReport, Problem, Severity};
pub use target::Target;
pub use tree::{lint, Fingerprint, Options, TreeReport};
pub use walk::{Unread, MAX_SIZE};

/// The README's example is compiled and run with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
