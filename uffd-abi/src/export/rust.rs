//! Rust: the kernel's names and plain integers, from Rust 1.63 on, without std.

use std::fmt::Write;

use super::model::{self, Constant, Struct, Type};
use super::text::{comment, head, head_comment};

const PROCESSORS: &str = "all processors that Rust knows";
const LANGUAGE: &str = "Rust 1.63 or later, for a module of its own. The crate uffd-sys has the \
    same, the calls and their documentation.";
const OTHERS: &str = "any(
    target_arch = \"mips\",
    target_arch = \"mips32r6\",
    target_arch = \"mips64\",
    target_arch = \"mips64r6\",
    target_arch = \"powerpc\",
    target_arch = \"powerpc64\",
    target_arch = \"sparc\",
    target_arch = \"sparc64\"
)";

/// The file.
pub fn source(command: &str) -> String {
    let mut text = head_comment("//", &head(command, PROCESSORS, LANGUAGE));
    text.push_str("\n#![allow(dead_code, non_camel_case_types, unused_imports)]\n\n");
    for constant in model::constants() {
        text.push_str(&item("", &constant, constant.generic));
    }
    let (same, differ): (Vec<_>, Vec<_>) =
        model::requests().into_iter().partition(Constant::is_same);
    text.push_str("\n// Request codes.\n\n");
    for constant in &same {
        text.push_str(&item("", constant, constant.generic));
    }
    text.push_str("\n// Those that differ between processors.\n");
    let value = |it: &Constant| it.mips_powerpc_sparc;
    text.push_str(&module("mips_powerpc_sparc", OTHERS, &differ, value));
    let not = format!("not({OTHERS})");
    text.push_str(&module("generic", &not, &differ, |it| it.generic));
    for whole in model::structs() {
        text.push('\n');
        text.push_str(&structure(&whole));
    }
    text.push_str(DEFAULT);
    text.push_str("\n// Layouts, as Linux has them: in byte n of each struct is n.\n");
    for whole in model::structs().iter().filter(|it| !it.is_anonymous) {
        text.push_str(&check(whole));
    }
    text
}

fn item(indent: &str, constant: &Constant, value: u64) -> String {
    let (name, doc) = (
        constant.name,
        comment(&format!("{indent}/// "), &constant.doc),
    );
    let (ty, value) = match constant.ty {
        "c_int" => ("i32", format!("{value}")),
        "u32" => ("u32", format!("{value:#010x}")),
        ty => (ty, format!("{value:#x}")),
    };
    format!("{doc}{indent}pub const {name}: {ty} = {value};\n")
}

fn module(name: &str, cfg: &str, codes: &[Constant], value: fn(&Constant) -> u64) -> String {
    let items: String = codes.iter().map(|it| item("    ", it, value(it))).collect();
    format!("#[cfg({cfg})]\nmod {name} {{\n{items}}}\n#[cfg({cfg})]\npub use {name}::*;\n")
}

fn structure(whole: &Struct) -> String {
    let (kind, derive) = match (whole.is_union, whole.name) {
        (true, _) => ("union", "Clone, Copy"),
        // They hold unions.
        (false, "uffd_msg" | "uffd_msg_pagefault") => ("struct", "Clone, Copy"),
        _ => ("struct", "Clone, Copy, Debug, Default, PartialEq, Eq"),
    };
    let doc = comment("/// ", &whole.doc);
    let mut text = format!(
        "{doc}#[repr(C)]\n#[derive({derive})]\npub {kind} {} {{\n",
        whole.name
    );
    for field in &whole.fields {
        let ty = match field.ty {
            Type::Unsigned(bits) => format!("u{bits}"),
            Type::I64 => "i64".to_owned(),
            Type::Named(part) => part.to_owned(),
        };
        text.push_str(&comment("    /// ", &field.doc));
        writeln!(text, "    pub {}: {ty},", name(field.name)).unwrap();
    }
    text.push_str("}\n");
    text
}

/// `move` is a word of Rust's.
fn name(field: &str) -> &str {
    match field {
        "move" => "move_",
        _ => field,
    }
}

const DEFAULT: &str = "
impl Default for uffd_msg {
    fn default() -> Self {
        // All bytes are initialised, so each part may be read.
        let reserved = uffd_msg_reserved::default();
        let arg = uffd_msg_arg { reserved };
        uffd_msg {
            event: 0,
            reserved1: 0,
            reserved2: 0,
            reserved3: 0,
            arg,
        }
    }
}

const fn bytes<const N: usize>() -> [u8; N] {
    let (mut bytes, mut n) = ([0; N], 0);
    while n < N {
        bytes[n] = n as u8;
        n += 1;
    }
    bytes
}

const fn is(field: &[u8], at: u8, size: usize) -> bool {
    field[0] == at && field.len() == size
}
";

/// Fails to compile where the size or an offset is another.
fn check(whole: &Struct) -> String {
    let size = whole
        .size
        .expect("those with a name are the same everywhere");
    let mut asserts = vec![];
    leaves(whole, "it", 0, &model::structs(), &mut asserts);
    let (start, end) = match whole.name {
        "uffd_msg" => (
            "    // SAFETY: all bytes of the union are initialised.\n    unsafe {\n",
            "    }\n",
        ),
        _ => ("", ""),
    };
    let indent = if start.is_empty() { "    " } else { "        " };
    let asserts: String = asserts.iter().map(|it| format!("{indent}{it}\n")).collect();
    format!(
        "const _: () = {{\n    \
         // SAFETY: any bytes are a value of its integers.\n    \
         let it: {} = unsafe {{ core::mem::transmute(bytes::<{size}>()) }};\n\
         {start}{asserts}{end}}};\n",
        whole.name,
    )
}

fn leaves(whole: &Struct, path: &str, start: u64, all: &[Struct], asserts: &mut Vec<String>) {
    for field in &whole.fields {
        let (path, at) = (format!("{path}.{}", name(field.name)), start + field.offset);
        match field.ty {
            Type::Named(part) => {
                let part = all.iter().find(|it| it.name == part).expect("in the table");
                leaves(part, &path, at, all, asserts);
            }
            _ => {
                let size = field.size.expect("an integer's size is known");
                asserts.push(format!("assert!(is(&{path}.to_ne_bytes(), {at}, {size}));"));
            }
        }
    }
}
