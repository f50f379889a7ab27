//! The small programs of tests/handlers, compiled for the tests that run them.
#![allow(dead_code)] // Each test file uses a part.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A program and the folder that it is in.
pub struct Program {
    _folder: TempDir,
    pub path: PathBuf,
}

impl Program {
    pub fn path(&self) -> &str {
        self.path.to_str().expect("a path in UTF-8")
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/handlers")
        .join(name)
}

fn compile(name: &str, command: &mut Command) -> Program {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let finished = command.arg("-o").arg(&path).output();
    let finished = finished.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "{command:?}: {errors}");
    Program {
        _folder: folder,
        path,
    }
}

/// With the C compiler, which the project's set-up brings.
pub fn c(name: &str) -> Program {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]);
    compile(name, cc.arg(source(&format!("{name}.c"))))
}

/// The same without a dynamic loader.
pub fn c_static(name: &str) -> Program {
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-static", "-pthread"]);
    compile(name, cc.arg(source(&format!("{name}.c"))))
}

/// With the compiler of these tests.
pub fn rust(name: &str) -> Program {
    let mut rustc = Command::new("rustc");
    rustc.args(["-O", "--edition", "2021", "-D", "warnings"]);
    compile(name, rustc.arg(source(&format!("{name}.rs"))))
}

/// With Go, if it is here.
pub fn go(name: &str) -> Option<Program> {
    let found = Command::new("go").arg("version").output();
    found.is_ok_and(|found| found.status.success()).then(|| {
        let mut go = Command::new("go");
        // Its options come before the file, which is the last one.
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        go.env("GOFLAGS", "")
            .env("GO111MODULE", "off")
            .env("GOCACHE", folder.path().join("cache"));
        go.args(["build", "-o"])
            .arg(&path)
            .arg(source(&format!("{name}.go")));
        let finished = go.output().expect("go can be run");
        let errors = String::from_utf8_lossy(&finished.stderr);
        assert!(finished.status.success(), "{go:?}: {errors}");
        Program {
            _folder: folder,
            path,
        }
    })
}
