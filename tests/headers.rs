//! The same API whatever the headers: what bindgen makes of real header trees
//! of several Linux versions, of the system's, and of none.

mod cargo;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo::items::{items, without_docs};
use cargo::trial::Tools;
use cargo::{kernel_headers, target_dir, ROOT};

/// The bindings that build.rs makes with UFFD_SYS_HEADERS set.
fn bindings(tools: &Tools, name: &str, headers: Option<&Path>) -> String {
    let headers = headers.map_or("", |dir| dir.to_str().unwrap());
    let env = [
        ("UFFD_SYS_HEADERS", headers),
        ("UFFD_SYS_BINDGEN", "required"),
    ];
    let made = tools.bindings(&format!("headers-{name}"), &env);
    assert!(made.succeeded, "{name}: {}", made.stderr);
    made.code()
}

fn assert_same(what: &str, code: &str) {
    let expected = items(&fs::read_to_string(format!("{ROOT}/src/bindings/generic.rs")).unwrap());
    let found = items(code);
    assert!(
        expected.len() > 100,
        "only {} items were read",
        expected.len()
    );
    let lines = |from: &BTreeSet<String>, other: &BTreeSet<String>| {
        from.difference(other)
            .map(|i| format!("  {i}\n"))
            .collect::<String>()
    };
    assert!(
        found == expected,
        "{what}: other bindings than the committed ones\nonly here:\n{}only there:\n{}",
        lines(&found, &expected),
        lines(&expected, &found)
    );
}

#[test]
fn the_systems_headers_and_none() {
    let tools = Tools::new();
    assert_same("the system's headers", &bindings(&tools, "system", None));
    let none = Some(Path::new("none"));
    assert_same("no headers", &bindings(&tools, "none", none));
}

/// Real trees, fetched where they are not cached. What cannot be had is named;
/// the trees made below stand in for it.
#[test]
fn real_headers_of_other_versions() {
    let tools = Tools::new();
    for version in ["5.10", "6.1", "6.12", "7.3"] {
        if let Some(dir) = kernel_headers(version, "real_headers_of_other_versions") {
            assert_same(version, &bindings(&tools, version, Some(&dir)));
        }
    }
}

/// A header tree in which linux/userfaultfd.h holds what ours does and no
/// more than `keep` lets through, followed by `more`.
fn made_up_tree(name: &str, keep: impl Fn(&str) -> bool, more: &str) -> PathBuf {
    let ours = fs::read_to_string(format!("{ROOT}/include/uffd_sys.h")).unwrap();
    // The definitions alone, as a kernel's header has them.
    let (ours, _functions) = ours
        .split_once("/* ---- the compiler agrees")
        .expect("where the definitions end");
    let ours = format!("{ours}#endif\n");
    // Under other names, so that the real one still completes it.
    let text = ours
        .replace("UFFD_SYS_", "MADE_UP_")
        .replace("uffd_sys_", "made_up_");
    let mut header = String::from("#ifndef _LINUX_USERFAULTFD_H\n#define _LINUX_USERFAULTFD_H\n#define MADE_UP_NO_LINUX_HEADERS\n");
    // One #ifndef an item: drop the items that are not to be kept.
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        match line.strip_prefix("#ifndef ") {
            Some(name) if !keep(name) => {
                let mut depth = 1;
                while depth > 0 {
                    let line = lines.next().expect("#ifndef is closed").replace(' ', "");
                    depth += usize::from(line.starts_with("#if"));
                    depth -= usize::from(line.starts_with("#endif"));
                }
            }
            _ => header.push_str(&format!("{line}\n")),
        }
    }
    header.push_str(more);
    header.push_str("\n#endif\n");
    let dir = target_dir(&format!("tree-{name}"));
    fs::create_dir_all(dir.join("linux")).unwrap();
    fs::write(dir.join("linux/userfaultfd.h"), header).unwrap();
    dir
}

