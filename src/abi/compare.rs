//! Witnesses against the pinned table.

use std::collections::BTreeSet;
use std::fmt;

use super::table::{Encoding, Struct, CONSTANTS, STRUCTS};
use super::{SeenStruct, Witness};

/// What differs between processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// How its request codes are put together.
    pub encoding: Encoding,
    /// The alignment of a `u64` field: 8, but 4 on i686.
    pub align_of_u64: u64,
}

/// A disagreement between a witness and the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Who said it.
    pub witness: String,
    /// About what: `UFFDIO_WAKE`, `uffdio_copy` or `uffdio_copy.len`.
    pub item: String,
    /// What is wrong.
    pub difference: Difference,
}

/// The kinds of disagreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The witness does not know the item, which exists since this Linux.
    Missing {
        /// Such as `"6.7"`.
        since: &'static str,
    },
    /// The table does not know the item: newer than it, or a mistake.
    Unknown,
    /// A property has another value.
    Mismatch {
        /// `value`, `type`, `size`, `alignment`, `offset` or `fields`.
        property: &'static str,
        /// What the witness says.
        found: String,
        /// What the table says.
        expected: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.witness, self.item)?;
        match &self.difference {
            Difference::Missing { since } => write!(f, "missing (since Linux {since})"),
            Difference::Unknown => write!(f, "not in the table, which knows Linux 7.3"),
            Difference::Mismatch {
                property,
                found,
                expected,
            } => write!(f, "{property} is {found}, expected {expected}"),
        }
    }
}

/// All findings of a comparison, and how much was compared.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every disagreement, not only the first.
    pub findings: Vec<Finding>,
    /// How often a constant of a witness was compared with the table.
    pub constants: usize,
    /// How often a struct was.
    pub structs: usize,
    /// How often a field was.
    pub fields: usize,
}

impl Report {
    /// How much was compared in all. A checker that finds this to be zero has
    /// checked nothing, and must fail.
    pub fn compared(&self) -> usize {
        self.constants + self.structs + self.fields
    }

    /// The findings that contradict the table, without what is only missing
    /// from an older witness or newer than the table.
    pub fn mismatches(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| matches!(finding.difference, Difference::Mismatch { .. }))
    }
}

/// One line for each finding, then the counts.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write!(
            f,
            "{} findings; compared {} constants, {} structs, {} fields",
            self.findings.len(),
            self.constants,
            self.structs,
            self.fields
        )
    }
}

/// Compares each witness with the table, in full.
pub fn compare(witnesses: &[Witness], target: Target) -> Report {
    let mut report = Report::default();
    for witness in witnesses {
        let mut check = Check {
            witness,
            report: &mut report,
        };
        check.constants(target.encoding);
        check.structs(target.align_of_u64);
    }
    report
}

struct Check<'a> {
    witness: &'a Witness,
    report: &'a mut Report,
}

impl Check<'_> {
    fn constants(&mut self, encoding: Encoding) {
        for pinned in CONSTANTS {
            let seen = match self.witness.constants.get(pinned.name) {
                Some(seen) => seen,
                None => {
                    let since = pinned.since;
                    self.finding(pinned.name, Difference::Missing { since });
                    continue;
                }
            };
            self.report.constants += 1;
            self.same(
                pinned.name,
                "value",
                hex(seen.value),
                hex(pinned.value(encoding)),
            );
            if let Some(ty) = &seen.ty {
                self.same(pinned.name, "type", ty.clone(), pinned.ty.to_owned());
            }
        }
        let known: BTreeSet<&str> = CONSTANTS.iter().map(|c| c.name).collect();
        self.unknown(self.witness.constants.keys(), &known);
    }

    fn structs(&mut self, align_of_u64: u64) {
        for pinned in STRUCTS {
            match self.witness.structs.get(pinned.name) {
                Some(seen) => self.layout(pinned, seen, align_of_u64),
                None => {
                    let since = pinned.since;
                    self.finding(pinned.name, Difference::Missing { since });
                }
            }
        }
        let known: BTreeSet<&str> = STRUCTS.iter().map(|s| s.name).collect();
        self.unknown(self.witness.structs.keys(), &known);
    }

    fn layout(&mut self, pinned: &Struct, seen: &SeenStruct, align_of_u64: u64) {
        self.report.structs += 1;
        self.same(
            pinned.name,
            "size",
            seen.size.to_string(),
            pinned.size_for(align_of_u64).to_string(),
        );
        if let Some(align) = seen.align {
            let expected = pinned.align_for(align_of_u64);
            self.same(
                pinned.name,
                "alignment",
                align.to_string(),
                expected.to_string(),
            );
        }
        let found: Vec<&str> = seen.fields.iter().map(|f| f.name.as_str()).collect();
        let expected: Vec<&str> = pinned.fields.iter().map(|f| f.c_name()).collect();
        self.same(pinned.name, "fields", found.join(", "), expected.join(", "));
        for field in pinned.fields {
            if let Some(seen) = seen.fields.iter().find(|f| f.name == field.c_name()) {
                self.report.fields += 1;
                let item = format!("{}.{}", pinned.name, field.c_name());
                self.same(
                    &item,
                    "offset",
                    seen.offset.to_string(),
                    field.offset.to_string(),
                );
                let expected = pinned.field_size_for(field, align_of_u64);
                self.same(&item, "size", seen.size.to_string(), expected.to_string());
            }
        }
    }

    fn unknown<'n>(&mut self, names: impl Iterator<Item = &'n String>, known: &BTreeSet<&str>) {
        let new: Vec<&String> = names
            .filter(|name| !known.contains(name.as_str()))
            .collect();
        for name in new {
            self.finding(name, Difference::Unknown);
        }
    }

    fn same(&mut self, item: &str, property: &'static str, found: String, expected: String) {
        if found != expected {
            self.finding(
                item,
                Difference::Mismatch {
                    property,
                    found,
                    expected,
                },
            );
        }
    }

    fn finding(&mut self, item: &str, difference: Difference) {
        self.report.findings.push(Finding {
            witness: self.witness.name.clone(),
            item: item.to_owned(),
            difference,
        });
    }
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}
