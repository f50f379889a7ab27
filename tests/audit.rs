//! docs/audit.md says what a reviewer has to read: it is counted here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/audit.md")).expect("docs/audit.md")
}

/// The sources below a folder, with their paths from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().map_or(false, |suffix| suffix == "rs") {
                let name = path.strip_prefix(ROOT).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// How often a word stands in code: not in comments, which begin a line here.
fn count(text: &str, word: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.match_indices(word).map(move |(at, _)| (line, at)))
        .filter(|(line, at)| {
            let before = line[..*at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            !before.map_or(false, is_part) && !after.map_or(false, is_part)
        })
        .count()
}

#[test]
fn each_unsafe_is_told() {
    let page = page();
    for (file, text) in sources("src") {
        // The examples of the documentation: code of the reader's.
        if file == "src/manual/setup.rs" {
            continue;
        }
        let found = count(&text, "unsafe");
        let row = page
            .lines()
            .find(|line| line.contains(&format!("| `{file}` | ")) && !line.contains("asm!"));
        match row {
            Some(row) => assert!(
                row.contains(&format!("| {found} |")),
                "{file} has {found} `unsafe`; docs/audit.md says: {row}"
            ),
            None => assert_eq!(
                found, 0,
                "{file} has {found} `unsafe`, and no row in docs/audit.md"
            ),
        }
    }
    let assembly: usize = sources("src")
        .iter()
        .map(|(_, text)| count(text, "asm!("))
        .sum();
    assert!(
        page.contains(&format!("| {assembly} `asm!` |")),
        "{assembly} asm! in src"
    );
}

#[test]
fn each_dependency_is_told() {
    for feature in [
        "--no-default-features",
        "--features=bindgen",
        "--features=zerocopy",
    ] {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "-p",
                "uffd-sys",
                "-e",
                "normal,build",
                "--depth",
                "1",
                "--prefix",
                "none",
            ])
            .args(["--format", "{p}", feature, "--offline"])
            .current_dir(ROOT)
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let direct: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|name| !name.is_empty() && *name != "uffd-sys")
            .collect();
        assert!(direct.contains("libc"), "{feature}: {text}");
        for name in direct {
            assert!(
                page().contains(&format!("`{name}`")),
                "docs/audit.md does not name {name}"
            );
        }
    }
}

#[test]
fn each_action_of_the_build_is_told() {
    let mut text = fs::read_to_string(Path::new(ROOT).join("build.rs")).unwrap();
    for (_, more) in sources("build") {
        text += &more;
    }
    assert_eq!(count(&text, "unsafe"), 0, "the build script has `unsafe`");
    for word in ["Command", "net", "File", "OpenOptions"] {
        assert_eq!(count(&text, word), 0, "the build script has {word}");
    }
    // What the page says it does with files.
    let calls: Vec<&str> = text
        .split("fs::")
        .skip(1)
        .map(|rest| rest.split('(').next().unwrap())
        .collect();
    assert_eq!(calls, ["read_to_string", "write", "rename", "remove_file"]);
    // The variables that are not Cargo's own.
    for (at, _) in text.match_indices("\"UFFD_SYS_") {
        let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
        let name = text[at + 1..].split(|c| !is_part(c)).next().unwrap();
        assert!(
            name == "UFFD_SYS_BINDINGS" || page().contains(&format!("`{name}`")),
            "docs/audit.md does not name {name}"
        );
    }
}
