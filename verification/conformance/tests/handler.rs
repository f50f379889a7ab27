//! The handler of the examples under load, for a short time. Needs root.

#[path = "../../../tests/support/rights.rs"]
mod rights;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;

use std::process::{Command, Output};

use rights::{may, Right};

fn stress(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_uffd-conformance"))
        .args(["stress", "handler"])
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// The program itself fails when something of what it is for did not happen.
#[test]
fn no_thread_stays_asleep_and_no_page_is_wrong() {
    if !may(
        Right::EventFork,
        "conformance: no_thread_stays_asleep_and_no_page_is_wrong",
    ) {
        return;
    }
    let (output, text) = stress(&["--seconds", "10"]);
    assert_eq!(output.status.code(), Some(0), "{}", text);
}

#[test]
fn a_time_in_which_not_everything_happens_is_a_failure() {
    if !may(
        Right::EventFork,
        "conformance: a_time_in_which_not_everything_happens_is_a_failure",
    ) {
        return;
    }
    let (output, text) = stress(&["--episodes", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", text);
    assert!(text.contains("in this time"), "{}", text);
}

#[test]
fn wrong_usage_is_refused() {
    for arguments in [
        &["--seconds", "x"][..],
        &["--seconds", "0"],
        &["--seed"],
        &["--nonsense", "1"],
    ] {
        let (output, _) = stress(arguments);
        assert_eq!(output.status.code(), Some(2), "{:?}", arguments);
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
    }
}
