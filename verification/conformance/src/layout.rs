//! `uffd-conformance layout`: the bindings as compiled for this processor
//! against the pinned table. Needs no userfaultfd, so it runs under qemu-user.

use uffd_sys::abi;

/// Prints the findings; the exit code.
pub fn main() -> i32 {
    let report = abi::compare(&[abi::compiled()], abi::target());
    println!("{}: {}", std::env::consts::ARCH, report);
    // A comparison of nothing proves nothing.
    if report.findings.is_empty() && report.compared() > 150 {
        0
    } else {
        1
    }
}
