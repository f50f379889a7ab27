//! `make install` and `make uninstall`: the files, and the refusals.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{
    folder, installed, make, ok, pkg_config, refused, root, shell_words, target_dir,
};

/// All files below a folder, sorted.
fn files(dir: &Path) -> Vec<String> {
    let mut command = Command::new("find");
    command.current_dir(dir).args([".", "-not", "-type", "d"]);
    let mut all: Vec<String> = ok(command).lines().map(str::to_owned).collect();
    all.sort();
    all
}

#[test]
fn files_go_where_the_variables_say_and_uninstall_takes_them_away() {
    let dir = folder("elsewhere");
    let dest = format!("DESTDIR={}", dir.display());
    let args = ["PREFIX=/opt/x", "LIBDIR=/opt/x/lib64", &dest];
    ok(make(&[&["install"], &args[..]].concat()));
    assert_eq!(
        files(&dir),
        [
            "./opt/x/include/uffd_sys.h",
            "./opt/x/lib64/libuffd_sys.a",
            "./opt/x/lib64/libuffd_sys.so",
            "./opt/x/lib64/libuffd_sys.so.0",
            "./opt/x/lib64/libuffd_sys.so.0.1.0",
            "./opt/x/lib64/pkgconfig/uffd_sys.pc",
        ]
    );
    let pc = fs::read_to_string(dir.join("opt/x/lib64/pkgconfig/uffd_sys.pc")).unwrap();
    for line in [
        "prefix=${pcfiledir}/../..",
        "libdir=${prefix}/lib64",
        "includedir=${prefix}/include",
        "Version: 0.1.0",
    ] {
        assert!(pc.lines().any(|l| l == line), "{line} is not in\n{pc}");
    }
    assert!(!pc.contains('@'), "{pc}");
    ok(make(&[&["uninstall"], &args[..]].concat()));
    assert_eq!(files(&dir), [""; 0]);
}

/// What pkg-config says of a library in this folder.
fn pkg_config_in(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("pkg-config");
    command
        .args(args)
        .arg("uffd_sys")
        .env("PKG_CONFIG_PATH", folder)
        .env_remove("PKG_CONFIG_SYSROOT_DIR");
    shell_words(&command.output().expect("pkg-config is installed")).join(" ")
}

/// The flag's folder, as the shell that gets pkg-config's words sees it.
fn flag_in(folder: &Path, asked: &str, flag: &str) -> PathBuf {
    let said = pkg_config_in(folder, &[asked]);
    let path = said.strip_prefix(flag).expect(&said);
    let path = path.strip_suffix(" -luffd_sys").unwrap_or(path);
    Path::new(path).canonicalize().expect(path)
}

#[test]
fn an_installed_tree_can_be_moved() {
    let dir = folder("moved");
    let dest = format!("DESTDIR={}", dir.join("one").display());
    for (lib, libdir) in [
        ("lib", "/opt/x/lib"),
        ("lib/a/b", "/opt/x//lib/a/b/"),
        ("lib ä", "/opt/x/lib ä"),
    ] {
        let libdir = format!("LIBDIR={libdir}");
        ok(make(&["install", "PREFIX=/opt/x", &libdir, &dest]));
        let two = dir.join(format!("ödd two {}", lib.replace('/', "-")));
        fs::rename(dir.join("one"), &two).unwrap();
        let prefix = two.join("opt/x");
        let pc = prefix.join(lib).join("pkgconfig");
        let prefix = prefix.canonicalize().unwrap();
        assert_eq!(flag_in(&pc, "--cflags", "-I"), prefix.join("include"));
        assert_eq!(flag_in(&pc, "--libs", "-L"), prefix.join(lib));
    }
}

#[test]
fn folders_outside_of_prefix_are_named_in_full() {
    let dir = folder("outside");
    let dest = format!("DESTDIR={}", dir.display());
    // /opt/xy is not below /opt/x.
    let args = [
        "PREFIX=/opt/x",
        "LIBDIR=/opt/xy/lib",
        "INCLUDEDIR=/srv/a&b|c d",
    ];
    ok(make(&[&["install", &dest], &args[..]].concat()));
    let pc = dir.join("opt/xy/lib/pkgconfig");
    for (variable, value) in [
        ("--variable=prefix", "/opt/x"),
        ("--variable=libdir", "/opt/xy/lib"),
        ("--variable=includedir", "/srv/a&b|c d"),
    ] {
        assert_eq!(pkg_config_in(&pc, &[variable]), value);
    }
    assert_eq!(pkg_config_in(&pc, &["--cflags"]), "-I/srv/a&b|c d");
}

#[test]
fn what_is_installed_is_for_everybody_whatever_the_umask() {
    let dir = folder("umask");
    let dest = format!("DESTDIR={}", dir.display());
    let mut command = Command::new("sh");
    let make = make(&["install", "PREFIX=/usr", &dest]);
    command
        .current_dir(make.get_current_dir().unwrap())
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(make.get_program())
        .args(make.get_args());
    for (name, value) in make.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    ok(command);
    let mut found = Command::new("find");
    found
        .current_dir(&dir)
        .args([".", "-mindepth", "1", "-printf", "%m %y %P\n"]);
    let said = ok(found);
    let mut modes: Vec<&str> = said.lines().collect();
    modes.sort_unstable();
    assert_eq!(
        modes,
        [
            "644 f usr/include/uffd_sys.h",
            "644 f usr/lib/libuffd_sys.a",
            "644 f usr/lib/pkgconfig/uffd_sys.pc",
            "755 d usr",
            "755 d usr/include",
            "755 d usr/lib",
            "755 d usr/lib/pkgconfig",
            "755 f usr/lib/libuffd_sys.so.0.1.0",
            "777 l usr/lib/libuffd_sys.so",
            "777 l usr/lib/libuffd_sys.so.0",
        ]
    );
}

