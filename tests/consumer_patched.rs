//! Crates of the registry that were written against `userfaultfd-sys`: their own
//! sources, patched as a user would patch them, without libclang.

mod cargo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cargo::rights::{may, Right};
use cargo::{cargo, not_run, run, stderr, target_dir, ROOT};

/// A crate of the registry over a stand-in.
struct Patched {
    name: String,
    dir: PathBuf,
}

impl Patched {
    /// Copies its source and patches the copy; or says why it was not run.
    fn fetch(package: &str, version: &str, stand_in: &str, features: &str) -> Option<Patched> {
        let name = format!("{package}-{version}");
        let source = match source_of(package, version) {
            Ok(source) => source,
            Err(why) => {
                not_run(&name, &format!("it could not be fetched: {why}"));
                return None;
            }
        };
        // Two tests may use one package.
        let test = std::thread::current().name().unwrap_or(&name).to_owned();
        let dir = target_dir("patched").join(test);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").args([&source, &dir]).status();
        assert!(copied.unwrap().success());
        // It names the crate that is patched away.
        let _ = fs::remove_file(dir.join("Cargo.lock"));
        let manifest = dir.join("Cargo.toml");
        let append = |text: &str| {
            let before = fs::read_to_string(&manifest).unwrap();
            fs::write(&manifest, before + text).unwrap();
        };
        append("\n[workspace]\n");
        let patched = Patched { name, dir };
        // Before it is patched: what fails afterwards is no download.
        let fetched = patched.cargo(&["fetch"]).output().unwrap();
        if !fetched.status.success() {
            let why = format!("what it needs could not be fetched: {}", stderr(&fetched));
            not_run(&patched.name, &why);
            return None;
        }
        let _ = fs::remove_file(patched.dir.join("Cargo.lock"));
        append(&format!(
            "\n[patch.crates-io]\nuserfaultfd-sys = {{ path = \"{ROOT}/{stand_in}\" }}\n"
        ));
        patched.assert_patched(stand_in, features);
        Some(patched)
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo(&self.dir, "patched-target", args);
        // It must not be missed.
        command.env("LIBCLANG_PATH", "/nonexistent");
        command
    }

    fn assert_patched(&self, stand_in: &str, features: &str) {
        let args = ["tree", "--offline", "--prefix=none", "--features", features];
        let tree = run(self.cargo(&args));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let ours = format!("({ROOT}/{stand_in})");
        let is_ours = |line: &str| line.starts_with("userfaultfd-sys v") && line.contains(&ours);
        assert!(tree.lines().any(is_ours), "{}: {tree}", self.name);
        for clang in ["bindgen v", "clang-sys v"] {
            let found = tree.lines().any(|line| line.starts_with(clang));
            assert!(!found, "{}: {tree}", self.name);
        }
    }

    /// Its own tests pass; where it may not open a userfaultfd, they compile.
    fn test(&self, features: &str) {
        let args = ["test", "--offline", "--lib", "--features", features];
        if !may(Right::Device, &self.name) {
            run(self.cargo(&[&args[..], &["--no-run"]].concat()));
            return;
        }
        let Output { stdout, .. } = run(self.cargo(&args));
        let text = String::from_utf8(stdout).unwrap();
        assert!(
            text.contains("test result: ok.") && !text.contains(" 0 passed"),
            "{text}"
        );
    }
}

/// Registers a package of a registry in cargo's cache and gives its folder.
fn source_of(package: &str, version: &str) -> Result<PathBuf, String> {
    let dir = target_dir("fetch").join(package).join(version);
    fs::create_dir_all(dir.join("src")).unwrap();
    fs::write(dir.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [dependencies]\n{package} = \"={version}\"\n[workspace]\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    let args = ["metadata", "--format-version=1"];
    let output = cargo(&dir, "fetch-target", &args).output().unwrap();
    if !output.status.success() {
        return Err(stderr(&output));
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let needle = format!("{package}-{version}/Cargo.toml\"");
    let end = text
        .find(&needle)
        .expect("cargo tells where the package is")
        + needle.len()
        - 1;
    let start = text[..end].rfind('"').unwrap() + 1;
    Ok(Path::new(&text[start..end]).parent().unwrap().to_path_buf())
}

/// The safe crate of the field.
#[test]
fn userfaultfd_0_9() {
    let features = "linux5_7";
    if let Some(patched) = Patched::fetch("userfaultfd", "0.9.0", "userfaultfd-sys", features) {
        patched.test(features);
    }
}

/// The one before it, which other crates still ask for.
#[test]
fn userfaultfd_0_8() {
    let features = "linux5_7";
    if let Some(patched) = Patched::fetch("userfaultfd", "0.8.1", "userfaultfd-sys-0.5", features) {
        patched.test(features);
    }
}

/// Devices of virtual machines, whose live migration is by userfaultfd.
#[test]
fn vhost_user_backend() {
    let features = "postcopy";
    let package = "vhost-user-backend";
    if let Some(patched) = Patched::fetch(package, "0.24.0", "userfaultfd-sys", features) {
        run(patched.cargo(&["check", "--offline", "--features", features]));
    }
}

/// Its own tests, which are too long for every run.
#[test]
#[ignore = "make nightly"]
fn vhost_user_backend_tests() {
    let features = "postcopy";
    let package = "vhost-user-backend";
    if let Some(patched) = Patched::fetch(package, "0.24.0", "userfaultfd-sys", features) {
        patched.test(features);
    }
}
