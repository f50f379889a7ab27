//! What build.rs refuses, word for word, and what it falls back on.

mod cargo;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use cargo::trial::{Made, Tools};
use cargo::{cargo, fetched, not_run, run, stderr, target_dir, ROOT};

const COMMITTED: &str = "committed, Linux 7.3";

/// The committed bindings, all of them, and one line that says why.
fn assert_falls_back(made: &Made, why: &str) {
    let [warning] = &made.warnings[..] else {
        panic!("one warning, not {:?}\n{}", made.warnings, made.stderr);
    };
    let start = format!("the committed bindings (Linux 7.3) are used: {why}");
    assert!(warning.starts_with(&start), "{warning}");
    assert_eq!(made.source, COMMITTED);
    let committed = fs::read_to_string(format!("{ROOT}/src/bindings/generic.rs")).unwrap();
    assert!(made.code() == committed);
}

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
    assert!(!made.succeeded);
    let expected =
        "uffd-sys: UFFD_SYS_HEADERS is set, but UFFD_SYS_BINDGEN is `never`, so no header is read.";
    assert!(made.stderr.contains(expected), "{}", made.stderr);
}

/// No kernel header at all: not what `required` asks for.
#[test]
fn a_system_without_headers() {
    let tools = Tools::new();
    let hidden = ("BINDGEN_EXTRA_CLANG_ARGS", "-nostdinc");
    let made = tools.bindings("no-system-headers", &[hidden]);
    assert!(made.succeeded, "{}", made.stderr);
    assert_falls_back(&made, "no linux/userfaultfd.h was found for ");
    let made = tools.bindings(
        "no-system-headers",
        &[hidden, ("UFFD_SYS_BINDGEN", "required")],
    );
    assert!(!made.succeeded);
    assert!(
        made.stderr
            .contains("uffd-sys: no linux/userfaultfd.h was found for "),
        "{}",
        made.stderr
    );
    assert!(
        made.stderr.contains("apt install linux-libc-dev"),
        "{}",
        made.stderr
    );
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
    assert!(!made.succeeded, "{}", made.source);
    assert!(
        made.stderr
            .contains("uffd-sys: bindgen could not read the kernel headers"),
        "{}",
        made.stderr
    );
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

/// An old libclang evaluates nothing for bindgen, which then leaves out every
/// constant that it cannot work out itself, and says nothing.
#[test]
fn an_old_libclang() {
    let test = "an_old_libclang";
    if !cfg!(target_arch = "x86_64") {
        return not_run(test, "the package is one for x86_64");
    }
    let Some(fields) = fetched(&["libclang", "9"], test) else {
        return;
    };
    let old = [
        ("LIBCLANG_PATH", &*fields[1]),
        ("LD_LIBRARY_PATH", &*fields[2]),
    ];
    let tools = Tools::new();
    let made = tools.bindings("libclang-9", &old);
    assert!(made.succeeded, "{}", made.stderr);
    let missing = "UFFD_USER_MODE_ONLY is missing from what bindgen made of ";
    assert_falls_back(&made, missing);
    let made = tools.bindings(
        "libclang-9",
        &[old[0], old[1], ("UFFD_SYS_BINDGEN", "required")],
    );
    assert!(
        !made.succeeded && made.stderr.contains(missing),
        "{}",
        made.stderr
    );
    assert!(made.code().is_empty());
}

/// Runs the build script with its output on a small file system of its own,
/// after `prepare` has been at it in the shell as `$out`.
fn on_a_small_disk(name: &str, prepare: &str) -> Option<Made> {
    let small = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec"]);
        command.arg(format!(
            "mount -t tmpfs -o size=64k tmpfs \"$out\"\n{script}"
        ));
        command
    };
    let out_dir = target_dir("trials").join(name);
    fs::create_dir_all(&out_dir).unwrap();
    let out = ("out", out_dir.to_str().unwrap());
    if !small("exit 0")
        .env(out.0, out.1)
        .output()
        .is_ok_and(|o| o.status.success())
    {
        not_run(
            name,
            "a file system of its own needs the right to mount (root)",
        );
        return None;
    }
    let tools = Tools::new();
    // What the build script leaves behind is seen from within alone.
    let command = small(&format!(
        "{prepare}\ncode=0; \"$script\" || code=$?; ls \"$out\" | sed 's/^/cargo:warning=left: /'; exit $code"
    ));
    let script = tools.build_script().to_str().unwrap();
    Some(tools.bindings_in(&out_dir, command, &[out, ("script", script)]))
}

/// There is room for the bindings and not for what bindgen writes meanwhile.
#[test]
fn a_full_disk() {
    let Some(made) = on_a_small_disk("a_full_disk", "") else {
        return;
    };
    assert!(made.succeeded, "{}", made.stderr);
    assert_eq!(made.source, COMMITTED);
    let [warning, left] = &made.warnings[..] else {
        panic!("{:?}", made.warnings);
    };
    assert!(
        warning.contains("is missing from what bindgen made of"),
        "{warning}"
    );
    assert!(
        warning.contains("a full disk (bindgen writes to OUT_DIR)"),
        "{warning}"
    );
    assert_eq!(left, "left: bindings.rs");
}

