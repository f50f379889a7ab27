//! The files of `export`, compiled: all their numbers and layouts as the compilers of
//! each language see them, on 64 and 32 bits and where request codes differ; at work
//! on this kernel; and with mistakes planted, which must not compile.

#[path = "export/printer.rs"]
mod printer;
mod support;
#[path = "export/toolchains.rs"]
mod toolchains;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{say_not_run, uffd_abi, Ran};
use tempfile::TempDir;
use toolchains::{build, file, machines, Built, Machine, HERE, LANGS};
use uffd_abi::arch::Arch;
use uffd_abi::cli::Lang;

/// A folder with the exported file, of Go both, and a main program.
fn folder(lang: Lang, main: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let export = |file: &str, more: &[&str]| {
        let path = folder.path().join(file);
        let output = path.to_str().unwrap();
        let args = ["export", "--lang", lang.name(), "--output", output];
        let ran = uffd_abi(&[&args, more].concat());
        assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "", ""));
    };
    if lang == Lang::Go {
        let package = main.split_whitespace().nth(1).unwrap();
        export("uffd.go", &["--package", package]);
        export("uffd_others.go", &["--package", package, "--arch", "mips"]);
    } else {
        export(&file(lang), &[]);
    }
    let ending = if lang == Lang::C {
        "c"
    } else {
        toolchains::ending(lang)
    };
    fs::write(folder.path().join(format!("main.{ending}")), main).unwrap();
    folder
}

/// Runs a program that may hang if it is wrong.
fn run(words: &[String], arguments: &[String]) -> Ran {
    let mut command = Command::new("timeout");
    command.arg("120").args(words).args(arguments);
    Ran::new(command.output().expect("timeout(1) can be run"))
}

/// The output of a program that must be compiled and succeed; nothing where there is
/// no compiler.
fn output(what: &str, lang: Lang, at: &Path, machine: &Machine, args: &[String]) -> Option<String> {
    let what = format!("{what} in {} for {}", lang.name(), machine.name);
    match build(lang, at, machine) {
        Built::Runs(words) => {
            let ran = run(&words, args);
            assert_eq!(
                (ran.code, &*ran.err),
                (Some(0), ""),
                "{what}: {words:?} {}",
                ran.out
            );
            Some(ran.out)
        }
        Built::Refused(said) => panic!("{what}: {said}"),
        Built::NotHere(why) => {
            say_not_run(&what, &why);
            None
        }
    }
}

#[test]
fn numbers_and_layouts_are_those_of_the_table() {
    for machine in machines() {
        let arch = Arch::parse(machine.name).unwrap();
        for lang in LANGS {
            let (program, expected) = printer::program(lang, &arch);
            // 92 constants; 21 structs with a size and 71 fields with an offset and a
            // size, of which Go has 18 and 62.
            let items = if lang == Lang::Go {
                92 + 18 + 2 * 62
            } else {
                92 + 21 + 2 * 71
            };
            assert_eq!(expected.lines().count(), items, "{lang:?}");
            let folder = folder(lang, &program);
            if let Some(found) = output("the layouts", lang, folder.path(), machine, &[]) {
                for (found, expected) in found.lines().zip(expected.lines()) {
                    assert_eq!(found, expected, "{lang:?} for {}", machine.name);
                }
                assert_eq!(found, expected, "{lang:?} for {}", machine.name);
            }
        }
    }
}

/// Whether this kernel lets these programs do what they do; says so if not.
fn has_userfaultfd() -> bool {
    // SAFETY: takes flags alone.
    let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC | 1) };
    if fd >= 0 {
        // SAFETY: opened above, and nobody else's.
        unsafe { libc::close(fd as i32) };
        return true;
    }
    let why = std::io::Error::last_os_error();
    let expected = std::env::var_os("UFFD_SYS_EXPECT").is_some();
    assert!(
        !expected,
        "UFFD_SYS_EXPECT is set, and userfaultfd(2): {why}"
    );
    say_not_run("exported files at work", &format!("userfaultfd(2): {why}"));
    false
}

#[test]
fn they_work_on_this_kernel() {
    const RUNS: [(Lang, &str); 5] = [
        (Lang::C, include_str!("export/run.c")),
        (Lang::Go, include_str!("export/run.go")),
        (Lang::Zig, include_str!("export/run.zig")),
        (Lang::Python, include_str!("export/run.py")),
        (Lang::Rust, include_str!("export/run.rs")),
    ];
    if !has_userfaultfd() {
        return;
    }
    let page = rustix::param::page_size();
    let expected = format!("copied {page}, fault at {page}, zeroed {page}\n");
    for machine in machines() {
        let Some(number) = machine.userfaultfd else {
            continue;
        };
        let arguments = [number.to_string(), page.to_string()];
        for (lang, main) in RUNS {
            let folder = folder(lang, main);
            let found = output("a fault", lang, folder.path(), machine, &arguments);
            assert_eq!(found.unwrap_or(expected.clone()), expected, "{lang:?}");
        }
    }
}

