//! `lint` against the whole table: every constant and every struct, written in
//! each language as the table has it, and with each mistake that can be made.

use std::path::Path;

use uffd_lint::check;
use uffd_lint::FileReport;
use uffd_lint::Form;
use uffd_lint::Language::{self, *};
use uffd_lint::Target;
use uffd_sys::abi::table::{Constant, Struct, CONSTANTS, STRUCTS};

const LANGUAGES: [Language; 6] = [Rust, C, Cpp, Go, Zig, Python];

fn linted(language: Language, text: &str) -> FileReport {
    // The name that PAGE_IS_… and page_region have to do with.
    let comment = if language == Python { "#" } else { "//" };
    let text = format!("{comment} PAGEMAP_SCAN\n{text}");
    check(
        Form::Source(language),
        Path::new("file"),
        text.as_bytes(),
        Target::default(),
    )
}

/// The kinds of what is found; what cannot be evaluated may not be found here.
fn kinds(language: Language, text: &str) -> Vec<&'static str> {
    let report = linted(language, text);
    assert_eq!(
        report.compared.len(),
        1,
        "{language:?}: {:?}\n{text}",
        report.problems
    );
    let problems = report.problems.iter();
    assert!(
        report.problems.iter().all(|problem| !problem.is_note()),
        "{:?}",
        report.problems
    );
    problems.map(|problem| problem.kind).collect()
}

fn constant(language: Language, name: &str, value: u64) -> String {
    match language {
        Rust => format!("pub const {name}: u64 = {value:#x};\n"),
        C => format!("#define {name} {value:#x}ULL\n"),
        Cpp => format!("constexpr std::uint64_t {name} = {value}u;\n"),
        Go => format!("const {name} = {value:#x}\n"),
        Zig => format!("pub const {name}: u64 = {value:#b};\n"),
        Python => format!("{name} = {value:#o}\n"),
    }
}

fn is_mask(constant: &Constant) -> bool {
    constant.name.starts_with("UFFD_API_")
}

#[test]
fn every_constant_in_every_language() {
    let mut checked = 0;
    for known in CONSTANTS {
        for language in LANGUAGES {
            let found = |value| kinds(language, &constant(language, known.name, value));
            assert!(found(known.generic).is_empty(), "{}", known.name);
            if is_mask(known) {
                assert!(found(known.generic & 0x6).is_empty(), "{}", known.name);
                assert_eq!(found(known.generic | 1 << 62), ["value"], "{}", known.name);
            } else {
                assert_eq!(found(known.generic + 1), ["value"], "{}", known.name);
                // Of a request code the kernel takes 32 bits.
                let high = found(known.generic ^ 1 << 40);
                assert_eq!(high.is_empty(), known.is_request(), "{}", known.name);
            }
            if known.generic != known.mips_powerpc_sparc {
                assert_eq!(
                    found(known.mips_powerpc_sparc),
                    ["processor"],
                    "{}",
                    known.name
                );
            }
            checked += 1;
        }
    }
    assert!(checked > 6 * 80, "{checked}");
}

/// A field for the generated struct: its name and its size in bytes.
type Field = (&'static str, u64);

fn field(language: Language, structure: &str, (name, size): Field) -> String {
    const OUT: [&str; 5] = ["copy", "zeropage", "mapped", "updated", "move"];
    let signed = size == 8 && OUT.contains(&name) && structure.to_lowercase().contains(name)
        || matches!(name, "mapped" | "updated");
    let letter = if signed { 'i' } else { 'u' };
    let bits = size * 8;
    match (language, size) {
        (Rust, 16) => format!("{name}: [u64; 2],\n"),
        (Rust, 24) => format!("{name}: [u64; 3],\n"),
        (Rust, _) => format!("pub r#{name}: {letter}{bits},\n"),
        (C | Cpp, 16 | 24) => format!("__u64 {name}[{}];\n", size / 8),
        (C | Cpp, _) => format!("__{}{bits} {name};\n", if signed { 's' } else { 'u' }),
        // range is a keyword there, and what is exported is written large.
        (Go, 16 | 24) => format!("{} [{}]uint64\n", name.to_uppercase(), size / 8),
        (Go, _) => {
            let (name, sign) = (name.to_uppercase(), if signed { "" } else { "u" });
            format!("{name} {sign}int{bits}\n")
        }
        (Zig, 16 | 24) => format!("{name}: [{}]u64,\n", size / 8),
        (Zig, _) => format!("@\"{name}\": {letter}{bits},\n"),
        (Python, 16 | 24) => format!("(\"{name}\", ctypes.c_uint64 * {}),\n", size / 8),
        (Python, _) => format!(
            "(\"{name}\", ctypes.c_{}int{bits}),\n",
            if signed { "" } else { "u" }
        ),
    }
}

fn structure(language: Language, name: &str, fields: &[Field]) -> String {
    let fields: String = fields
        .iter()
        .map(|part| field(language, name, *part))
        .collect();
    match language {
        Rust => format!("#[repr(C)]\npub struct {name} {{\n{fields}}}\n"),
        C | Cpp => format!("struct {name} {{\n{fields}}};\n"),
        Go => format!("type {name} struct {{\n{fields}}}\n"),
        Zig => format!("const {name} = extern struct {{\n{fields}}};\n"),
        Python => format!("class {name}(ctypes.Structure):\n    _fields_ = [{fields}]\n"),
    }
}

/// The fields with one mistake each.
fn mistakes(known: &Struct, right: &[Field]) -> Vec<Vec<Field>> {
    // Zeros without a meaning: leaving one out moves nothing.
    let named = |index: usize| !right[index].0.starts_with("reserved");
    let mut all = vec![];
    for index in (0..right.len()).filter(|index| named(*index)) {
        let mut dropped = right.to_vec();
        dropped.remove(index);
        all.push(dropped);
        let mut smaller = right.to_vec();
        smaller[index].1 = match right[index].1 {
            8 => 4,
            16 | 24 => 8,
            _ => 8,
        };
        all.push(smaller);
        if index + 1 < right.len() && named(index + 1) {
            let mut swapped = right.to_vec();
            swapped.swap(index, index + 1);
            all.push(swapped);
        }
    }
    for at in [0, right.len()] {
        let mut grown = right.to_vec();
        grown.insert(at, ("added", 8));
        all.push(grown);
    }
    assert!(all.len() >= 4, "{}", known.name);
    all
}

#[test]
fn every_struct_in_every_language() {
    let named = STRUCTS.iter().filter(|known| !known.is_anonymous());
    let mut checked = 0;
    for known in named {
        let right: Vec<Field> = known.fields.iter().map(|f| (f.c_name(), f.size)).collect();
        for language in LANGUAGES {
            let text = structure(language, known.name, &right);
            assert!(
                kinds(language, &text).is_empty(),
                "{:?}",
                linted(language, &text)
            );
            for fields in mistakes(known, &right) {
                let text = structure(language, known.name, &fields);
                assert!(
                    !kinds(language, &text).is_empty(),
                    "{language:?}: nothing in\n{text}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 6 * 14 * 4, "{checked}");
}