#[test]
fn a_disk_with_no_room_at_all() {
    let fill = "cat /dev/zero > \"$out/full\" 2>/dev/null || true";
    let Some(made) = on_a_small_disk("a_disk_with_no_room_at_all", fill) else {
        return;
    };
    assert!(!made.succeeded);
    assert!(
        made.stderr.contains("uffd-sys: cannot write "),
        "{}",
        made.stderr
    );
    assert!(
        made.stderr.contains("No space left on device"),
        "{}",
        made.stderr
    );
    // No half of a file, which a later build would take for the whole.
    let left = made.warnings.iter().filter(|w| w.starts_with("left: "));
    assert_eq!(left.collect::<Vec<_>>(), ["left: full"]);
}

#[test]
fn a_folder_that_may_only_be_read() {
    let read_only = "mount -o remount,ro tmpfs \"$out\"";
    let Some(made) = on_a_small_disk("a_folder_that_may_only_be_read", read_only) else {
        return;
    };
    assert!(!made.succeeded);
    assert!(
        made.stderr.contains("uffd-sys: cannot write "),
        "{}",
        made.stderr
    );
    assert!(
        made.stderr.contains("Read-only file system"),
        "{}",
        made.stderr
    );
}

/// What users set for clang reaches it, and a change of it is noticed.
#[test]
fn headers_by_clangs_own_variables() {
    let tree = target_dir("by-variables");
    fs::create_dir_all(tree.join("linux")).unwrap();
    let text = "#define UFFD_API ((unsigned long long)0xAA)\n#define UFFD_MADE_UP 1\n";
    fs::write(tree.join("linux/userfaultfd.h"), text).unwrap();
    let tools = Tools::new();
    let dir = tree.to_str().unwrap();
    for (name, value) in [
        ("CPATH", dir.to_string()),
        ("C_INCLUDE_PATH", dir.to_string()),
        ("BINDGEN_EXTRA_CLANG_ARGS", format!("-isystem '{dir}'")),
    ] {
        let made = tools.bindings("by-variables", &[(name, &value)]);
        assert!(made.succeeded, "{}", made.stderr);
        assert_eq!(
            made.source,
            format!("bindgen, {dir}/linux/userfaultfd.h"),
            "{name}"
        );
        assert!(
            made.code().contains("pub const UFFD_MADE_UP: u64 = 1;"),
            "{name}"
        );
        let watched = format!("cargo:rerun-if-env-changed={name}\n");
        assert!(made.stdout.contains(&watched), "{name}");
    }
}

/// The headers that the system has, replaced: as root, they are.
#[test]
fn headers_of_the_system_itself() {
    let header = Path::new("/usr/include/linux/userfaultfd.h");
    let made_up = target_dir("system-header.h");
    let mount = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-ec"]);
        command.arg(format!(
            "mount --bind \"$made_up\" {}\n{script}",
            header.display()
        ));
        command.env("made_up", &made_up);
        command
    };
    fs::write(&made_up, "").unwrap();
    if !header.exists() || !mount("exit 0").output().is_ok_and(|o| o.status.success()) {
        let why =
            "replacing /usr/include/linux/userfaultfd.h needs it, and the right to mount (root)";
        return not_run("headers_of_the_system_itself", why);
    }
    let tools = Tools::new();
    let out_dir = target_dir("trials/system-itself");
    let script = tools.build_script().to_str().unwrap();
    let bindings = |text: &str| {
        let _ = fs::remove_dir_all(&out_dir);
        fs::create_dir_all(&out_dir).unwrap();
        fs::write(&made_up, text).unwrap();
        tools.bindings_in(&out_dir, mount("exec \"$script\""), &[("script", script)])
    };
    let real = fs::read_to_string(header).unwrap();
    let end = real.rfind("#endif").unwrap();
    let with = |more: &str| format!("{}{more}\n{}", &real[..end], &real[end..]);

    let made = bindings(&with("#define UFFD_MADE_UP 1"));
    assert_eq!(made.source, format!("bindgen, {}", header.display()));
    assert!(made.code().contains("pub const UFFD_MADE_UP: u64 = 1;"));
    let made = bindings(&with("#error \"made up\""));
    assert_falls_back(&made, "bindgen could not read the kernel headers for ");
    let watched = format!("cargo:rerun-if-changed={}\n", header.display());
    assert!(made.stdout.contains(&watched), "{}", made.stdout);
    assert_falls_back(
        &bindings(""),
        "bindgen could not read the kernel headers for ",
    );
    let made = bindings(&with("#undef UFFDIO\n#define UFFDIO 0xAB"));
    assert_falls_back(&made, "UFFDIO is 171 (0xab) in ");
}
