//! The numbers in the C header against the pinned table: all constants, sizes,
//! alignments and offsets, as compilers see them, with each set of kernel
//! headers and for other processors.

use std::fs;
use std::path::Path;
use std::process::Command;

use uffd_sys::abi::table::{Encoding, CONSTANTS, STRUCTS};
use uffd_sys::abi::{c, compare, target, Report, Target};

use crate::support::{folder, has, header_sets, headers_dir, ok, root};

/// What one compiler makes of `includes`, compared with the table.
fn check(
    dir: &Path,
    compiler: &str,
    name: &str,
    flags: &[String],
    includes: &str,
    target: Target,
) -> Report {
    let cxx = compiler.ends_with("++");
    let source = dir.join(if cxx { "tell.cpp" } else { "tell.c" });
    fs::write(&source, c::source(includes)).unwrap();
    let mut command = Command::new(compiler);
    command.args(["-S", "-w", "-o", "-"]).args(flags);
    command
        .arg(format!("-I{}", root().join("include").display()))
        .arg(&source);
    let witness = c::read(&format!("{compiler}, {name}"), &ok(command)).unwrap();
    compare(&[witness], target)
}

fn assert_all(report: &Report) {
    assert!(report.findings.is_empty(), "{report}");
    assert_eq!(
        (report.constants, report.structs),
        (CONSTANTS.len(), STRUCTS.len())
    );
    assert!(report.fields > 60, "{} fields", report.fields);
}

const OURS: &str = "#include <uffd_sys.h>";

#[test]
fn numbers_are_the_tables_with_every_set_of_kernel_headers() {
    let dir = folder("values");
    let orders = [
        OURS.to_owned(),
        format!(
            "#include <sys/ioctl.h>\n#include <linux/userfaultfd.h>\n#include <linux/fs.h>\n{OURS}"
        ),
        format!(
            "{OURS}\n#include <linux/userfaultfd.h>\n#include <linux/fs.h>\n#include <sys/ioctl.h>"
        ),
    ];
    for compiler in ["gcc", "g++", "clang", "clang++"] {
        if !has(compiler, "the values as it sees them") {
            continue;
        }
        for (name, flags) in header_sets() {
            for includes in &orders {
                // "none" is about what there is without the kernel's headers.
                if name != "none" || includes == OURS {
                    assert_all(&check(&dir, compiler, &name, &flags, includes, target()));
                }
            }
        }
    }
}

#[test]
fn numbers_are_the_tables_for_other_processors() {
    if !has("clang", "other processors") {
        return;
    }
    let dir = folder("processors");
    for (processor, encoding, align_of_u64) in [
        ("aarch64-linux-gnu", Encoding::Generic, 8),
        ("riscv64-linux-gnu", Encoding::Generic, 8),
        ("s390x-linux-gnu", Encoding::Generic, 8),
        ("armv7-linux-gnueabihf", Encoding::Generic, 8),
        ("i686-linux-gnu", Encoding::Generic, 4),
        ("x86_64-linux-gnux32", Encoding::Generic, 8),
        ("powerpc64le-linux-gnu", Encoding::MipsPowerpcSparc, 8),
        ("mips64el-linux-gnuabi64", Encoding::MipsPowerpcSparc, 8),
        ("sparc64-linux-gnu", Encoding::MipsPowerpcSparc, 8),
    ] {
        let for_it = format!("--target={processor}");
        let target = Target {
            encoding,
            align_of_u64,
        };
        let own = [for_it.clone(), "-DUFFD_SYS_NO_LINUX_HEADERS".to_owned()];
        assert_all(&check(&dir, "clang", processor, &own, OURS, target));
        // The kernel's own rules for that processor, against which the header
        // checks its request codes.
        if let Some(newest) = headers_dir("7.3") {
            let debians = processor.replace("i686", "i386").replace("armv7", "arm");
            let asm = newest.join(debians);
            assert!(asm.is_dir(), "{}", asm.display());
            let kernels = [
                for_it,
                format!("-isystem{}", newest.display()),
                format!("-isystem{}", asm.display()),
            ];
            let name = format!("{processor}, headers 7.3");
            assert_all(&check(&dir, "clang", &name, &kernels, OURS, target));
        }
    }
}

/// Planted in the definition and in the header's own check of it, which
/// refuses it otherwise: see refusals.rs.
#[test]
fn a_wrong_number_or_layout_is_found() {
    let dir = folder("planted");
    let header = fs::read_to_string(root().join("include/uffd_sys.h")).unwrap();
    let none = ["-DUFFD_SYS_NO_LINUX_HEADERS".to_owned()];
    for (planted, found) in [
        (
            &[
                (
                    "# define UFFD_EVENT_REMAP 0x14",
                    "# define UFFD_EVENT_REMAP 0x15",
                ),
                ("(UFFD_EVENT_REMAP, 0x14)", "(UFFD_EVENT_REMAP, 0x15)"),
            ][..],
            "UFFD_EVENT_REMAP: value is",
        ),
        (
            &[
                (
                    "# define _UFFDIO_MOVE (0x05)",
                    "# define _UFFDIO_MOVE (0x06)",
                ),
                ("(_UFFDIO_MOVE, 0x05)", "(_UFFDIO_MOVE, 0x06)"),
                ("(UFFDIO_MOVE, RW, 0x28AA05)", "(UFFDIO_MOVE, RW, 0x28AA06)"),
            ],
            "UFFDIO_MOVE: value is",
        ),
        (
            &[
                (
                    "\tUFFD_SYS_U64 dst;\n\tUFFD_SYS_U64 src;",
                    "\tUFFD_SYS_U64 src;\n\tUFFD_SYS_U64 dst;",
                ),
                ("(uffdio_copy, dst, 0, 8)", "(uffdio_copy, dst, 8, 8)"),
                ("(uffdio_copy, src, 8, 8)", "(uffdio_copy, src, 0, 8)"),
            ],
            "uffdio_copy",
        ),
    ] {
        let mut text = format!("#line 1\n{header}\n");
        for (right, wrong) in planted {
            assert!(text.contains(right), "{right} is not in the header");
            text = text.replacen(right, wrong, 1);
        }
        let report = check(&dir, "gcc", "planted", &none, &text, target());
        assert!(report.to_string().contains(found), "{planted:?}: {report}");
    }
}
