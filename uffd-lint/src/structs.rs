//! A struct of the source against the kernel's.

use uffd_sys::abi::table::{self, STRUCTS};

use crate::checker::Checker;
use crate::facts::Struct;
use crate::language::Language;
use crate::names::{is_filler, same_field};
use crate::types::Placed;

/// The fields that the kernel fills with a count or a negated errno.
const SIGNED: [(&str, &str); 5] = [
    ("uffdio_copy", "copy"),
    ("uffdio_zeropage", "zeropage"),
    ("uffdio_continue", "mapped"),
    ("uffdio_poison", "updated"),
    ("uffdio_move", "move"),
];

/// A field of the kernel's struct, or of a part of it.
struct Known {
    name: &'static str,
    offset: u64,
    /// Not known of what is behind the fields in use.
    size: Option<u64>,
}

/// The kernel's fields, with those of `range` and of the parts of a message,
/// which some write without the structs around them.
fn fields(known: &table::Struct) -> Vec<Known> {
    let mut all: Vec<Known> = vec![];
    for field in known.fields {
        let (name, offset) = (field.c_name(), field.offset);
        let size = (name != "arg").then_some(field.size);
        all.push(Known { name, offset, size });
        let parts = STRUCTS.iter().filter(|part| match name {
            "range" => part.name == "uffdio_range",
            "arg" => part.is_anonymous() && part.name != "uffd_msg_arg",
            _ => false,
        });
        for part in parts {
            // ptid is behind the flags and the address.
            let start = if part.name == "uffd_msg_pagefault_feat" {
                offset + 16
            } else {
                offset
            };
            for field in part.fields {
                let size = (!matches!(field.c_name(), "feat" | "ptid")).then_some(field.size);
                all.push(Known {
                    name: field.c_name(),
                    offset: start + field.offset,
                    size,
                });
            }
        }
    }
    all.retain(|field| !is_filler(field.name));
    all
}

/// The fields of the source's struct and of its parts, from its start.
fn flatten<'p, 'a>(placed: &'p [Placed<'a>], start: u64, all: &mut Vec<(u64, &'p Placed<'a>)>) {
    for field in placed {
        all.push((start + field.offset, field));
        flatten(&field.inner, start + field.offset, all);
    }
}

/// Whether a struct whose name only resembles the kernel's copies it: most of
/// its fields have the kernel's names.
pub fn is_copy(structure: &Struct<'_>, known: &table::Struct) -> bool {
    let names = fields(known);
    let own = structure
        .body
        .fields
        .iter()
        .filter(|field| !is_filler(&String::from_utf8_lossy(field.name)));
    let (mut all, mut named) = (0, 0);
    for field in own {
        all += 1;
        named += usize::from(names.iter().any(|known| same_field(field.name, known.name)));
    }
    structure.c_layout && named > 0 && named * 2 >= all.min(known.fields.len())
}

/// Compares the layouts.
pub fn check<'a>(
    checker: &mut Checker<'_, 'a>,
    index: usize,
    structure: &Struct<'a>,
    known: &table::Struct,
    exact: bool,
) {
    if exact && !structure.c_layout {
        let (found, expected, why) = match checker.source.language {
            Language::Zig => ("Zig's own", "that of `extern struct`", "Zig"),
            _ => ("Rust's own", "that of #[repr(C)]", "Rust"),
        };
        checker.compared(structure.at, known.name);
        let why = format!("{why} may order the fields of such a struct as it likes");
        checker.problem(
            "layout",
            structure.at,
            known.name,
            found.into(),
            expected.into(),
            why,
        );
        return;
    }
    let (placed, layout) = match checker.generic.struct_layout(index, 0) {
        Ok(layout) => layout,
        Err(why) => return checker.note(structure.at, known.name, why),
    };
    checker.compared(structure.at, known.name);
    let before = checker.report.problems.len();
    let (size, expected_size) = (layout.size, known.size_for(checker.target.align_of_u64));
    let missing = missing(&placed, known);
    moved(checker, &placed, size, known);
    for field in &missing {
        let name = field.c_name();
        let found = format!("{size} bytes without `{name}`");
        let expected = format!(
            "{} bytes with `{name}` at offset {}",
            known.size, field.offset
        );
        let item = format!("{}.{name}", known.name);
        checker.problem(
            "struct",
            structure.at,
            &item,
            found,
            expected,
            consequence(known, size),
        );
    }
    // A moved or missing field has told it already.
    if size != expected_size && checker.report.problems.len() == before {
        let (found, expected) = (format!("{size} bytes"), format!("{expected_size} bytes"));
        let why = consequence(known, size);
        checker.problem("size", structure.at, known.name, found, expected, why);
    }
    for (_, name) in SIGNED.iter().filter(|(holder, _)| *holder == known.name) {
        let field = placed.iter().find(|field| same_field(field.name, name));
        if let Some(field) = field.filter(|field| field.layout.signed == Some(false)) {
            let item = format!("{}.{name}", known.name);
            let why = "the kernel writes a negated errno there when it fails: without a sign -11 \
                       (EAGAIN) reads as 18446744073709551605 bytes done";
            let (found, expected) = ("unsigned".into(), "signed".into());
            checker.problem("type", field.at, &item, found, expected, why.into());
        }
    }
}

