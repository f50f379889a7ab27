//! The list of sentences that no case can try: the check sees each difference
//! between it and the sources, in a repository that is made up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIST: &str = "verification/conformance/expected/read_not_run.txt";
const SENTENCE: &str = "A guest waits (read, not run: virt/kvm/kvm_main.c, Linux 7.3)";

/// A repository of one source, one header and the list, removed when dropped.
struct Repository(PathBuf);

impl Repository {
    fn new(name: &str) -> Repository {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&root);
        let made = Repository(root);
        // A comment may break the line within the mark.
        made.write(
            "src/lib.rs",
            "//! Head.\n//! A guest waits (read, not\n//! run: virt/kvm/kvm_main.c, Linux 7.3).\n",
        );
        made.write("include/all.h", "/*\n * Nothing of the kind.\n */\n");
        made.write(LIST, &format!("# Head.\nsrc/lib.rs: {}\n", SENTENCE));
        made
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// The exit code of the check, and what it printed.
    fn check(&self) -> (Option<i32>, String) {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/coverage.py");
        let output = Command::new("python3")
            .args([
                tool.as_os_str(),
                "--quiet".as_ref(),
                "--read-not-run".as_ref(),
            ])
            .arg(&self.0)
            .output()
            .expect("python3 runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    }

    fn refused(&self, with: &str) {
        let (code, text) = self.check();
        assert_eq!(code, Some(1), "{}", text);
        assert!(text.contains(with), "{}", text);
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn sentences_of_the_list_are_counted() {
    let made = Repository::new("read-not-run-right");
    let (code, text) = made.check();
    assert_eq!(code, Some(0), "{}", text);
    assert_eq!(text.trim(), "1 sentences read, not run");
}

#[test]
fn a_sentence_that_is_not_listed_is_found() {
    let made = Repository::new("read-not-run-new");
    made.write(
        "include/all.h",
        "/*\n * Errors: EIO planted (read, not run: mm/gup.c,\n * Linux 7.3).\n */\n",
    );
    made.refused(
        "not in read_not_run.txt: include/all.h: EIO planted (read, not run: mm/gup.c, Linux 7.3)",
    );
}

#[test]
fn a_listed_sentence_that_is_gone_is_found() {
    let made = Repository::new("read-not-run-gone");
    made.write("src/lib.rs", "//! A guest waits.\n");
    made.refused(&format!(
        "in read_not_run.txt alone: src/lib.rs: {}",
        SENTENCE
    ));
}

#[test]
fn a_mark_without_a_source_is_found() {
    let made = Repository::new("read-not-run-unsourced");
    made.write(
        "src/lib.rs",
        "//! A guest waits (read, not run: somewhere).\n",
    );
    made.refused("its source is not `FILE, Linux VERSION`: A guest waits");
    made.write("src/lib.rs", "//! A guest waits: read, not run.\n");
    made.refused("a mark that is not understood");
}
