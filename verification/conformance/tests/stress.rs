//! The stress test for a short time, and proof that it can fail. Needs root.

#[path = "../../../tests/support/rights.rs"]
mod rights;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;

use std::process::{Command, Output};

use rights::{may, Right};
use skip_log::not_run;

fn stress(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_uffd-conformance"))
        .arg("stress")
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// The number behind a word of the last line.
fn count(text: &str, word: &str) -> u64 {
    let last = text.lines().last().expect("a last line");
    let mut words = last.split(' ').skip_while(|w| *w != word);
    let number = words.nth(1).expect("a number behind the word");
    number.parse().expect("a number")
}

#[test]
fn no_write_is_lost() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    let (output, text) = stress(&["--seconds", "8"]);
    assert_eq!(output.status.code(), Some(0), "{}", text);
    assert_eq!(count(&text, "lost"), 0);
    for word in [
        "writes",
        "pages",
        "forks",
        "remaps",
        "discards",
        "growths",
        "checkpoints",
    ] {
        assert!(count(&text, word) > 0, "no {}:\n{}", word, text);
    }
}

fn is_found(mistake: &str, method: &str) {
    let (output, text) = stress(&["--seconds", "20", "--method", method, "--inject", mistake]);
    assert_eq!(output.status.code(), Some(1), "{}", text);
    assert_eq!(count(&text, "lost"), 1, "{}", text);
    let line = text
        .lines()
        .find(|l| l.contains("lost write:"))
        .expect("the lost write");
    for part in [method, "page", "writer", "checkpoint", "stamp"] {
        assert!(line.contains(part), "no {}: {}", part, line);
    }
}

#[test]
fn a_page_not_copied_is_found() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    is_found("lost-page", "sync");
}

#[test]
fn a_page_not_protected_again_is_found() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    is_found("unprotected", "sync");
}

/// A thread that is never woken is a failure that is said, not a test without end.
#[test]
fn a_thread_not_woken_is_found() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    let (output, text) = stress(&[
        "--seconds",
        "5",
        "--method",
        "sync",
        "--inject",
        "not-woken",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", text);
    assert!(text.contains("hangs: a thread was not woken"), "{}", text);
}

/// Where the kernel has the method, on which the program itself decides.
#[test]
fn a_page_not_copied_is_found_by_the_scan() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    let (output, text) = stress(&["--seconds", "1", "--method", "async"]);
    if output.status.code() == Some(2) && text.contains("does not have the method async") {
        not_run(
            "stress: a_page_not_copied_is_found_by_the_scan",
            "this kernel lacks UFFD_FEATURE_WP_ASYNC",
        );
        return;
    }
    is_found("lost-page", "async");
}

/// A run that checked less than it was asked to has not passed.
#[test]
fn a_time_too_short_for_all_methods_is_a_failure() {
    if !may(Right::EventFork, "conformance") {
        return;
    }
    let (output, text) = stress(&["--seconds", "1"]);
    let methods = text.matches("does not have the method").count();
    if methods == 2 {
        not_run(
            "stress: a_time_too_short_for_all_methods_is_a_failure",
            "this kernel has one method",
        );
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{}", text);
    assert!(
        text.contains("the time was too short for the method"),
        "{}",
        text
    );
}

#[test]
fn wrong_usage_is_refused() {
    for arguments in [
        &["--method", "magic"][..],
        &["--seconds", "x"],
        &["--seconds", "0"],
        &["--nonsense", "1"],
    ] {
        let (output, _) = stress(arguments);
        assert_eq!(output.status.code(), Some(2), "{:?}", arguments);
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
    }
}
