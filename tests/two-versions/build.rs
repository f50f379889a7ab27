fn main() {
    println!("cargo:rerun-if-changed=src/request.c");
    for (folder, name) in [(ours::INCLUDE_DIR, "ours"), (other::INCLUDE_DIR, "other")] {
        cc::Build::new()
            .include(folder)
            .define("UFFD_SYS_HEADER_ONLY", None)
            .define("REQUEST", format!("request_of_{name}").as_str())
            .file("src/request.c")
            .warnings_into_errors(true)
            .compile(name);
    }
    assert_ne!(ours::INCLUDE_DIR, other::INCLUDE_DIR);
}
