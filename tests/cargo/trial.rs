//! The build script run by itself, the crate compiled with what it made, and a
//! program with the crate: as cargo does it, in a tenth of the time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{cargo, fetched, run, stderr, target_dir, ROOT};

/// `BINDINGS` where they are.
pub const COMMITTED: &str = "committed, Linux 7.3";

/// What cargo makes once.
pub struct Tools {
    build_script: PathBuf,
    libc: PathBuf,
    zerocopy: PathBuf,
    rustc: String,
    host: String,
    /// For another libclang than the machine's.
    libclang: Vec<(&'static str, String)>,
}

/// How the build script ended.
pub struct Made {
    pub succeeded: bool,
    /// `uffd_sys::BINDINGS`.
    pub source: String,
    pub warnings: Vec<String>,
    pub stdout: String,
    pub stderr: String,
    pub out_dir: PathBuf,
}

impl Tools {
    pub fn new() -> Self {
        let output = run(cargo(
            ROOT,
            "headers",
            &[
                "check",
                "--lib",
                "--features=zerocopy",
                "--message-format=json",
            ],
        ));
        let messages = String::from_utf8(output.stdout).unwrap();
        let artifact = |package: &str, kind: &str| {
            // In a folder of the package's own name, that name is all there is.
            let ids = [format!("#{package}@"), format!("/{package}#")];
            let artifact = messages.lines().find(|line| {
                line.contains("\"compiler-artifact\"")
                    && ids.iter().any(|id| line.contains(id))
                    && line.contains(&format!("\"kind\":[\"{kind}\"]"))
            });
            let artifact = artifact.unwrap_or_else(|| panic!("no {kind} of {package}"));
            let file = artifact.split("\"filenames\":[\"").nth(1).unwrap();
            PathBuf::from(file.split('"').next().unwrap())
        };
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let mut version = Command::new(&rustc);
        version.arg("-vV").current_dir(ROOT);
        let version = String::from_utf8(run(version).stdout).unwrap();
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Tools {
            build_script: artifact("uffd-sys", "custom-build"),
            // For a check cargo makes metadata alone.
            libc: artifact("libc", "lib"),
            zerocopy: artifact("zerocopy", "lib"),
            rustc,
            host: host.unwrap().into(),
            libclang: other_libclang(),
        }
    }

    /// Runs the build script as cargo would, with `env` besides.
    pub fn bindings(&self, name: &str, env: &[(&str, &str)]) -> Made {
        let out_dir = target_dir("trials").join(name);
        let _ = fs::remove_dir_all(&out_dir);
        fs::create_dir_all(&out_dir).unwrap();
        self.bindings_in(&out_dir, Command::new(&self.build_script), env)
    }

    /// The same, by a command that runs it, with its output in this folder.
    pub fn bindings_in(&self, out_dir: &Path, mut command: Command, env: &[(&str, &str)]) -> Made {
        self.cargos_variables(&mut command, out_dir);
        command.envs(env.iter().copied());
        Made::of(command.output().unwrap(), out_dir.into())
    }

    fn cargos_variables(&self, command: &mut Command, out_dir: &Path) {
        let arch = self.host.split('-').next().unwrap();
        command
            .current_dir(ROOT)
            .env_remove("UFFD_SYS_HEADERS")
            .env_remove("UFFD_SYS_BINDGEN")
            .env("CARGO_MANIFEST_DIR", ROOT)
            .env("CARGO_CFG_TARGET_OS", "linux")
            .env("CARGO_CFG_TARGET_ARCH", arch)
            .env("TARGET", &self.host)
            .env("HOST", &self.host)
            .env("OUT_DIR", out_dir)
            .envs(self.libclang.iter().map(|(name, value)| (name, value)));
    }

    pub fn build_script(&self) -> &Path {
        &self.build_script
    }

