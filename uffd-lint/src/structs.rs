//! A struct of the source against the kernel's.

use uffd_sys::abi::table;

use super::check::Checker;
use super::facts::Struct;
use super::language::Language;
use super::layout::Placed;
use super::names::same_field;

/// The fields that the kernel fills with a count or a negated errno.
const SIGNED: [(&str, &str); 5] = [
    ("uffdio_copy", "copy"),
    ("uffdio_zeropage", "zeropage"),
    ("uffdio_continue", "mapped"),
    ("uffdio_poison", "updated"),
    ("uffdio_move", "move"),
];

/// Whether a struct whose name only resembles the kernel's copies it: most of
/// its fields have the kernel's names.
pub fn is_copy(structure: &Struct<'_>, known: &table::Struct) -> bool {
    let fields = &structure.body.fields;
    let named = fields
        .iter()
        .filter(|field| place(field.name, known).is_some())
        .count();
    structure.c_layout && named > 0 && named * 2 >= fields.len().min(known.fields.len())
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
        checker.report.compared += 1;
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
    checker.report.compared += 1;
    let before = checker.report.problems.len();
    let size = layout.size;
    let missing = missing(&placed, known);
    moved(checker, &placed, size, known);
    for field in &missing {
        let found = format!("{size} bytes without `{}`", field.c_name());
        let expected = format!(
            "{} bytes with `{}` at offset {}",
            known.size,
            field.c_name(),
            field.offset
        );
        let item = format!("{}.{}", known.name, field.c_name());
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
    if size != known.size && checker.report.problems.len() == before {
        let (found, expected) = (format!("{size} bytes"), format!("{} bytes", known.size));
        checker.problem(
            "size",
            structure.at,
            known.name,
            found,
            expected,
            consequence(known, size),
        );
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
    let covered = |field: &table::Field| {
        placed.iter().any(|found| {
            same_field(found.name, field.c_name())
                || found.offset < field.offset + field.size
                    && field.offset < found.offset + found.layout.size
        })
    };
    let named = |field: &table::Field| {
        placed
            .iter()
            .any(|found| same_field(found.name, field.c_name()))
    };
    // In the middle the fields behind it take its place; their names tell.
    let all_named = placed.iter().all(|found| {
        known
            .fields
            .iter()
            .any(|field| same_field(found.name, field.c_name()))
    });
    let gone = |field: &&table::Field| {
        !covered(field) || all_named && !named(field) && !is_filler(field.c_name())
    };
    known.fields.iter().filter(gone).collect()
}

fn is_filler(name: &str) -> bool {
    name.starts_with("reserved")
}

/// Fields with the kernel's name at another place or of another size.
fn moved(checker: &mut Checker<'_, '_>, placed: &[Placed<'_>], size: u64, known: &table::Struct) {
    // One wrong field shifts all behind it; it alone is told.
    let (mut shift, mut resized) = (0, false);
    for found in placed {
        let Some((offset, wide)) = place(found.name, known) else {
            continue;
        };
        let item = || format!("{}.{}", known.name, String::from_utf8_lossy(found.name));
        let moved = found.offset as i64 - offset as i64;
        let told = moved == 0 || moved == shift || resized;
        (shift, resized) = (moved, false);
        if !told {
            let (is, should) = (format!("{}", found.offset), format!("{offset}"));
            checker.problem(
                "offset",
                found.at,
                &item(),
                is,
                should,
                consequence(known, size),
            );
        }
        if let Some(wide) = wide.filter(|wide| *wide != found.layout.size) {
            resized = true;
            let (is, should) = (
                format!("{} bytes", found.layout.size),
                format!("{wide} bytes"),
            );
            checker.problem(
                "size",
                found.at,
                &item(),
                is,
                should,
                consequence(known, size),
            );
        }
    }
}

/// Where the kernel has a field of this name, and its size. The parts of
/// `range` and of a fault may be written without the struct around them.
fn place(name: &[u8], known: &table::Struct) -> Option<(u64, Option<u64>)> {
    if let Some(field) = known
        .fields
        .iter()
        .find(|field| same_field(name, field.c_name()))
    {
        // What is behind the fields in use may be left out of a message.
        let size = (field.c_name() != "arg").then_some(field.size);
        return Some((field.offset, size));
    }
    let ranged = known
        .fields
        .first()
        .is_some_and(|field| field.name == "range");
    match (known.name, name.to_ascii_lowercase().as_slice()) {
        (_, b"start") if ranged => Some((0, Some(8))),
        (_, b"len") if ranged => Some((8, Some(8))),
        ("uffd_msg", b"flags") => Some((8, Some(8))),
        ("uffd_msg", b"address") => Some((16, Some(8))),
        ("uffd_msg", b"ptid") => Some((24, None)),
        _ => None,
    }
}

/// What a struct of `size` bytes for a `known` one leads to.
fn consequence(known: &table::Struct, size: u64) -> String {
    match known.name {
        "uffd_msg" => "read(2) gives messages of 32 bytes, and none to a buffer of less".to_owned(),
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