/// Headers as every Linux since 4.11 had them, by the table's own dates.
#[test]
fn headers_of_every_age() {
    use uffd_sys::abi::table::{CONSTANTS, STRUCTS};
    let number = |version: &str| {
        let (major, minor) = version.split_once('.').unwrap();
        (major.parse::<u32>().unwrap(), minor.parse::<u32>().unwrap())
    };
    let mut versions: Vec<&str> = CONSTANTS.iter().chain([]).map(|c| c.since).collect();
    versions.extend(STRUCTS.iter().map(|s| s.since));
    versions.sort_by_key(|v| number(v));
    versions.dedup();
    assert!(versions.len() > 10, "{versions:?}");
    let tools = Tools::new();
    for version in versions.into_iter().filter(|v| number(v) >= (4, 11)) {
        let keep = |name: &str| {
            CONSTANTS
                .iter()
                .find(|c| c.name == name)
                .map_or(true, |c| number(c.since) <= number(version))
        };
        let tree = made_up_tree(version, keep, "");
        assert_same(
            &format!("a header of Linux {version}"),
            &bindings(&tools, &format!("of-{version}"), Some(&tree)),
        );
    }
}

#[test]
fn a_newer_header_shows_through() {
    let more = "\
        #define UFFD_FEATURE_MADE_UP (1ULL << 19)\n\
        #define _UFFDIO_MADE_UP (0x0B)\n\
        struct uffdio_made_up { struct uffdio_range range; unsigned long long flavour; };\n\
        #define UFFDIO_MADE_UP MADE_UP_IOWR(UFFDIO, _UFFDIO_MADE_UP, struct uffdio_made_up)\n\
        #undef UFFD_API_FEATURES\n\
        #define UFFD_API_FEATURES (0x7ffff | UFFD_FEATURE_MADE_UP)\n";
    let tree = made_up_tree("newer", |_| true, more);
    let code = bindings(&Tools::new(), "newer", Some(&tree));
    let found = items(&code);
    let expected = items(&fs::read_to_string(format!("{ROOT}/src/bindings/generic.rs")).unwrap());
    let mut news: Vec<String> = found
        .difference(&expected)
        .map(|i| without_docs(i))
        .collect();
    news.sort();
    assert_eq!(
        news,
        [
            "#[repr(C)]#[derive(Debug,Default,Copy,Clone,Hash,PartialEq,Eq)]pubstructuffdio_made_up{pubrange:uffdio_range,pubflavour:u64,}",
            "pubconstUFFDIO_MADE_UP:u32=3222841867;",
            "pubconstUFFD_API_FEATURES:u64=1048575;",
            "pubconstUFFD_FEATURE_MADE_UP:u64=524288;",
            "pubconst_UFFDIO_MADE_UP:u64=11;",
        ]
    );
    assert_eq!(
        expected.difference(&found).count(),
        1,
        "only UFFD_API_FEATURES changed"
    );
}

/// Debian keeps asm/ under a name with `gnu` in it, whatever the C library of
/// the target.
#[test]
fn headers_for_musl_and_android() {
    let test = "headers_for_musl_and_android";
    let Some(tree) = kernel_headers("7.3", test) else {
        return;
    };
    let tools = Tools::new();
    let try_target = |headers: &Path, arch: &str, target: &str| {
        let env = [
            ("UFFD_SYS_HEADERS", headers.to_str().unwrap()),
            ("TARGET", target),
            ("CARGO_CFG_TARGET_ARCH", arch),
        ];
        let made = tools.bindings(&format!("headers-{target}"), &env);
        assert!(made.succeeded, "{target}: {}", made.stderr);
        assert!(
            made.source.ends_with("/linux/userfaultfd.h"),
            "{}",
            made.source
        );
        assert!(made.warnings.is_empty(), "{:?}", made.warnings);
    };
    for (arch, target) in [
        ("x86_64", "x86_64-unknown-linux-musl"),
        ("x86", "i686-linux-android"),
        ("x86", "i586-unknown-linux-musl"),
        ("aarch64", "aarch64-linux-android"),
        ("aarch64", "aarch64-unknown-linux-musl"),
        ("arm", "armv7-linux-androideabi"),
        ("arm", "armv7-unknown-linux-musleabihf"),
        ("arm", "arm-unknown-linux-gnueabi"),
        ("riscv64", "riscv64gc-unknown-linux-musl"),
        ("mips64", "mips64el-unknown-linux-muslabi64"),
        ("powerpc64", "powerpc64le-unknown-linux-musl"),
        ("s390x", "s390x-unknown-linux-gnu"),
    ] {
        try_target(&tree, arch, target);
    }
    // This system's own, where it is Debian.
    let system = Path::new("/usr/include");
    if system.join("x86_64-linux-gnu/asm").is_dir() {
        try_target(system, "x86_64", "x86_64-unknown-linux-musl");
        try_target(system, "x86_64", "x86_64-linux-android");
    }
}
