//! The crate as outsiders use it: a consumer built both ways, its machine code, and
//! two versions in one program.

mod cargo;

use std::fs;
use std::path::Path;
use std::process::Command;

use cargo::{cargo, run, stderr, target_dir, ROOT};

fn consumer(args: &[&str]) -> Command {
    cargo(Path::new(ROOT).join("tests/consumer"), "consumer", args)
}

#[test]
fn built_both_ways() {
    for (args, from) in [
        (&["run"][..], "bindgen, /usr/include/linux/userfaultfd.h"),
        (&["run", "--no-default-features"], "committed, Linux 7.3"),
    ] {
        let output = run(consumer(args));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            format!(
                "bindings: {from}\nUFFDIO_WRITEPROTECT: 0xc018aa06\nuffd_msg: 32\n\
                 hot_writeprotect: -1, Bad file descriptor (os error 9)\n"
            )
        );
    }
}

#[test]
fn without_bindgen_two_crates_are_compiled() {
    let _ = fs::remove_dir_all(target_dir("two-crates"));
    let dir = Path::new(ROOT).join("tests/consumer");
    let output = run(cargo(
        dir,
        "two-crates",
        &["build", "--no-default-features"],
    ));
    let text = stderr(&output);
    let mut compiled: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("Compiling "))
        .map(|rest| rest.split(' ').next().unwrap())
        .collect();
    compiled.sort_unstable();
    assert_eq!(compiled, ["consumer", "libc", "uffd-sys"], "{text}");
}

/// The machine code of `hot_writeprotect`, an instruction a line.
#[cfg(target_arch = "x86_64")]
fn machine_code(rustflags: &str, target: &str) -> Vec<String> {
    let dir = Path::new(ROOT).join("tests/consumer");
    let mut command = cargo(
        dir,
        target,
        &["build", "--release", "--no-default-features"],
    );
    command.env("RUSTFLAGS", rustflags);
    run(command);
    let binary = target_dir(target).join("release/consumer");
    let output = Command::new("objdump")
        .args(["-d", "--no-show-raw-insn", "--disassemble=hot_writeprotect"])
        .arg(binary)
        .output()
        .expect("objdump: apt install binutils");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .skip_while(|line| !line.contains("<hot_writeprotect>:"))
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(_address, instruction)| instruction.trim().to_string())
        .collect()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_system_call_is_inline() {
    let code = machine_code("", "consumer");
    let hot: Vec<&String> = code.iter().take_while(|i| !i.starts_with("ret")).collect();
    assert!(code.len() > hot.len(), "no return was found: {code:#?}");
    assert!(hot.iter().any(|i| *i == "syscall"), "{code:#?}");
    assert!(!hot.iter().any(|i| i.starts_with("call")), "{code:#?}");

    // The check can fail: through libc there is no such instruction.
    let code = machine_code("--cfg uffd_sys_libc", "consumer-libc");
    assert!(
        !code.is_empty() && !code.iter().any(|i| i == "syscall"),
        "{code:#?}"
    );
}

/// This version and another one in one program, each with C sources compiled
/// against its own header.
#[test]
fn two_versions_in_one_program() {
    let other = target_dir("other-version");
    let _ = fs::remove_dir_all(&other);
    fs::create_dir_all(&other).unwrap();
    for name in [
        "build.rs",
        "build",
        "wrapper.h",
        "include",
        "src",
        "README.md",
    ] {
        let status = Command::new("cp")
            .arg("-r")
            .arg(Path::new(ROOT).join(name))
            .arg(&other)
            .status()
            .unwrap();
        assert!(status.success());
    }
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let (package, _) = manifest.split_once("[dev-dependencies]").unwrap();
    let version = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");
    assert!(package.contains(version));
    let package = package.replacen(version, "version = \"99.0.0\"", 1);
    fs::write(other.join("Cargo.toml"), package + "\n[workspace]\n").unwrap();

    let output = run(cargo(
        Path::new(ROOT).join("tests/two-versions"),
        "two-versions",
        &[
            "run",
            "--config",
            &format!("patch.crates-io.uffd-sys.path=\"{}\"", other.display()),
        ],
    ));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "C and Rust of both versions agree on 0xc018aa06\n");
}
