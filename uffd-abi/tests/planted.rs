//! Mistakes planted in each witness are found, with the exact text.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use support::{btf_writer, text_of, uffd_abi, Ran};
use uffd_abi::verify::{btf, compare, Known};
use uffd_sys::abi::{self, Witness};

fn bindings_with(plant: impl Fn(&mut Witness)) -> (Vec<String>, i32) {
    let mut witness = abi::compiled();
    plant(&mut witness);
    text_of(compare(&witness, abi::target(), Known::All))
}

#[test]
fn right_bindings_have_no_finding() {
    assert_eq!(bindings_with(|_| {}), (vec![], 0));
}

#[test]
fn in_the_bindings_a_value_off_by_one() {
    let found = bindings_with(|w| w.constants.get_mut("UFFD_EVENT_FORK").unwrap().value += 1);
    let line = "bindings: error: UFFD_EVENT_FORK: value is 0x14, expected 0x13";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_the_bindings_a_field_moved() {
    let found = bindings_with(|w| w.structs.get_mut("uffdio_copy").unwrap().fields[2].offset = 24);
    let line = "bindings: error: uffdio_copy.len: offset is 24, expected 16";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_the_bindings_a_struct_grown() {
    let found = bindings_with(|w| w.structs.get_mut("pm_scan_arg").unwrap().size = 104);
    let line = "bindings: error: pm_scan_arg: size is 104, expected 96";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
#[cfg(not(any(
    target_arch = "powerpc64",
    target_arch = "mips64",
    target_arch = "sparc64"
)))]
fn in_the_bindings_a_request_code_of_another_processor() {
    let mut witness = abi::compiled();
    witness.constants.get_mut("UFFDIO_WAKE").unwrap().value = 0x4010_aa02;
    let compared = compare(&witness, abi::target(), Known::All);
    let why = compared.check.findings[0].why.clone().unwrap();
    assert_eq!(
        why,
        "That is the request code on mips, powerpc and sparc. This processor's kernel refuses it."
    );
    let line = "bindings: error: UFFDIO_WAKE: value is 0x4010aa02, expected 0x8010aa02";
    assert_eq!(text_of(compared), (vec![line.to_owned()], 1));
}

