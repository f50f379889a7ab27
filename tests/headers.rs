//! The same API whatever the headers: what bindgen makes of real header trees
//! of several Linux versions, of the system's, and of none.

mod cargo;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo::{cargo, not_run, run, stderr, target_dir, ROOT};

/// The bindings that build.rs makes with UFFD_SYS_HEADERS set, and what it
/// says of where they are from.
fn bindings(headers: Option<&Path>, target: &str) -> String {
    let mut command = cargo(ROOT, target, &["check", "--lib", "--message-format=json"]);
    command.env("UFFD_SYS_BINDGEN", "required");
    if let Some(dir) = headers {
        command.env("UFFD_SYS_HEADERS", dir);
    }
    let output = run(command);
    let messages = String::from_utf8(output.stdout).unwrap();
    let of_this_package = messages
        .lines()
        .find(|line| {
            line.contains("\"build-script-executed\"") && line.contains("UFFD_SYS_BINDINGS")
        })
        .expect("cargo tells of our build script");
    let out_dir = of_this_package
        .split("\"out_dir\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    fs::read_to_string(Path::new(out_dir).join("bindings.rs")).unwrap()
}

/// The items of generated code, without white space and in no order.
fn items(code: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::new();
    let (mut item, mut depth, mut in_string, mut escaped) = (String::new(), 0, false, false);
    for c in code
        .lines()
        .filter(|l| !l.starts_with("//"))
        .flat_map(|l| l.chars())
    {
        if in_string {
            item.push(c);
            in_string = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        item.push(c);
        match c {
            '"' => in_string = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            items.insert(std::mem::take(&mut item));
        }
    }
    assert!(item.is_empty(), "{item}");
    items
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
    assert_same("the system's headers", &bindings(None, "headers"));
    assert_same("no headers", &bindings(Some(Path::new("none")), "headers"));
}

/// Real trees, fetched where they are not cached. What cannot be had is named;
/// the trees made below stand in for it.
#[test]
fn real_headers_of_other_versions() {
    let output = Command::new("python3")
        .args([
            "verification/tools/debian.py",
            "headers",
            "5.10",
            "6.1",
            "6.12",
            "7.3",
        ])
        .current_dir(ROOT)
        .output();
    let (fetched, said) = match &output {
        Ok(output) => (String::from_utf8_lossy(&output.stdout), stderr(output)),
        Err(error) => ("".into(), error.to_string()),
    };
    let trees: BTreeMap<&str, &str> = fetched.lines().filter_map(|l| l.split_once('\t')).collect();
    for version in ["5.10", "6.1", "6.12", "7.3"] {
        match trees.get(version) {
            Some(dir) => assert_same(version, &bindings(Some(Path::new(dir)), "headers")),
            None => not_run(
                "headers",
                &format!("Linux {version}'s headers could not be fetched: {said}"),
            ),
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
            &bindings(Some(&tree), "ages"),
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
    let code = bindings(Some(&made_up_tree("newer", |_| true, more)), "ages");
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
            "#[repr(C)]#[derive(Debug,Default,Copy,Clone,PartialEq,Eq)]pubstructuffdio_made_up{pubrange:uffdio_range,pubflavour:u64,}",
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

fn without_docs(item: &str) -> String {
    let mut out = String::new();
    let mut rest = item;
    while let Some((before, after)) = rest.split_once("#[doc=\"") {
        out.push_str(before);
        rest = after.split_once("\"]").unwrap().1;
    }
    out + rest
}
