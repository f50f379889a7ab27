//! The Markdown files: every relative link leads somewhere, and every block of
//! code is one that a test compiles or that no compiler knows. The help.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The Markdown files that are committed.
fn documents() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.md",
        ])
        .current_dir(ROOT)
        .output()
        .expect("git is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git ls-files: {said}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let found: Vec<PathBuf> = listed
        .lines()
        // rustdoc's own, and checked by it.
        .filter(|line| !line.starts_with("src/manual/"))
        .map(|line| Path::new(ROOT).join(line))
        .collect();
    assert!(found.len() >= 8, "only {} Markdown files", found.len());
    found
}

/// What stands in `[..](here)`, outside of blocks of code.
fn links(text: &str) -> Vec<String> {
    let mut links = vec![];
    let outside = text.split("\n```").step_by(2);
    for part in outside {
        for rest in part.split("](").skip(1) {
            let link = rest.split_once(')').map_or("", |(link, _)| link);
            links.push(link.to_owned());
        }
    }
    links
}

/// The anchor that a forge makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut checked = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, part) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                _ => document.parent().unwrap().join(path),
            };
            assert!(
                target.exists(),
                "{}: ({link}) leads nowhere",
                document.display()
            );
            if !part.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == part);
                assert!(found, "{}: no heading #{part}", document.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} links");
}

#[test]
fn blocks_of_code_are_compiled() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let name = document.strip_prefix(ROOT).unwrap().display().to_string();
        for block in text.split("\n```").skip(1).step_by(2) {
            let language = block.lines().next().unwrap();
            // Shells and manifests are not compiled. src/lib.rs of each package runs
            // the Rust of its README as doctests, userfaultfd-sys that of docs/migrating.md, and
            // capi/tests the C.
            let known = matches!(
                language,
                "" | "console" | "sh" | "toml" | "text" | "yaml" | "json"
            );
            let tested = matches!(
                (&name[..], language),
                ("README.md", "rust" | "c") | ("uffd-lint/README.md" | "docs/migrating.md", "rust")
            );
            assert!(
                known || tested,
                "{name}: nobody compiles this block of {language}"
            );
        }
    }
}

/// With the prompt before and behind it, on 24 lines of 80 columns.
#[test]
fn the_help_fits_a_screen() {
    let output = Command::new("make")
        .args(["--no-print-directory", "help"])
        .env_remove("MAKEFLAGS")
        .current_dir(ROOT)
        .output()
        .expect("make is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!((10..=22).contains(&text.lines().count()), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() < 80, "{line}");
    }
}
