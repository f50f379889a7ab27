//! Compiles a program of an exported file and says how to run it: on this machine, and
//! on x86_64 for a processor of 32 bits and for one whose request codes differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use uffd_abi::cli::Lang;

/// All languages of `export`.
pub const LANGS: [Lang; 5] = [Lang::C, Lang::Go, Lang::Zig, Lang::Python, Lang::Rust];

/// A processor that programs are compiled for.
#[derive(Debug)]
pub struct Machine {
    /// As verification/tools/debian.py and `--arch` name it; the first one is this one.
    pub name: &'static str,
    /// As Go names it.
    pub go: &'static str,
    /// As Zig names it.
    pub zig: &'static str,
    /// The number of userfaultfd(2), if this machine runs such programs itself.
    pub userfaultfd: Option<i64>,
}

pub const HERE: Machine = Machine {
    name: std::env::consts::ARCH,
    go: "",
    zig: "native",
    userfaultfd: Some(libc::SYS_userfaultfd),
};
const I686: Machine = Machine {
    name: "i686",
    go: "386",
    zig: "x86-linux-gnu",
    userfaultfd: Some(374),
};
const PPC64LE: Machine = Machine {
    name: "ppc64le",
    go: "ppc64le",
    zig: "powerpc64le-linux-gnu",
    userfaultfd: None,
};

/// Those that programs can be compiled for here.
pub fn machines() -> &'static [Machine] {
    match HERE.name {
        "x86_64" => &[HERE, I686, PPC64LE],
        _ => &[HERE],
    }
}

/// What became of a program.
pub enum Built {
    /// How it is run.
    Runs(Vec<String>),
    /// What the compiler said.
    Refused(String),
    /// There is no compiler, and what to do.
    NotHere(String),
}

/// The exported file's name.
pub fn file(lang: Lang) -> String {
    format!("uffd.{}", ending(lang))
}

/// How sources of the language end, headers excepted.
pub fn ending(lang: Lang) -> &'static str {
    match lang {
        Lang::C => "h",
        Lang::Go => "go",
        Lang::Zig => "zig",
        Lang::Python => "py",
        Lang::Rust => "rs",
    }
}

/// Compiles `main.*` in a folder with the exported file.
pub fn build(lang: Lang, folder: &Path, machine: &Machine) -> Built {
    match built(lang, folder, machine) {
        Ok(Ok(words)) => Built::Runs(words),
        Ok(Err(said)) => Built::Refused(said),
        Err(missing) => Built::NotHere(missing),
    }
}

type Compiled = Result<Vec<String>, String>;

fn built(lang: Lang, folder: &Path, machine: &Machine) -> Result<Compiled, String> {
    let program = folder.join("program").display().to_string();
    let done = match lang {
        Lang::C => {
            let cc = cc(machine)?;
            let flags = "-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Werror -O1";
            let words = flags.split(' ').chain(["main.c", "-o", "program"]);
            ran(cc.command().args(words), folder)?
        }
        Lang::Rust => {
            let mut rustc = rustc(machine)?;
            let flags = ["--edition=2021", "-Dwarnings", "main.rs", "-o", "program"];
            ran(rustc.args(flags), folder)?
        }
        Lang::Go => {
            if !has("go") {
                return Err("no Go: sh verification/tools/setup.sh go".into());
            }
            std::fs::write(folder.join("go.mod"), "module main\n\ngo 1.19\n").unwrap();
            let mut go = Command::new("go");
            go.args(["build", "-o", "program", "."])
                .env("GOFLAGS", "")
                .env("GOTOOLCHAIN", "local")
                .env("GO111MODULE", "on")
                .env("CGO_ENABLED", "0");
            if !machine.go.is_empty() {
                go.env("GOARCH", machine.go);
            }
            ran(&mut go, folder)?
        }
        Lang::Zig => {
            let object = ["build-obj", "main.zig", "-lc", "-OReleaseSmall", "-target"];
            let mut zig = zig()?;
            zig.args(object).args([machine.zig, "-femit-bin=main.o"]);
            zig.env("ZIG_LOCAL_CACHE_DIR", folder.join("cache"));
            let cc = cc(machine)?;
            match ran(&mut zig, folder)? {
                Ok(()) => ran(cc.command().args(["main.o", "-o", "program"]), folder)?,
                refused => refused,
            }
        }
        Lang::Python => return Ok(Ok(python(folder, machine)?)),
    };
    Ok(match done {
        Ok(()) => Ok(emulated(machine)?.into_iter().chain([program]).collect()),
        Err(said) => Err(said),
    })
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("version").output();
    found.is_ok_and(|found| found.status.success())
}

