//! The bindings against the pinned table and against C compilers; and the
//! checker itself, which must find what is planted.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use uffd_sys::abi::table::{CONSTANTS, STRUCTS};
use uffd_sys::abi::{self, SeenField, Witness};

/// What build.rs made.
const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/bindings.rs"));

#[test]
fn bindings_agree_with_the_table() {
    let report = abi::compare(&[abi::compiled()], abi::target());
    assert!(report.findings.is_empty(), "{report}");
    let fields: usize = STRUCTS.iter().map(|s| s.fields.len()).sum();
    assert_eq!(
        (report.constants, report.structs, report.fields),
        (CONSTANTS.len(), STRUCTS.len(), fields)
    );
}

#[test]
fn the_table_is_of_the_size_of_the_kernels_header() {
    let of_userfaultfd = |name: &str| {
        !name.starts_with("PAGE") && !name.starts_with("PM_") && !name.starts_with("PROCFS")
    };
    assert_eq!(
        CONSTANTS.iter().filter(|c| of_userfaultfd(c.name)).count(),
        78
    );
    assert_eq!(STRUCTS.iter().filter(|s| !s.is_anonymous()).count(), 14);
}

/// Whatever the generated code exports has a row, members of unions included:
/// the compiler's own check in src/abi/compiled.rs does not see those.
#[test]
fn the_table_knows_every_generated_name() {
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    let mut current = "";
    let tokens: Vec<&str> = GENERATED.split_whitespace().collect();
    for window in tokens.windows(3) {
        let (name, known) = match *window {
            ["pub", "const", name] => {
                let name = name.trim_end_matches(':');
                (name, CONSTANTS.iter().any(|c| c.name == name))
            }
            ["pub", "struct" | "union", name] => {
                current = name;
                (name, STRUCTS.iter().any(|s| s.name == name))
            }
            ["pub", field, _] => {
                let field = field.trim_end_matches(':');
                let fields = STRUCTS
                    .iter()
                    .find(|s| s.name == current)
                    .map_or(&[][..], |s| s.fields);
                (field, fields.iter().any(|f| f.name == field))
            }
            _ => continue,
        };
        seen += 1;
        if !known {
            unknown.insert(name);
        }
    }
    assert!(
        seen > 150,
        "only {seen} names were found in the generated code"
    );
    assert!(
        unknown.is_empty(),
        "the kernel's header is newer than src/abi/table.rs, which lacks: {unknown:?}"
    );
}

