//! A safe layer over the crate, `tests/safe`: its own tests pass, which run on
//! the real kernel.

mod cargo;

use std::path::Path;

use cargo::{cargo, run, ROOT};

/// How many tests it has, those of its documentation too.
const TESTS: usize = 29;

#[test]
fn a_safe_layer_stands_on_it() {
    let package = Path::new(ROOT).join("tests/safe");
    let output = run(cargo(package, "safe", &["test"]));
    let text = String::from_utf8(output.stdout).unwrap();
    let passed: usize = text
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_once(" passed")?.0.parse::<usize>().ok())
        .sum();
    assert!(passed >= TESTS, "{passed} tests ran, not {TESTS}:\n{text}");
}