/// `sudo make install` where root has no cargo, in a copy of the project: what
/// it does to the library must not reach the other tests.
#[test]
fn an_install_after_a_build_needs_no_cargo() {
    let copy = folder("after-a-build");
    for part in [
        "include",
        "build",
        "src",
        "capi",
        "Cargo.toml",
        "build.rs",
        "wrapper.h",
    ] {
        let mut cp = Command::new("cp");
        cp.args(["-Rp"]).arg(root().join(part)).arg(&copy);
        ok(cp);
    }
    let out = copy.join("target/capi/release");
    fs::create_dir_all(&out).unwrap();
    drop(installed());
    for name in ["libuffd_sys.a", "libuffd_sys.so.0.1.0"] {
        fs::copy(target_dir().join("capi/release").join(name), out.join(name)).unwrap();
    }
    let install = || {
        let mut command = make(&["install", "PREFIX=/usr", "DESTDIR=installed"]);
        command
            .current_dir(&copy)
            .env_remove("CARGO_TARGET_DIR")
            .env("PATH", path_without("cargo", "after-a-build"));
        command
    };
    let said = ok(install());
    assert!(said.contains("is current, so nothing is built"), "{said}");
    assert_eq!(files(&copy.join("installed")).len(), 6);
    fs::remove_dir_all(copy.join("installed")).unwrap();

    // A source that has changed since is named, and nothing is installed.
    let source = copy.join("src/ioctl.rs");
    let text = fs::read(&source).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&source, text).unwrap();
    let said = refused(install());
    assert!(
        said.contains("src/ioctl.rs is newer than the library") && said.contains("make capi"),
        "{said}"
    );
    assert!(!copy.join("installed").exists());
}

#[test]
fn pkg_config_knows_version_and_flags() {
    let usr = installed();
    assert_eq!(pkg_config(&["--modversion"]), [env!("CARGO_PKG_VERSION")]);
    assert_eq!(
        pkg_config(&["--cflags"]),
        [format!("-I{}", usr.join("include").display())]
    );
    let libs = [
        format!("-L{}", usr.join("lib").display()),
        "-luffd_sys".to_owned(),
    ];
    assert_eq!(pkg_config(&["--libs"]), libs);
}

#[test]
fn shared_library_is_small_and_needs_only_libc() {
    let so = installed().join("lib/libuffd_sys.so.0.1.0");
    let size = fs::metadata(&so).unwrap().len();
    assert!(size < 40 * 1024, "{size} bytes");
    let mut command = Command::new("readelf");
    command.arg("-d").arg(&so);
    let dynamic = ok(command);
    let values = |tag: &str| -> Vec<String> {
        let lines = dynamic.lines().filter(|l| l.contains(tag));
        lines
            .map(|l| l[l.find('[').unwrap() + 1..l.find(']').unwrap()].to_owned())
            .collect()
    };
    assert_eq!(values("(SONAME)"), ["libuffd_sys.so.0"]);
    assert_eq!(values("(NEEDED)"), ["libc.so.6"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_with_the_remedy() {
    // A file where a folder should be stops root too.
    let dir = folder("unwritable");
    fs::write(dir.join("usr"), "").unwrap();
    let said = refused(make(&[
        "install",
        "PREFIX=/usr",
        &format!("DESTDIR={}", dir.display()),
    ]));
    let line = format!(
        "cannot write to {}/usr/include. Use sudo, or another PREFIX=DIR",
        dir.display()
    );
    assert!(said.contains(&line), "{said}");
    assert_eq!(fs::read(dir.join("usr")).unwrap(), b"");
}

/// A folder with all programs of PATH but one.
fn path_without(program: &str, test: &str) -> PathBuf {
    let dir = folder(&format!("{test}-without-{program}"));
    for from in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for entry in fs::read_dir(from).into_iter().flatten().flatten() {
            let to = dir.join(entry.file_name());
            if entry.file_name() != program && to.symlink_metadata().is_err() {
                symlink(entry.path(), to).unwrap();
            }
        }
    }
    dir
}

#[test]
fn missing_tools_are_named_with_how_to_get_them() {
    for (program, target, words) in [
        (
            "cargo",
            "capi",
            "'cargo' is not installed: see https://rustup.rs",
        ),
        (
            "cc",
            "capi",
            "the C compiler 'cc' is not installed: apt install gcc, or CC=NAME",
        ),
        (
            "abidw",
            "abi-check",
            "abidw is not installed: apt install abigail-tools",
        ),
        (
            "abidiff",
            "abi-check",
            "abidiff is not installed: apt install abigail-tools",
        ),
    ] {
        let dest = format!("DESTDIR={}", folder("nowhere").display());
        let mut command = make(&[target, &dest]);
        command.env("PATH", path_without(program, "tools"));
        let said = refused(command);
        assert!(said.contains(words), "without {program}: {said}");
    }
}
