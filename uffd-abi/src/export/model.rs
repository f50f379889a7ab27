//! What every language is given: the pinned table without the links and the names
//! of Rust, with the types of fields, which the table tells by their sizes.

use uffd_sys::abi::table::{self, CONSTANTS, STRUCTS};

/// The fields that the kernel writes a negated errno to.
const SIGNED: [&str; 5] = ["copy", "zeropage", "mapped", "updated", "move"];

/// A constant.
#[derive(Clone, Debug)]
pub struct Constant {
    /// The kernel's name.
    pub name: &'static str,
    /// Its type in Rust: `u64`, `u32`, `u8` or `c_int`.
    pub ty: &'static str,
    /// On x86, arm, riscv and most others.
    pub generic: u64,
    /// On mips, powerpc, sparc and alpha.
    pub mips_powerpc_sparc: u64,
    /// What it is, and since when, in plain text.
    pub doc: String,
}

impl Constant {
    /// Whether its value is the same on all processors.
    pub fn is_same(&self) -> bool {
        self.generic == self.mips_powerpc_sparc
    }

    /// The name where one that begins with `_` is private: `UFFDIO_WAKE_NR` for
    /// `_UFFDIO_WAKE`.
    pub fn public_name(&self) -> String {
        match self.name.strip_prefix('_') {
            Some(request) => format!("{request}_NR"),
            None => self.name.to_owned(),
        }
    }
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// So many bits, without a sign.
    Unsigned(u64),
    /// 64 bits with a sign.
    I64,
    /// A struct or union, by its name.
    Named(&'static str),
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The kernel's name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// The byte it starts at.
    pub offset: u64,
    /// Its size, if it is the same however a u64 is aligned.
    pub size: Option<u64>,
    /// What it is, in plain text.
    pub doc: String,
}

/// A struct or union.
#[derive(Clone, Debug)]
pub struct Struct {
    /// The kernel's name, or ours for a part of `uffd_msg`.
    pub name: &'static str,
    /// Whether it is a union.
    pub is_union: bool,
    /// Whether C has no name for it.
    pub is_anonymous: bool,
    /// Its size, if it is the same however a u64 is aligned.
    pub size: Option<u64>,
    /// What it is, and since when, in plain text.
    pub doc: String,
    /// All its fields, in order.
    pub fields: Vec<Field>,
}

/// All constants that are no request codes.
pub fn constants() -> Vec<Constant> {
    all_constants(false)
}

/// All request codes.
pub fn requests() -> Vec<Constant> {
    all_constants(true)
}

fn all_constants(requests: bool) -> Vec<Constant> {
    let known = CONSTANTS.iter().filter(|it| it.is_request() == requests);
    let constant = |it: &table::Constant| Constant {
        name: it.name,
        ty: it.ty,
        generic: it.generic,
        mips_powerpc_sparc: it.mips_powerpc_sparc,
        doc: match argument(it.name) {
            Some(argument) => since(format!("Takes a {argument}."), it.since),
            None => since(without_code(plain(it.doc)), it.since),
        },
    };
    known.map(constant).collect()
}

/// The struct whose address a request takes.
pub fn argument(request: &str) -> Option<&'static str> {
    let name = match request {
        "UFFDIO_UNREGISTER" | "UFFDIO_WAKE" => "uffdio_range".to_owned(),
        "PAGEMAP_SCAN" => "pm_scan_arg".to_owned(),
        _ => request.to_lowercase(),
    };
    // Beside `uffdio_api` there is `_UFFDIO_API`, a number.
    let known = STRUCTS.iter().find(|it| it.name == name);
    known.map(|it| it.name)
}

/// All structs and unions, each behind those that it is made of.
pub fn structs() -> Vec<Struct> {
    let mut all = vec![];
    for known in STRUCTS {
        add(known, &mut all);
    }
    all
}

fn add(known: &'static table::Struct, all: &mut Vec<Struct>) {
    if all.iter().any(|it: &Struct| it.name == known.name) {
        return;
    }
    let fields: Vec<Field> = known.fields.iter().map(|it| field(known, it)).collect();
    for field in &fields {
        let part = STRUCTS.iter().find(|it| field.ty == Type::Named(it.name));
        if let Some(part) = part {
            add(part, all);
        }
    }
    all.push(Struct {
        name: known.name,
        is_union: matches!(known.name, "uffd_msg_arg" | "uffd_msg_pagefault_feat"),
        is_anonymous: known.is_anonymous(),
        size: same(|align| known.size_for(align)),
        doc: since(plain(known.doc), known.since),
        fields,
    });
}

/// The size that something has with every alignment of a u64.
fn same(size: impl Fn(u64) -> u64) -> Option<u64> {
    let all = [2, 4, 8].map(size);
    (all[0] == all[2] && all[1] == all[2]).then_some(all[2])
}

fn field(known: &table::Struct, field: &table::Field) -> Field {
    let name = field.c_name();
    let part = match name {
        "range" => Some("uffdio_range".to_owned()),
        "arg" => Some("uffd_msg_arg".to_owned()),
        "feat" => Some("uffd_msg_pagefault_feat".to_owned()),
        _ if known.name == "uffd_msg_arg" => Some(format!("uffd_msg_{name}")),
        _ => None,
    };
    let part = part.map(|part| {
        let known = STRUCTS.iter().find(|it| it.name == part);
        known.expect("each part of a struct is in the table").name
    });
    Field {
        name,
        ty: match part {
            Some(part) => Type::Named(part),
            None if SIGNED.contains(&name) => Type::I64,
            None => Type::Unsigned(field.size * 8),
        },
        offset: field.offset,
        size: same(|align| known.field_size_for(field, align)),
        doc: plain(field.doc),
    }
}

fn since(doc: String, since: &str) -> String {
    format!("{doc} Since Linux {since}.")
}

/// Without `Request code of …: `, which the name says.
fn without_code(doc: String) -> String {
    let rest = doc.strip_prefix("Request code of ");
    match rest.and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest[..1].to_uppercase() + &rest[1..],
        None => doc,
    }
}

/// A line of the table's Markdown as plain text.
fn plain(doc: &str) -> String {
    // What only this crate has.
    let mut rest = match doc.contains("uffd_msg_bytes") {
        true => doc.split_inclusive(". ").next().unwrap_or(doc).trim_end(),
        false => doc,
    };
    let mut text = String::new();
    // [`name`] and [`name`](target)
    while let Some((before, link)) = rest.split_once("[`") {
        text.push_str(before);
        let (name, after) = link.split_once("`]").unwrap_or((link, ""));
        let target = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        let (target, after) = target.unwrap_or(("", after));
        text.push_str(&linked(name, target));
        rest = after;
    }
    text.push_str(rest);
    text.replace('`', "").replace("::", ".")
}

/// What a link to a name is without the link: of a function, its manual page.
fn linked(name: &str, target: &str) -> String {
    match target {
        "crate::userfaultfd" => "userfaultfd(2)".to_owned(),
        "crate::pagemap_scan" => "PAGEMAP_SCAN(2const)".to_owned(),
        _ if target.starts_with("fn@") => {
            format!("{}(2const)", name.trim_end_matches("()").to_uppercase())
        }
        _ => name.to_owned(),
    }
}
