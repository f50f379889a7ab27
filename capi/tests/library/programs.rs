//! Programs: the examples and some that test a promise of the header, built
//! against the installed files in the three ways, and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{
    compiler, folder, headers_of, installed, not_tested, ok, pkg_config, refused, root, WARNINGS,
};

/// Builds and runs `source` in the three ways; each time it must print this.
fn build_and_run(source: &str, prints: &str) {
    let source = root().join(source);
    let stem = source.file_stem().unwrap().to_str().unwrap();
    let dir = folder(&format!("program-{stem}"));
    let cflags = pkg_config(&["--cflags"]);
    let libs = pkg_config(&["--libs"]);
    let link: &[(&str, Vec<String>)] = &[
        ("dynamic", libs.clone()),
        (
            "static",
            [
                vec!["-static".to_owned()],
                pkg_config(&["--static", "--libs"]),
            ]
            .concat(),
        ),
        ("header-only", vec!["-DUFFD_SYS_HEADER_ONLY".to_owned()]),
    ];
    for (way, flags) in link {
        let program = dir.join(way);
        let mut command = compiler(&source);
        command
            .args(["-O2", "-pthread", "-o"])
            .arg(&program)
            .arg(&source)
            .args(&cflags)
            .args(flags);
        ok(command);
        let mut needed = Command::new("readelf");
        needed.arg("-d").arg(&program);
        assert_eq!(
            ok(needed).contains("libuffd_sys.so.0"),
            *way == "dynamic",
            "{way}"
        );

        let mut run = Command::new("timeout");
        run.arg("30")
            .arg(&program)
            .env("LD_LIBRARY_PATH", installed().join("lib"));
        assert_eq!(ok(run), prints, "{way}");
    }
}

#[test]
fn c_example_tracks_writes() {
    build_and_run("examples/c/wp_tracker.c", "written pages: 0 3 6 9 12 15\n");
}

