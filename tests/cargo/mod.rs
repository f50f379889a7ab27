//! Runs cargo on a package as a user would, in target folders of its own.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::fs::OpenOptions;
use std::io::{stderr as real_stderr, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder for this test run's builds. Kept between runs, so that bindgen is
/// compiled once.
pub fn target_dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// cargo in `package`, with none of the settings of the run that we are part
/// of.
pub fn cargo(package: impl AsRef<Path>, target: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(package).args(args).arg("--color=never");
    command.env("CARGO_TARGET_DIR", target_dir(target));
    for name in [
        "UFFD_SYS_HEADERS",
        "UFFD_SYS_BINDGEN",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    command
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn run(mut command: Command) -> Output {
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{command:?}\n{}", stderr(&output));
    output
}

/// Says that a part of a test could not run: on the real standard error, which
/// the harness does not hide, and in the log that `make test` shows at its end.
pub fn skipped(test: &str, why: &str) {
    let _ = writeln!(real_stderr().lock(), "SKIPPED: {test}: {why}");
    if let Some(log) = std::env::var_os("UFFD_SYS_SKIP_LOG") {
        let log = OpenOptions::new().create(true).append(true).open(log);
        writeln!(
            log.expect("UFFD_SYS_SKIP_LOG can be written"),
            "{test}: {why}"
        )
        .unwrap();
    }
}
