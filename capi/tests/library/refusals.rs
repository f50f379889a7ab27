//! What the header refuses: each value, request code and field of the pinned
//! table, one after the other, is planted wrong, and the compiler must answer
//! with the sentence about it.

use std::fs;
use std::path::PathBuf;

use uffd_sys::abi::table::{Struct, CONSTANTS, STRUCTS};

use crate::support::{folder, has, headers_dir, include_flags, root, said_by, source_with};

const COMPILERS: [&str; 4] = ["gcc", "g++", "clang", "clang++"];

/// The header with `from` replaced, once, in its own definitions.
fn header_with(from: &str, to: &str) -> String {
    let header = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    assert_eq!(header.matches(from).count(), 1, "{from:?}");
    header.replace(from, to)
}

/// `planted`, a whole program, must be refused with these words by all.
#[track_caller]
fn refused_by_all(name: &str, planted: &str, flags: &[String], words: &str) {
    for compiler in COMPILERS {
        if has(compiler, "what the header refuses") {
            let source = source_with(&folder(name), compiler, planted);
            let (success, said) = said_by(compiler, flags, &source);
            assert!(
                !success && said.contains(words),
                "{compiler}: {words}\n{said}"
            );
        }
    }
}

/// The header's own definitions, without any of the kernel's.
fn alone() -> Vec<String> {
    let mut flags = include_flags(&[]);
    flags.push("-DUFFD_SYS_NO_LINUX_HEADERS".to_owned());
    flags
}

fn is_mask(name: &str) -> bool {
    name.starts_with("UFFD_API_")
}

#[test]
fn each_constant_with_another_value() {
    let dir = folder("refusals-constants");
    let right = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    let checks = "/* ---- the compiler agrees";
    assert!(right.contains(checks));
    let mut planted = 0;
    for constant in CONSTANTS {
        let name = constant.name;
        // A wrong value where the definitions end and the checks begin.
        let wrong = format!("#undef {name}\n#define {name} 0x7fff\n{checks}");
        let source = source_with(&dir, "gcc", &right.replace(checks, &wrong));
        let (success, said) = said_by("gcc", &alone(), &source);
        if is_mask(name) {
            // It may grow, and a program may not rely on all its bits.
            assert!(success, "{name}\n{said}");
            continue;
        }
        planted += 1;
        let words = format!("uffd_sys.h: {name} is not ");
        assert!(!success && said.contains(&words), "{words}\n{said}");
        assert!(
            said.contains("update uffd_sys.h, or define UFFD_SYS_NO_LINUX_"),
            "{said}"
        );
    }
    assert!(planted > 80, "{planted}");
}

/// The member of `struct uffd_msg` that this table's struct or union is.
fn path_in_message(part: &Struct) -> String {
    match part.name {
        "uffd_msg" => String::new(),
        "uffd_msg_arg" => "arg.".to_owned(),
        "uffd_msg_pagefault_feat" => "arg.pagefault.feat.".to_owned(),
        other => format!("arg.{}.", other.trim_start_matches("uffd_msg_")),
    }
}

/// The text of one struct's definition in the header, from its opening brace.
fn body<'a>(header: &'a str, of: &Struct) -> (usize, &'a str) {
    let (opening, closing) = match of.name.strip_prefix("uffd_msg_") {
        // The member's name follows its closing brace.
        Some("arg") => unreachable!("its fields are structs, which are looked at one by one"),
        Some("pagefault_feat") => ("union {".to_owned(), "} feat;".to_owned()),
        Some(member) => ("struct {".to_owned(), format!("}} {member};")),
        None => (format!("struct {} {{", of.name), "\n}".to_owned()),
    };
    if of.name.starts_with("uffd_msg_") {
        let end = header.find(&closing).expect("the member is there");
        let start = header[..end].rfind(&opening).expect("it is opened");
        (start, &header[start..end])
    } else {
        let start = header.find(&opening).expect("the struct is there");
        let end = header[start..].find(&closing).expect("it is closed");
        (start, &header[start..start + end])
    }
}

