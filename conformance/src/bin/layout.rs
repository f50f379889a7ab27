//! `uffd-conformance layout` alone, for processors that no kernel is booted
//! for. On mips64 the whole program, linked statically, ends before `main`.

fn main() {
    std::process::exit(uffd_conformance::layout::main());
}
