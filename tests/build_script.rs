//! What build.rs refuses, word for word, and what it falls back on.

mod cargo;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use cargo::trial::{Tools, COMMITTED};
use cargo::{cargo, not_run, run, stderr, target_dir, ROOT};

/// What `cargo check` says when it must fail. No panic, no backtrace.
fn refusal(mut command: Command) -> String {
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert!(!output.status.success(), "it was to fail:\n{text}");
    assert!(
        !text.contains("thread '") && !text.contains("stack backtrace"),
        "{text}"
    );
    text
}

fn check(env: &[(&str, &str)]) -> Command {
    let mut command = cargo(ROOT, "build-script", &["check", "--lib"]);
    command.envs(env.iter().copied());
    command
}

#[test]
fn headers_that_are_not_there() {
    let empty = target_dir("no-headers");
    fs::create_dir_all(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    let text = refusal(check(&[("UFFD_SYS_HEADERS", empty)]));
    let expected = format!(
        "uffd-sys: UFFD_SYS_HEADERS={empty}: there is no linux/userfaultfd.h in {empty}/include, \
         {empty}/usr/include or {empty} itself.\n"
    );
    assert!(text.contains(&expected), "{text}");
    assert!(
        text.contains("Debian: linux-libc-dev, Fedora: kernel-headers, Alpine: linux-headers"),
        "{text}"
    );

    let text = refusal(check(&[("UFFD_SYS_HEADERS", "/no/such/folder")]));
    assert!(
        text.contains("UFFD_SYS_HEADERS=/no/such/folder (no such folder): "),
        "{text}"
    );
}

#[test]
fn words_that_it_does_not_know() {
    let text = refusal(check(&[("UFFD_SYS_BINDGEN", "yes")]));
    assert!(
        text.contains("uffd-sys: UFFD_SYS_BINDGEN=yes: the values are `required` and `never`"),
        "{text}"
    );
}

#[test]
fn settings_without_the_feature() {
    for (name, value) in [
        ("UFFD_SYS_HEADERS", "none"),
        ("UFFD_SYS_BINDGEN", "required"),
    ] {
        let mut command = check(&[(name, value)]);
        command.arg("--no-default-features");
        let text = refusal(command);
        let expected = format!(
            "uffd-sys: {name} is set, but the feature `bindgen` is off, so no header is read."
        );
        assert!(text.contains(&expected), "{text}");
    }
    let mut command = check(&[("UFFD_SYS_BINDGEN", "never")]);
    command.arg("--no-default-features");
    run(command);
}

#[test]
fn never_bindgen() {
    let tools = Tools::new();
    let never = ("UFFD_SYS_BINDGEN", "never");
    let made = tools.bindings("never", &[never]);
    assert!(made.succeeded, "{}", made.stderr);
    assert_eq!((&*made.source, made.warnings.len()), (COMMITTED, 0));
    let made = tools.bindings("never-headers", &[never, ("UFFD_SYS_HEADERS", "/usr")]);
    let expected =
        "uffd-sys: UFFD_SYS_HEADERS is set, but UFFD_SYS_BINDGEN is `never`, so no header is read.";
    made.assert_refused(&[expected]);
}

/// No kernel header at all: not what `required` asks for.
#[test]
fn a_system_without_headers() {
    let tools = Tools::new();
    let hidden = ("BINDGEN_EXTRA_CLANG_ARGS", "-nostdinc");
    let made = tools.bindings("no-system-headers", &[hidden]);
    assert!(made.succeeded, "{}", made.stderr);
    made.assert_falls_back("no linux/userfaultfd.h was found for ");
    let made = tools.bindings(
        "no-system-headers",
        &[hidden, ("UFFD_SYS_BINDGEN", "required")],
    );
    let missing = "uffd-sys: no linux/userfaultfd.h was found for ";
    made.assert_refused(&[missing, "apt install linux-libc-dev"]);
}

/// A tree whose header may not be read, as an ordinary user has it.
#[test]
fn headers_that_may_not_be_read() {
    let tree = target_dir("unreadable-headers");
    fs::create_dir_all(tree.join("linux")).unwrap();
    let header = tree.join("linux/userfaultfd.h");
    let _ = fs::remove_file(&header);
    fs::write(&header, "#define UFFD_API 0xAA\n").unwrap();
    fs::set_permissions(&header, fs::Permissions::from_mode(0o000)).unwrap();
    let tools = Tools::new();
    let mut command = Command::new(tools.build_script());
    if fs::read(&header).is_ok() {
        // root reads everything.
        command.uid(65534).gid(65534);
        let mut probe = Command::new(tools.build_script());
        if probe.uid(65534).current_dir(ROOT).output().is_err() {
            let why = "another user may not enter this folder";
            return not_run("headers_that_may_not_be_read", why);
        }
    }
    let out_dir = target_dir("trials/unreadable");
    fs::create_dir_all(&out_dir).unwrap();
    fs::set_permissions(&out_dir, fs::Permissions::from_mode(0o777)).unwrap();
    let env = [("UFFD_SYS_HEADERS", tree.to_str().unwrap())];
    let made = tools.bindings_in(&out_dir, command, &env);
    made.assert_refused(&["uffd-sys: bindgen could not read the kernel headers"]);
}

/// A tree whose `asm/ioctl.h` is that of another processor.
#[test]
fn headers_of_another_processor() {
    let tree = target_dir("sysroot-of-powerpc");
    fs::create_dir_all(tree.join("linux")).unwrap();
    // The numbers of powerpc, in the place where they matter.
    fs::write(
        tree.join("linux/userfaultfd.h"),
        "#pragma once\n\
         #define UFFD_API ((unsigned long long)0xAA)\n\
         #define UFFDIO 0xAA\n\
         struct uffdio_range { unsigned long long start, len; };\n\
         #define UFFDIO_WAKE 0x4010aa02\n\
         #define UFFDIO_UNREGISTER 0x4010aa01\n",
    )
    .unwrap();
    let text = refusal(check(&[("UFFD_SYS_HEADERS", tree.to_str().unwrap())]));
    let expected = format!(
        "uffd-sys: UFFDIO_UNREGISTER is 1074833921 (0x4010aa01) in {}/linux/userfaultfd.h, \
         and in Linux 2148575745 (0x8010aa01).\n",
        tree.display()
    );
    assert!(text.contains(&expected), "{text}");
    assert!(
        text.contains("set UFFD_SYS_HEADERS to a folder with the target's headers"),
        "{text}"
    );
}

/// Headers that do not compile: named ones are an error.
#[test]
fn headers_that_are_broken() {
    let tree = target_dir("broken-headers");
    fs::create_dir_all(tree.join("linux")).unwrap();
    fs::write(
        tree.join("linux/userfaultfd.h"),
        "#include <asm/missing.h>\n",
    )
    .unwrap();
    let text = refusal(check(&[("UFFD_SYS_HEADERS", tree.to_str().unwrap())]));
    assert!(
        text.contains("uffd-sys: bindgen could not read the kernel headers for "),
        "{text}"
    );
    assert!(text.contains("'asm/missing.h' file not found"), "{text}");
    assert!(text.contains("apt install linux-libc-dev"), "{text}");
}

/// Without libclang: every copy on the machine is hidden, for one command.
#[test]
fn no_libclang() {
    let hidden = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec"]);
        command.arg(format!(
            "find /usr/lib /usr/lib64 /usr/local/lib -name 'libclang*.so*' 2>/dev/null | \
             while read -r lib; do mount --bind /dev/null \"$(readlink -f \"$lib\")\"; done\n{script}"
        ));
        command
    };
    if !hidden("exit 0").output().is_ok_and(|o| o.status.success()) {
        let expected = std::env::var_os("UFFD_SYS_EXPECT").is_some();
        assert!(
            !expected,
            "UFFD_SYS_EXPECT is set: this must not be skipped"
        );
        return not_run(
            "no_libclang",
            "hiding libclang needs the right to mount (root)",
        );
    }
    let with_env = |mut command: Command, required: &str| {
        let settings = check(&[("UFFD_SYS_BINDGEN", required)]);
        command.current_dir(ROOT);
        for (name, value) in settings.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    };
    let cargo = format!("'{}' check --lib --color=never", env!("CARGO"));

    let output = run(with_env(hidden(&cargo), ""));
    let text = stderr(&output);
    assert!(
        text.contains("the committed bindings (Linux 7.3) are used: bindgen needs libclang"),
        "{text}"
    );
    assert!(
        text.contains("apt install libclang-dev; dnf install clang-devel"),
        "{text}"
    );

    let text = refusal(with_env(hidden(&cargo), "required"));
    assert!(
        text.contains("uffd-sys: bindgen needs libclang and could not load it"),
        "{text}"
    );
    assert!(
        text.contains("apk add clang-dev; pacman -S clang"),
        "{text}"
    );
    assert!(text.contains("LIBCLANG_PATH"), "{text}");
}