    /// Compiles the crate with these bindings, and a program that uses it.
    /// Neither may have a warning.
    pub fn compile(&self, made: &Made, program: &str) -> Result<(), String> {
        let source = made.out_dir.join("program.rs");
        fs::write(&source, program).unwrap();
        let library = made.out_dir.join("libuffd_sys.rmeta");
        let rustc = |extern_crates: &[String], out: &str, crate_name: &str, source: &Path| {
            let mut command = Command::new(&self.rustc);
            self.cargos_variables(&mut command, &made.out_dir);
            command
                .env("UFFD_SYS_BINDINGS", &made.source)
                .args(["--edition=2021", "--crate-type=lib", "--emit=metadata"])
                .args(["-Dwarnings", "-Dmissing_docs", "--cfg=feature=\"bindgen\""])
                // New items must not need what a known struct promises.
                .arg("--cfg=feature=\"zerocopy\"")
                .arg("--check-cfg=cfg(uffd_sys_libc, doctest)")
                .arg("--check-cfg=cfg(feature, values(\"abi\", \"bindgen\", \"zerocopy\"))")
                .args(
                    extern_crates
                        .iter()
                        .map(|named| format!("--extern={named}")),
                )
                .args(["--crate-name", crate_name, "-o"])
                .arg(made.out_dir.join(out))
                .arg("-L")
                .arg(format!(
                    "dependency={}",
                    self.libc.parent().unwrap().display()
                ))
                .arg(source);
            match command.output().unwrap() {
                output if output.status.success() => Ok(()),
                output => Err(stderr(&output)),
            }
        };
        rustc(
            &[
                format!("libc={}", self.libc.display()),
                format!("zerocopy={}", self.zerocopy.display()),
            ],
            "libuffd_sys.rmeta",
            "uffd_sys",
            &Path::new(ROOT).join("src/lib.rs"),
        )?;
        rustc(
            &[format!("uffd_sys={}", library.display())],
            "libprogram.rmeta",
            "program",
            &source,
        )
    }
}

/// The one that `UFFD_SYS_LIBCLANG` names by its version.
fn other_libclang() -> Vec<(&'static str, String)> {
    let Ok(version) = std::env::var("UFFD_SYS_LIBCLANG") else {
        return vec![];
    };
    let fields = fetched(&["libclang", &version], "with another libclang");
    let fields = fields.unwrap_or_else(|| panic!("libclang {version} cannot be had"));
    vec![
        ("LIBCLANG_PATH", fields[1].clone()),
        ("LD_LIBRARY_PATH", fields[2].clone()),
    ]
}

impl Made {
    fn of(output: Output, out_dir: PathBuf) -> Self {
        let stdout = String::from_utf8(output.stdout.clone()).unwrap();
        // Of a warning of several lines cargo would show the first.
        let stray = stdout.lines().find(|line| !line.starts_with("cargo:"));
        assert_eq!(stray, None, "cargo ignores this line");
        let after = |prefix: &str| -> Vec<String> {
            let lines = stdout.lines().filter_map(|line| line.strip_prefix(prefix));
            lines.map(String::from).collect()
        };
        let source = after("cargo:rustc-env=UFFD_SYS_BINDINGS=").concat();
        let warnings = after("cargo:warning=");
        Made {
            succeeded: output.status.success(),
            source,
            warnings,
            stderr: stderr(&output),
            stdout,
            out_dir,
        }
    }

    /// It fell back on the committed bindings, all of them, and says why in one
    /// line.
    pub fn assert_falls_back(&self, why: &str) {
        let [warning] = &self.warnings[..] else {
            panic!("one warning, not {:?}\n{}", self.warnings, self.stderr);
        };
        let start = format!("the committed bindings (Linux 7.3) are used: {why}");
        assert!(warning.starts_with(&start), "{warning}");
        assert_eq!(self.source, COMMITTED);
        let committed = fs::read_to_string(format!("{ROOT}/src/bindings/generic.rs")).unwrap();
        assert!(self.code() == committed);
    }

    /// It failed, with each of these words.
    pub fn assert_refused(&self, words: &[&str]) {
        assert!(!self.succeeded, "{}", self.source);
        for words in words {
            assert!(self.stderr.contains(words), "{words}:\n{}", self.stderr);
        }
    }

    pub fn code(&self) -> String {
        fs::read_to_string(self.out_dir.join("bindings.rs")).unwrap_or_default()
    }
}
