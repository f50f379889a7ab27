//! From the names that people give their copies to the kernel's.

use std::collections::HashMap;
use std::sync::LazyLock;

use uffd_sys::abi::table::{Constant, Struct, CONSTANTS, STRUCTS};

use crate::facts::Style;

/// The constants that a name can mean: one, or for `uffdioWake` and
/// `UFFDIO_WAKE_NR` the request code and the number in it.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// What it is most likely.
    pub constant: &'static Constant,
    /// What else it may be: the number of the request.
    pub number: Option<&'static Constant>,
}

impl Meaning {
    pub fn surely(constant: &'static Constant) -> Meaning {
        let number = None;
        Meaning { constant, number }
    }

    fn or_number(constant: &'static Constant) -> Meaning {
        let number = exact(format!("_{}", constant.name).as_bytes());
        Meaning { constant, number }
    }
}

static BY_NAME: LazyLock<HashMap<&str, &Constant>> =
    LazyLock::new(|| CONSTANTS.iter().map(|known| (known.name, known)).collect());

/// Without underscores and in lower case: what is left of `UffdioWake` and of
/// `UFFDIO_WAKE`. The numbers `_UFFDIO_WAKE` are found through their requests.
static BY_LETTERS: LazyLock<HashMap<String, &Constant>> = LazyLock::new(|| {
    let named = CONSTANTS.iter().filter(|it| !it.name.starts_with('_'));
    named.map(|known| (letters(known.name), known)).collect()
});

static STRUCT_BY_LETTERS: LazyLock<HashMap<String, &Struct>> = LazyLock::new(|| {
    let named = STRUCTS.iter().filter(|known| !known.is_anonymous());
    named.map(|known| (letters(known.name), known)).collect()
});

/// What projects put before a kernel's name to keep both apart.
const PREFIXES: &str = "__ LINUX_ KERNEL_ UAPI_ COMPAT_ LOCAL_ RAW_ MY_ SYS_";
/// What they put behind it. Some call the whole request code a number.
const SUFFIXES: &str = "ioctl request req code cmd op nr number num";
/// The same, of a struct's name without underscores.
const STRUCT_PREFIXES: [&str; 6] = ["", "linux", "kernel", "raw", "ioctl", "my"];
const STRUCT_SUFFIXES: [&str; 8] = ["", "struct", "args", "arg", "request", "req", "type", "t"];

fn letters(name: &str) -> String {
    let letters = name.chars().filter(|c| *c != '_');
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// A name that is not too long to be one of these.
fn short(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name)
        .ok()
        .filter(|name| name.len() <= 64)
}

/// The constant of exactly this name.
pub fn exact(name: &[u8]) -> Option<&'static Constant> {
    BY_NAME.get(short(name)?).copied()
}

/// What a constant's name means, if it is surely one of the kernel's.
pub fn constant(style: Style, name: &[u8]) -> Option<Meaning> {
    let name = short(name)?;
    if let Some(constant) = BY_NAME.get(name) {
        return Some(Meaning::surely(constant));
    }
    let mut prefixes = PREFIXES.split(' ');
    let short = prefixes.find_map(|prefix| name.strip_prefix(prefix));
    let short = short.unwrap_or(name);
    if let Some(constant) = BY_NAME.get(short).filter(|_| short.len() > 6) {
        // `__UFFDIO_WAKE` may well be the number.
        return Some(match name.starts_with("__") {
            true => Meaning::or_number(constant),
            false => Meaning::surely(constant),
        });
    }
    let letters = letters(short);
    let letters = letters.strip_prefix("ioctl").unwrap_or(&letters);
    match style {
        Style::Function => {
            let request = letters.strip_prefix("uffd")?;
            let request = request.strip_prefix("io").unwrap_or(request);
            let constant = BY_LETTERS.get(&format!("uffdio{request}"))?;
            constant.is_request().then(|| Meaning::surely(constant))
        }
        Style::Camel if is_camel(name) => by_letters(letters),
        // UFFDIO_API_SIZE and other names of their own are left alone.
        _ if short.starts_with("UFFDIO_") => {
            by_letters(letters).filter(|meaning| meaning.constant.is_request())
        }
        _ => None,
    }
}

