//! `export`: what it writes and compares, and that its files are clean and pass
//! `lint`. What compilers and the kernel say of them is in export_compiled.rs.

mod support;
#[allow(dead_code)]
#[path = "export/toolchains.rs"]
mod toolchains;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use support::{say_not_run, uffd_abi, Ran};
use toolchains::{file, LANGS};
use uffd_abi::cli::Lang;

fn export(lang: Lang, more: &[&str]) -> String {
    let ran = uffd_abi(&[&["export", "--lang", lang.name()], more].concat());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{lang:?}");
    ran.out
}

/// All files, in a folder.
fn all() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for lang in LANGS {
        fs::write(folder.path().join(file(lang)), export(lang, &[])).unwrap();
    }
    let others = export(Lang::Go, &["--arch", "ppc64le"]);
    fs::write(folder.path().join("uffd_others.go"), others).unwrap();
    folder
}

#[test]
#[cfg(feature = "lint")]
fn lint_compares_all_of_each_and_finds_nothing() {
    let folder = all();
    // 92 constants and 14 structs that have a name; four request codes have two
    // numbers in a file that serves all processors.
    const COMPARED: [(&str, usize); 6] = [
        ("uffd.h", 110),
        ("uffd.go", 106),
        ("uffd_others.go", 106),
        ("uffd.zig", 106),
        ("uffd.py", 110),
        ("uffd.rs", 110),
    ];
    for (name, items) in COMPARED {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        for arch in ["x86_64", "i686", "ppc64le"] {
            // `lint` counts alpha, which Rust does not know, among those that are
            // not named in a cfg.
            if (name, arch) == ("uffd.rs", "ppc64le") {
                continue;
            }
            let ran = uffd_abi(&["lint", "--strict", "--arch", arch, path]);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            ran.assert_line(&format!(
                "{items} items checked: 0 findings, 0 not evaluated"
            ));
        }
        // Each file of Go is for its processors alone, and a number is seen.
        let text = fs::read_to_string(path).unwrap();
        let wrong = match name {
            "uffd.go" => text.replace("UFFDIO_WAKE = 0x8010aa02", "UFFDIO_WAKE = 0x4010aa02"),
            "uffd_others.go" => {
                text.replace("UFFDIO_WAKE = 0x4010aa02", "UFFDIO_WAKE = 0x8010aa02")
            }
            "uffd.zig" => text.replace("iowr(UFFDIO, 0x03", "iowr(UFFDIO, 0x04"),
            "uffd.py" => text.replace("0xC028AA03", "0xC020AA03"),
            _ => text.replace("0xc028aa03", "0xc020aa03"),
        };
        assert_ne!(wrong, text);
        fs::write(path, wrong).unwrap();
        let ran = uffd_abi(&["lint", path]);
        assert_eq!(ran.code, Some(1), "{name}: {ran:?}");
        ran.assert_line(&format!(
            "{items} items checked: 1 finding, 0 not evaluated"
        ));
    }
}

/// Runs a tool in a folder; it must say nothing. Not there is no failure, but told.
fn says_nothing(mut tool: Command, folder: &Path) {
    let shown = format!("{tool:?}");
    match tool.current_dir(folder).output() {
        Err(error) => say_not_run(&format!("exported files with {shown}"), &error.to_string()),
        Ok(finished) => {
            let ran = Ran::new(finished);
            assert_eq!(
                (ran.code, &*ran.out, &*ran.err),
                (Some(0), "", ""),
                "{shown}"
            );
        }
    }
}

#[test]
fn the_files_are_clean() {
    let folder = all();
    let warnings = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef \
                    -Wcast-qual -Werror -fsyntax-only";
    let mut lines = vec![
        "rustfmt --check --edition 2021 uffd.rs".to_owned(),
        "gofmt -l .".to_owned(),
        "python3 -W error -B uffd.py".to_owned(),
    ];
    for compiler in ["gcc -x c", "clang -x c", "g++ -x c++", "clang++ -x c++"] {
        let (first, last) = match compiler.ends_with('+') {
            true => ("c++11", "c++20"),
            false => ("c11", "c2x"),
        };
        for standard in [first, last] {
            lines.push(format!("{compiler} -std={standard} {warnings} uffd.h"));
        }
    }
    for line in &lines {
        let mut words = line.split_whitespace();
        let mut tool = Command::new(words.next().unwrap());
        tool.args(words);
        says_nothing(tool, folder.path());
    }
    match toolchains::zig() {
        Ok(mut zig) => {
            zig.args(["fmt", "--check", "uffd.zig"]);
            says_nothing(zig, folder.path());
        }
        Err(why) => say_not_run("zig fmt of an exported file", &why),
    }
}

