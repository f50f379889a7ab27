//! Folders, commands, and the installed library.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

use crate::skip_log::not_run;

/// `-Werror` and the warnings that DESIGN promises the header never causes.
pub const WARNINGS: &[&str] = &[
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
];

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the root exists")
}

/// An empty folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => panic!("{}: {e}", dir.display()),
        _ => fs::create_dir_all(&dir).expect("the target folder is writable"),
    }
    dir
}

/// Where cargo builds: c.mk takes a part of it.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("tmp is in it")
        .to_path_buf()
}

/// `make -f capi/c.mk`, as a user in the root of the project would call it.
pub fn make(args: &[&str]) -> Command {
    // Built once, so that makes of several tests do not build side by side.
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(ok(make_command(&["capi"]))));
    make_command(args)
}

fn make_command(args: &[&str]) -> Command {
    let mut command = Command::new("make");
    command
        .current_dir(root())
        .args(["-s", "-f", "capi/c.mk"])
        .args(args)
        .env("CARGO_TARGET_DIR", target_dir())
        .env("LC_ALL", "C")
        // Those of a make that runs these tests are not meant for this one.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        // Nor is the path of the cargo that runs these tests.
        .env_remove("CARGO");
    command
}

/// The installed files, as `DESTDIR/usr`.
pub fn installed() -> PathBuf {
    static ONCE: Once = Once::new();
    let dest = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
    ONCE.call_once(|| {
        folder("installed");
        let dest = format!("DESTDIR={}", dest.display());
        ok(make(&["install", "PREFIX=/usr", &dest]));
    });
    dest.join("usr")
}

/// Runs it and returns its standard output.
#[track_caller]
pub fn ok(mut command: Command) -> String {
    let (success, stdout, all) = run(&mut command);
    assert!(success, "{command:?}\n{all}");
    stdout
}

/// Runs it, sees it fail, and returns all that it said.
#[track_caller]
pub fn refused(mut command: Command) -> String {
    let (success, _, all) = run(&mut command);
    assert!(!success, "should have failed: {command:?}\n{all}");
    all
}

fn run(command: &mut Command) -> (bool, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap_or_else(|e| {
        panic!(
            "{:?} cannot be run: {e}. These tests need make, gcc, g++, pkg-config, binutils, \
             python3 and coreutils.",
            command.get_program()
        )
    });
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let all = format!("{stdout}{}", String::from_utf8_lossy(&stderr));
    (status.success(), stdout, all)
}

/// What pkg-config says about the installed library.
pub fn pkg_config(args: &[&str]) -> Vec<String> {
    let usr = installed();
    let mut command = Command::new("pkg-config");
    command
        .args(args)
        .arg("uffd_sys")
        .env("PKG_CONFIG_PATH", usr.join("lib/pkgconfig"))
        .env("PKG_CONFIG_SYSROOT_DIR", usr.parent().expect("DESTDIR"))
        // /usr/lib and /usr/include would be left out as the compiler's own.
        .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
        .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1");
    shell_words(&command.output().expect("pkg-config is installed"))
}

/// What a command prints, in words as a shell sees them: pkg-config puts a
/// backslash before a space of a path, and before each byte that is not ASCII.
#[track_caller]
pub fn shell_words(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let mut words = vec![vec![]];
    let mut bytes = output.stdout.iter();
    while let Some(byte) = bytes.next() {
        let word = words.last_mut().expect("never empty");
        match byte {
            b'\\' => word.extend(bytes.next()),
            b' ' | b'\n' => words.push(vec![]),
            byte => word.push(*byte),
        }
    }
    words.retain(|word| !word.is_empty());
    let text = |word| String::from_utf8(word).expect("UTF-8");
    words.into_iter().map(text).collect()
}

/// A compiler for one source, by its suffix, with all warnings.
pub fn compiler(source: &Path) -> Command {
    let cxx = source.extension().map_or(false, |e| e == "cpp");
    let mut command = Command::new(if cxx { "g++" } else { "gcc" });
    command
        .arg(if cxx { "-std=c++17" } else { "-std=c11" })
        .args(WARNINGS);
    command
}

