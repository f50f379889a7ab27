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
    It is written as `_IOW`, must be `_IOR`; that is the request code of
    powerpc, mips, sparc and alpha; on x86, arm and all others every call fails
    with EINVAL.
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
    // What is left is right for all that Rust knows; alpha is none of them.
    let usual = "#[cfg(not(any(target_arch = \"mips\", target_arch = \"mips32r6\", \
                 target_arch = \"mips64\", target_arch = \"mips64r6\", target_arch = \"powerpc\", \
                 target_arch = \"powerpc64\", target_arch = \"sparc\", target_arch = \"sparc64\")))]\n";
    fs::write(
        folder.path().join("uffd.rs"),
        [usual.as_bytes(), RIGHT].concat(),
    )
    .unwrap();
    let (text, exit) = lint(folder.path(), &["--arch", "ppc64le", "uffd.rs"]);
    assert_eq!(exit, 0, "{text}");
}

#[test]
fn nothing_copied_is_right_and_says_so() {
    let folder = folder(&[("main.c", b"int main(void) { return 0; }\n")]);
    let (text, exit) = lint(folder.path(), &["."]);
    let expected = "\
1 file read, 0 with something of userfaultfd
0 items checked: 0 findings, 0 not evaluated
Nothing of userfaultfd is copied by hand here.
";
    assert_eq!(text, expected);
    assert_eq!(exit, 0);
    let (text, exit) = lint(folder.path(), &["--strict", "."]);
    assert!(
        text.contains("Nothing was compared, so nothing is proven."),
        "{text}"
    );
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
    // Of what could not be read it is not said that it copies nothing.
    let (text, exit) = lint(folder.path(), &["gone.rs"]);
    assert!(
        text.ends_with("Nothing was compared, so nothing is proven.\n"),
        "{text}"
    );
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
    assert_eq!(lint(folder.path(), &["--strict", "uffd.h"]).1, 2);
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
1 skipped: hidden by .gitignore
1 skipped: in another language
1 skipped: larger than 8 MiB
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
    assert_eq!(lint(folder.path(), &["."]).1, 0);
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

#[test]
fn what_the_grammar_cannot_read_exits_with_2_and_is_named() {
    let source = b"struct uffdio_copy {\n\t__u64 dst;\n#ifdef A\n\t__u64 src;\n};\nstruct a {\n#endif\n\t__u64 len;\n};\n";
    let folder = folder(&[("uffd.h", source)]);
    let (text, exit) = lint(folder.path(), &["."]);
    assert!(
        text.contains(
            "uffd.h:1:8: not checked: uffdio_copy: not read: a part of it could not be parsed"
        ),
        "{text}"
    );
    assert!(text.contains("not read: 1\n"), "{text}");
    assert_eq!(exit, 2);
}

#[test]
fn a_comment_with_a_reason_allows_a_problem() {
    let with = |comment: &str| {
        let text = format!("// uffd-abi: {comment}\nconst UFFDIO_WAKE: u64 = 0x4010aa02;\n");
        let folder = folder(&[("uffd.rs", text.as_bytes())]);
        lint(folder.path(), &["."])
    };
    let (text, exit) = with("allow(UFFDIO_WAKE) the code of another processor, for a test");
    assert!(text.contains("allowed by a comment: 1\n"), "{text}");
    assert_eq!(exit, 0);
    // Without a reason, or for another item, it allows nothing.
    assert_eq!(with("allow(UFFDIO_WAKE)").1, 1);
    assert_eq!(with("allow(UFFDIO_COPY) for a test").1, 1);
}

#[test]
fn what_is_excluded_is_counted() {
    let folder = folder(&[
        ("a/uffd.rs", WAKE),
        ("b/uffd.rs", RIGHT),
        ("c/uffd.rs", WAKE),
    ]);
    let (text, exit) = lint(
        folder.path(),
        &["--exclude", "/a/", "--exclude", "c/*.rs", "."],
    );
    assert!(text.contains("2 skipped: excluded\n"), "{text}");
    assert!(text.contains("1 item checked: 0 findings"), "{text}");
    assert_eq!(exit, 0);
}

#[test]
fn a_baseline_tells_only_what_is_new() {
    let folder = folder(&[("uffd.rs", WAKE)]);
    let (text, exit) = lint(folder.path(), &["--write-baseline", "known.json", "."]);
    assert_eq!((text.as_str(), exit), ("known.json: 1 known problem\n", 0));
    // Another line, and the path written in another way.
    let moved = [b"\n\n", WAKE].concat();
    fs::write(folder.path().join("uffd.rs"), moved).unwrap();
    let (text, exit) = lint(folder.path(), &["--baseline", "known.json", "uffd.rs"]);
    assert!(text.contains("known from the baseline: 1\n"), "{text}");
    assert_eq!(exit, 0);
    let more = [WAKE, b"const UFFDIO_COPY: u64 = 1;\n"].concat();
    fs::write(folder.path().join("uffd.rs"), more).unwrap();
    let (text, exit) = lint(folder.path(), &["--baseline", "known.json", "."]);
    assert!(text.contains("1 finding,"), "{text}");
    assert_eq!(exit, 1);
    // Refused before anything is written.
    let arguments = ["--write-baseline", "new.json", "--format", "sarif", "."];
    let output = command(folder.path(), &arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("use --format text or json"),
        "{output:?}"
    );
    assert!(!folder.path().join("new.json").exists());
}

#[test]
fn the_configuration_is_read_and_a_wrong_one_refused() {
    let folder = folder(&[
        ("src/uffd.rs", WAKE),
        ("old/uffd.rs", WAKE),
        ("uffd-lint.toml", b"paths = [\"src\"]\narch = \"ppc64le\"\n"),
    ]);
    let (text, exit) = lint(folder.path(), &[]);
    assert!(text.contains("1 item checked: 0 findings"), "{text}");
    assert_eq!(exit, 0);
    // The command line has the last word.
    assert_eq!(lint(folder.path(), &["--arch", "x86_64", "old"]).1, 1);
    fs::write(folder.path().join("uffd-lint.toml"), "excluded = []\n").unwrap();
    let output = command(folder.path(), &["."]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("unknown field `excluded`"),
        "{output:?}"
    );
}

#[test]
fn every_comparison_can_be_listed() {
    let folder = folder(&[("uffd.rs", RIGHT)]);
    let (text, _) = lint(folder.path(), &["-v", "."]);
    assert!(
        text.starts_with("./uffd.rs:1: UFFDIO_WAKE compared\n"),
        "{text}"
    );
    let (text, _) = lint(folder.path(), &["-v", "--format", "json", "."]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["lint"]["comparisons"][0]["item"], "UFFDIO_WAKE");
}

/// A struct that is right where the tree's own macro is included first.
#[test]
fn packed_by_a_macro_of_the_tree_is_a_warning() {
    let header = b"struct uffd_msg {\n\t__u8 event, a;\n\t__u16 b;\n\t__u32 c;\n\t__u64 d[3];\n} __packed;\n";
    let folder = folder(&[("uffd.h", header)]);
    let (text, exit) = lint(folder.path(), &["."]);
    assert!(
        text.contains("uffd.h:6:3: error: uffd_msg: the end of the struct is"),
        "{text}"
    );
    assert_eq!(exit, 1);
    fs::write(
        folder.path().join("z.h"),
        "#define  __packed __attribute__((packed))\n",
    )
    .unwrap();
    let (text, exit) = lint(folder.path(), &["."]);
    assert!(
        text.contains("uffd.h:6:3: warning: uffd_msg: the end of the struct is"),
        "{text}"
    );
    assert!(
        text.contains("This tree defines __packed elsewhere"),
        "{text}"
    );
    assert!(text.contains("0 findings, 1 warning,"), "{text}");
    assert_eq!(exit, 0);
}

/// `--arch` gives `long` its size: on 32 bits these structs are too small.
#[test]
fn a_long_is_as_long_as_on_that_processor() {
    let text = b"struct uffdio_range {\n\tunsigned long start;\n\tunsigned long len;\n};\n";
    let folder = folder(&[("uffd.h", text)]);
    assert_eq!(lint(folder.path(), &["--arch", "x86_64", "."]).1, 0);
    for arch in ["i686", "armv7", "mips"] {
        let (text, exit) = lint(folder.path(), &["--arch", arch, "."]);
        assert!(
            text.contains("uffdio_range.start: size is 4 bytes, expected 8 bytes"),
            "{text}"
        );
        assert_eq!(exit, 1);
    }
}

/// Parsed by types that are made from the schema, nothing of it is lost.
#[test]
fn sarif_is_as_its_schema_has_it() {
    let folder = folder(&[
        ("a b/uffd.rs", WAKE),
        ("uffd.h", b"#define UFFDIO_COPY code(3)\n"),
    ]);
    let (text, exit) = lint(folder.path(), &["--format", "sarif", "."]);
    assert_eq!(exit, 1);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let parsed: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&parsed).unwrap(), json);
    let results = &json["runs"][0]["results"];
    assert_eq!(results.as_array().unwrap().len(), 2);
    assert_eq!(results[0]["level"], "error");
    assert_eq!(results[0]["ruleId"], "processor");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/uffd.rs");
    assert_eq!(
        (
            &place["region"]["startLine"],
            &place["region"]["startColumn"]
        ),
        (&1.into(), &7.into())
    );
    assert_eq!(results[1]["level"], "note");
}
