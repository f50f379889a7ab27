//! Opening a userfaultfd, and the calls that are not measured: the examples'.

#[path = "../../../examples/support/mod.rs"]
mod support;

pub use support::{check, kernel_features, Uffd};

/// How many faults wait to be read.
pub fn pending(uffd: &Uffd) -> usize {
    let path = format!("/proc/self/fdinfo/{}", uffd.fd());
    let text = std::fs::read_to_string(path).expect("fdinfo");
    let line = text.lines().find_map(|line| line.strip_prefix("pending:"));
    line.expect("pending:").trim().parse().expect("a number")
}