fn by_letters(name: &str) -> Option<Meaning> {
    let stems = SUFFIXES.split(' ').filter_map(|end| name.strip_suffix(end));
    let mut requests = stems
        .filter_map(|stem| BY_LETTERS.get(stem))
        .filter(|known| known.is_request());
    let constant = BY_LETTERS.get(name).or_else(|| requests.next())?;
    Some(Meaning::or_number(constant))
}

fn is_camel(name: &str) -> bool {
    let has = |is: fn(&char) -> bool| name.chars().any(|c| is(&c));
    !name.contains('_') && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase)
}

/// What a member of an enum, a class, an `impl` or a set of flags means, by the
/// name of that type: `WP_ASYNC` of `UffdFeatures`.
pub fn member(owner: &[u8], name: &[u8]) -> Option<&'static Constant> {
    const FAMILIES: [(&str, &str); 12] = [
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
    let (owner, name) = (letters(short(owner)?), letters(short(name)?));
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
    let name = short(name)?;
    let letters = letters(name);
    let stems = STRUCT_PREFIXES
        .iter()
        .filter_map(|start| letters.strip_prefix(start));
    let mut stems = stems.flat_map(|stem| {
        STRUCT_SUFFIXES
            .iter()
            .filter_map(|end| stem.strip_suffix(end))
    });
    let known = stems.find_map(|stem| STRUCT_BY_LETTERS.get(stem).copied())?;
    (similar || known.name == name).then_some(known)
}

/// Whether a field only fills room: `reserved`, `_pad`.
pub fn is_filler(name: &str) -> bool {
    let name = letters(name);
    let mut starts = "reserved pad unused rsvd filler rest".split(' ');
    name.is_empty() || starts.any(|start| name.starts_with(start))
}

/// Whether a field's name is the kernel's, in whatever style.
pub fn same_field(found: &[u8], known: &str) -> bool {
    letters(&String::from_utf8_lossy(found)) == letters(known)
}

/// The last field of a struct, if the kernel fills it with a count or a negated
/// errno.
pub fn out_field(known: &Struct) -> Option<&'static str> {
    let last = known.fields.last()?.c_name();
    let out = ["copy", "zeropage", "mapped", "updated", "move"];
    out.contains(&last).then_some(last)
}

/// Whether a name is one of PAGEMAP_SCAN's that other code has uses for too.
pub fn is_common(name: &str) -> bool {
    name.starts_with("PAGE_IS_")
        || name.starts_with("PM_SCAN_")
        || matches!(name, "page_region" | "PROCFS_IOCTL_MAGIC")
}

/// Whether a constant is all the bits that a field may have.
pub fn is_mask(known: &Constant) -> bool {
    known.name.starts_with("UFFD_API_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_underscores_stay_different() {
        let named = CONSTANTS.iter().filter(|it| !it.name.starts_with('_'));
        assert_eq!(BY_LETTERS.len(), named.count());
    }

    #[test]
    fn what_names_mean() {
        // What each means, with a `?` if it may be the number in it.
        let kernel = "UFFDIO_WAKE=UFFDIO_WAKE _UFFDIO_WAKE=_UFFDIO_WAKE \
                      __UFFDIO_WAKE=UFFDIO_WAKE? KERNEL_UFFDIO_WAKE=UFFDIO_WAKE \
                      UFFDIO_WAKE_NR=UFFDIO_WAKE? UFFDIO_API_SIZE= HAVE_UFFDIO_MOVE= \
                      uffdio_copy= uffdioWake=";
        let camel = "uffdioWake=UFFDIO_WAKE? uffdioAPI=UFFDIO_API? \
                     uffdEventRemove=UFFD_EVENT_REMOVE ioctlUffdioCopy=UFFDIO_COPY? \
                     uffdioCopyReq=UFFDIO_COPY? uffdioCopySize= pageIsHuge=PAGE_IS_HUGE pageSize=";
        let function = "uffd_wake=UFFDIO_WAKE ioctl_uffdio_copy=UFFDIO_COPY vfio_wake=";
        let styles = [Style::Kernel, Style::Camel, Style::Function];
        for (style, names) in styles.into_iter().zip([kernel, camel, function]) {
            for pair in names.split(' ') {
                let (name, expected) = pair.split_once('=').unwrap();
                let meaning = constant(style, name.as_bytes()).map(|meaning| {
                    let mark = if meaning.number.is_some() { "?" } else { "" };
                    format!("{}{mark}", meaning.constant.name)
                });
                assert_eq!(meaning.unwrap_or_default(), expected, "{name}");
            }
        }
    }
}
