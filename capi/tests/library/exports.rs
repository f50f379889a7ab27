//! The functions that the header declares are those that the library exports,
//! each way round, and nothing else is exported.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use uffd_sys::*;

use crate::api::shim;
use crate::support::{folder, installed, not_tested, ok, root};

/// What the compiler, not a regular expression, finds declared in the header.
fn declared() -> BTreeSet<String> {
    let source = folder("declared").join("all.c");
    fs::write(&source, "#include <uffd_sys.h>\n").unwrap();
    let mut command = Command::new("gcc");
    command.args(["-fsyntax-only", "-aux-info", "/dev/stdout"]);
    command
        .arg(format!("-I{}", root().join("include").display()))
        .arg(&source);
    names(&ok(command), |line| {
        line.split_once("uffd_sys.h:").map(|(_, rest)| rest)
    })
}

fn names<'a>(text: &'a str, part: impl Fn(&'a str) -> Option<&'a str>) -> BTreeSet<String> {
    text.lines()
        .filter_map(part)
        .filter_map(|line| line.find("uffd_sys_").map(|at| &line[at..]))
        .map(|name| {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
            name[..end.unwrap_or(name.len())].to_owned()
        })
        .collect()
}

fn defined(args: &[&str], library: &str) -> String {
    let mut command = Command::new("nm");
    command
        .args(args)
        .arg("--defined-only")
        .arg(installed().join("lib").join(library));
    ok(command)
}

#[test]
fn shared_library_exports_what_the_header_declares() {
    let declared = declared();
    assert!(declared.len() >= 16, "{declared:?}");
    let exported = defined(&["-D"], "libuffd_sys.so.0");
    assert_eq!(names(&exported, Some), declared);
    // The version's own name is a symbol too.
    let others: Vec<&str> = exported
        .lines()
        .filter(|line| !line.contains(" T uffd_sys_") && !line.ends_with(" A UFFD_SYS_0"))
        .collect();
    assert_eq!(others, [""; 0]);
    for line in exported.lines().filter(|line| line.contains(" T ")) {
        assert!(line.ends_with("@@UFFD_SYS_0"), "{line}");
    }
}

#[test]
fn static_library_defines_what_the_header_declares_and_no_other_name_of_c() {
    let symbols = defined(&["-g"], "libuffd_sys.a");
    let strong = |line: &&str| line.contains(" T ") || line.contains(" D ") || line.contains(" B ");
    let ours: String = symbols
        .lines()
        .filter(strong)
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(names(&ours, Some), declared());
    for line in ours.lines() {
        let name = line.rsplit(' ').next().unwrap();
        assert!(name.starts_with("uffd_sys_"), "stray symbol {name}");
    }
}

/// The calls of which a running kernel may know only that they fail.
#[test]
fn each_function_has_its_own_request_code() {
    if std::env::consts::ARCH != "x86_64" {
        not_tested(
            "the request code in each function",
            "the test knows x86_64's instructions",
        );
        return;
    }
    let codes = [
        ("userfaultfd_new", USERFAULTFD_IOC_NEW),
        ("api", UFFDIO_API),
        ("register", UFFDIO_REGISTER),
        ("unregister", UFFDIO_UNREGISTER),
        ("wake", UFFDIO_WAKE),
        ("copy", UFFDIO_COPY),
        ("zeropage", UFFDIO_ZEROPAGE),
        ("move", UFFDIO_MOVE),
        ("continue", UFFDIO_CONTINUE),
        ("poison", UFFDIO_POISON),
        ("writeprotect", UFFDIO_WRITEPROTECT),
        ("rwprotect", UFFDIO_RWPROTECT),
        ("set_mode", UFFDIO_SET_MODE),
        ("pagemap_scan", PAGEMAP_SCAN),
    ];
    for (library, prefix) in [
        (installed().join("lib/libuffd_sys.so.0"), "uffd_sys_"),
        (shim("request-codes", &[]), "shim_"),
        (shim("request-codes-libc", &["-DUFFD_SYS_LIBC"]), "shim_"),
    ] {
        let mut command = Command::new("objdump");
        command.args(["-d", "--no-show-raw-insn"]).arg(&library);
        let text = ok(command);
        for (name, code) in codes {
            let function = text
                .split("\n\n")
                .find(|f| {
                    let label = f
                        .lines()
                        .find_map(|l| l.strip_suffix(">:")?.split_once('<'));
                    label.map_or(false, |(_, symbol)| {
                        symbol.trim_end_matches("@@UFFD_SYS_0") == format!("{prefix}{name}")
                    })
                })
                .unwrap_or_else(|| panic!("{name} is not in {}", library.display()));
            let own = format!("$0x{code:x},");
            assert!(function.contains(&own), "{name} lacks {own}\n{function}");
            for (other, code) in codes.iter().filter(|(other, _)| *other != name) {
                let code = format!("$0x{code:x},");
                assert!(
                    !function.contains(&code),
                    "{name} has {other}'s {code}\n{function}"
                );
            }
        }
    }
}
