//! bindgen over wrapper.h.
//!
//! `build/` owns what build.rs is made of: which headers are read (`headers`), what
//! of bindgen's output is kept (`items`), and whether it is complete (`known`). It
//! may use the pinned table and the build-dependencies, and nothing else of `src/`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::env;
use std::panic;
use std::rc::Rc;

use bindgen::callbacks::{DeriveInfo, MacroParsingBehavior, ParseCallbacks, Token, TypeKind};

use crate::headers::Headers;
use crate::items::{self, Item};

/// What bindgen made.
pub struct Generated {
    /// What of it can be exported, under this crate's names and types.
    pub items: Vec<Item>,
    /// Its sentence for `BINDINGS`.
    pub source: String,
    /// The kernel's header that was read, for messages.
    pub file: String,
}

/// The items of the bindings for `target`.
pub fn generate(headers: &Headers, target: &str) -> Result<Generated, String> {
    let read = Rc::new(RefCell::new(vec![]));
    let wide = Rc::new(RefCell::new(HashSet::new()));
    let builder = bindgen::Builder::default()
        .header("wrapper.h")
        .clang_arg(format!("--target={}", clang_target(target)))
        .clang_args(headers.clang_args(target))
        .allowlist_item(items::PREFIXES.map(|p| format!("{p}.*")).join("|"))
        .allowlist_item(items::NAMES.join("|"))
        .ignore_functions()
        .prepend_enum_name(false)
        .default_non_copy_union_style(bindgen::NonCopyUnionStyle::ManuallyDrop)
        // The compiler itself evaluates what bindgen cannot. Its scratch files
        // would otherwise be left beside the header.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(env::var("OUT_DIR").unwrap_or_default())
        .parse_callbacks(Box::new(Callbacks {
            read: read.clone(),
            wide: wide.clone(),
        }))
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .ctypes_prefix("libc")
        .use_core()
        .derive_default(true)
        // For the unions in these bindgen would write unsafe code: src/message.rs
        // has safe code, and the structs derive (see `add_derives`).
        .no_default("uffd_msg.*")
        .derive_eq(true)
        .derive_hash(true)
        // The kernel's comments are not ours to pass on; items.rs documents.
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
    let text = match result {
        Ok(Ok(bindings)) => bindings.to_string(),
        Ok(Err(error)) => {
            return Err(format!(
            "bindgen could not read the kernel headers for {target} ({headers}): {error}\n{REMEDY}"
        ))
        }
        Err(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            let text = text.lines().next().unwrap_or_default();
            return Err(format!(
                "bindgen needs libclang and could not load it ({text}). Install it \
                 (apt install libclang-dev; dnf install clang-devel; apk add clang-dev; pacman -S clang) \
                 or set LIBCLANG_PATH to the folder that holds libclang.so."
            ));
        }
    };
    let file = read
        .borrow()
        .iter()
        .find(|f| f.ends_with("linux/userfaultfd.h"))
        .cloned();
    let file = match (headers, file) {
        (Headers::None, _) => "include/uffd_sys.h".into(),
        (_, Some(file)) => file,
        (_, None) => {
            return Err(format!(
                "no linux/userfaultfd.h was found for {target} ({headers}).\n{REMEDY}"
            ))
        }
    };
    let source = match headers {
        Headers::None => format!("bindgen, {headers}"),
        _ => format!("bindgen, {file}"),
    };
    let mut items = items::read(&text).map_err(|e| format!("bindgen's output is no Rust: {e}"))?;
    items.retain(
        |item| !matches!(item, Item::Constant { name, .. } if wide.borrow().contains(name)),
    );
    Ok(Generated {
        items,
        source,
        file,
    })
}

const REMEDY: &str =
    "Install them (apt install linux-libc-dev, for another processor linux-libc-dev-ARCH-cross; \
     dnf install kernel-headers; apk add linux-headers; pacman -S linux-api-headers), name a tree \
     with UFFD_SYS_HEADERS=DIR, or use this crate's own definitions with UFFD_SYS_HEADERS=none.";

/// Rust and clang spell some processors differently.
fn clang_target(target: &str) -> String {
    target
        .replace("riscv64gc", "riscv64")
        .replace("riscv32gc", "riscv32")
}

const WIDE: [&str; 4] = ["__int128", "__u128", "__s128", "_BitInt"];

#[derive(Debug)]
struct Callbacks {
    /// The headers that were read.
    read: Rc<RefCell<Vec<String>>>,
    /// The constants of 128 bits, of which libclang tells the lower 64.
    wide: Rc<RefCell<HashSet<String>>>,
}

impl ParseCallbacks for Callbacks {
    fn include_file(&self, name: &str) {
        self.read.borrow_mut().push(name.into());
    }

    fn will_parse_macro(&self, name: &str) -> MacroParsingBehavior {
        // Those of other headers, and include/uffd_sys.h's own helpers, would
        // each be evaluated for nothing.
        if items::is_exported(name) {
            MacroParsingBehavior::Default
        } else {
            MacroParsingBehavior::Ignore
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
        let mut wide = self.wide.borrow_mut();
        let word = |t: &Token| String::from_utf8_lossy(&t.raw).into_owned();
        if tokens
            .iter()
            .map(word)
            .any(|t| WIDE.contains(&&*t) || wide.contains(&t))
        {
            wide.insert(name.into());
        }
        // A macro may be defined twice: the masks are, where the header is older
        // than we are. bindgen would take the first definition, and knows no C
        // types. The compiler, which it asks where there is nothing to parse,
        // takes the last; it is not asked for strings and fractions.
        let is_text = |t: &Token| matches!(*t.raw, [b'"', ..]);
        let is_fraction =
            |t: &Token| t.raw.first().is_some_and(u8::is_ascii_digit) && t.raw.contains(&b'.');
        if !tokens.iter().any(|t| is_text(t) || is_fraction(t)) {
            tokens.clear();
        }
    }
}
