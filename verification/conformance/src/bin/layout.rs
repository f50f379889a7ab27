//! `uffd-conformance layout` alone, for processors that no kernel is booted
//! for: it needs no userfaultfd, and runs under an emulator of programs.

fn main() {
    std::process::exit(uffd_conformance::layout::main());
}