#[test]
fn each_field_that_is_not_where_it_was() {
    let dir = folder("refusals-fields");
    let right = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    let mut planted = 0;
    for of in STRUCTS.iter().filter(|s| s.name != "uffd_msg_arg") {
        let (start, body) = body(&right, of);
        for field in of.fields {
            let name = field.c_name();
            // Two members that are made of others have no line of their own.
            let is_made_of_others = name == "feat" || name == "arg";
            let declared = body
                .match_indices(&format!(" {name};"))
                .next()
                .filter(|_| !is_made_of_others);
            let Some((at, _)) = declared else {
                assert!(is_made_of_others, "{} {name}", of.name);
                continue;
            };
            let line = start + body[..at].rfind('\n').unwrap() + 1;
            let mut wrong = right.clone();
            // In a union it is of another size, elsewhere at another place.
            if of.name == "uffd_msg_pagefault_feat" {
                let end = start + at + name.len() + 1;
                wrong.insert_str(end, "[2]");
            } else {
                wrong.insert_str(line, "unsigned long long planted;\n");
            }
            let source = source_with(&dir, "gcc", &wrong);
            let (success, said) = said_by("gcc", &alone(), &source);
            let (top, path) = match of.name.starts_with("uffd_msg") {
                true => ("uffd_msg", path_in_message(of)),
                false => (of.name, String::new()),
            };
            let words = format!("uffd_sys.h: struct {top}: {path}{name} is not ");
            assert!(!success && said.contains(&words), "{words}\n{said}");
            planted += 1;
        }
    }
    assert!(planted > 55, "{planted}");
}