/// Sets of kernel headers with the compiler's flags for them: the system's,
/// none, and those of other Linux versions that verification/tools/debian.py has.
pub fn header_sets() -> Vec<(String, Vec<String>)> {
    let mut sets = vec![
        ("system".to_owned(), vec![]),
        (
            "none".to_owned(),
            vec!["-DUFFD_SYS_NO_LINUX_HEADERS".to_owned()],
        ),
    ];
    let mut command = Command::new("python3");
    command
        .arg(root().join("verification/tools/debian.py"))
        .args(["headers", "5.10", "6.1", "6.12", "7.3"]);
    let Output { stdout, .. } = command.output().expect("python3 is installed");
    for line in String::from_utf8_lossy(&stdout).lines() {
        let (version, dir) = line.split_once('\t').expect("VERSION<TAB>DIR");
        let asm = format!("{dir}/include/{}-linux-gnu", std::env::consts::ARCH);
        sets.push((
            version.to_owned(),
            vec![format!("-isystem{dir}/include"), format!("-isystem{asm}")],
        ));
    }
    for version in ["5.10", "6.1", "6.12", "7.3"] {
        if !sets.iter().any(|(name, _)| name == version) {
            not_tested(
                &format!("headers of Linux {version}"),
                "verification/tools/debian.py could not fetch them",
            );
        }
    }
    sets
}

/// The compiler's flags for the headers of one Linux version, if they are here.
pub fn headers_of(version: &str) -> Option<Vec<String>> {
    header_sets()
        .into_iter()
        .find(|(name, _)| name == version)
        .map(|(_, flags)| flags)
}

/// The folder with the headers of one Linux version, if they are here.
pub fn headers_dir(version: &str) -> Option<PathBuf> {
    let flags = headers_of(version)?;
    let dir = flags[0]
        .strip_prefix("-isystem")
        .expect("its include/ is first");
    Some(PathBuf::from(dir))
}

/// Flags to find this project's header, the tests' programs, and the kernel
/// headers of these folders, the first of which shadows the later ones.
pub fn include_flags(kernel: &[&Path]) -> Vec<String> {
    let mut flags = vec![
        format!("-I{}", root().join("include").display()),
        format!("-I{}", root().join("capi/tests/programs").display()),
    ];
    for dir in kernel {
        flags.push(format!("-isystem{}", dir.display()));
        let asm = dir.join(format!("{}-linux-gnu", std::env::consts::ARCH));
        if asm.is_dir() {
            flags.push(format!("-isystem{}", asm.display()));
        }
    }
    flags
}

/// A source in `dir` with this text, for a compiler of C or of C++.
pub fn source_with(dir: &Path, compiler: &str, text: &str) -> PathBuf {
    let cxx = compiler.ends_with("++");
    let source = dir.join(if cxx { "source.cpp" } else { "source.c" });
    fs::write(&source, text).expect("the folder is writable");
    source
}

/// Whether this compiler takes `source`, and all that it says. The standard is
/// C11 or C++17 unless `flags` has another.
pub fn said_by(compiler: &str, flags: &[String], source: &Path) -> (bool, String) {
    let cxx = compiler.ends_with("++");
    let mut command = Command::new(compiler);
    command
        .arg(if cxx { "-std=c++17" } else { "-std=c11" })
        .arg("-fsyntax-only")
        .args(WARNINGS)
        .args(flags)
        .arg(source)
        .env("LC_ALL", "C");
    let (success, _, all) = run(&mut command);
    (success, all)
}

/// Whether a program is installed; if not, says that what it does is not tested.
pub fn has(program: &str, what: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(program).is_file());
    if !found {
        not_tested(what, &format!("{program} is not installed"));
    }
    found
}

/// Says that something could not be tested. `REQUIRE_ALL=1` makes it a failure.
pub fn not_tested(what: &str, why: &str) {
    if std::env::var_os("REQUIRE_ALL").map_or(false, |value| !value.is_empty()) {
        panic!("not tested, but REQUIRE_ALL is set: {what}: {why}");
    }
    not_run(what, why);
}
