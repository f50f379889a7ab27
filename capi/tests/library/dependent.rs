//! A crate with C sources finds the header through INCLUDE_DIR.

use std::process::Command;

use crate::support::{ok, root, target_dir};

#[test]
fn c_sources_of_a_dependent_crate_find_the_header() {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root().join("capi/tests/dependent"))
        .args(["run", "-q"])
        .env("CARGO_TARGET_DIR", target_dir().join("dependent"));
    assert_eq!(ok(command), "C and Rust agree on 24 bytes and 0xc018aa06\n");
}
