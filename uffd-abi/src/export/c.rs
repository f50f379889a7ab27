//! C and C++: the kernel's names, from C11 and C++11 on.

use std::fmt::Write;

use super::model::{self, Constant, Field, Struct, Type};
use super::text::{head, wrapped};

const PROCESSORS: &str = "all processors but parisc";
const LANGUAGE: &str = "C11 or C++11. Include it instead of <linux/userfaultfd.h>, not beside it; \
    uffd_sys.h of the same project works beside it.";

const ASSERTS: &str = "
/* Layouts, as Linux has them. */

#ifdef __cplusplus
#define UFFD_ABI_ASSERT(holds, text) static_assert(holds, text)
#else
#define UFFD_ABI_ASSERT(holds, text) _Static_assert(holds, text)
#endif
#define UFFD_ABI_FIELD(type, field, at, size) \\
\tUFFD_ABI_ASSERT(offsetof(struct type, field) == (at) && \\
\t\t\tsizeof(((struct type *)0)->field) == (size), #type \".\" #field)

";

/// The file.
pub fn source(command: &str) -> String {
    let mut text = String::from("/*\n");
    for line in head(command, PROCESSORS, LANGUAGE) {
        writeln!(text, "{}", format!(" * {line}").trim_end()).unwrap();
    }
    text.push_str(
        " */\n\n#ifndef UFFD_ABI_EXPORT_H\n#define UFFD_ABI_EXPORT_H\n\n\
         #ifdef _LINUX_USERFAULTFD_H\n\
         #error \"this file stands in for <linux/userfaultfd.h>: include one of them\"\n\
         #endif\n\n#include <stddef.h>\n#include <stdint.h>\n",
    );
    text.push_str("\n/* Constants */\n\n");
    for constant in model::constants() {
        text.push_str(&define(&constant, constant.generic));
    }
    text.push_str("\n/* Structs */\n");
    let structs = model::structs();
    for whole in structs.iter().filter(|it| !it.is_anonymous) {
        text.push('\n');
        text.push_str(&structure(whole, &structs));
    }
    text.push_str("\n/* Request codes */\n\n");
    requests(&mut text);
    text.push_str(ASSERTS);
    for whole in &structs {
        asserts(&mut text, whole);
    }
    text.push_str("\n#undef UFFD_ABI_FIELD\n#undef UFFD_ABI_ASSERT\n\n#endif\n");
    text
}

fn comment(indent: &str, doc: &str) -> String {
    let lines = wrapped(doc, 74 - indent.len());
    format!("{indent}/* {} */\n", lines.join(&format!("\n{indent} * ")))
}

fn define(constant: &Constant, value: u64) -> String {
    let value = match constant.ty {
        "u64" => format!("{value:#x}ULL"),
        "u32" => format!("{value:#010x}U"),
        "c_int" => value.to_string(),
        _ => format!("{value:#x}"),
    };
    let doc = comment("", &constant.doc);
    format!("{doc}#define {} {value}\n", constant.name)
}

fn requests(text: &mut String) {
    let (same, differ): (Vec<_>, Vec<_>) =
        model::requests().into_iter().partition(Constant::is_same);
    for constant in &same {
        text.push_str(&define(constant, constant.generic));
    }
    text.push_str(
        "\n#if defined(__mips__) || defined(__powerpc__) || defined(__sparc__) || \\\n    \
         defined(__alpha__)\n",
    );
    for constant in &differ {
        text.push_str(&define(constant, constant.mips_powerpc_sparc));
    }
    text.push_str(
        "#elif defined(__hppa__)\n#error \"the request codes of parisc are others\"\n#else\n",
    );
    for constant in &differ {
        text.push_str(&define(constant, constant.generic));
    }
    text.push_str("#endif\n");
}

fn structure(whole: &Struct, all: &[Struct]) -> String {
    let packed = match whole.name {
        "uffd_msg" => " __attribute__((packed))",
        _ => "",
    };
    format!(
        "{}struct {} {{\n{}}}{packed};\n",
        comment("", &whole.doc),
        whole.name,
        fields(whole, all, 1)
    )
}

fn fields(whole: &Struct, all: &[Struct], depth: usize) -> String {
    whole
        .fields
        .iter()
        .map(|it| field(it, all, depth))
        .collect()
}

fn field(field: &Field, all: &[Struct], depth: usize) -> String {
    let (indent, name) = ("\t".repeat(depth), field.name);
    let doc = comment(&indent, &field.doc);
    let ty = match field.ty {
        Type::Unsigned(bits) => format!("uint{bits}_t"),
        Type::I64 => "int64_t".to_owned(),
        Type::Named(part) => {
            let part = all.iter().find(|it| it.name == part).expect("in the table");
            let kind = if part.is_union { "union" } else { "struct" };
            match part.is_anonymous {
                true => format!("{kind} {{\n{}{indent}}}", fields(part, all, depth + 1)),
                false => format!("{kind} {}", part.name),
            }
        }
    };
    format!("{doc}{indent}{ty} {name};\n")
}

/// Where a part of `uffd_msg` is in it.
fn path(part: &Struct) -> String {
    match part.name {
        "uffd_msg_arg" => "arg".to_owned(),
        "uffd_msg_pagefault_feat" => "arg.pagefault.feat".to_owned(),
        name => format!("arg.{}", name.trim_start_matches("uffd_msg_")),
    }
}

fn asserts(text: &mut String, whole: &Struct) {
    let path = whole.is_anonymous.then(|| path(whole));
    let (outer, size, start) = match &path {
        Some(path) => (
            "uffd_msg",
            format!("sizeof(((struct uffd_msg *)0)->{path})"),
            format!("{path}."),
        ),
        None => (
            whole.name,
            format!("sizeof(struct {})", whole.name),
            String::new(),
        ),
    };
    // Offsets of its parts are of the message.
    let base = match path.as_deref() {
        Some("arg.pagefault.feat") => 24,
        Some(_) => 8,
        None => 0,
    };
    if let Some(bytes) = whole.size {
        let name = whole.name;
        writeln!(text, "UFFD_ABI_ASSERT({size} == {bytes}, \"{name}\");").unwrap();
    }
    for field in &whole.fields {
        if let Some(size) = field.size {
            let (name, at) = (field.name, base + field.offset);
            writeln!(
                text,
                "UFFD_ABI_FIELD({outer}, {start}{name}, {at}, {size});"
            )
            .unwrap();
        }
    }
}
