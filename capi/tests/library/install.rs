//! `make install` and `make uninstall`: the files, and the refusals.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{folder, installed, make, ok, pkg_config, refused};

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
        "prefix=/opt/x",
        "libdir=/opt/x/lib64",
        "includedir=/opt/x/include",
        "Version: 0.1.0",
    ] {
        assert!(pc.lines().any(|l| l == line), "{line} is not in\n{pc}");
    }
    assert!(!pc.contains('@'), "{pc}");
    ok(make(&[&["uninstall"], &args[..]].concat()));
    assert_eq!(files(&dir), [""; 0]);
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
fn path_without(program: &str) -> PathBuf {
    let dir = folder(&format!("path-without-{program}"));
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
            "install",
            "'cargo' is not installed: see https://rustup.rs",
        ),
        (
            "cc",
            "install",
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
        command.env("PATH", path_without(program));
        let said = refused(command);
        assert!(said.contains(words), "without {program}: {said}");
    }
}