/// Runs a compiler in a folder: nothing, or what it said.
fn ran(command: &mut Command, folder: &Path) -> Result<Result<(), String>, String> {
    let done = command.current_dir(folder).output();
    let done = done.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(match done.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {said}")),
    })
}

/// A C compiler, which links programs of the other languages too.
struct Cc(String, bool);

impl Cc {
    fn command(&self) -> Command {
        let mut cc = Command::new(&self.0);
        cc.arg("-pthread");
        if self.1 {
            cc.arg("-static");
        }
        cc
    }
}

fn cc(machine: &Machine) -> Result<Cc, String> {
    Ok(match machine.name == HERE.name {
        true => Cc("cc".into(), false),
        false => Cc(fetched(&["cross", machine.name])?.swap_remove(3), true),
    })
}

fn rustc(machine: &Machine) -> Result<Command, String> {
    if machine.name == HERE.name {
        return Ok(Command::new("rustc"));
    }
    let row = fetched(&["cross", machine.name])?;
    let mut rustc = Command::new(&row[1]);
    rustc.args(["--target", &row[2], "-C", &format!("linker={}", row[3])]);
    rustc.args(["-Ctarget-feature=+crt-static", "-Crelocation-model=static"]);
    Ok(rustc)
}

/// Zig, as `make test-c-tools` installs it.
pub fn zig() -> Result<Command, String> {
    let words = said(&["capi/tests/matrix.py", "--print-zig"])?;
    let mut words = words.split_whitespace();
    let mut zig = Command::new(words.next().ok_or("no Zig: make test-c-tools")?);
    zig.args(words);
    Ok(zig)
}

fn python(folder: &Path, machine: &Machine) -> Result<Vec<String>, String> {
    let main = folder.join("main.py").display().to_string();
    // Nothing is left that an altered file could be taken for.
    let words = |python: &str| vec![python.to_owned(), "-B".into(), main.clone()];
    if machine.name == HERE.name {
        return Ok(words("python3"));
    }
    let python = words(&fetched(&["python", machine.name])?[1]);
    let emulator = emulated(machine)?.pop().unwrap_or_default();
    let set = vec!["env".to_owned(), format!("EMULATOR={emulator}")];
    Ok([set, python].concat())
}

/// What comes before a program of another processor.
fn emulated(machine: &Machine) -> Result<Vec<String>, String> {
    Ok(match machine.userfaultfd {
        Some(_) => vec![],
        None => vec![fetched(&["qemu-user", machine.name])?.swap_remove(1)],
    })
}

/// The columns that verification/tools/debian.py prints.
fn fetched(words: &[&str]) -> Result<Vec<String>, String> {
    let printed = said(&[&["verification/tools/debian.py"], words].concat())?;
    match printed.lines().next() {
        Some(line) => Ok(line.split('\t').map(str::to_owned).collect()),
        None => Err(format!("{} could not be fetched", words.join(" "))),
    }
}

/// What a program of this repository prints; each is asked once.
fn said(words: &[&str]) -> Result<String, String> {
    static SAID: Mutex<BTreeMap<String, Result<String, String>>> = Mutex::new(BTreeMap::new());
    let ask = || {
        let done = Command::new("python3")
            .args(words)
            .current_dir(root())
            .output();
        let done = done.map_err(|error| format!("python3: {error}"))?;
        let why = String::from_utf8_lossy(&done.stderr);
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            false => Err(format!("{}: {why}", words.join(" "))),
        }
    };
    let mut known = SAID.lock().unwrap();
    known.entry(words.join(" ")).or_insert_with(ask).clone()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
