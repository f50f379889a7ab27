//! bindgen over wrapper.h.

use std::env;
use std::fmt;
use std::panic;
use std::path::{Path, PathBuf};

use bindgen::callbacks::{
    DeriveInfo, IntKind, MacroParsingBehavior, ParseCallbacks, Token, TypeKind,
};

#[path = "polish.rs"]
mod polish;

/// Which kernel headers bindgen reads before `include/uffd_sys.h`.
#[derive(PartialEq)]
pub enum Headers {
    /// The installed ones, if any.
    System,
    /// None: the back-fill alone.
    None,
    /// Those in this folder (the one that holds `linux/`), and no others.
    Tree(PathBuf),
}

impl Headers {
    /// What UFFD_SYS_HEADERS says.
    pub fn from_env() -> Result<Headers, String> {
        let dir = match env::var_os("UFFD_SYS_HEADERS") {
            None => return Ok(Headers::System),
            Some(dir) if dir.is_empty() => return Ok(Headers::System),
            Some(dir) if dir == "none" => return Ok(Headers::None),
            Some(dir) => PathBuf::from(dir),
        };
        let holds_header = |dir: &PathBuf| dir.join("linux/userfaultfd.h").is_file();
        [dir.join("include"), dir.join("usr/include"), dir.clone()]
            .into_iter()
            .find(holds_header)
            .map(Headers::Tree)
            .ok_or_else(|| {
                let dir = dir.display();
                let missing = if Path::new(&format!("{dir}")).is_dir() { "" } else { " (no such folder)" };
                format!(
                    "UFFD_SYS_HEADERS={dir}{missing}: there is no linux/userfaultfd.h in {dir}/include, \
                     {dir}/usr/include or {dir} itself.\n\
                     Give a tree made by the kernel's `make headers_install`, an unpacked package \
                     (Debian: linux-libc-dev, Fedora: kernel-headers, Alpine: linux-headers, \
                     Arch: linux-api-headers), or `none` for this crate's own definitions."
                )
            })
    }

    fn clang_args(&self, target: &str) -> Vec<String> {
        match self {
            Headers::System => vec![],
            Headers::None => vec!["-nostdlibinc".into(), "-DUFFD_SYS_NO_LINUX_HEADERS".into()],
            // Nothing but the tree: the machine's own asm/ may be of another processor.
            Headers::Tree(dir) => vec![
                "-nostdlibinc".into(),
                format!("-isystem{}", dir.display()),
                format!("-isystem{}", dir.join(debian_multiarch(target)).display()),
            ],
        }
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Headers::System => f.write_str("headers of the system"),
            Headers::None => f.write_str("include/uffd_sys.h alone"),
            Headers::Tree(dir) => write!(f, "headers in {}", dir.display()),
        }
    }
}

/// The folder in which Debian's packages keep a processor's `asm/`.
fn debian_multiarch(target: &str) -> String {
    let (arch, rest) = target.split_once('-').unwrap_or((target, ""));
    let arch = match arch {
        "i586" | "i686" => "i386",
        "armv7" | "thumbv7neon" => "arm",
        "riscv64gc" => "riscv64",
        other => other,
    };
    format!("{arch}-{}", rest.trim_start_matches("unknown-"))
}

/// The bindings for `target`, with types, names and documentation as the
/// crate exports them.
pub fn generate(headers: &Headers, target: &str) -> Result<String, String> {
    let builder = bindgen::Builder::default()
        .header("wrapper.h")
        .clang_arg(format!("--target={}", clang_target(target)))
        .clang_args(headers.clang_args(target))
        .allowlist_item("_?UFFD.*|USERFAULTFD_.*|uffd.*")
        .allowlist_item(
            "PAGEMAP_SCAN|PAGE_IS_.*|PM_SCAN_.*|PROCFS_IOCTL_MAGIC|pm_scan_arg|page_region",
        )
        .ignore_functions()
        // Casts and _IOWR() are evaluated by the compiler itself. Its scratch
        // files would otherwise be left beside the header.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(env::var("OUT_DIR").unwrap_or_default())
        .parse_callbacks(Box::new(Types))
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .ctypes_prefix("libc")
        .use_core()
        .derive_default(true)
        // For the unions in these bindgen would write unsafe code: src/message.rs
        // has safe code, and the structs derive (see `add_derives`).
        .no_default("uffd_msg.*")
        .derive_eq(true)
        .derive_hash(true)
        // The kernel's comments are not ours to pass on; polish() documents.
        .generate_comments(false)
        // tests/layout.rs checks more, and for every target.
        .layout_tests(false)
        .rust_target(bindgen::RustTarget::stable(63, 0).expect("bindgen knows Rust 1.63"))
        .disable_header_comment()
        .formatter(bindgen::Formatter::None);

    // bindgen panics when it finds no libclang.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let result = panic::catch_unwind(panic::AssertUnwindSafe(|| builder.generate()));
    panic::set_hook(hook);
    match result {
        Ok(Ok(bindings)) => Ok(polish::polish(&bindings.to_string())),
        Ok(Err(error)) => Err(format!(
            "bindgen could not read the kernel headers for {target} ({headers}): {error}\n\
             Install them (apt install linux-libc-dev, for another processor linux-libc-dev-ARCH-cross; \
             dnf install kernel-headers; apk add linux-headers; pacman -S linux-api-headers), name a tree \
             with UFFD_SYS_HEADERS=DIR, or use this crate's own definitions with UFFD_SYS_HEADERS=none."
        )),
        Err(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            let text = text.lines().next().unwrap_or_default();
            Err(format!(
                "bindgen needs libclang and could not load it ({text}). Install it \
                 (apt install libclang-dev; dnf install clang-devel; apk add clang-dev; pacman -S clang) \
                 or set LIBCLANG_PATH to the folder that holds libclang.so."
            ))
        }
    }
}

/// Rust and clang spell some processors differently.
fn clang_target(target: &str) -> String {
    target
        .replace("riscv64gc", "riscv64")
        .replace("riscv32gc", "riscv32")
}

/// The types of constants, by their prefix.
#[derive(Debug)]
struct Types;

impl ParseCallbacks for Types {
    fn will_parse_macro(&self, name: &str) -> MacroParsingBehavior {
        // include/uffd_sys.h's own helpers.
        if name.starts_with("UFFD_SYS_") {
            MacroParsingBehavior::Ignore
        } else {
            MacroParsingBehavior::Default
        }
    }

    fn add_derives(&self, info: &DeriveInfo<'_>) -> Vec<String> {
        let part_of_uffd_msg = info.name.starts_with("uffd_msg") && info.kind == TypeKind::Struct;
        part_of_uffd_msg
            .then(|| "Default".into())
            .into_iter()
            .collect()
    }

    fn modify_macro(&self, name: &str, tokens: &mut Vec<Token>) {
        // The masks are defined twice where the header is older than we are.
        // bindgen would take the first; the compiler, asked by the macro
        // fallback when there is nothing to parse, takes the last.
        if name.starts_with("UFFD_API_") {
            tokens.clear();
        }
    }

    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        Some(match name {
            "UFFD_USER_MODE_ONLY" => IntKind::Int,
            "UFFDIO" | "USERFAULTFD_IOC" | "PROCFS_IOCTL_MAGIC" => IntKind::U8,
            "USERFAULTFD_IOC_NEW" | "PAGEMAP_SCAN" => IntKind::U32,
            _ if name.starts_with("UFFD_EVENT_") => IntKind::U8,
            _ if name.starts_with("UFFDIO_") && !name.contains("_MODE_") => IntKind::U32,
            _ => IntKind::U64,
        })
    }
}
