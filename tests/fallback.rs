//! Complete or refused: what the build script does where bindgen cannot do its
//! work, and with the headers of the system itself.

mod cargo;

use std::fs;
use std::path::Path;
use std::process::Command;

use cargo::trial::{Made, Tools, COMMITTED};
use cargo::{fetched, not_run, target_dir};

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
    made.assert_falls_back(missing);
    let made = tools.bindings(
        "libclang-9",
        &[old[0], old[1], ("UFFD_SYS_BINDGEN", "required")],
    );
    made.assert_refused(&[missing]);
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
    made.assert_refused(&["uffd-sys: cannot write ", "No space left on device"]);
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
    made.assert_refused(&["uffd-sys: cannot write ", "Read-only file system"]);
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
    made.assert_falls_back("bindgen could not read the kernel headers for ");
    let watched = format!("cargo:rerun-if-changed={}\n", header.display());
    assert!(made.stdout.contains(&watched), "{}", made.stdout);
    bindings("").assert_falls_back("bindgen could not read the kernel headers for ");
    let made = bindings(&with("#undef UFFDIO\n#define UFFDIO 0xAB"));
    made.assert_falls_back("UFFDIO is 171 (0xab) in ");
}
