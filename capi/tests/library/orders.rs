//! Include orders and neighbours that are unkind: kernel headers of two ages at
//! once, a program's own fallbacks for older headers, and `-include`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{folder, has, headers_dir, include_flags, said_by, source_with};

const COMPILERS: [&str; 4] = ["gcc", "g++", "clang", "clang++"];
const OURS: &str = "#include <uffd_sys.h>\n";
const FS: &str = "#include <linux/fs.h>\n";
const ALL: &str = "#include \"uses_everything.h\"\n";

/// Compiles `text` with all compilers, used as a library and header-only:
/// success, or a refusal with these words.
#[track_caller]
fn expect(name: &str, flags: &[String], text: &str, refusal: Option<&str>) {
    let dir = folder(&format!("orders-{name}"));
    for compiler in COMPILERS {
        if !has(compiler, "unkind include orders") {
            continue;
        }
        let source = source_with(&dir, compiler, text);
        for use_ in ["-DTHE_LIBRARY", "-DUFFD_SYS_HEADER_ONLY"] {
            let flags = [&[use_.to_owned()], flags].concat();
            let (success, said) = said_by(compiler, &flags, &source);
            match refusal {
                None => assert!(success, "{name}, {compiler} {use_}\n{said}"),
                Some(words) => assert!(
                    !success && said.contains(words),
                    "{name}, {compiler} {use_}: should say {words:?}\n{said}"
                ),
            }
        }
    }
}

/// A folder with some headers of another: each `linux/NAME`, as it is there.
fn some_headers(name: &str, from: &Path, headers: &[&str]) -> PathBuf {
    let dir = folder(name);
    fs::create_dir_all(dir.join("linux")).unwrap();
    for header in headers {
        fs::copy(
            from.join("linux").join(header),
            dir.join("linux").join(header),
        )
        .unwrap();
    }
    dir
}

#[test]
fn an_fs_h_newer_than_version_h() {
    let (Some(old), Some(new)) = (headers_dir("6.1"), headers_dir("7.3")) else {
        return; // header_sets() has said so.
    };
    // Headers of 7.3 whose version.h was left behind.
    let version = some_headers("orders-version-h", &old, &["version.h"]);
    let flags = include_flags(&[&version, &new]);
    expect("version-after", &flags, &format!("{OURS}{FS}{ALL}"), None);
    expect("version-before", &flags, &format!("{FS}{OURS}{ALL}"), None);
    // Headers of 6.1, with 7.3's fs.h alone: nothing tells of it beforehand.
    let fs_h = some_headers("orders-fs-h", &new, &["fs.h"]);
    let flags = include_flags(&[&fs_h, &old]);
    let words = "/* redefined? include <linux/fs.h> first */";
    expect("fs-after", &flags, &format!("{OURS}{FS}{ALL}"), Some(words));
    expect("fs-before", &flags, &format!("{FS}{OURS}{ALL}"), None);
    expect("fs-not-at-all", &flags, &format!("{OURS}{ALL}"), None);
}

/// What a program may have for headers older than 6.8, in two halves.
const STRUCT: &str = "struct uffdio_move { __u64 dst, src, len, mode; __s64 move; };\n";
const MACROS: &str = "#define _UFFDIO_MOVE (0x05)\n\
    #define UFFDIO_MOVE _IOWR(UFFDIO, _UFFDIO_MOVE, struct uffdio_move)\n\
    #define UFFD_FEATURE_MOVE (1 << 16)\n";

#[test]
fn fallbacks_of_the_program() {
    let Some(old) = headers_dir("6.1") else {
        return; // header_sets() has said so.
    };
    let flags = include_flags(&[&old]);
    let theirs = "#include <sys/ioctl.h>\n#include <linux/userfaultfd.h>\n";
    let remove = "/* redefined? remove your fallback */";
    for (name, text, refusal) in [
        (
            "whole-before",
            format!("{theirs}{STRUCT}{MACROS}{OURS}"),
            None,
        ),
        (
            "whole-after",
            format!("{OURS}{theirs}{STRUCT}{MACROS}"),
            Some(remove),
        ),
        (
            "guarded-after",
            format!("{OURS}{theirs}#ifndef UFFDIO_MOVE\n{STRUCT}{MACROS}#endif\n"),
            None,
        ),
        (
            "constants-before",
            format!("{theirs}#define UFFD_FEATURE_MOVE (1 << 16)\n{OURS}"),
            None,
        ),
        (
            "constants-after",
            format!("{OURS}{theirs}#define UFFD_FEATURE_MOVE (1 << 16)\n"),
            None,
        ),
        (
            "wrong-constant-before",
            format!("{theirs}#define UFFD_FEATURE_MOVE (1 << 15)\n{OURS}"),
            Some("uffd_sys.h: UFFD_FEATURE_MOVE is not 1 << 16. "),
        ),
        (
            "struct-before",
            format!("{theirs}{STRUCT}{OURS}"),
            Some(remove),
        ),
        ("struct-after", format!("{OURS}{STRUCT}"), Some(remove)),
        (
            "macros-before",
            format!("{theirs}{MACROS}{OURS}"),
            Some("/* incomplete? your macro,"),
        ),
        (
            "wrong-struct-before",
            format!(
                "{theirs}{}{MACROS}{OURS}",
                STRUCT.replace("dst, src", "src, dst")
            ),
            Some("uffd_sys.h: struct uffdio_move: dst is not 8 bytes at offset 0. "),
        ),
    ] {
        expect(name, &flags, &format!("{text}{ALL}"), refusal);
    }
}

