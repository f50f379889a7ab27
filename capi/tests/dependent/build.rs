fn main() {
    println!("cargo:rerun-if-changed=src/protect.c");
    cc::Build::new()
        .include(uffd_sys::INCLUDE_DIR)
        .define("UFFD_SYS_HEADER_ONLY", None)
        .file("src/protect.c")
        .warnings_into_errors(true)
        .compile("protect");
}
