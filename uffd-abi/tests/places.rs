//! Where a command meets something odd: a full disk, a reader that has gone, a
//! file of another kind, a narrow terminal.

mod support;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use support::{in_terminal, uffd_abi, Ran};

/// Quick: no kernel, one compiler.
const VERIFY: &[&str] = &["verify", "--no-kernel", "--headers", "none", "--cc", "gcc"];

/// Every way to print.
const PRINTING: &[&[&str]] = &[
    VERIFY,
    &[
        "verify",
        "--no-kernel",
        "--headers",
        "none",
        "--cc",
        "gcc",
        "--format",
        "ktap",
    ],
    &["probe"],
    &["demo"],
    &["list"],
    &["list", "--seccomp"],
    &["list", "--format", "json"],
    &["export", "--lang", "go"],
    &["lint", "src/uffd.rs"],
    &["completions", "bash"],
    &["man"],
    &["man", "verify"],
    &["man", "inject"],
    &["inspect", "2147483647"],
    &["inject", "--", "true"],
    &["--help"],
    &["--version"],
    &["help", "lint"],
];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_uffd-abi"));
    command.args(args);
    command
}

#[test]
fn a_full_disk_is_an_error_that_says_so() {
    for args in PRINTING {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = Ran::new(command(args).stdout(full).output().unwrap());
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert_eq!(
            ran.err,
            "uffd-abi: cannot write to standard output: No space left on device (os error 28)\n",
            "{args:?}"
        );
    }
    // Nobody to tell, but no panic (101) either.
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for args in [&["list"][..], &["man", "nonsense"], &["nonsense"]] {
        let status = command(args).stdout(full()).stderr(full()).status();
        assert_eq!(status.unwrap().code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    for args in PRINTING {
        // As a pipe: EPIPE and SIGPIPE.
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let writer = OwnedFd::from(writer);
        let finished = command(args)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(finished.status.signal(), Some(libc::SIGPIPE), "{args:?}");
        assert_eq!(finished.stderr, b"", "{args:?}");
    }
}

/// It is written to and reads nothing, which must not end us.
#[test]
fn a_compiler_that_reads_nothing_is_reported() {
    for _ in 0..20 {
        let ran = uffd_abi(&["verify", "--no-kernel", "--headers", "none", "--cc", "true"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.out.contains("not checked"), "{ran:?}");
    }
}

#[test]
fn the_last_line_says_what_the_exit_code_says() {
    let last = |args: &[&str]| {
        let ran = uffd_abi(&[VERIFY, args].concat());
        (ran.code, ran.out.lines().last().unwrap().to_owned())
    };
    let (code, line) = last(&[]);
    assert_eq!(code, Some(0), "{line}");
    assert!(line.ends_with("): no difference"), "{line}");
    for (args, end) in [
        (
            &["--btf", "/no/such"][..],
            "no difference in these, but 1 could not be checked",
        ),
        (
            &["--btf", "/no/such", "--cc", "false"],
            "no difference in these, but 2 could not be checked",
        ),
        (
            &["--strict"],
            "no difference in these, but 1 could not be checked",
        ),
    ] {
        let (code, line) = last(args);
        assert_eq!(code, Some(2), "{line}");
        assert!(line.ends_with(end), "{line}");
    }
}

#[test]
fn btf_is_read_from_nothing_but_a_regular_file() {
    let dir = tempfile::tempdir().unwrap();
    let (fifo, empty) = (dir.path().join("fifo"), dir.path().join("empty"));
    assert!(Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap()
        .success());
    File::create(&empty).unwrap();
    let other = "not checked: not a regular file";
    for (path, said) in [
        (fifo.to_str().unwrap(), other),
        (dir.path().to_str().unwrap(), other),
        ("/dev/zero", other),
        (
            empty.to_str().unwrap(),
            "not checked: broken BTF: it is empty",
        ),
    ] {
        let mut bounded = Command::new("timeout");
        bounded.args(["20", env!("CARGO_BIN_EXE_uffd-abi")]);
        let ran = Ran::new(bounded.args(VERIFY).args(["--btf", path]).output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.out.contains(&format!("BTF {path}: {said}")), "{ran:?}");
    }
}

#[test]
fn forty_columns_are_enough() {
    // Findings and the last line are one line each, as those of a compiler are.
    let one_line = |line: &str| {
        line.contains(": note: ")
            || line.contains("items compared by")
            || line.contains(" ways to open")
            || line.contains("writes trapped")
            || line.starts_with("Features ")
            || line.starts_with("Ioctls of")
    };
    for command in ["probe", "list", "verify --no-kernel", "demo"] {
        let out = in_terminal(&format!("{command} --color never"), 40, "xterm", true);
        assert!(out.lines().count() > 5, "{out}");
        for line in out.lines().filter(|line| !one_line(line)) {
            let line = line.trim_end_matches('\r').trim_start_matches("\x1b[4A\r");
            assert!(line.chars().count() <= 40, "{command}: {line:?}");
        }
    }
    // 64 pages, 19 in a row: the map is 4 lines high, and redrawn so.
    assert!(in_terminal("demo", 40, "xterm", true).contains("\x1b[4A"));
    // What is higher than the terminal cannot be redrawn, and is printed once.
    let high = in_terminal("demo --pages 500", 40, "xterm", true);
    assert!(!high.contains("A\r"), "{high:?}");
    assert!(in_terminal("demo --pages 400", 40, "xterm", true).contains("\x1b[22A"));
}
