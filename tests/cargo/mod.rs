//! Runs cargo on a package as a user would, in target folders of its own. It owns
//! those folders and the trials of the build script; it may use the log of skipped
//! tests, the packages of Debian, and nothing of the crate.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub mod items;
#[path = "../support/rights.rs"]
pub mod rights;
#[path = "../support/skip_log.rs"]
mod skip_log;
pub mod trial;
#[allow(unused_imports)] // As above.
pub use skip_log::not_run;

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

/// The folder of the kernel headers of a release of Linux, fetched where it is
/// not cached. Where it cannot be had, `test` was not run.
pub fn kernel_headers(version: &str, test: &str) -> Option<PathBuf> {
    let fields = fetched(&["headers", version], test)?;
    Some(fields[1].clone().into())
}

/// The first line that verification/tools/debian.py prints.
pub fn fetched(args: &[&str], test: &str) -> Option<Vec<String>> {
    let output = Command::new("python3")
        .arg("verification/tools/debian.py")
        .args(args)
        .current_dir(ROOT)
        .output();
    let (said, printed) = match &output {
        Ok(output) => (stderr(output), String::from_utf8_lossy(&output.stdout)),
        Err(error) => (error.to_string(), "".into()),
    };
    let line = printed.lines().next();
    if line.is_none() {
        not_run(
            test,
            &format!("{} could not be fetched: {said}", args.join(" ")),
        );
    }
    line.map(|line| line.split('\t').map(String::from).collect())
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn run(mut command: Command) -> Output {
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{command:?}\n{}", stderr(&output));
    output
}