/// Go and Zig bring all their processors with them: of Go exactly one of the two files
/// is for each, and Zig's asserts compare its request codes.
#[test]
fn they_compile_for_every_processor() {
    let package = folder(Lang::Go, "package uffd\nvar _ = uint32(UFFDIO_WAKE)\n");
    let arches =
        "386 amd64 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x";
    for go in arches.split(' ') {
        let machine = Machine { go, ..HERE };
        match build(Lang::Go, package.path(), &machine) {
            Built::Runs(_) => {}
            Built::Refused(said) => panic!("{go}: {said}"),
            Built::NotHere(why) => return say_not_run("exported Go for all processors", &why),
        }
    }
    let program = "comptime { _ = @import(\"uffd.zig\"); }\n";
    let folder = folder(Lang::Zig, program);
    let arches =
        "x86 x86_64 arm aarch64 loongarch64 mips mipsel mips64 mips64el powerpc powerpc64 \
                  powerpc64le riscv32 riscv64 s390x sparc64";
    for arch in arches.split_whitespace() {
        let mut zig = match toolchains::zig() {
            Ok(zig) => zig,
            Err(why) => return say_not_run("exported Zig for all processors", &why),
        };
        zig.args([
            "build-obj",
            "main.zig",
            "-fno-emit-bin",
            "-target",
            &format!("{arch}-linux"),
        ]);
        let ran = Ran::new(zig.current_dir(folder.path()).output().unwrap());
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{arch}");
    }
}

/// A text and what stands for it in a wrong file.
type Mistake = (&'static str, &'static str);

/// Fields that are too narrow or too wide; of Zig, which puts its request codes
/// together, a number and a direction.
fn mistakes(lang: Lang) -> &'static [Mistake] {
    match lang {
        Lang::C => &[
            ("uint64_t src;", "uint32_t src;"),
            ("uint8_t reserved1;", "uint16_t reserved1;"),
        ],
        Lang::Go => &[
            ("Src uint64", "Src uint32"),
            ("Reserved1 uint8", "Reserved1 uint16"),
        ],
        Lang::Zig => &[
            ("src: u64", "src: u32"),
            ("reserved1: u8", "reserved1: u16"),
            ("iowr(UFFDIO, 0x03", "iowr(UFFDIO, 0x04"),
            ("ior(UFFDIO, 0x02", "iow(UFFDIO, 0x02"),
        ],
        Lang::Python => &[
            ("(\"src\", ctypes.c_uint64)", "(\"src\", ctypes.c_uint32)"),
            (
                "(\"reserved1\", ctypes.c_uint8)",
                "(\"reserved1\", ctypes.c_uint16)",
            ),
        ],
        Lang::Rust => &[
            ("pub src: u64", "pub src: u32"),
            ("pub reserved1: u8", "pub reserved1: u16"),
        ],
    }
}

/// The file with two fields of `uffdio_copy` in each other's place.
fn swapped(text: &str) -> String {
    const STARTS: [&str; 4] = [
        "struct uffdio_copy {",
        "type UffdioCopy struct",
        "class uffdio_copy(",
        "uffdio_copy = extern",
    ];
    let start = STARTS.iter().find_map(|start| text.find(start));
    let (before, rest) = text.split_at(start.expect("the struct is there"));
    let end = rest.find("mode").or(rest.find("Mode")).unwrap();
    let (mut inside, after) = (rest[..end].to_owned(), &rest[end..]);
    for [one, other] in [["dst", "src"], ["Dst", "Src"]] {
        inside = inside
            .replace(one, "\0")
            .replace(other, one)
            .replace('\0', other);
    }
    format!("{before}{inside}{after}")
}

#[test]
fn a_mistake_does_not_compile() {
    for lang in LANGS {
        // Uses nothing: the file itself must say it.
        let main = match lang {
            Lang::C => "#include \"uffd.h\"\nint main(void) { return 0; }\n",
            Lang::Go => "package main\nfunc main() {}\n",
            Lang::Zig => "comptime { _ = @import(\"uffd.zig\"); }\npub export fn main(_: c_int, _: [*]const [*:0]const u8) c_int { return 0; }\n",
            Lang::Python => "import uffd\n",
            Lang::Rust => "mod uffd;\nfn main() {}\n",
        };
        let folder = folder(lang, main);
        if output("no mistake", lang, folder.path(), &HERE, &[]).is_none() {
            continue;
        }
        let path = folder.path().join(file(lang));
        let right = fs::read_to_string(&path).unwrap();
        let mut wrong = vec![swapped(&right)];
        for (from, to) in mistakes(lang) {
            wrong.push(right.replacen(from, to, 1));
        }
        for wrong in wrong {
            assert_ne!(wrong, right);
            fs::write(&path, &wrong).unwrap();
            let said = match build(lang, folder.path(), &HERE) {
                Built::Refused(said) => said,
                // Of Python the import fails.
                Built::Runs(words) => run(&words, &[]).err,
                Built::NotHere(why) => panic!("{why}"),
            };
            let reason = match lang {
                Lang::C => "static assertion failed",
                Lang::Go => "in variable declaration",
                Lang::Zig => "reached unreachable code",
                Lang::Python => "has a wrong layout",
                Lang::Rust => "error[E0080]",
            };
            assert!(
                said.contains(reason) || said.contains("E0512"),
                "{lang:?}: {said}"
            );
        }
    }
}
