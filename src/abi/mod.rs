//! The ABI as data, and a checker that compares witnesses of it: the pinned
//! [`table`], these bindings ([`compiled`]), a C compiler over a kernel header
//! ([`c`]), or any other that can be put into a [`Witness`].
//!
//! ```
//! use uffd_sys::abi;
//!
//! let report = abi::compare(&[abi::compiled()], abi::target());
//! assert!(report.findings.is_empty(), "{report}");
//! assert!(report.compared() > 150);
//! ```

#[macro_use]
pub mod table;

pub mod c;
mod compare;
mod compiled;

pub use compare::{compare, Difference, Finding, Report, Target};
pub use compiled::{compiled, target};

use std::collections::BTreeMap;

/// What one source says about the ABI.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// Its name in messages, such as `"bindings"` or `"gcc"`.
    pub name: String,
    /// The constants that it knows, by name.
    pub constants: BTreeMap<String, SeenConstant>,
    /// The structs that it knows, by name.
    pub structs: BTreeMap<String, SeenStruct>,
}

/// A constant as a witness has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenConstant {
    /// The Rust type, if this witness has types of its own to check.
    pub ty: Option<String>,
    /// The value.
    pub value: u64,
}

/// A struct or union as a witness has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenStruct {
    /// Bytes.
    pub size: u64,
    /// Bytes, if this witness knows it.
    pub align: Option<u64>,
    /// All fields, in order.
    pub fields: Vec<SeenField>,
}

/// A field as a witness has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenField {
    /// The kernel's name.
    pub name: String,
    /// The byte it starts at.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
}
