//! The model-based test for a short time, and proof that it can fail.
//! Needs root, as all of this package does.

#[path = "../../../tests/support/rights.rs"]
mod rights;
#[path = "../../../tests/support/skip_log.rs"]
mod skip_log;

use std::process::{Command, Output};

use rights::{may, Right};

fn model(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_uffd-conformance"))
        .arg("model")
        .args(arguments)
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[test]
fn kernel_and_model_agree() {
    if !may(Right::AllFaults, "conformance") {
        return;
    }
    let (output, text) = model(&["--operations", "30000"]);
    assert_eq!(output.status.code(), Some(0), "{}", text);
    let last = text.lines().last().expect("a last line");
    let made: Vec<&str> = last.split(' ').collect();
    assert_eq!(made[..3], ["#", "model:", "operations"], "{}", text);
    assert!(
        made[3].parse::<usize>().expect("a number") >= 30_000,
        "{}",
        text
    );
    assert!(last.contains("differences 0 seed"), "{}", text);
}

/// Each mistake is found, and the program made small enough to be read: no more
/// steps than this, with the guilty one among them.
macro_rules! found {
    ($($test:ident: $mistake:literal, $most_steps:literal, $guilty:literal;)*) => {$(
        #[test]
        fn $test() {
            if may(Right::AllFaults, "conformance") {
                is_found($mistake, $most_steps, $guilty);
            }
        }
    )*};
}

found! {
    a_lost_dontwake_is_found: "drop-dontwake", 6, "DONTWAKE";
    a_lost_copy_protection_is_found: "drop-copy-wp", 6, "COPY";
    an_ignored_errno_is_found: "ignore-eexist", 6, "COPY";
    a_range_protected_short_is_found: "short-protect", 6, "WRITEPROTECT";
    a_wrong_write_is_found: "lose-write", 4, "writes";
    pages_not_discarded_are_found: "skip-dontneed", 6, "MADV_DONTNEED";
}

fn is_found(mistake: &str, most_steps: usize, guilty: &str) {
    let (output, text) = model(&["--operations", "200000", "--seed", "3", "--inject", mistake]);
    assert_eq!(output.status.code(), Some(1), "{}", text);
    let small = text
        .split("# the smallest program")
        .nth(1)
        .expect("a small program");
    let is_step = |line: &&str| line.starts_with("#   ") && line.contains(". ");
    let steps: Vec<&str> = small.lines().filter(is_step).collect();
    assert!(!steps.is_empty() && steps.len() <= most_steps, "{}", text);
    assert!(steps.iter().any(|step| step.contains(guilty)), "{}", text);
    assert!(text.contains("differences 1 seed 3"), "{}", text);
}

#[test]
fn the_same_seed_makes_the_same_program() {
    if !may(Right::AllFaults, "conformance") {
        return;
    }
    let arguments = [
        "--operations",
        "200000",
        "--seed",
        "3",
        "--inject",
        "lose-write",
    ];
    let run = || model(&arguments).1;
    let difference = |text: String| {
        let line = text
            .lines()
            .find(|l| l.starts_with("# in step"))
            .map(str::to_owned);
        line.expect("a difference")
    };
    assert_eq!(difference(run()), difference(run()));
}

#[test]
fn wrong_usage_is_refused() {
    for arguments in [
        &["--pages", "99"][..],
        &["--operations", "0"],
        &["--seed", "x"],
        &["--nonsense", "1"],
        &["--seed"],
    ] {
        let (output, _) = model(arguments);
        assert_eq!(output.status.code(), Some(2), "{:?}", arguments);
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
    }
}
