//! Running a C compiler, which need not be one for this processor: it only
//! compiles.

use std::io::Write;
use std::process::{Command, Stdio};

use uffd_sys::abi::table::Encoding;
use uffd_sys::abi::Target;

/// A C compiler and the arguments that it is always given.
#[derive(Clone, Debug)]
pub struct Compiler {
    words: Vec<String>,
}

impl Compiler {
    /// From a command such as `gcc -m32`.
    ///
    /// # Errors
    ///
    /// That it cannot be run.
    pub fn new(command: &str) -> Result<Compiler, String> {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() {
            return Err("the name is empty".to_owned());
        }
        let compiler = Compiler { words };
        compiler.run(&["-dumpmachine"], "")?;
        Ok(compiler)
    }

    /// Those that a machine usually has.
    pub fn installed() -> Vec<Compiler> {
        let usual: Vec<Compiler> = ["gcc", "clang"]
            .iter()
            .flat_map(|name| Compiler::new(name))
            .collect();
        if usual.is_empty() {
            return Compiler::new("cc").into_iter().collect();
        }
        usual
    }

    /// Its name in reports.
    pub fn name(&self) -> String {
        self.words.join(" ")
    }

    /// The folder in which Debian keeps its processor's `asm/`.
    pub fn multiarch(&self) -> Option<String> {
        let machine = self.run(&["-dumpmachine"], "").ok()?;
        let machine = machine
            .trim()
            .replace("-pc-", "-")
            .replace("-unknown-", "-");
        let (arch, rest) = machine.split_once('-')?;
        let arch = match arch {
            "i486" | "i586" | "i686" => "i386",
            other => other,
        };
        Some(format!("{arch}-{rest}"))
    }

    /// Every macro after this source, one `#define` a line.
    ///
    /// # Errors
    ///
    /// What the compiler said.
    pub fn macros(&self, args: &[String], source: &str) -> Result<String, String> {
        self.compile(args, &["-E", "-dM"], source)
    }

    /// The assembly of this source.
    ///
    /// # Errors
    ///
    /// What the compiler said.
    pub fn assembly(&self, args: &[String], source: &str) -> Result<String, String> {
        self.compile(args, &["-S", "-w"], source)
    }

    fn compile(&self, args: &[String], what: &[&str], source: &str) -> Result<String, String> {
        let args = args.iter().map(String::as_str);
        let all: Vec<&str> = args
            .chain(what.iter().copied())
            .chain(["-x", "c", "-o", "-", "-"])
            .collect();
        self.run(&all, source)
    }

    fn run(&self, args: &[&str], source: &str) -> Result<String, String> {
        let mut child = Command::new(&self.words[0])
            .args(&self.words[1..])
            .args(args)
            // Messages are read by this program and shown in English.
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", self.words[0]))?;
        let mut stdin = child.stdin.take().expect("piped above");
        // A thread of its own: a compiler that writes before it has read all
        // would wait for us and we for it. One that stops reading has failed
        // and says why itself.
        let source = source.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(source.as_bytes()));
        let output = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        let _ = writer.join();
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let first = errors
            .lines()
            .find(|line| line.contains("error"))
            .or_else(|| errors.lines().next())
            .unwrap_or("it failed and said nothing");
        Err(first.trim().to_owned())
    }
}

/// The processor that these predefined macros are of.
pub fn target(macros: &str) -> Target {
    let defined = |name: &str| {
        macros
            .lines()
            .any(|line| line.starts_with(&format!("#define {name} ")))
    };
    let three_bits = ["__mips__", "__powerpc__", "__sparc__", "__alpha__"];
    Target {
        encoding: if three_bits.iter().any(|name| defined(name)) {
            Encoding::MipsPowerpcSparc
        } else {
            Encoding::Generic
        },
        align_of_u64: if defined("__m68k__") {
            2
        } else if defined("__i386__") {
            4
        } else {
            8
        },
    }
}