#[test]
fn the_readmes_programs_compile_and_run() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks: Vec<&str> = readme
        .split("\n```c\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("\n```")?.0))
        .collect();
    assert!(!blocks.is_empty(), "README.md has a program in C");
    let dir = folder("program-readme");
    for (n, block) in blocks.iter().enumerate() {
        let (source, program) = (dir.join(format!("{n}.c")), dir.join(format!("{n}")));
        fs::write(&source, format!("{block}\n")).unwrap();
        let mut command = compiler(&source);
        command
            .args(pkg_config(&["--cflags"]))
            .arg("-o")
            .arg(&program)
            .arg(&source);
        ok(command);
        ok(Command::new(&program));
    }
}

#[test]
fn cpp_example_fills_the_memory_of_another_process() {
    build_and_run(
        "examples/c/remote_handler.cpp",
        "from the other process: abcdefgh\n",
    );
}

#[test]
fn a_program_with_names_of_its_own_links_beside_it() {
    build_and_run("capi/tests/programs/neighbours.cpp", "neighbours\n");
}

#[test]
fn python_example_answers_a_fault() {
    let mut command = Command::new("timeout");
    command
        .args(["30", "python3"])
        .arg(root().join("examples/c/uffd.py"));
    command.arg(installed().join("lib/libuffd_sys.so.0"));
    assert_eq!(ok(command), "from the handler: hello\n");
}

/// A source that includes the installed header, as an object.
fn object(dir: &Path, name: &str, text: &str, flags: &[&str]) -> PathBuf {
    let source = dir.join(name);
    fs::write(&source, text).unwrap();
    let object = source.with_extension("o");
    let mut command = compiler(&source);
    command
        .args(flags)
        .args(pkg_config(&["--cflags"]))
        .arg("-c")
        .arg(&source)
        .arg("-o")
        .arg(&object);
    ok(command);
    object
}

#[test]
fn two_translation_units_link_and_neither_has_a_stray_symbol() {
    let dir = folder("two-units");
    for flags in [
        &[][..],
        &["-DUFFD_SYS_HEADER_ONLY"],
        &["-DUFFD_SYS_HEADER_ONLY", "-O2"],
    ] {
        let include = "#include <uffd_sys.h>\n";
        let use_it = "{ struct uffdio_range r = {0, 0}; return uffd_sys_wake(-1, &r); }\n";
        let one = object(
            &dir,
            "one.c",
            &format!("{include}int one(void);\nint one(void) {use_it}"),
            flags,
        );
        let main = format!("{include}extern \"C\" int one(void);\nint main() {{ return one() != -1 || [] {use_it}() != -1; }}\n");
        let two = object(&dir, "two.cpp", &main, flags);
        let program = dir.join("program");
        let mut command = Command::new("g++");
        command
            .arg(&one)
            .arg(&two)
            .arg("-o")
            .arg(&program)
            .args(pkg_config(&["--libs"]));
        ok(command);
        let mut run = Command::new(&program);
        run.env("LD_LIBRARY_PATH", installed().join("lib"));
        ok(run);

        let unused = object(
            &dir,
            "unused.c",
            &format!("{include}int only_name;\n"),
            flags,
        );
        let mut nm = Command::new("nm");
        nm.arg("-P").arg(&unused);
        let symbols = ok(nm);
        assert_eq!(symbols.lines().count(), 1, "{symbols}");
        assert!(symbols.starts_with("only_name "), "{symbols}");
    }
}

#[test]
fn header_only_function_is_the_system_call_inline() {
    if std::env::consts::ARCH != "x86_64" {
        not_tested("the inlined instruction", "the test knows x86_64's");
        return;
    }
    let dir = folder("inline");
    let text = "#include <uffd_sys.h>\n\
                int wp(int fd, struct uffdio_writeprotect *arg);\n\
                int wp(int fd, struct uffdio_writeprotect *arg)\n\
                { return uffd_sys_writeprotect(fd, arg); }\n";
    let instructions = |assembly: &str| {
        assembly
            .lines()
            .filter(|l| l.trim_end().ends_with(":\tsyscall"))
            .count()
    };
    let disassembly = |flags: &[&str]| {
        let mut command = Command::new("objdump");
        command
            .args(["-d", "-r", "--no-show-raw-insn"])
            .arg(object(&dir, "wp.c", text, flags));
        ok(command)
    };
    let inline = disassembly(&["-O2", "-DUFFD_SYS_HEADER_ONLY"]);
    // In the caller itself, not in a function beside it.
    let caller = inline
        .split("\n\n")
        .find(|f| f.contains("<wp>:"))
        .expect("wp is there");
    assert_eq!(instructions(caller), 1, "{inline}");
    // The only call is that of errno's address, after a failure.
    let calls: Vec<&str> = inline
        .lines()
        .filter(|l| l.contains("R_X86_64_PLT32"))
        .collect();
    assert_eq!(calls.len(), 1, "{inline}");
    assert!(calls[0].contains("__errno_location"), "{inline}");
    for flags in [
        &["-O2"][..],
        &["-O2", "-DUFFD_SYS_HEADER_ONLY", "-DUFFD_SYS_LIBC"],
    ] {
        assert_eq!(instructions(&disassembly(flags)), 0, "{flags:?}");
    }
}

fn syntax(source: &Path, flags: &[String]) -> Command {
    let mut command = Command::new("gcc");
    command
        .args(["-std=c99", "-fsyntax-only"])
        .args(WARNINGS)
        .args(flags)
        .arg(source);
    command
}

#[test]
fn a_program_of_linux_7_3_compiles_on_6_1_by_adding_one_include() {
    let (Some(old), Some(new)) = (headers_of("6.1"), headers_of("7.3")) else {
        return; // header_sets() has said so.
    };
    let dir = folder("one-include");
    let source = root().join("capi/tests/programs/linux73.c");
    let text = fs::read_to_string(&source).unwrap();
    let include = [format!("-I{}", root().join("include").display())];
    // It is such a program: 7.3's headers are enough, and 6.1's are not.
    ok(syntax(&source, &new));
    refused(syntax(&source, &old));
    for (name, text) in [
        ("first.c", format!("#include <uffd_sys.h>\n{text}")),
        (
            "last.c",
            text.replace(
                "#include <sys/ioctl.h>\n",
                "#include <sys/ioctl.h>\n#include <uffd_sys.h>\n",
            ),
        ),
    ] {
        let source = dir.join(name);
        fs::write(&source, text).unwrap();
        ok(syntax(&source, &[&old[..], &include].concat()));
        ok(syntax(&source, &[&new[..], &include].concat()));
    }
}

/// The names that Linux 4.3 had, and no others.
const LINUX_4_3: &str = "\
#ifndef _LINUX_USERFAULTFD_H
#define _LINUX_USERFAULTFD_H
#include <linux/types.h>
#define UFFD_API ((__u64)0xAA)
#define UFFD_API_FEATURES (0)
#define UFFD_API_IOCTLS ((__u64)1 << _UFFDIO_API)
#define UFFD_API_RANGE_IOCTLS ((__u64)1 << _UFFDIO_COPY)
#define _UFFDIO_REGISTER 0
#define _UFFDIO_UNREGISTER 1
#define _UFFDIO_WAKE 2
#define _UFFDIO_COPY 3
#define _UFFDIO_ZEROPAGE 4
#define _UFFDIO_API 0x3F
#define UFFDIO 0xAA
#define UFFDIO_API _IOWR(UFFDIO, _UFFDIO_API, struct uffdio_api)
#define UFFDIO_REGISTER _IOWR(UFFDIO, _UFFDIO_REGISTER, struct uffdio_register)
#define UFFDIO_UNREGISTER _IOR(UFFDIO, _UFFDIO_UNREGISTER, struct uffdio_range)
#define UFFDIO_WAKE _IOR(UFFDIO, _UFFDIO_WAKE, struct uffdio_range)
#define UFFDIO_COPY _IOWR(UFFDIO, _UFFDIO_COPY, struct uffdio_copy)
#define UFFDIO_ZEROPAGE _IOWR(UFFDIO, _UFFDIO_ZEROPAGE, struct uffdio_zeropage)
struct uffd_msg {
	__u8 event, reserved1; __u16 reserved2; __u32 reserved3;
	union {
		struct { __u64 flags, address; } pagefault;
		struct { __u64 reserved1, reserved2, reserved3; } reserved;
	} arg;
} __attribute__((packed));
#define UFFD_EVENT_PAGEFAULT 0x12
#define UFFD_PAGEFAULT_FLAG_WRITE 1
#define UFFD_PAGEFAULT_FLAG_WP 2
struct uffdio_api { __u64 api, features, ioctls; };
struct uffdio_range { __u64 start, len; };
#define UFFDIO_REGISTER_MODE_MISSING ((__u64)1 << 0)
#define UFFDIO_REGISTER_MODE_WP ((__u64)1 << 1)
struct uffdio_register { struct uffdio_range range; __u64 mode, ioctls; };
#define UFFDIO_COPY_MODE_DONTWAKE ((__u64)1 << 0)
struct uffdio_copy { __u64 dst, src, len, mode; __s64 copy; };
#define UFFDIO_ZEROPAGE_MODE_DONTWAKE ((__u64)1 << 0)
struct uffdio_zeropage { struct uffdio_range range; __u64 mode; __s64 zeropage; };
#endif
";

#[test]
fn headers_of_linux_4_3_lack_members_only_if_they_come_first() {
    let dir = folder("linux-4.3");
    fs::create_dir_all(dir.join("linux")).unwrap();
    fs::write(dir.join("linux/userfaultfd.h"), LINUX_4_3).unwrap();
    fs::write(
        dir.join("linux/version.h"),
        "#define LINUX_VERSION_CODE 0x040300\n",
    )
    .unwrap();
    let include = |d: &Path| format!("-I{}", d.display());
    let flags = [
        format!("-isystem{}", dir.display()),
        include(&root().join("include")),
        include(&root().join("capi/tests/programs")),
    ];
    let compile = |name: &str, text: &str, flags: &[String]| {
        let source = dir.join(name);
        fs::write(&source, text).unwrap();
        syntax(&source, flags)
    };
    let (ours, theirs) = (
        "#include <uffd_sys.h>\n",
        "#include <linux/userfaultfd.h>\n",
    );
    let all = "#include \"uses_everything.h\"\n";
    for use_ in ["-DUFFD_SYS_HEADER_ONLY", "-DTHE_LIBRARY"] {
        let flags = [&flags[..], &[use_.to_owned()]].concat();
        ok(compile("alone.c", &format!("{ours}{all}"), &flags));
        ok(compile("after.c", &format!("{ours}{theirs}{all}"), &flags));
        // Everything but the members of uffd_msg that came later.
        let text =
            fs::read_to_string(root().join("capi/tests/programs/uses_everything.h")).unwrap();
        let mut without = text
            .replace(" &&\n\t\t       msg->arg.pagefault.feat.ptid != 0", "")
            .replace("(int)msg->arg.fork.ufd", "1")
            .replace("msg->arg.remap.to != 0", "1");
        ok(compile(
            "before.c",
            &format!(
                "{theirs}{ours}{}",
                without.replace("msg->arg.remove.end != 0", "1")
            ),
            &flags,
        ));
        without.insert_str(0, &format!("{theirs}{ours}"));
        let said = refused(compile("lacks.c", &without, &flags));
        assert!(
            said.contains("no member named") && said.contains("remove"),
            "{said}"
        );
    }
}

#[test]
fn other_processors_inline_their_own_instruction() {
    let mut find = Command::new("python3");
    find.arg(root().join("capi/tests/matrix.py"))
        .arg("--print-zig");
    let found = ok(find);
    let zig: Vec<&str> = found.split_whitespace().collect();
    if zig.is_empty() {
        not_tested(
            "header-only for aarch64 and riscv64",
            "zig is missing; pip install ziglang",
        );
        return;
    }
    let dir = folder("processors-inline");
    for (processor, instruction) in [("aarch64", "svc"), ("riscv64", "ecall"), ("x86", "syscall")] {
        let out = dir.join(format!("{processor}.s"));
        let mut command = Command::new(zig[0]);
        command.args(&zig[1..]).args([
            "cc",
            "-std=c99",
            "-O2",
            "-S",
            "-Wno-unused-command-line-argument",
            "-target",
        ]);
        command
            .arg(format!("{processor}-linux-musl"))
            .args(WARNINGS);
        command
            .arg(format!("-I{}", root().join("include").display()))
            .arg("-o")
            .arg(&out);
        command.arg(root().join("capi/tests/programs/shim.c"));
        ok(command);
        let assembly = fs::read_to_string(&out).unwrap();
        // 32-bit x86 has none of its own here, and calls syscall(2).
        let inline = assembly
            .lines()
            .filter(|l| l.split_whitespace().next() == Some(instruction));
        assert_eq!(
            inline.count(),
            if processor == "x86" { 0 } else { 16 },
            "{processor}\n{assembly}"
        );
    }
}
