fn main() {
    // Cargo tells it to the crates that depend on uffd-sys directly.
    let include = std::env::var("DEP_UFFD_SYS_INCLUDE").expect("set by uffd-sys's build script");
    println!("cargo:rerun-if-changed=src/protect.c");
    cc::Build::new()
        .include(include)
        .define("UFFD_SYS_HEADER_ONLY", None)
        .file("src/protect.c")
        .warnings_into_errors(true)
        .compile("protect");
}