#[test]
fn nothing_in_them_is_of_this_crate_alone() {
    for lang in LANGS {
        let text = export(lang, &[]);
        for of_rustdoc in ["crate::", "](", "uffd_msg_bytes", "fn@", "userfaultfd_new:"] {
            assert!(!text.contains(of_rustdoc), "{lang:?}: {of_rustdoc}");
        }
        let first: Vec<&str> = text.lines().take(2).collect();
        let made = format!(
            "Code generated by uffd-abi export {}; DO NOT EDIT.",
            env!("CARGO_PKG_VERSION")
        );
        assert!(first.iter().any(|line| line.ends_with(&made)), "{first:?}");
        assert!(text.contains("SPDX-License-Identifier: MIT OR Apache-2.0"));
        let mut lines = text.lines().filter(|line| !line.starts_with("//go:build"));
        let long = lines.find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "{lang:?}");
    }
}

#[test]
fn go_has_a_file_for_each_encoding_and_a_package() {
    let usual = export(Lang::Go, &["--arch", "arm64", "--package", "fault_1"]);
    assert!(usual.contains("\npackage fault_1\n"));
    assert!(usual.contains("//go:build linux && !(alpha || mips "));
    assert!(usual.contains("\tUFFDIO_WAKE = 0x8010aa02\n"));
    // The same for each of them, so that it does not matter which was named.
    let others = export(Lang::Go, &["--arch", "mips"]);
    assert_eq!(others, export(Lang::Go, &["--arch", "sparc64"]));
    assert!(others.contains("\npackage uffd\n"));
    assert!(others.contains("//go:build linux && (alpha || mips "));
    assert!(others.contains("\tUFFDIO_WAKE = 0x4010aa02\n"));
    for (args, said) in [
        (
            &["--lang", "c", "--arch", "mips"][..],
            "serves all processors",
        ),
        (
            &["--lang", "rust", "--package", "uffd"],
            "--package is for Go",
        ),
        (&["--lang", "go", "--package", "A-b"], "small letters"),
        (&["--lang", "go", "--arch", "vax"], "no such processor"),
        (&["--lang", "go", "--format", "ktap"], "checks nothing"),
        (&[], "--lang"),
    ] {
        let ran = uffd_abi(&[&["export"], args].concat());
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{args:?}");
        assert!(ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn check_tells_whether_a_file_is_current() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uffd.go");
    let name = path.to_str().unwrap();
    let check = |more: &[&str]| {
        let args = [
            "export",
            "--lang",
            "go",
            "--package",
            "fault",
            "--check",
            name,
        ];
        uffd_abi(&[&args, more].concat())
    };
    let absent = check(&[]);
    assert_eq!(absent.code, Some(2), "{absent:?}");
    let right = export(Lang::Go, &["--package", "fault"]);
    for (text, code) in [
        (right.clone(), 0),
        // Made by another version, with the same result, on Windows.
        (
            right.replace(concat!(" ", env!("CARGO_PKG_VERSION"), ";"), " 9.9.9;"),
            0,
        ),
        (right.replace('\n', "\r\n"), 0),
        (right.replace("package fault\n", "package other\n"), 1),
        (right.clone() + "\n", 1),
        (right[..right.len() / 2].to_owned(), 1),
        (String::new(), 1),
    ] {
        fs::write(&path, &text).unwrap();
        let ran = check(&[]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, right.replace("0xc028aa03", "0xc020aa03")).unwrap();
    let line = right
        .lines()
        .position(|line| line.contains("0xc028aa03"))
        .unwrap()
        + 1;
    check(&[]).assert_line(&format!(
        "{name}:{line}: error: `UFFDIO_COPY = 0xc020aa03`, expected `UFFDIO_COPY = 0xc028aa03`"
    ));
    let json = check(&["--format", "json"]).json();
    assert_eq!(json["result"], "different");
    let why = json["checks"][0]["findings"][0]["why"].as_str().unwrap();
    assert_eq!(
        why,
        format!("Make it anew: uffd-abi export --lang go --package fault --output {name}")
    );
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let write =
        |at: &Path| uffd_abi(&["export", "--lang", "zig", "--output", at.to_str().unwrap()]);
    let names = || {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name()).collect();
        names.sort();
        names
    };
    fs::write(path("uffd.zig"), "old").unwrap();
    fs::set_permissions(path("uffd.zig"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("uffd.zig", path("link.zig")).unwrap();
    let ran = write(&path("link.zig"));
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "", ""));
    assert_eq!(
        fs::read_to_string(path("uffd.zig")).unwrap(),
        export(Lang::Zig, &[])
    );
    assert_eq!(
        fs::metadata(path("uffd.zig")).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(path("link.zig").is_symlink());
    assert_eq!(names(), ["link.zig", "uffd.zig"]);
    // A folder, a device, a folder that is not there: nothing is replaced or left.
    for refused in [
        folder.path(),
        Path::new("/dev/null"),
        &path("none/uffd.zig"),
    ] {
        let ran = write(refused);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert!(ran.err.contains(refused.to_str().unwrap()), "{}", ran.err);
    }
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert_eq!(names(), ["link.zig", "uffd.zig"]);
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uffd.py");
    fs::write(&path, "old").unwrap();
    // No file may grow beyond 8 KiB.
    let program = env!("CARGO_BIN_EXE_uffd-abi");
    let limited = format!(
        "ulimit -f 8; trap '' XFSZ; exec '{program}' export --lang python --output '{}'",
        path.display()
    );
    let ran = Ran::new(Command::new("sh").args(["-c", &limited]).output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
