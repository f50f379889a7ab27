//! A struct of the source against the kernel's.

use uffd_sys::abi::table::{self, STRUCTS};

use crate::facts::Struct;
use crate::findings::Findings;
use crate::language::Language;
use crate::names::{is_filler, out_field, same_field};
use crate::report::Problem;
use crate::types::{Layout, Placed};

/// A field of the kernel's struct, or of a part of it: its name, its offset, and
/// its size, which is not known of what is behind the fields in use.
type Known = (&'static str, u64, Option<u64>);

/// The kernel's fields, with those of `range` and of the parts of a message,
/// which some write without the structs around them.
fn fields(known: &table::Struct) -> Vec<Known> {
    let mut all = vec![];
    let mut add = |field: &table::Field, start: u64| {
        let name = field.c_name();
        let size = (!matches!(name, "arg" | "feat" | "ptid")).then_some(field.size);
        if !is_filler(name) {
            all.push((name, start + field.offset, size));
        }
    };
    for field in known.fields {
        add(field, 0);
        let parts = STRUCTS.iter().filter(|part| match field.c_name() {
            "range" => part.name == "uffdio_range",
            "arg" => part.is_anonymous() && part.name != "uffd_msg_arg",
            _ => false,
        });
        for part in parts {
            // ptid is behind the flags and the address.
            let behind = u64::from(part.name == "uffd_msg_pagefault_feat") * 16;
            let inner = part.fields.iter();
            inner.for_each(|inner| add(inner, field.offset + behind));
        }
    }
    all
}

/// The fields of the source's struct and of its parts, from its start.
fn flatten<'p, 'a>(placed: &'p [Placed<'a>], start: u64, all: &mut Vec<(u64, &'p Placed<'a>)>) {
    for field in placed {
        all.push((start + field.offset, field));
        flatten(&field.layout.fields, start + field.offset, all);
    }
}

/// Whether a struct whose name only resembles the kernel's copies it: most of
/// its fields have the kernel's names.
pub fn is_copy(structure: &Struct<'_>, known: &table::Struct) -> bool {
    let names = fields(known);
    let own = structure.body.fields.iter().map(|field| field.name);
    let own = own.filter(|name| !is_filler(&String::from_utf8_lossy(name)));
    let is_known = |name: &&[u8]| names.iter().any(|known| same_field(name, known.0));
    let (all, named) = (own.clone().count(), own.filter(is_known).count());
    structure.body.c_layout && named > 0 && named * 2 >= all.min(known.fields.len())
}

/// What is wrong with a struct without the layout of C.
pub fn no_layout(language: Language, known: &table::Struct) -> Problem {
    let (whose, right) = match language {
        Language::Zig => ("Zig", "`extern struct`"),
        _ => ("Rust", "#[repr(C)]"),
    };
    let (found, expected) = (format!("{whose}'s own"), format!("that of {right}"));
    let why = format!("{whose} may order the fields of such a struct as it likes");
    Problem::error("layout", known.name, found, expected, why)
}

/// Compares the layouts.
pub fn check<'a>(
    findings: &mut Findings<'_, 'a>,
    structure: &Struct<'a>,
    layout: &Layout<'a>,
    known: &table::Struct,
    align_of_u64: u64,
) {
    findings.compared(structure.at, known.name);
    let before = findings.report.problems.len();
    let (size, placed) = (layout.size, &layout.fields);
    let why = consequence(known, size);
    moved(findings, placed, known, &why);
    for field in missing(placed, known) {
        let (name, offset, whole) = (field.c_name(), field.offset, known.size);
        let found = format!("{size} bytes without `{name}`");
        let expected = format!("{whole} bytes with `{name}` at offset {offset}");
        let item = format!("{}.{name}", known.name);
        let problem = Problem::error("struct", item, found, expected, &why);
        findings.problem(structure.at, problem);
    }
    // A moved or missing field has told it already.
    let right = known.size_for(align_of_u64);
    if size != right && findings.report.problems.len() == before {
        let problem = Problem::error("size", known.name, bytes(size), bytes(right), &why);
        findings.problem(structure.at, problem);
    }
    let Some(name) = out_field(known) else { return };
    let unsigned =
        |field: &&Placed<'_>| field.layout.signed == Some(false) && same_field(field.name, name);
    if let Some(field) = placed.iter().find(unsigned) {
        let why = "the kernel writes a negated errno there when it fails: without a sign -11 \
                   (EAGAIN) reads as 18446744073709551605 bytes done";
        let item = format!("{}.{name}", known.name);
        let problem = Problem::error("type", item, "unsigned", "signed", why);
        findings.problem(field.at, problem);
    }
}

