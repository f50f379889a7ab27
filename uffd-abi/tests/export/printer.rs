//! A program in each language that prints every constant, size and offset of an
//! exported file, as its compiler sees them, and what the table says they are.

use uffd_abi::arch::Arch;
use uffd_abi::cli::Lang;
use uffd_sys::abi::table::{Constant, Field, Struct, CONSTANTS, STRUCTS};

/// What is printed of one item: its name, how the language says it, its value.
struct Item {
    name: String,
    said: String,
    value: u64,
}

/// The program, and what it must print for a processor.
pub fn program(lang: Lang, arch: &Arch) -> (String, String) {
    let items = items(lang, arch);
    let expected = items.iter().map(|it| format!("{} {}\n", it.name, it.value));
    let lines: String = items.iter().map(|it| line(lang, it)).collect();
    (around(lang, &lines), expected.collect())
}

fn items(lang: Lang, arch: &Arch) -> Vec<Item> {
    let constants = CONSTANTS.iter().map(|constant| Item {
        name: constant.name.to_owned(),
        said: said_constant(lang, constant),
        value: constant.value(arch.encoding),
    });
    let mut all: Vec<Item> = constants.collect();
    let align = arch.align_of_u64();
    let known = STRUCTS
        .iter()
        .filter(|it| lang != Lang::Go || !is_left_out_of_go(it));
    for whole in known {
        all.push(Item {
            name: whole.name.to_owned(),
            said: said_size(lang, whole),
            value: whole.size_for(align),
        });
        for field in whole.fields {
            let name = format!("{}.{}", whole.name, field.c_name());
            let (offset, size) = said_field(lang, whole, field);
            all.push(Item {
                name: format!("{name} at"),
                said: offset,
                value: field.offset,
            });
            all.push(Item {
                name: format!("{name} size"),
                said: size,
                value: whole.field_size_for(field, align),
            });
        }
    }
    all
}

/// It has no unions.
fn is_left_out_of_go(whole: &Struct) -> bool {
    [
        "uffd_msg_arg",
        "uffd_msg_pagefault_feat",
        "uffd_msg_reserved",
    ]
    .contains(&whole.name)
}

fn public(name: &str) -> String {
    match name.strip_prefix('_') {
        Some(request) => format!("{request}_NR"),
        None => name.to_owned(),
    }
}

fn camel(name: &str) -> String {
    let words = name.split('_').filter(|word| !word.is_empty());
    words
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

fn said_constant(lang: Lang, constant: &Constant) -> String {
    let name = constant.name;
    match lang {
        Lang::C => name.to_owned(),
        Lang::Go => public(name),
        Lang::Python => format!("uffd.{}", public(name)),
        Lang::Zig => format!("uffd.{name}"),
        Lang::Rust => format!("uffd::{name}"),
    }
}

/// Where C has a part of `uffd_msg`; nothing for a struct with a name.
fn path(whole: &Struct) -> Option<String> {
    let part = whole
        .name
        .strip_prefix("uffd_msg_")
        .filter(|_| whole.is_anonymous())?;
    Some(match part {
        "arg" => "arg".to_owned(),
        "pagefault_feat" => "arg.pagefault.feat".to_owned(),
        _ => format!("arg.{part}"),
    })
}

fn said_size(lang: Lang, whole: &Struct) -> String {
    let name = whole.name;
    match (lang, path(whole)) {
        (Lang::C, Some(path)) => format!("sizeof(((struct uffd_msg *)0)->{path})"),
        (Lang::C, None) => format!("sizeof(struct {name})"),
        (Lang::Go, _) => format!("unsafe.Sizeof({}{{}})", camel(name)),
        (Lang::Python, _) => format!("ctypes.sizeof(uffd.{name})"),
        (Lang::Zig, _) => format!("@sizeOf(uffd.{name})"),
        (Lang::Rust, _) => format!("std::mem::size_of::<uffd::{name}>()"),
    }
}

/// Its offset and its size.
fn said_field(lang: Lang, whole: &Struct, field: &Field) -> (String, String) {
    let (name, own) = (whole.name, field.c_name());
    match (lang, path(whole)) {
        (Lang::C, Some(path)) => (
            format!("offsetof(struct uffd_msg, {path}.{own}) - offsetof(struct uffd_msg, {path})"),
            format!("sizeof(((struct uffd_msg *)0)->{path}.{own})"),
        ),
        (Lang::C, None) => (
            format!("offsetof(struct {name}, {own})"),
            format!("sizeof(((struct {name} *)0)->{own})"),
        ),
        (Lang::Go, _) => {
            let own = if own == "feat" {
                "Ptid".to_owned()
            } else {
                camel(own)
            };
            let name = camel(name);
            (
                format!("unsafe.Offsetof({name}{{}}.{own})"),
                format!("unsafe.Sizeof({name}{{}}.{own})"),
            )
        }
        (Lang::Python, _) => {
            let own = if own == "from" { "from_" } else { own };
            (
                format!("uffd.{name}.{own}.offset"),
                format!("uffd.{name}.{own}.size"),
            )
        }
        // It tells no offsets in a union, where all are 0.
        (Lang::Zig, _) => (
            match name {
                "uffd_msg_arg" | "uffd_msg_pagefault_feat" => "0".to_owned(),
                _ => format!("@offsetOf(uffd.{name}, \"{own}\")"),
            },
            format!("@sizeOf(@TypeOf(@as(uffd.{name}, undefined).{own}))"),
        ),
        (Lang::Rust, _) => {
            let field = format!(
                "{{ let it = std::mem::MaybeUninit::<uffd::{name}>::uninit(); \
                 let it = it.as_ptr(); let field = unsafe {{ std::ptr::addr_of!((*it).{}) }};",
                field.name
            );
            (
                format!("{field} field as usize - it as usize }}"),
                format!("{field} size(field) }}"),
            )
        }
    }
}

fn line(lang: Lang, item: &Item) -> String {
    let Item { name, said, .. } = item;
    match lang {
        Lang::C => format!("printf(\"{name} %llu\\n\", (unsigned long long)({said}));\n"),
        Lang::Go => format!("fmt.Println(\"{name}\", uint64({said}))\n"),
        Lang::Python => format!("print(\"{name}\", {said})\n"),
        Lang::Zig => format!("_ = printf(\"{name} %llu\\n\", @as(u64, {said}));\n"),
        Lang::Rust => format!("println!(\"{name} {{}}\", {said} as u64);\n"),
    }
}

fn around(lang: Lang, lines: &str) -> String {
    match lang {
        Lang::C => format!(
            "#include \"uffd.h\"\n#include <stdio.h>\nint main(void)\n{{\n{lines}return 0;\n}}\n"
        ),
        Lang::Go => {
            format!("package main\nimport (\n\"fmt\"\n\"unsafe\"\n)\nfunc main() {{\n{lines}}}\n")
        }
        Lang::Python => format!("import ctypes\nimport uffd\n{lines}"),
        Lang::Zig => format!(
            "const uffd = @import(\"uffd.zig\");\n\
             extern fn printf(format: [*:0]const u8, ...) c_int;\n\
             pub export fn main(_: c_int, _: [*]const [*:0]const u8) c_int {{\n{lines}return 0;\n}}\n"
        ),
        Lang::Rust => format!(
            "mod uffd;\n\
             fn size<T>(_: *const T) -> usize {{ std::mem::size_of::<T>() }}\n\
             #[allow(clippy::all, trivial_numeric_casts)]\nfn main() {{\n{lines}}}\n"
        ),
    }
}