#[test]
fn in_the_bindings_a_constant_of_the_wrong_type() {
    let found = bindings_with(|w| {
        w.constants.get_mut("UFFDIO_COPY_MODE_WP").unwrap().ty = Some("u32".into())
    });
    let line = "bindings: error: UFFDIO_COPY_MODE_WP: type is u32, expected u64";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_the_bindings_a_name_missing() {
    let found = bindings_with(|w| drop(w.constants.remove("UFFDIO_POISON")));
    let line = "bindings: error: UFFDIO_POISON: missing (since Linux 6.6)";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

/// `verify` over the system's headers with some text replaced in
/// linux/userfaultfd.h. Without gcc or headers these tests fail: they are not
/// passed by.
fn headers_with(replace: &[(&str, &str)]) -> Ran {
    let include = Path::new("/usr/include");
    let mut text = fs::read_to_string(include.join("linux/userfaultfd.h"))
        .expect("install the kernel's headers (linux-libc-dev) to test over them");
    // Tabs and runs of spaces differ between versions.
    text = text.replace('\t', " ");
    while text.contains("  ") {
        text = text.replace("  ", " ");
    }
    for (from, to) in replace {
        assert_eq!(
            text.matches(from).count(),
            1,
            "{from:?} is to be in the header once"
        );
        text = text.replace(from, to);
    }
    let tree = tempfile::tempdir().unwrap();
    let linux = tree.path().join("linux");
    fs::create_dir(&linux).unwrap();
    for entry in fs::read_dir(include.join("linux")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "userfaultfd.h" {
            symlink(entry.path(), linux.join(entry.file_name())).unwrap();
        }
    }
    fs::write(linux.join("userfaultfd.h"), text).unwrap();
    symlink(include.join("asm-generic"), tree.path().join("asm-generic")).unwrap();
    let asm = [
        include.join("asm"),
        include.join(format!("{}-linux-gnu/asm", std::env::consts::ARCH)),
    ];
    symlink(
        asm.iter().find(|dir| dir.exists()).unwrap(),
        tree.path().join("asm"),
    )
    .unwrap();
    let dir = tree.path().to_str().unwrap();
    let mut ran = uffd_abi(&["verify", "--no-kernel", "--cc", "gcc", "--headers", dir]);
    ran.out = ran.out.replace(dir, "DIR");
    ran
}

/// The lines about errors of the headers as they are, without their version.
fn errors(ran: &Ran) -> Vec<String> {
    ran.out
        .lines()
        .filter(|line| line.contains(": error: ") && line.starts_with("gcc, headers DIR"))
        .map(|line| line.split_once("): ").expect("a version").1.to_owned())
        .collect()
}

#[test]
fn right_headers_have_no_finding() {
    let ran = headers_with(&[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(errors(&ran), Vec::<String>::new());
}

#[test]
fn in_a_header_a_value_off_by_one() {
    let ran = headers_with(&[("define UFFD_EVENT_FORK 0x13", "define UFFD_EVENT_FORK 0x14")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        errors(&ran),
        ["error: UFFD_EVENT_FORK: value is 0x14, expected 0x13"]
    );
}

#[test]
fn in_a_header_a_field_moved() {
    let ran = headers_with(&[(
        "struct uffdio_copy {\n __u64 dst;\n __u64 src;",
        "struct uffdio_copy {\n __u64 src;\n __u64 dst;",
    )]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        errors(&ran),
        [
            "error: uffdio_copy.dst: offset is 8, expected 0",
            "error: uffdio_copy.src: offset is 0, expected 8",
        ]
    );
}

#[test]
fn in_a_header_a_struct_grown() {
    let ran = headers_with(&[(
        "struct uffdio_zeropage {",
        "struct uffdio_zeropage {\n __u64 grown;",
    )]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        errors(&ran),
        [
            "error: UFFDIO_ZEROPAGE: value is 0xc028aa04, expected 0xc020aa04",
            "error: uffdio_zeropage: size is 40, expected 32",
            "error: uffdio_zeropage.range: offset is 8, expected 0",
            "error: uffdio_zeropage.mode: offset is 24, expected 16",
            "error: uffdio_zeropage.zeropage: offset is 32, expected 24",
        ]
    );
}

#[test]
#[cfg(target_arch = "x86_64")]
fn in_a_header_a_request_code_of_another_processor() {
    let ran = headers_with(&[("define UFFDIO_WAKE _IOR(", "define UFFDIO_WAKE _IOW(")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        errors(&ran),
        ["error: UFFDIO_WAKE: value is 0x4010aa02, expected 0x8010aa02"]
    );
    assert!(ran
        .out
        .contains("That is the request code on mips, powerpc and sparc."));
}

#[test]
fn in_a_header_a_constant_of_the_wrong_type() {
    let ran = headers_with(&[(
        "define UFFDIO_REGISTER_MODE_WP ((__u64)1<<1)",
        "define UFFDIO_REGISTER_MODE_WP (1U<<1)",
    )]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let line =
        "error: UFFDIO_REGISTER_MODE_WP: type is unsigned, 32 bits, expected unsigned, 64 bits";
    assert_eq!(errors(&ran), [line]);
}

#[test]
fn in_a_header_a_mask_that_lacks_what_its_linux_has() {
    let ran = headers_with(&[("UFFD_FEATURE_SIGBUS | \\\n", "\\\n")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let errors = errors(&ran);
    assert_eq!(errors.len(), 1, "{ran:?}");
    assert!(
        errors[0].starts_with("error: UFFD_API_FEATURES: value is 0x"),
        "{errors:?}"
    );
}

#[test]
fn in_a_header_a_name_missing_that_its_linux_has() {
    let ran = headers_with(&[("#define UFFD_EVENT_UNMAP", "#define UFFD_EVENT_UNMAPPED")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let errors = errors(&ran);
    assert_eq!(errors.len(), 1, "{ran:?}");
    assert!(
        errors[0].starts_with("error: UFFD_EVENT_UNMAP: missing, although this is Linux "),
        "{errors:?}"
    );
    assert!(
        errors[0].ends_with(" and it exists since Linux 4.11"),
        "{errors:?}"
    );
    assert!(
        ran.out
            .contains("note: UFFD_EVENT_UNMAPPED: not in the table, which knows Linux 7.3"),
        "{ran:?}"
    );
}

#[test]
fn in_a_header_what_is_no_c_is_told_in_the_compilers_words() {
    let ran = headers_with(&[("struct uffdio_copy {", "struct uffdio_copy {{")]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.out.contains("not checked: In file included from") || ran.out.contains("error: "),
        "{ran:?}"
    );
}

fn btf_with(alter: btf_writer::Alter<'_>) -> (Vec<String>, i32) {
    text_of(btf::check(
        &btf_writer::table(false, alter),
        "BTF",
        Known::All,
    ))
}

#[test]
fn right_btf_has_no_finding() {
    for big_endian in [false, true] {
        let compared = btf::check(
            &btf_writer::table(big_endian, &|_, _, _, _| {}),
            "BTF",
            Known::All,
        );
        assert_eq!(
            (compared.structs, compared.fields),
            (21, 71),
            "big endian: {big_endian}"
        );
        assert_eq!(text_of(compared), (vec![], 0), "big endian: {big_endian}");
    }
}

#[test]
fn in_btf_a_field_moved() {
    let found = btf_with(&|s, field, offset, _| {
        if (s, field) == ("uffdio_register", "mode") {
            *offset = 24;
        }
    });
    let line = "BTF: error: uffdio_register.mode: offset is 24, expected 16";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_btf_a_field_of_an_anonymous_part_moved() {
    let found = btf_with(&|s, field, offset, _| {
        if (s, field) == ("uffd_msg_pagefault", "address") {
            *offset = 0;
        }
    });
    let line = "BTF: error: uffd_msg_pagefault.address: offset is 0, expected 8";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_btf_a_field_of_another_size() {
    let found = btf_with(&|s, field, _, size| {
        if (s, field) == ("uffdio_api", "features") {
            *size = 4;
        }
    });
    let line = "BTF: error: uffdio_api.features: size is 4, expected 8";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

#[test]
fn in_btf_a_struct_grown() {
    let found = btf_with(&|s, field, _, size| {
        if (s, field) == ("uffdio_move", "") {
            *size = 48;
        }
    });
    let line = "BTF: error: uffdio_move: size is 48, expected 40";
    assert_eq!(found, (vec![line.to_owned()], 1));
}

/// The kernel's own file, with the offset of one field altered in place.
#[test]
fn in_the_kernels_own_btf_a_field_moved() {
    let path = "/sys/kernel/btf/vmlinux";
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let word = |bytes: &[u8], at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let header = word(&bytes, 4) as usize;
    let (types, types_len) = (header + word(&bytes, 8) as usize, word(&bytes, 12) as usize);
    let strings = header + word(&bytes, 16) as usize;
    let name = b"\0uffdio_writeprotect\0";
    let at = bytes[strings..]
        .windows(name.len())
        .position(|window| window == name)
        .unwrap()
        + 1;
    // A struct of that name with two members.
    let found = (types..types + types_len)
        .step_by(4)
        .find(|i| word(&bytes, *i) == at as u32 && word(&bytes, i + 4) == 4 << 24 | 2)
        .expect("the kernel has struct uffdio_writeprotect");
    let offset = found + 12 + 12 + 8;
    assert_eq!(word(&bytes, offset), 16 * 8, "the second member is mode");
    bytes[offset..offset + 4].copy_from_slice(&(8u32 * 8).to_ne_bytes());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let ran = uffd_abi(&[
        "verify",
        "--no-kernel",
        "--headers",
        "none",
        "--btf",
        file.path().to_str().unwrap(),
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let line = format!(
        "BTF {}: error: uffdio_writeprotect.mode: offset is 8, expected 16",
        file.path().display()
    );
    ran.assert_line(&line);
}

/// i686 aligns u64 to 4, so one struct has no padding at its end. The compiler
/// only compiles: no 32-bit libraries are needed.
#[test]
#[cfg(target_arch = "x86_64")]
fn another_processors_layout_is_right_for_it() {
    let args = ["verify", "--no-kernel", "--headers", "none", "--cc"];
    let ran = uffd_abi(&[&args[..], &["gcc -m32"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.assert_line("92 constants, 21 structs, 71 fields: table = bindings = gcc -m32");
    let list = uffd_abi(&["list", "--arch", "i686", "--format", "json"]).json();
    let items = list["items"].as_array().unwrap();
    let part = items
        .iter()
        .find(|item| item["name"] == "uffd_msg_pagefault")
        .unwrap();
    assert_eq!(
        (&part["value"], &part["type"]),
        (&"20 bytes".into(), &"align 4".into())
    );
}
