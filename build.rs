//! Makes the bindings: bindgen over wrapper.h, or the committed ones.
//! What it reads from the environment is described in the README.

use std::env;
use std::fs;
use std::path::Path;

#[cfg(feature = "bindgen")]
#[path = "build/generate.rs"]
mod generate;

fn main() {
    let out = Path::new(&var("OUT_DIR")).join("bindings.rs");
    for file in [
        "build.rs",
        "build",
        "wrapper.h",
        "include",
        "src/bindings",
        "src/abi/table.rs",
    ] {
        println!("cargo:rerun-if-changed={file}");
    }
    for name in [
        "UFFD_SYS_HEADERS",
        "UFFD_SYS_BINDGEN",
        "UFFD_SYS_WRITE_BINDINGS",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }

    let (text, source) = supported()
        .and_then(|()| bindings())
        .unwrap_or_else(|message| {
            eprintln!("\nuffd-sys: {message}\n");
            std::process::exit(1);
        });
    fs::write(&out, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
    println!("cargo:rustc-env=UFFD_SYS_BINDINGS={source}");
}

/// One sentence instead of the errors that would follow.
fn supported() -> Result<(), String> {
    match var("CARGO_CFG_TARGET_OS").as_str() {
        "linux" | "android" => Ok(()),
        other => Err(format!(
            "userfaultfd exists on Linux alone, and this is built for {other}. Depend on this crate \
             under [target.'cfg(any(target_os = \"linux\", target_os = \"android\"))'.dependencies]."
        )),
    }
}

/// The bindings and where they are from, or why there are none.
#[cfg(feature = "bindgen")]
fn bindings() -> Result<(String, String), String> {
    use generate::{generate, Headers};

    // `make bindings`: the committed ones anew, one for each encoding.
    if env::var_os("UFFD_SYS_WRITE_BINDINGS").is_some() {
        for (file, target) in [
            ("src/bindings/generic.rs", "x86_64-unknown-linux-gnu"),
            (
                "src/bindings/mips_powerpc_sparc.rs",
                "powerpc64le-unknown-linux-gnu",
            ),
        ] {
            fs::write(file, generate(&Headers::None, target)?)
                .map_err(|e| format!("{file}: {e}"))?;
        }
    }
    let required = match env::var("UFFD_SYS_BINDGEN").as_deref() {
        Ok("required") => true,
        Err(_) | Ok("") => false,
        Ok(other) => {
            return Err(format!(
                "UFFD_SYS_BINDGEN={other}: the only value is `required`"
            ))
        }
    };
    let headers = Headers::from_env()?;
    match generate(&headers, &var("TARGET")) {
        Ok(text) => Ok((text, format!("bindgen, {headers}"))),
        // Headers that were asked for by name are not quietly left out.
        Err(why) if required || headers != Headers::System => Err(why),
        Err(why) => {
            println!("cargo:warning=the committed bindings (Linux 7.3) are used: {why}");
            Ok(committed())
        }
    }
}

#[cfg(not(feature = "bindgen"))]
fn bindings() -> Result<(String, String), String> {
    for name in ["UFFD_SYS_HEADERS", "UFFD_SYS_BINDGEN"] {
        if env::var_os(name).map_or(false, |value| !value.is_empty()) {
            return Err(format!(
                "{name} is set, but the feature `bindgen` is off. Switch the feature on, \
                 or unset {name} to use the committed bindings."
            ));
        }
    }
    Ok(committed())
}

fn committed() -> (String, String) {
    let text = match table::Encoding::of_arch(&var("CARGO_CFG_TARGET_ARCH")) {
        table::Encoding::Generic => include_str!("src/bindings/generic.rs"),
        table::Encoding::MipsPowerpcSparc => include_str!("src/bindings/mips_powerpc_sparc.rs"),
    };
    (text.into(), "committed, Linux 7.3".into())
}

#[path = "src/abi/table.rs"]
#[allow(dead_code)]
mod table;

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
