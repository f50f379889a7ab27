//! From the names that people give their copies to the kernel's.

use std::collections::HashMap;
use std::sync::LazyLock;

use uffd_sys::abi::table::{Constant, Struct, CONSTANTS, STRUCTS};

use crate::facts::Style;
use crate::language::Language;

/// The constants that a name can mean: one, or for `uffdioWake` and
/// `UFFDIO_WAKE_NR` the request code and the number in it.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// What it is most likely.
    pub constant: &'static Constant,
    /// What else it may be: the number of the request.
    pub number: Option<&'static Constant>,
}

static BY_NAME: LazyLock<HashMap<&str, &Constant>> = LazyLock::new(|| {
    CONSTANTS
        .iter()
        .map(|constant| (constant.name, constant))
        .collect()
});

/// Without underscores and in lower case: what is left of `UffdioWake` and of
/// `UFFDIO_WAKE`. The numbers `_UFFDIO_WAKE` are found through their requests.
static BY_LETTERS: LazyLock<HashMap<String, &Constant>> = LazyLock::new(|| {
    let named = CONSTANTS
        .iter()
        .filter(|constant| !constant.name.starts_with('_'));
    named
        .map(|constant| (letters(constant.name), constant))
        .collect()
});

static STRUCT_BY_LETTERS: LazyLock<HashMap<String, &Struct>> = LazyLock::new(|| {
    let named = STRUCTS.iter().filter(|known| !known.is_anonymous());
    named.map(|known| (letters(known.name), known)).collect()
});

/// What projects put before a kernel's name to keep both apart.
const PREFIXES: [&str; 9] = [
    "__", "LINUX_", "KERNEL_", "UAPI_", "COMPAT_", "LOCAL_", "RAW_", "MY_", "SYS_",
];
const REQUEST_SUFFIXES: [&str; 6] = ["ioctl", "request", "req", "code", "cmd", "op"];
const NUMBER_SUFFIXES: [&str; 3] = ["nr", "number", "num"];

fn letters(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The constant of exactly this name.
pub fn exact(name: &[u8]) -> Option<&'static Constant> {
    BY_NAME.get(std::str::from_utf8(name).ok()?).copied()
}

/// What a constant's name means, if it is surely one of the kernel's.
pub fn constant(language: Language, style: Style, name: &[u8]) -> Option<Meaning> {
    let name = std::str::from_utf8(name).ok()?;
    if name.len() > 64 {
        return None;
    }
    if let Some(constant) = BY_NAME.get(name).copied() {
        return Some(Meaning {
            constant,
            number: None,
        });
    }
    let short = PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    if let Some(constant) = BY_NAME.get(short).copied().filter(|_| short.len() > 6) {
        // `__UFFDIO_WAKE` may well be the number.
        let number = if name.starts_with("__") {
            number_of(constant)
        } else {
            None
        };
        return Some(Meaning { constant, number });
    }
    match style {
        Style::Function => {
            let name = letters(short);
            let name = name.strip_prefix("ioctl").unwrap_or(&name);
            let full = match name.strip_prefix("uffdio") {
                Some(_) => name.to_owned(),
                None => format!("uffdio{}", name.strip_prefix("uffd")?),
            };
            let constant = BY_LETTERS
                .get(&full)
                .copied()
                .filter(|known| known.is_request())?;
            Some(Meaning {
                constant,
                number: None,
            })
        }
        _ if is_camel(name) && (style == Style::Camel || language == Language::Go) => {
            let name = letters(name);
            let name = name.strip_prefix("ioctl").unwrap_or(&name);
            // Those of PAGEMAP_SCAN count where the file has to do with it.
            let known = ["uffd", "userfaultfd", "pagemapscan", "pageis", "pmscan"];
            known
                .iter()
                .find(|known| name.starts_with(**known))
                .and_then(|_| by_letters(name))
        }
        _ if short.starts_with("UFFDIO_") => by_letters(&letters(short)).filter(|meaning| {
            // UFFDIO_API_SIZE and other names of their own are left alone.
            meaning.constant.is_request() || meaning.constant.name.starts_with('_')
        }),
        _ => None,
    }
}

