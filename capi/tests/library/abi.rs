//! `make abi-check` passes, and sees what would break programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{folder, has, make, not_tested, ok, refused, root};

const HOW_TO_BLESS: &str = "To accept an addition: make abi-bless, and commit";

fn check(baseline: &Path) -> Command {
    make(&["abi-check", &format!("CAPI_ABI={}", baseline.display())])
}

#[test]
fn the_library_is_the_committed_baseline_and_a_change_is_seen() {
    if !has("abidiff", "the ABI of the library") {
        return;
    }
    if std::env::consts::ARCH != "x86_64" {
        not_tested("the ABI of the library", "the baseline is of x86_64");
        return;
    }
    let committed = root().join("capi/abi/libuffd_sys.abi");
    assert!(ok(check(&committed)).contains("abi-check: the same as"));

    // A baseline that differs is the same as a library that has changed.
    let dir = folder("abi");
    let text = fs::read_to_string(&committed).unwrap();
    for (what, from, to) in [
        ("a struct", "name='walk_end'", "name='walk_start'"),
        (
            "a type",
            "name='copy' type-id='type-id-2'",
            "name='copy' type-id='type-id-6'",
        ),
        ("a symbol", "uffd_sys_wake", "uffd_sys_wake_all"),
        (
            "the SONAME",
            "soname='libuffd_sys.so.0'",
            "soname='libuffd_sys.so.1'",
        ),
    ] {
        assert!(text.contains(from), "{what}: {from} is not in the baseline");
        let changed = dir.join("changed.abi");
        fs::write(&changed, text.replace(from, to)).unwrap();
        let said = refused(check(&changed));
        assert!(said.contains(HOW_TO_BLESS), "{what}: {said}");
    }
}
