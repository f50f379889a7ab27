//! Compiles the contenders in C, as a C program would be: -O2, the machine's
//! own compiler.

fn main() {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include");
    println!("cargo:rerun-if-changed=c");
    println!("cargo:rerun-if-changed={include}/uffd_sys.h");
    cc::Build::new()
        .files([
            "c/libc.c",
            "c/header.c",
            "c/handlers.c",
            "c/handlers_copy.c",
            "c/tracking.c",
            "c/tracking_copy.c",
        ])
        .include(include)
        .opt_level(2)
        .flag("-std=gnu11")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true)
        .compile("uffd_bench_c");
    let compiler = cc::Build::new().get_compiler();
    let version = std::process::Command::new(compiler.path())
        .arg("--version")
        .output();
    let version = version.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).into_owned()
    });
    let first = version.lines().next().unwrap_or("unknown");
    println!("cargo:rustc-env=UFFD_BENCH_CC={first}");
    let rustc = std::env::var("RUSTC").unwrap();
    let version = std::process::Command::new(rustc)
        .arg("--version")
        .output()
        .unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    println!("cargo:rustc-env=UFFD_BENCH_RUSTC={}", version.trim());
}