#[test]
fn a_struct_of_a_request_that_grew_but_not_a_message() {
    let dir = folder("refusals-grown");
    let right = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    for of in STRUCTS.iter().filter(|s| !s.is_anonymous()) {
        let (start, body) = body(&right, of);
        let mut wrong = right.clone();
        wrong.insert_str(start + body.len(), "\n\tunsigned long long planted;");
        let source = source_with(&dir, "gcc", &wrong);
        let (success, said) = said_by("gcc", &alone(), &source);
        if ["uffd_msg", "page_region"].contains(&of.name) {
            assert!(success, "{}\n{said}", of.name);
        } else {
            let words = format!("uffd_sys.h: struct {} is not {} bytes. ", of.name, of.size);
            assert!(!success && said.contains(&words), "{words}\n{said}");
        }
    }
    // It may not shrink, nor lose what is known.
    for (from, to, words) in [
        (
            "\tUFFD_SYS_U64 categories;\n",
            "",
            "has no member named 'categories'",
        ),
        (
            "\tUFFD_SYS_U64 categories;\n",
            "\tUFFD_SYS_U32 categories;\n",
            "struct page_region: categories is not 8 bytes at offset 16. ",
        ),
    ] {
        let source = source_with(&dir, "gcc", &header_with(from, to));
        let (success, said) = said_by("gcc", &alone(), &source);
        assert!(!success && said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn mistakes_seen_in_copies_of_the_header() {
    let continue_code = "UFFD_SYS_IOWR(UFFDIO, _UFFDIO_CONTINUE, struct uffdio_continue)";
    for (name, from, to, words) in [
        (
            "ior",
            continue_code,
            "UFFD_SYS_IOR(UFFDIO, _UFFDIO_CONTINUE, struct uffdio_continue)",
            "uffd_sys.h: UFFDIO_CONTINUE is not the request code RW 0x20AA07. ",
        ),
        (
            "unpacked",
            "} __attribute__((packed));",
            "};",
            "uffd_sys.h: struct uffd_msg is packed or aligned in another way than in the kernel",
        ),
        (
            "aligned",
            "\tUFFD_SYS_S64 copy;\n",
            "\tUFFD_SYS_S64 copy;\n} __attribute__((aligned(16)));\nstruct uffd_unused {\n\tint unused;\n",
            "uffd_sys.h: struct uffdio_copy is packed or aligned in another way than in the kernel",
        ),
    ] {
        let name = format!("refusals-{name}");
        refused_by_all(&name, &header_with(from, to), &alone(), words);
    }
    // The program's own doing.
    refused_by_all(
        "refusals-pragma",
        "#pragma pack(1)\n#include <uffd_sys.h>\n",
        &alone(),
        "uffd_sys.h: struct uffdio_api is packed or aligned in another way than in the kernel (#pragma pack?)",
    );
}

/// Programs compare these with zero.
#[test]
fn each_out_field_that_is_not_signed() {
    let dir = folder("refusals-signed");
    let header = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    let fields: Vec<&str> = header
        .lines()
        .filter_map(|line| line.strip_prefix("\tUFFD_SYS_S64 ")?.strip_suffix(';'))
        .collect();
    assert_eq!(fields, ["copy", "zeropage", "mapped", "updated", "move"]);
    for field in fields {
        let from = format!("\tUFFD_SYS_S64 {field};");
        let wrong = header_with(&from, &from.replace("S64", "U64"));
        let source = source_with(&dir, "gcc", &wrong);
        let (success, said) = said_by("gcc", &alone(), &source);
        let words = format!(": {field} is not signed. ");
        assert!(!success && said.contains(&words), "{field}\n{said}");
    }
}

/// Before C11 and C++11, where a language has no message of its own.
#[test]
fn old_standards_name_what_they_refuse() {
    let planted = header_with(
        "# define UFFD_EVENT_REMAP 0x14",
        "# define UFFD_EVENT_REMAP 0x15",
    );
    let sentence = "uffd_sys.h: UFFD_EVENT_REMAP is not 0x14. ";
    for (compiler, standard, words) in [
        ("gcc", "c89", sentence),
        ("gcc", "c99", sentence),
        ("clang", "c89", sentence),
        ("g++", "c++98", "uffd_sys_h_refuses_UFFD_EVENT_REMAP"),
        ("clang++", "c++98", "uffd_sys_h_refuses_UFFD_EVENT_REMAP"),
    ] {
        if has(compiler, "what the header refuses") {
            let source = source_with(&folder("refusals-old"), compiler, &planted);
            let flags = [alone(), vec![format!("-std={standard}")]].concat();
            let (success, said) = said_by(compiler, &flags, &source);
            assert!(
                !success && said.contains(words),
                "{compiler} {standard}\n{said}"
            );
        }
    }
}

/// A kernel's source tree, used without `make headers_install`: `__packed` is
/// not a macro there, so the struct is not packed and each unit that includes
/// it defines a variable of that name.
#[test]
fn headers_that_were_not_installed() {
    let Some(newest) = headers_dir("7.3") else {
        return; // header_sets() has said so.
    };
    let dir = folder("refusals-not-installed");
    let header = fs::read_to_string(newest.join("linux/userfaultfd.h")).unwrap();
    let packed = "} __attribute__((packed));";
    assert_eq!(header.matches(packed).count(), 1);
    fs::create_dir_all(dir.join("linux")).unwrap();
    let not_installed = header.replace(packed, "} __packed;");
    fs::write(dir.join("linux/userfaultfd.h"), not_installed).unwrap();
    for unit in ["", "#include <linux/userfaultfd.h>\n"] {
        for compiler in COMPILERS {
            if has(compiler, "what the header refuses") {
                let text = format!("{unit}#include <uffd_sys.h>\n");
                let source = source_with(&dir, compiler, &text);
                let words = "struct uffd_msg is packed or aligned in another way";
                let (success, said) = said_by(compiler, &include_flags(&[&dir, &newest]), &source);
                assert!(!success && said.contains(words), "{compiler}\n{said}");
            }
        }
    }
    // What the sentence names as the remedy, in two units of one program.
    let remedy = [
        include_flags(&[&dir, &newest]),
        vec!["-DUFFD_SYS_NO_LINUX_HEADERS".to_owned()],
    ]
    .concat();
    let objects: Vec<PathBuf> = ["int main(void) { return 0; }", "extern int other;"]
        .iter()
        .enumerate()
        .map(|(n, rest)| {
            let source = dir.join(format!("unit{n}.c"));
            let text = format!("#include <uffd_sys.h>\n#include <linux/userfaultfd.h>\n{rest}\n");
            fs::write(&source, text).unwrap();
            source
        })
        .collect();
    let mut link = std::process::Command::new("gcc");
    link.args(&remedy)
        .arg("-o")
        .arg(dir.join("program"))
        .args(&objects);
    crate::support::ok(link);
}
