//! What several of these tests need: runs of the command, and BTF made up. It may
//! use the command as its users do, and the log of skipped tests.
#![allow(dead_code)] // Each test file uses a part.

pub mod btf_writer;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;

use skip_log::not_run;

use std::io::{self, Write};
use std::process::{Command, Output as Finished};
use std::sync::{Arc, Mutex};

use uffd_abi::cli::Format;
use uffd_abi::output::Output;
use uffd_abi::verify::Compared;

/// The command under test.
pub fn uffd_abi(args: &[&str]) -> Ran {
    let finished = Command::new(env!("CARGO_BIN_EXE_uffd-abi"))
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the command can be run");
    Ran::new(finished)
}

/// `uffd-abi inject` of a command.
pub fn inject(options: &[&str], command: &[&str]) -> Ran {
    let args = [&["inject"], options, &["--"], command].concat();
    uffd_abi(&args)
}

/// Processes whose arguments hold a word.
pub fn with_word(word: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(word)).count()
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: Option<i32>,
}

impl Ran {
    pub fn new(finished: Finished) -> Ran {
        Ran {
            out: String::from_utf8(finished.stdout).expect("UTF-8"),
            err: String::from_utf8(finished.stderr).expect("UTF-8"),
            code: finished.status.code(),
        }
    }

    /// The document of --format json.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether a line is printed, word for word.
    pub fn assert_line(&self, line: &str) {
        assert!(
            self.out.lines().any(|l| l == line),
            "no line\n{line}\nin\n{}{}",
            self.out,
            self.err
        );
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `verify` prints of a comparison's findings, and its exit code.
pub fn text_of(compared: Compared) -> (Vec<String>, i32) {
    let buffer = Buffer::default();
    let mut out = Output::plain("verify", Format::Text, Box::new(buffer.clone()));
    out.check(compared.check);
    let exit = out.exit() as i32;
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    // The explanations are indented.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(str::to_owned)
        .collect();
    (lines, exit)
}

/// Says that a test was not run, where it is seen.
pub fn say_not_run(test: &str, why: &str) {
    not_run(test, why);
}

/// Whether this may become another user and change the machine. If not, says
/// so; where `UFFD_SYS_EXPECT` is set, as in CI, that is a failure.
pub fn is_root(test: &str) -> bool {
    // SAFETY: asks for a number.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        let expected = std::env::var_os("UFFD_SYS_EXPECT").is_some();
        assert!(
            !expected,
            "UFFD_SYS_EXPECT is set, so {test} must not be skipped: run it as root"
        );
        not_run(test, "needs root; run it with sudo");
    }
    root
}

/// In a terminal of its own, which `script` makes.
pub fn in_terminal(command: &str, columns: usize, term: &str, no_color: bool) -> String {
    let mut script = Command::new("script");
    let command = format!(
        "stty cols {columns} rows 24; '{}' {command}",
        env!("CARGO_BIN_EXE_uffd-abi")
    );
    script
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", term)
        .env_remove("NO_COLOR")
        .env_remove("CI");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    let finished = script.output().expect("script(1) of util-linux can be run");
    let ran = Ran::new(finished);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out
}
