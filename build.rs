//! Makes the bindings: bindgen over wrapper.h, or the committed ones.
//! What it reads from the environment is described in the README.

use std::env;
use std::fs;
use std::path::Path;
use std::process;

#[cfg(feature = "bindgen")]
#[path = "build/generate.rs"]
mod generate;
#[cfg(feature = "bindgen")]
#[path = "build/headers.rs"]
mod headers;
#[cfg(feature = "bindgen")]
#[path = "build/items.rs"]
mod items;
#[cfg(feature = "bindgen")]
#[path = "build/known.rs"]
mod known;

#[path = "src/abi/table.rs"]
#[allow(dead_code)]
mod table;
use table::Encoding;

fn main() {
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
        // What libclang and clang go by; bindgen names its own variables.
        "LIBCLANG_PATH",
        "CLANG_PATH",
        "CPATH",
        "C_INCLUDE_PATH",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }

    let (text, source) = supported()
        .and_then(|()| bindings())
        .unwrap_or_else(|message| refuse(&message));
    let out = Path::new(&var("OUT_DIR")).join("bindings.rs");
    save(&out, &text).unwrap_or_else(|message| refuse(&message));
    println!("cargo:rustc-env=UFFD_SYS_BINDINGS={source}");
}

fn refuse(message: &str) -> ! {
    eprintln!("\nuffd-sys: {message}\n");
    process::exit(1);
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
fn bindings() -> Result<(String, String), String> {
    let mode = env::var("UFFD_SYS_BINDGEN").unwrap_or_default();
    if !["", "required", "never"].contains(&mode.as_str()) {
        return Err(format!(
            "UFFD_SYS_BINDGEN={mode}: the values are `required` and `never`"
        ));
    }
    let is_set = |name| env::var_os(name).map_or(false, |value| !value.is_empty());
    if cfg!(feature = "bindgen") && mode != "never" {
        return generated(mode == "required");
    }
    let why = if mode == "never" {
        "UFFD_SYS_BINDGEN is `never`"
    } else {
        "the feature `bindgen` is off"
    };
    for (name, asks) in [
        ("UFFD_SYS_HEADERS", is_set("UFFD_SYS_HEADERS")),
        ("UFFD_SYS_BINDGEN", mode == "required"),
    ] {
        if asks {
            return Err(format!(
                "{name} is set, but {why}, so no header is read. \
                 Unset one of them: the committed bindings need neither."
            ));
        }
    }
    committed()
}

#[cfg(feature = "bindgen")]
fn generated(required: bool) -> Result<(String, String), String> {
    use headers::Headers;

    let headers = Headers::from_env()?;
    if env::var_os("UFFD_SYS_WRITE_BINDINGS").is_some() {
        write_committed()?;
    }
    let encoding = Encoding::of_arch(&var("CARGO_CFG_TARGET_ARCH"));
    let result = generate::generate(&headers, &var("TARGET")).and_then(|mut made| {
        let committed = items::read(&read(committed_file(encoding))?).map_err(|e| e.to_string())?;
        // A struct that changed is named before its request code.
        known::structs(&mut made.items, &committed, &made.file)?;
        known::constants(&made.items, encoding, &made.file)?;
        Ok((items::write(&made.items), made.source))
    });
    match result {
        // Headers that were asked for by name are not quietly left out.
        Err(why) if !required && headers == Headers::System => {
            // Cargo shows one line.
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            // A header that bindgen could not read it does not name to cargo.
            for file in
                ["linux/userfaultfd.h", "linux/fs.h"].map(|f| Path::new("/usr/include").join(f))
            {
                if file.exists() {
                    println!("cargo:rerun-if-changed={}", file.display());
                }
            }
            println!("cargo:warning=the committed bindings (Linux 7.3) are used: {why}");
            committed()
        }
        result => result,
    }
}

#[cfg(not(feature = "bindgen"))]
fn generated(_required: bool) -> Result<(String, String), String> {
    unreachable!("only called with the feature")
}

/// `make bindings`: the committed ones anew, one for each encoding.
#[cfg(feature = "bindgen")]
fn write_committed() -> Result<(), String> {
    for (encoding, target) in [
        (Encoding::Generic, "x86_64-unknown-linux-gnu"),
        (Encoding::MipsPowerpcSparc, "powerpc64le-unknown-linux-gnu"),
    ] {
        let made = generate::generate(&headers::Headers::None, target)?;
        known::constants(&made.items, encoding, &made.file)?;
        save(
            Path::new(committed_file(encoding)),
            &items::write(&made.items),
        )?;
    }
    Ok(())
}

fn committed() -> Result<(String, String), String> {
    let encoding = Encoding::of_arch(&var("CARGO_CFG_TARGET_ARCH"));
    Ok((
        read(committed_file(encoding))?,
        "committed, Linux 7.3".into(),
    ))
}

fn committed_file(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Generic => "src/bindings/generic.rs",
        Encoding::MipsPowerpcSparc => "src/bindings/mips_powerpc_sparc.rs",
    }
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))
}

/// Whole or not at all: a build that was cut off leaves no half of a file.
fn save(file: &Path, text: &str) -> Result<(), String> {
    let unfinished = file.with_extension("rs.unfinished");
    let saved = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, file));
    saved.map_err(|error| {
        let _ = fs::remove_file(&unfinished);
        format!("cannot write {}: {error}", file.display())
    })
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
