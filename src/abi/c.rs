//! The witness of a C compiler over a kernel header.
//!
//! [`source`] is a program that is compiled to assembly and never run, so it
//! serves for other processors too: each number is the operand of an assembler
//! string, which [`read`] finds in the compiler's output.

use super::table::{CONSTANTS, STRUCTS};
use super::{SeenConstant, SeenField, SeenStruct, Witness};

/// The text of `include/uffd_sys.h`, for programs that have no copy of it
/// beside them.
pub const HEADER: &str = include_str!("../../include/uffd_sys.h");

/// C that tells every constant and struct of the table that the headers
/// included by `includes` define. Compile it with `-S`; gcc and clang both do.
///
/// A struct is left out where its request code is not defined; the anonymous
/// parts of `uffd_msg` are left out before the header knew them.
pub fn source(includes: &str) -> String {
    let mut c = format!(
        "{includes}\n\
         /* Two halves: an immediate of 64 bits is more than many processors have. */\n\
         #define TELL(what, a, b) __asm__ volatile (\"\\n.ascii \\\"->\" what \" %c0 %c1\\\"\" \\\n\
         \t: : \"i\" ((int)(a)), \"i\" ((int)(b)))\n\
         #define VALUE(name) TELL(\"constant \" #name, \\\n\
         \t(unsigned long long)(name) >> 32, (unsigned long long)(name) & 0xffffffffu)\n\
         void uffd_sys_tell(void);\n\
         void uffd_sys_tell(void)\n{{\n"
    );
    for constant in CONSTANTS {
        let name = constant.name;
        c.push_str(&format!("#ifdef {name}\n\tVALUE({name});\n#endif\n"));
    }
    for s in STRUCTS {
        let (name, ty) = (s.name, s.c_type);
        c.push_str(&format!("#ifdef {}\n", guard(name)));
        c.push_str(&format!(
            "\tTELL(\"struct {name}\", sizeof({ty}), __alignof__({ty}));\n"
        ));
        for field in s.fields {
            let field = field.c_name();
            c.push_str(&format!(
                "\tTELL(\"field {name} {field}\", __builtin_offsetof({ty}, {field}), sizeof((({ty} *)0)->{field}));\n"
            ));
        }
        c.push_str("#endif\n");
    }
    c.push_str("}\n");
    c
}

/// The macro that says whether a header has a struct.
fn guard(name: &str) -> String {
    match name {
        "uffd_msg_fork" | "uffd_msg_remap" | "uffd_msg_remove" => "UFFD_EVENT_FORK".to_owned(),
        "uffd_msg_pagefault_feat" => "UFFD_FEATURE_THREAD_ID".to_owned(),
        "uffdio_range" => "UFFDIO_WAKE".to_owned(),
        "page_region" | "pm_scan_arg" => "PAGEMAP_SCAN".to_owned(),
        _ if name.starts_with("uffd_msg") => "UFFD_EVENT_PAGEFAULT".to_owned(),
        _ => name.to_uppercase(),
    }
}

/// Reads the compiler's assembly. `name` is the witness's.
///
/// # Errors
///
/// A line that was told but cannot be understood, word for word; or that
/// nothing was told at all.
pub fn read(name: &str, assembly: &str) -> Result<Witness, String> {
    let mut witness = Witness {
        name: name.to_owned(),
        ..Witness::default()
    };
    for line in assembly.lines() {
        let told = match line.split_once("->") {
            Some((before, told)) if before.contains(".ascii") => {
                told.trim_end().trim_end_matches('"')
            }
            _ => continue,
        };
        tell(&mut witness, told)
            .ok_or_else(|| format!("{name}: cannot understand: {}", line.trim()))?;
    }
    if witness.constants.is_empty() && witness.structs.is_empty() {
        return Err(format!("{name}: the compiler's output tells nothing"));
    }
    Ok(witness)
}

fn tell(witness: &mut Witness, told: &str) -> Option<()> {
    let words: Vec<&str> = told.split(' ').collect();
    // The compiler prints an immediate as signed or unsigned, as it likes.
    let number = |word: &str| word.parse::<i64>().ok().map(|n| u64::from(n as u32));
    match words[..] {
        ["constant", name, high, low] => {
            let value = number(high)? << 32 | number(low)?;
            let seen = SeenConstant { ty: None, value };
            witness.constants.insert(name.to_string(), seen);
        }
        ["struct", name, size, align] => {
            let seen = SeenStruct {
                size: number(size)?,
                align: Some(number(align)?),
                fields: vec![],
            };
            witness.structs.insert(name.to_string(), seen);
        }
        ["field", name, field, offset, size] => {
            witness.structs.get_mut(name)?.fields.push(SeenField {
                name: field.to_string(),
                offset: number(offset)?,
                size: number(size)?,
            });
        }
        _ => return None,
    }
    Some(())
}