fn number_of(request: &Constant) -> Option<&'static Constant> {
    BY_NAME.get(format!("_{}", request.name).as_str()).copied()
}

fn by_letters(name: &str) -> Option<Meaning> {
    if let Some(constant) = BY_LETTERS.get(name).copied() {
        return Some(Meaning {
            constant,
            number: number_of(constant),
        });
    }
    let request = |suffixes: &[&str]| {
        let stems = suffixes
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix));
        let mut found = stems.filter_map(|stem| BY_LETTERS.get(stem).copied());
        found.find(|constant| constant.is_request())
    };
    if let Some(constant) = request(&REQUEST_SUFFIXES) {
        return Some(Meaning {
            constant,
            number: number_of(constant),
        });
    }
    // Some call the whole request code a number.
    let constant = request(&NUMBER_SUFFIXES)?;
    Some(Meaning {
        constant,
        number: number_of(constant),
    })
}

fn is_camel(name: &str) -> bool {
    !name.contains('_')
        && name.contains(|c: char| c.is_ascii_lowercase())
        && name.contains(|c: char| c.is_ascii_uppercase())
}

/// What a member of an enum, a class, an `impl` or a set of flags means, by the
/// name of that type: `WP_ASYNC` of `UffdFeatures`.
pub fn member(owner: &[u8], name: &[u8]) -> Option<&'static Constant> {
    const FAMILIES: [(&str, &str); 13] = [
        ("pagefaultflag", "uffdpagefaultflag"),
        ("faultflag", "uffdpagefaultflag"),
        ("feature", "uffdfeature"),
        ("event", "uffdevent"),
        ("registermode", "uffdioregistermode"),
        ("copymode", "uffdiocopymode"),
        ("zeropagemode", "uffdiozeropagemode"),
        ("writeprotectmode", "uffdiowriteprotectmode"),
        ("continuemode", "uffdiocontinuemode"),
        ("poisonmode", "uffdiopoisonmode"),
        ("movemode", "uffdiomovemode"),
        ("categor", "pageis"),
        ("scanflag", "pmscan"),
    ];
    let (owner, name) = (
        std::str::from_utf8(owner).ok()?,
        std::str::from_utf8(name).ok()?,
    );
    if owner.len() > 64 || name.len() > 64 {
        return None;
    }
    let (owner, name) = (letters(owner), letters(name));
    let (_, prefix) = FAMILIES.iter().find(|(family, _)| owner.contains(family))?;
    let family = prefix
        .trim_start_matches("uffdio")
        .trim_start_matches("uffd");
    // MODE_WP of a type for modes, FeatureSigbus of one for features.
    let names = ["", family, "mode", "flag", "pageis"];
    let mut stems = names.iter().filter_map(|start| name.strip_prefix(start));
    stems.find_map(|stem| BY_LETTERS.get(&format!("{prefix}{stem}")).copied())
}

/// The kernel's struct of this name; with `similar` also of one that differs in
/// case, underscores and what says no more than that it is a struct:
/// `UffdioCopy`, `uffd_msg_t`, `UffdioMoveArgs`.
pub fn structure(name: &[u8], similar: bool) -> Option<&'static Struct> {
    const ENDINGS: [&str; 8] = ["", "struct", "args", "arg", "request", "req", "type", "t"];
    let name = std::str::from_utf8(name).ok()?;
    if name.len() > 64 {
        return None;
    }
    let mut named = STRUCTS.iter().filter(|known| !known.is_anonymous());
    if let Some(known) = named.find(|known| known.name == name) {
        return Some(known);
    }
    let name = letters(name);
    let starts = ["", "linux", "kernel", "raw", "ioctl", "my"];
    let short = starts
        .iter()
        .filter(|_| similar)
        .filter_map(|start| name.strip_prefix(start));
    let mut short = short.flat_map(|name| ENDINGS.iter().filter_map(|end| name.strip_suffix(end)));
    short.find_map(|name| STRUCT_BY_LETTERS.get(name).copied())
}