/// The kernel's fields of whose bytes the struct has none.
fn missing<'k>(placed: &[Placed<'_>], known: &'k table::Struct) -> Vec<&'k table::Field> {
    let named = |field: &table::Field| {
        placed
            .iter()
            .any(|found| same_field(found.name, field.c_name()))
    };
    let covered = |field: &table::Field| {
        let end = field.offset + field.size;
        let covers = |found: &Placed<'_>| {
            found.offset < end && field.offset < found.offset + found.layout.size
        };
        named(field) || placed.iter().any(covers)
    };
    // In the middle the fields behind it take its place; their names tell.
    let all_named = placed.iter().all(|found| {
        known
            .fields
            .iter()
            .any(|field| same_field(found.name, field.c_name()))
    });
    // Zeros without a meaning; if the size is right nothing has moved.
    let gone = |field: &&table::Field| {
        !is_filler(field.c_name()) && (!covered(field) || all_named && !named(field))
    };
    known.fields.iter().filter(gone).collect()
}

/// Fields with the kernel's name at another place or of another size.
fn moved(checker: &mut Checker<'_, '_>, placed: &[Placed<'_>], size: u64, known: &table::Struct) {
    let names = fields(known);
    let mut all = vec![];
    flatten(placed, 0, &mut all);
    // One wrong field shifts all behind it; it alone is told.
    let (mut shift, mut resized) = (0, false);
    for (offset, found) in all {
        let Some(right) = names
            .iter()
            .find(|known| same_field(found.name, known.name))
        else {
            continue;
        };
        let item = format!("{}.{}", known.name, String::from_utf8_lossy(found.name));
        let moved = offset as i64 - right.offset as i64;
        let told = moved == 0 || moved == shift || resized;
        (shift, resized) = (moved, false);
        if !told {
            let (is, should) = (format!("{offset}"), format!("{}", right.offset));
            checker.problem(
                "offset",
                found.at,
                &item,
                is,
                should,
                consequence(known, size),
            );
        }
        if let Some(wide) = right.size.filter(|wide| *wide != found.layout.size) {
            resized = true;
            let (is, should) = (
                format!("{} bytes", found.layout.size),
                format!("{wide} bytes"),
            );
            checker.problem(
                "size",
                found.at,
                &item,
                is,
                should,
                consequence(known, size),
            );
        }
    }
}

/// What a struct of `size` bytes for a `known` one leads to.
fn consequence(known: &table::Struct, size: u64) -> String {
    match known.name {
        "uffd_msg" if size < known.size => {
            "read(2) gives messages of 32 bytes, and none to a buffer of less".to_owned()
        }
        "uffd_msg" => "read(2) gives messages of 32 bytes, in the kernel's order".to_owned(),
        "page_region" => "the kernel fills an array of the real struct, so every entry but the \
                          first is read from the wrong place"
            .to_owned(),
        _ => format!(
            "the kernel reads and writes {} bytes in its own order, so it takes one field for \
             another, or memory behind the struct{}",
            known.size,
            if size == known.size {
                ""
            } else {
                "; a request code made of this struct's size fails with EINVAL"
            }
        ),
    }
}