/// What a C compiler says of `includes`, which may name files of this package.
fn c_witness(compiler: &str, includes: &str) -> Witness {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut command: Command = cc::Build::new()
        .compiler(compiler)
        .target(&target)
        .host(&target)
        .opt_level(0)
        .cargo_metadata(false)
        .get_compiler()
        .to_command();
    let mut child = command
        .args([
            "-S",
            "-x",
            "c",
            "-",
            "-o",
            "-",
            "-I",
            env!("CARGO_MANIFEST_DIR"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    let source = abi::c::source(includes);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(source.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} failed:\n{stderr}");
    let witness = abi::c::read(compiler, &String::from_utf8_lossy(&output.stdout)).unwrap();
    witness
}

/// gcc always; clang where it is installed.
fn compilers() -> Vec<&'static str> {
    let installed = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    let found: Vec<&str> = ["gcc", "clang"].into_iter().filter(installed).collect();
    assert!(found.contains(&"gcc"), "gcc is not installed: apt install gcc, dnf install gcc, apk add gcc musl-dev, pacman -S gcc");
    found
}

#[test]
fn c_compilers_agree_with_the_table() {
    for compiler in compilers() {
        for includes in [
            "#include \"wrapper.h\"",
            "#define UFFD_SYS_NO_LINUX_HEADERS\n#include \"include/uffd_sys.h\"",
        ] {
            let report = abi::compare(&[c_witness(compiler, includes)], abi::target());
            assert!(report.findings.is_empty(), "{includes}\n{report}");
            assert_eq!(
                (report.constants, report.structs),
                (CONSTANTS.len(), STRUCTS.len())
            );
        }
    }
}

#[test]
fn c_compilers_find_planted_mistakes() {
    let planted = "#include \"wrapper.h\"\n\
        #undef UFFDIO_WAKE\n#define UFFDIO_WAKE 0x4010aa02\n\
        #undef UFFDIO_POISON_MODE_DONTWAKE\n\
        #define uffdio_move uffdio_move_planted\n\
        struct uffdio_move_planted { __u64 src, dst, len, mode; __s64 move; };\n";
    for compiler in compilers() {
        let report = abi::compare(&[c_witness(compiler, planted)], abi::target());
        let text: Vec<String> = report.findings.iter().map(|f| f.to_string()).collect();
        assert_eq!(
            text,
            [
                format!("{compiler}: UFFDIO_WAKE: value is 0x4010aa02, expected 0x8010aa02"),
                format!("{compiler}: UFFDIO_POISON_MODE_DONTWAKE: missing (since Linux 6.6)"),
                format!("{compiler}: uffdio_move.dst: offset is 8, expected 0"),
                format!("{compiler}: uffdio_move.src: offset is 0, expected 8"),
            ]
        );
    }
}

/// The findings after `plant` spoiled the bindings' own witness.
fn findings(plant: impl Fn(&mut Witness)) -> Vec<String> {
    let mut witness = abi::compiled();
    plant(&mut witness);
    let report = abi::compare(&[witness], abi::target());
    report.findings.iter().map(|f| f.to_string()).collect()
}

#[test]
fn planted_mistakes_are_found() {
    let value = findings(|w| w.constants.get_mut("UFFD_FEATURE_MOVE").unwrap().value += 1);
    assert_eq!(
        value,
        ["bindings: UFFD_FEATURE_MOVE: value is 0x10001, expected 0x10000"]
    );

    let ty = findings(|w| w.constants.get_mut("UFFD_EVENT_FORK").unwrap().ty = Some("u32".into()));
    assert_eq!(ty, ["bindings: UFFD_EVENT_FORK: type is u32, expected u8"]);

    let missing = findings(|w| {
        w.constants.remove("UFFDIO_CONTINUE_MODE_WP");
        w.structs.remove("pm_scan_arg");
    });
    assert_eq!(
        missing,
        [
            "bindings: UFFDIO_CONTINUE_MODE_WP: missing (since Linux 6.4)",
            "bindings: pm_scan_arg: missing (since Linux 6.7)"
        ]
    );

    let moved = findings(|w| w.structs.get_mut("uffdio_copy").unwrap().fields[3].offset = 28);
    assert_eq!(
        moved,
        ["bindings: uffdio_copy.mode: offset is 28, expected 24"]
    );

    let narrowed = findings(|w| w.structs.get_mut("uffd_msg_fork").unwrap().fields[0].size = 2);
    assert_eq!(
        narrowed,
        ["bindings: uffd_msg_fork.ufd: size is 2, expected 4"]
    );

    let grown = findings(|w| {
        let s = w.structs.get_mut("uffdio_range").unwrap();
        s.size = 24;
        s.fields.push(SeenField {
            name: "flags".into(),
            offset: 16,
            size: 8,
        });
    });
    assert_eq!(
        grown,
        [
            "bindings: uffdio_range: size is 24, expected 16",
            "bindings: uffdio_range: fields is start, len, flags, expected start, len"
        ]
    );

    let unpacked = findings(|w| w.structs.get_mut("uffd_msg").unwrap().align = Some(8));
    assert_eq!(unpacked, ["bindings: uffd_msg: alignment is 8, expected 1"]);

    let unknown = findings(|w| {
        let seen = w.constants["UFFD_API"].clone();
        w.constants.insert("UFFD_FEATURE_MADE_UP".into(), seen);
    });
    assert_eq!(
        unknown,
        ["bindings: UFFD_FEATURE_MADE_UP: not in the table, which knows Linux 7.3"]
    );
}

#[test]
fn comparing_nothing_is_told() {
    let report = abi::compare(&[], abi::target());
    assert_eq!(report.compared(), 0);
    let nothing = abi::compare(
        &[Witness {
            name: "empty".into(),
            ..Witness::default()
        }],
        abi::target(),
    );
    assert_eq!(nothing.compared(), 0);
    assert_eq!(nothing.findings.len(), CONSTANTS.len() + STRUCTS.len());
    assert_eq!(
        abi::c::read("gcc", "\t.text\n").unwrap_err(),
        "gcc: the compiler's output tells nothing"
    );
    assert_eq!(
        abi::c::read("gcc", "\t.ascii \"->constant UFFD_API 0 x\"\n").unwrap_err(),
        "gcc: cannot understand: .ascii \"->constant UFFD_API 0 x\""
    );
}

/// src/check.rs takes the sizes and the codes from the table, each for itself.
#[test]
fn request_codes_carry_the_size_of_their_struct() {
    let mut seen = 0;
    for constant in CONSTANTS.iter().filter(|c| c.is_request()) {
        let of = match constant.name {
            "UFFDIO_UNREGISTER" | "UFFDIO_WAKE" => "uffdio_range".to_owned(),
            "PAGEMAP_SCAN" => "pm_scan_arg".to_owned(),
            name => name.to_lowercase(),
        };
        // USERFAULTFD_IOC_NEW has no struct: it takes flags.
        let size = STRUCTS.iter().find(|s| s.name == of).map_or(0, |s| s.size);
        seen += usize::from(size != 0);
        for code in [constant.generic, constant.mips_powerpc_sparc] {
            assert_eq!(code >> 16 & 0x1fff, size, "{}", constant.name);
        }
    }
    assert_eq!(seen, 13);
}
