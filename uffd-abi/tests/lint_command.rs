//! `uffd-abi lint` as a user runs it: what is printed, what is skipped, and the
//! exit codes.

#![cfg(feature = "lint")]

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn lint(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let output = command(folder, arguments).output().unwrap();
    told(&output)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uffd-abi"));
    command.current_dir(folder).arg("lint").args(arguments);
    command
}

fn told(output: &Output) -> (String, i32) {
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        String::from_utf8(output.stdout.clone()).unwrap(),
        output.status.code().unwrap(),
    )
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

const WAKE: &[u8] = b"const UFFDIO_WAKE: u64 = 0x4010aa02;\n";
const RIGHT: &[u8] = b"const UFFDIO_WAKE: u64 = 0x8010aa02;\n";

#[test]
fn a_mistake_is_told_and_exits_with_1() {
    let folder = folder(&[("src/uffd.rs", WAKE), ("src/main.rs", b"fn main() {}\n")]);
    let (text, exit) = lint(folder.path(), &["src"]);
    let expected = "\
src/uffd.rs:1:7: error: UFFDIO_WAKE: value is 0x4010aa02, expected 0x8010aa02
    That is the request code of powerpc, mips, sparc and alpha; on x86, arm and
    all others every call fails with EINVAL.
2 files read, 1 with something of userfaultfd
1 item checked: 1 finding, 0 not evaluated
";
    assert_eq!(text, expected);
    assert_eq!(exit, 1);
}

#[test]
fn the_processor_of_the_user_decides() {
    let folder = folder(&[("uffd.rs", WAKE)]);
    assert_eq!(
        lint(folder.path(), &["--arch", "powerpc64le", "uffd.rs"]).1,
        0
    );
    assert_eq!(lint(folder.path(), &["--arch", "aarch64", "uffd.rs"]).1, 1);
    fs::write(folder.path().join("uffd.rs"), RIGHT).unwrap();
    let (text, exit) = lint(folder.path(), &["--arch", "mips64", "uffd.rs"]);
    assert!(
        text.contains("value is 0x8010aa02, expected 0x4010aa02"),
        "{text}"
    );
    assert_eq!(exit, 1);
    assert_eq!(lint(folder.path(), &["uffd.rs"]).1, 0);
}

#[test]
fn nothing_to_check_exits_with_2() {
    let folder = folder(&[("main.c", b"int main(void) { return 0; }\n")]);
    let (text, exit) = lint(folder.path(), &["."]);
    let expected = "\
1 file read, 0 with something of userfaultfd
0 items checked: 0 findings, 0 not evaluated
Nothing was compared, so nothing is proven.
";
    assert_eq!(text, expected);
    assert_eq!(exit, 2);
}

#[test]
fn a_path_that_is_not_there_exits_with_2_though_the_other_is_right() {
    let folder = folder(&[("uffd.rs", RIGHT)]);
    let (text, exit) = lint(folder.path(), &["uffd.rs", "gone.rs"]);
    assert!(
        text.contains("gone.rs: not checked: cannot be read: No such file or directory"),
        "{text}"
    );
    assert!(text.contains("1 skipped: unreadable\n"), "{text}");
    assert!(text.contains("1 item checked"), "{text}");
    assert_eq!(exit, 2);
}

#[test]
fn what_cannot_be_evaluated_is_listed_and_no_error() {
    let source = b"#define UFFDIO_API 0xC018AA3F\n#define UFFDIO_COPY code(3)\n";
    let folder = folder(&[("uffd.h", source)]);
    let (text, exit) = lint(folder.path(), &["uffd.h"]);
    let expected = "\
uffd.h:2: UFFDIO_COPY: not evaluated: it calls code()
1 file read, 1 with something of userfaultfd
1 item checked: 0 findings, 1 not evaluated
";
    assert_eq!(text, expected);
    assert_eq!(exit, 0);
    let (text, _) = lint(folder.path(), &["--format", "json", "uffd.h"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["lint"]["not_evaluated"], 1);
    assert_eq!(json["checks"][0]["findings"][0]["kind"], "not-evaluated");
    assert_eq!(json["checks"][0]["findings"][0]["item"], "UFFDIO_COPY");
}

#[test]
fn what_is_skipped_is_counted() {
    let folder = folder(&[
        ("uffd.rs", RIGHT),
        (".gitignore", b"ignored.rs\n"),
        ("ignored.rs", WAKE),
        ("binary.c", b"#define UFFDIO_WAKE 0x4010aa02\n\0"),
        ("notes.txt", WAKE),
    ]);
    symlink(".", folder.path().join("circle")).unwrap();
    symlink("gone", folder.path().join("dangling.rs")).unwrap();
    // Two gigabytes that take no room.
    let large = fs::File::create(folder.path().join("large.c")).unwrap();
    large.set_len(2 << 30).unwrap();
    let (text, exit) = lint(folder.path(), &["."]);
    let expected = "\
1 skipped: binary
1 skipped: in another language
1 skipped: larger than 16 MiB
2 skipped: symbolic links, not followed
1 file read, 1 with something of userfaultfd
1 item checked: 0 findings, 0 not evaluated
";
    assert_eq!(text, expected);
    assert_eq!(exit, 0);
}

#[test]
fn a_file_asked_for_by_name_is_read_though_git_ignores_it() {
    let folder = folder(&[(".gitignore", b"*.rs\n"), ("uffd.rs", WAKE)]);
    assert_eq!(lint(folder.path(), &["uffd.rs"]).1, 1);
    assert_eq!(lint(folder.path(), &["."]).1, 2);
}

/// root reads everything, so as root the command runs as nobody.
#[test]
fn an_unreadable_folder_is_told_and_the_rest_is_read() {
    use std::os::unix::process::CommandExt;
    let folder = folder(&[("uffd.rs", RIGHT), ("closed/uffd.rs", WAKE)]);
    let closed = folder.path().join("closed");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = command(folder.path(), &["."]);
    // SAFETY: geteuid touches no memory.
    if unsafe { libc::geteuid() } == 0 {
        // The program itself may be in a folder that nobody cannot open.
        let program = folder.path().join("program");
        fs::copy(env!("CARGO_BIN_EXE_uffd-abi"), &program).unwrap();
        command = Command::new(program);
        command
            .current_dir(folder.path())
            .args(["lint", "."])
            .uid(65534)
            .gid(65534);
    }
    let (text, exit) = told(&command.output().unwrap());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(
        text.contains("./closed: note: cannot be read: permission denied\n"),
        "{text}"
    );
    assert!(text.contains("1 skipped: unreadable\n"), "{text}");
    assert!(text.contains("1 item checked: 0 findings"), "{text}");
    assert_eq!(exit, 0);
}
