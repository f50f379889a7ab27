//! Runs cargo on a package as a user would, in target folders of its own.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "../support/rights.rs"]
pub mod rights;
#[path = "../support/skip_log.rs"]
mod skip_log;
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

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn run(mut command: Command) -> Output {
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{command:?}\n{}", stderr(&output));
    output
}