/// Whether a field only fills room: `reserved`, `_pad`.
pub fn is_filler(name: &str) -> bool {
    let name = letters(name);
    name.is_empty()
        || ["reserved", "pad", "unused", "rsvd", "filler", "rest"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Whether a field's name is the kernel's, in whatever style.
pub fn same_field(found: &[u8], known: &str) -> bool {
    letters(&String::from_utf8_lossy(found)) == letters(known)
}

/// Whether a name is one of PAGEMAP_SCAN's that other code has uses for too.
pub fn is_common(name: &str) -> bool {
    name.starts_with("PAGE_IS_")
        || name.starts_with("PM_SCAN_")
        || matches!(name, "page_region" | "PROCFS_IOCTL_MAGIC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_underscores_stay_different() {
        let named = CONSTANTS
            .iter()
            .filter(|constant| !constant.name.starts_with('_'))
            .count();
        assert_eq!(BY_LETTERS.len(), named);
    }

    #[test]
    fn what_names_mean() {
        let meaning = |language, style, name: &str| {
            let meaning = constant(language, style, name.as_bytes())?;
            Some((meaning.constant.name, meaning.number.is_some()))
        };
        use Language::*;
        for (language, style, name, expected) in [
            (
                C,
                Style::Kernel,
                "UFFDIO_WAKE",
                Some(("UFFDIO_WAKE", false)),
            ),
            (
                C,
                Style::Kernel,
                "_UFFDIO_WAKE",
                Some(("_UFFDIO_WAKE", false)),
            ),
            (
                C,
                Style::Kernel,
                "__UFFDIO_WAKE",
                Some(("UFFDIO_WAKE", true)),
            ),
            (
                C,
                Style::Kernel,
                "KERNEL_UFFDIO_WAKE",
                Some(("UFFDIO_WAKE", false)),
            ),
            (
                C,
                Style::Kernel,
                "UFFDIO_WAKE_NR",
                Some(("UFFDIO_WAKE", true)),
            ),
            (C, Style::Kernel, "UFFDIO_API_SIZE", None),
            (C, Style::Kernel, "HAVE_UFFDIO_MOVE", None),
            (C, Style::Kernel, "uffdio_copy", None),
            (C, Style::Kernel, "uffdioWake", None),
            (Go, Style::Kernel, "uffdioWake", Some(("UFFDIO_WAKE", true))),
            (Go, Style::Kernel, "uffdioAPI", Some(("UFFDIO_API", true))),
            (
                Go,
                Style::Kernel,
                "uffdEventRemove",
                Some(("UFFD_EVENT_REMOVE", false)),
            ),
            (
                Go,
                Style::Kernel,
                "ioctlUffdioCopy",
                Some(("UFFDIO_COPY", true)),
            ),
            (
                Go,
                Style::Kernel,
                "uffdioCopyReq",
                Some(("UFFDIO_COPY", true)),
            ),
            (Go, Style::Kernel, "uffdioCopySize", None),
            (
                Go,
                Style::Kernel,
                "pageIsHuge",
                Some(("PAGE_IS_HUGE", false)),
            ),
            (Go, Style::Kernel, "pageSize", None),
            (
                Rust,
                Style::Function,
                "uffd_wake",
                Some(("UFFDIO_WAKE", false)),
            ),
            (
                Rust,
                Style::Function,
                "ioctl_uffdio_copy",
                Some(("UFFDIO_COPY", false)),
            ),
            (Rust, Style::Function, "vfio_wake", None),
        ] {
            assert_eq!(meaning(language, style, name), expected, "{name}");
        }
    }
}
