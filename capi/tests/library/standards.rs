//! Standards before C99 and C++11: the header gives no warning that the
//! kernel's own header does not give. capi/tests/matrix.py compiles the others.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::{folder, has, header_sets, include_flags, source_with};

/// Where a compiler warns, and of what, in its own words.
fn warnings(compiler: &str, standard: &str, flags: &[String], source: &Path) -> BTreeSet<String> {
    let mut command = Command::new(compiler);
    command
        .arg(format!("-std={standard}"))
        .args([
            "-fsyntax-only",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Wshadow",
        ])
        .args(flags)
        .arg(source)
        .env("LC_ALL", "C");
    let output = command.output().expect("it is installed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
    said.lines()
        .filter(|line| line.contains(": warning: "))
        .map(str::to_owned)
        .collect()
}

const KERNELS: &str = "#include <linux/ioctl.h>\n#include <linux/userfaultfd.h>\n\
    #include <linux/fs.h>\n#include <errno.h>\n#include <sys/syscall.h>\n";
const OURS: &str = "#include <uffd_sys.h>\n#include \"uses_everything.h\"\n";

#[test]
fn no_warning_but_those_of_the_kernels_header() {
    let dir = folder("standards");
    let mut of_the_kernel = 0;
    for (compiler, standard) in [
        ("gcc", "c89"),
        ("gcc", "gnu89"),
        ("clang", "c89"),
        ("g++", "c++98"),
        ("g++", "c++03"),
        ("clang++", "c++98"),
        ("clang++", "c++03"),
    ] {
        if !has(compiler, "standards before C99 and C++11") {
            continue;
        }
        for (headers, flags) in header_sets() {
            // Not as system headers, whose warnings no compiler shows.
            let flags: Vec<String> = flags
                .iter()
                .map(|flag| flag.replace("-isystem", "-I"))
                .collect();
            let known = match headers.as_str() {
                "none" => BTreeSet::new(),
                _ => {
                    let source = source_with(&dir, compiler, KERNELS);
                    warnings(compiler, standard, &flags, &source)
                }
            };
            of_the_kernel += known.len();
            for use_ in [
                &["-DTHE_LIBRARY"][..],
                &["-DUFFD_SYS_HEADER_ONLY"],
                &["-DUFFD_SYS_HEADER_ONLY", "-DUFFD_SYS_LIBC"],
            ] {
                let source = source_with(&dir, compiler, OURS);
                let mut flags = [&flags[..], &include_flags(&[])].concat();
                flags.extend(use_.iter().map(|flag| (*flag).to_owned()));
                let more: Vec<String> = warnings(compiler, standard, &flags, &source)
                    .difference(&known)
                    .cloned()
                    .collect();
                assert!(
                    more.is_empty(),
                    "{compiler} {standard}, headers {headers}, {use_:?}\n{}",
                    more.join("\n")
                );
            }
        }
    }
    assert!(of_the_kernel > 0, "the kernel's headers do warn in C89");
}