/// A fallback for the features of 7.3 does not leave the masks as they were.
#[test]
fn masks_are_complete_after_a_fallback() {
    let Some(old) = headers_dir("6.1") else {
        return; // header_sets() has said so.
    };
    let text = format!(
        "#include <linux/userfaultfd.h>\n\
         #define UFFD_FEATURE_RWP (1 << 17)\n#define UFFD_FEATURE_RWP_ASYNC (1 << 18)\n{OURS}\
         extern char mask_features[UFFD_API_FEATURES == 0x7ffff ? 1 : -1];\n\
         extern char mask_modes[UFFD_API_REGISTER_MODES == 0xf ? 1 : -1];\n\
         extern char mask_ioctls[UFFD_API_IOCTLS == 0x8000000000000403 ? 1 : -1];\n\
         extern char mask_range[UFFD_API_RANGE_IOCTLS == 0x3fc ? 1 : -1];\n\
         extern char mask_basic[UFFD_API_RANGE_IOCTLS_BASIC == 0x3cc ? 1 : -1];\n{ALL}"
    );
    expect("masks", &include_flags(&[&old]), &text, None);
}

#[test]
fn included_by_an_option_before_the_program_asks_for_gnu() {
    let text = format!(
        "#define _GNU_SOURCE\n#include <sched.h>\n{ALL}\
         int gnu(cpu_set_t *set);\n\
         int gnu(cpu_set_t *set)\n{{\n\tCPU_ZERO(set);\n\treturn sched_getcpu();\n}}\n"
    );
    let dir = folder("orders-option");
    let include = [
        include_flags(&[]),
        vec!["-include".to_owned(), "uffd_sys.h".to_owned()],
    ]
    .concat();
    for compiler in ["gcc", "clang"] {
        if has(compiler, "-include") {
            let source = source_with(&dir, compiler, &text);
            for options in [
                &["-DTHE_LIBRARY"][..],
                &["-DUFFD_SYS_HEADER_ONLY", "-D_GNU_SOURCE="],
            ] {
                let options: Vec<String> = options.iter().map(|o| (*o).to_owned()).collect();
                let (success, said) =
                    said_by(compiler, &[&options[..], &include].concat(), &source);
                assert!(success, "{compiler} {options:?}\n{said}");
            }
        }
    }
}

/// The two ways out that the refusals name.
#[test]
fn remedies_for_headers_that_are_refused() {
    let Some(new) = headers_dir("7.3") else {
        return; // header_sets() has said so.
    };
    for (header, last, remedy, after) in [
        (
            "userfaultfd.h",
            "\t__s64 move;\n",
            "-DUFFD_SYS_NO_LINUX_HEADERS",
            "#include <linux/userfaultfd.h>\n",
        ),
        (
            "fs.h",
            "\t__u64 return_mask;\n",
            "-DUFFD_SYS_NO_LINUX_FS",
            "",
        ),
    ] {
        let name = header.trim_end_matches(".h");
        let dir = some_headers(&format!("orders-remedy-{name}"), &new, &[header]);
        let text = fs::read_to_string(dir.join("linux").join(header)).unwrap();
        assert_eq!(text.matches(last).count(), 1, "{last:?}");
        let grown = text.replace(last, &format!("{last}\t__u64 made_up;\n"));
        fs::write(dir.join("linux").join(header), grown).unwrap();
        let flags = include_flags(&[&dir, &new]);
        let program = format!("{OURS}{after}{ALL}");
        expect(
            &format!("grown-{name}"),
            &flags,
            &program,
            Some(remedy.trim_start_matches("-D")),
        );
        let flags = [flags, vec![remedy.to_owned()]].concat();
        expect(&format!("remedy-{name}"), &flags, &program, None);
    }
}