fn bytes(count: u64) -> String {
    format!("{count} bytes")
}

/// The kernel's fields of whose bytes the struct has none.
fn missing<'k>(placed: &[Placed<'_>], known: &'k table::Struct) -> Vec<&'k table::Field> {
    let same = |found: &Placed<'_>, field: &table::Field| same_field(found.name, field.c_name());
    let named = |field: &table::Field| placed.iter().any(|found| same(found, field));
    let covered = |field: &table::Field| {
        let (start, end) = (field.offset, field.offset + field.size);
        let covers = |it: &Placed<'_>| it.offset < end && start < it.offset + it.layout.size;
        named(field) || placed.iter().any(covers)
    };
    // In the middle the fields behind it take its place; their names tell.
    let known_name = |found: &Placed<'_>| known.fields.iter().any(|field| same(found, field));
    let all_named = placed.iter().all(known_name);
    // Zeros without a meaning; if the size is right nothing has moved.
    let gone = |field: &&table::Field| {
        !is_filler(field.c_name()) && (!covered(field) || all_named && !named(field))
    };
    known.fields.iter().filter(gone).collect()
}

/// Tells of fields with the kernel's name at another place or of another size.
fn moved(findings: &mut Findings<'_, '_>, placed: &[Placed<'_>], known: &table::Struct, why: &str) {
    let names = fields(known);
    let mut all = vec![];
    flatten(placed, 0, &mut all);
    // One wrong field shifts all behind it; it alone is told.
    let (mut shift, mut resized) = (0, false);
    for (offset, found) in all {
        let right = names.iter().find(|known| same_field(found.name, known.0));
        let Some((_, place, right)) = right else {
            continue;
        };
        let item = format!("{}.{}", known.name, String::from_utf8_lossy(found.name));
        let moved = offset as i64 - *place as i64;
        if moved != 0 && moved != shift && !resized {
            let (is, must) = (offset.to_string(), place.to_string());
            findings.problem(found.at, Problem::error("offset", &*item, is, must, why));
        }
        let size = found.layout.size;
        let wide = right.filter(|wide| *wide != size);
        (shift, resized) = (moved, wide.is_some());
        if let Some(wide) = wide {
            let (is, must) = (bytes(size), bytes(wide));
            findings.problem(found.at, Problem::error("size", item, is, must, why));
        }
    }
}

/// What a struct of `size` bytes for a `known` one leads to.
fn consequence(known: &table::Struct, size: u64) -> String {
    let (whole, code) = match known.name {
        "uffd_msg" if size < known.size => {
            return "read(2) gives messages of 32 bytes, and none to a buffer of less".into()
        }
        "uffd_msg" => return "read(2) gives messages of 32 bytes, in the kernel's order".into(),
        "page_region" => {
            return "the kernel fills an array of the real struct, so every entry but the first is \
                    read from the wrong place"
                .into()
        }
        _ if size == known.size => (known.size, ""),
        _ => (
            known.size,
            "; a request code made of this struct's size fails with EINVAL",
        ),
    };
    format!(
        "the kernel reads and writes {whole} bytes in its own order, so it takes one field for \
         another, or memory behind the struct{code}"
    )
}
