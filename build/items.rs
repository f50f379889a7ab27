//! Reads bindgen's output and keeps what the crate exports: constants with the
//! types that their names ask for, structs of plain integers, and names for the
//! anonymous parts of `uffd_msg`. What else a header may hold is left out.

use std::collections::{HashMap, HashSet};

use quote::ToTokens;

use crate::table::{Constant, CONSTANTS, STRUCTS};

/// What is exported by the beginning of its name, also what is not known yet.
pub const PREFIXES: [&str; 6] = [
    "_UFFD",
    "UFFD",
    "USERFAULTFD_",
    "uffd",
    "PAGE_IS_",
    "PM_SCAN_",
];
/// What is exported besides.
pub const NAMES: [&str; 4] = [
    "PAGEMAP_SCAN",
    "PROCFS_IOCTL_MAGIC",
    "pm_scan_arg",
    "page_region",
];

/// Whether a header's item of this name is exported. The back-fill's own
/// helpers are not.
pub fn is_exported(name: &str) -> bool {
    let helper = name.to_ascii_lowercase().starts_with("uffd_sys");
    !helper && (NAMES.contains(&name) || PREFIXES.iter().any(|p| name.starts_with(p)))
}

/// An item of the bindings.
pub enum Item {
    /// An integer.
    Constant {
        name: String,
        value: u64,
    },
    /// A string or a fraction: type and value are bindgen's.
    Other {
        name: String,
        ty: String,
        value: String,
    },
    /// Another name of an integer: an enum or a typedef.
    Alias {
        name: String,
        ty: String,
    },
    Struct(Struct),
}

/// A struct or a union.
pub struct Struct {
    pub name: String,
    pub is_union: bool,
    /// `repr` and `derive`.
    pub attributes: Vec<String>,
    /// Names and types.
    pub fields: Vec<(String, String)>,
}

/// The items of `text` that can be exported, in its order.
pub fn read(text: &str) -> syn::Result<Vec<Item>> {
    let file = syn::parse_file(text)?;
    let scope = Scope::of(&file.items);
    let mut taken = HashSet::new();
    let items = file.items.iter().filter_map(|item| match item {
        syn::Item::Const(item) => scope.constant(item),
        syn::Item::Type(item) => scope.alias(item),
        syn::Item::Struct(item) => scope.structure(&item.ident.to_string()).map(Item::Struct),
        syn::Item::Union(item) => scope.structure(&item.ident.to_string()).map(Item::Struct),
        _ => None,
    });
    // Headers may define a macro of the same name and value as an enum's item.
    Ok(items.filter(|item| taken.insert(item.key())).collect())
}

impl Item {
    fn key(&self) -> (bool, String) {
        match self {
            Item::Constant { name, .. } | Item::Other { name, .. } => (false, name.clone()),
            Item::Alias { name, .. } | Item::Struct(Struct { name, .. }) => (true, name.clone()),
        }
    }
}

/// What types mean in a file of bindgen's.
struct Scope<'a> {
    aliases: HashMap<String, &'a syn::Type>,
    structs: HashMap<String, (bool, &'a [syn::Attribute], &'a syn::FieldsNamed)>,
    /// The field that holds an anonymous type, by bindgen's numbered name.
    holders: HashMap<String, String>,
    /// Names that more than one anonymous type would have.
    ambiguous: HashSet<String>,
}

impl<'a> Scope<'a> {
    fn of(items: &'a [syn::Item]) -> Self {
        let mut scope = Scope {
            aliases: HashMap::new(),
            structs: HashMap::new(),
            holders: HashMap::new(),
            ambiguous: HashSet::new(),
        };
        for item in items {
            let (name, is_union, attributes, fields) = match item {
                syn::Item::Type(item) => {
                    scope.aliases.insert(item.ident.to_string(), &*item.ty);
                    continue;
                }
                syn::Item::Struct(item) => match &item.fields {
                    syn::Fields::Named(fields) => (&item.ident, false, &item.attrs, fields),
                    _ => continue,
                },
                syn::Item::Union(item) => (&item.ident, true, &item.attrs, &item.fields),
                _ => continue,
            };
            scope
                .structs
                .insert(name.to_string(), (is_union, attributes, fields));
            for field in &fields.named {
                let ty = last_name(without_wrapper(&field.ty));
                if let (Some(ident), Some(ty)) = (&field.ident, ty) {
                    if ty.contains(ANONYMOUS) {
                        scope.holders.insert(ty, ident.to_string());
                    }
                }
            }
        }
        let mut names = HashSet::new();
        for number in scope.structs.keys() {
            let name = scope.name_of(number);
            if !names.insert(name.clone()) {
                scope.ambiguous.insert(name);
            }
        }
        scope
    }

    fn constant(&self, item: &syn::ItemConst) -> Option<Item> {
        let name = item.ident.to_string();
        // Small letters could take the name of a function, or of a variable in
        // whoever imports all.
        if !is_exported(&name) || name.contains(|c: char| c.is_ascii_lowercase()) {
            return None;
        }
        let (negative, expr) = match &*item.expr {
            syn::Expr::Unary(unary) => (true, &*unary.expr),
            expr => (false, expr),
        };
        let syn::Expr::Lit(syn::ExprLit { lit, .. }) = expr else {
            return None;
        };
        match lit {
            // A negative number as the kernel's `__u64` holds it.
            syn::Lit::Int(int) => {
                let value = int.base10_parse::<u64>().ok()?;
                let value = if negative {
                    value.wrapping_neg()
                } else {
                    value
                };
                Some(Item::Constant { name, value })
            }
            syn::Lit::Byte(byte) => Some(Item::Constant {
                name,
                value: byte.value().into(),
            }),
            syn::Lit::Float(_) | syn::Lit::ByteStr(_) => Some(Item::Other {
                name,
                ty: item.ty.to_token_stream().to_string(),
                value: item.expr.to_token_stream().to_string(),
            }),
            _ => None,
        }
    }

    fn alias(&self, item: &syn::ItemType) -> Option<Item> {
        let name = item.ident.to_string();
        let ty = self.plain(&item.ty)?;
        let is_integer = !self.structs.contains_key(&last_name(&item.ty)?);
        (is_exported(&name) && is_integer).then_some(Item::Alias { name, ty })
    }

    /// A struct that is known, or one of plain integers.
    fn structure(&self, number: &str) -> Option<Struct> {
        let name = self.name_of(number);
        let (is_union, attributes, fields) = self.structs.get(number)?;
        let known = STRUCTS.iter().find(|s| s.name == name);
        let cannot = *is_union || fields.named.is_empty() || !is_exported(&name);
        if known.is_none() && (cannot || self.ambiguous.contains(&name)) {
            return None;
        }
        let mut kept = vec![];
        for field in &fields.named {
            let name = field.ident.as_ref()?.to_string();
            // Padding, or a blob in place of what bindgen could not translate.
            if name.contains("_bindgen_") && !*is_union {
                return None;
            }
            match self.plain(without_wrapper(&field.ty)) {
                Some(ty) => kept.push((name, ty)),
                // A new part of `uffd_msg_arg`; what is known of it stays.
                None if known.is_some() && *is_union => {}
                None => return None,
            }
        }
        Some(Struct {
            name,
            is_union: *is_union,
            attributes: attributes
                .iter()
                .filter(|attribute| {
                    // `write` puts these there.
                    !["doc", "cfg_attr"]
                        .iter()
                        .any(|ours| attribute.path().is_ident(ours))
                })
                .map(|attribute| attribute.to_token_stream().to_string())
                .collect(),
            fields: kept,
        })
    }

    /// This crate's name of a type, if it is an integer, an array of plain
    /// types, or a struct that is exported.
    fn plain(&self, ty: &syn::Type) -> Option<String> {
        if let syn::Type::Array(array) = ty {
            let syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Int(n),
                ..
            }) = &array.len
            else {
                return None;
            };
            let n = n.base10_parse::<u64>().ok().filter(|n| *n > 0)?;
            return Some(format!("[{}; {n}]", self.plain(&array.elem)?));
        }
        let name = last_name(ty)?;
        if let Some((_, rust)) = INTEGERS.iter().find(|(c, _)| *c == name) {
            return Some(rust.to_string());
        }
        if let Some(ty) = self.aliases.get(&name) {
            return self.plain(ty);
        }
        self.structure(&name).map(|s| s.name)
    }

    /// Names an anonymous type after the field that holds it. bindgen numbers
    /// them, and a number would shift when the kernel adds an event.
    fn name_of(&self, number: &str) -> String {
        let mut path = vec![];
        let mut rest = number;
        while let Some((outer, _)) = rest.rsplit_once(ANONYMOUS) {
            path.push(self.holders.get(rest).map_or("unnamed", String::as_str));
            rest = outer;
        }
        path.push(rest);
        path.reverse();
        // `arg` stays out of the names of its members.
        if path.len() > 2 {
            path.retain(|part| *part != "arg");
        }
        path.join("_")
    }
}

/// In what bindgen calls a type that C leaves without a name.
const ANONYMOUS: &str = "__bindgen_ty_";

/// The kernel's integers, C's, and those that bindgen translates itself. A
/// `__u64` is `unsigned long` on some processors, and the same number.
const INTEGERS: &[(&str, &str)] = &[
    ("__u8", "u8"),
    ("__u16", "u16"),
    ("__u32", "u32"),
    ("__u64", "u64"),
    ("__s8", "i8"),
    ("__s16", "i16"),
    ("__s32", "i32"),
    ("__s64", "i64"),
    ("c_uchar", "u8"),
    ("c_ushort", "u16"),
    ("c_uint", "u32"),
    ("c_ulonglong", "u64"),
    ("c_schar", "i8"),
    ("c_short", "i16"),
    ("c_int", "i32"),
    ("c_longlong", "i64"),
    // These differ between processors.
    ("c_char", "libc::c_char"),
    ("c_ulong", "libc::c_ulong"),
    ("c_long", "libc::c_long"),
    ("u8", "u8"),
    ("u16", "u16"),
    ("u32", "u32"),
    ("u64", "u64"),
    ("usize", "usize"),
    ("i8", "i8"),
    ("i16", "i16"),
    ("i32", "i32"),
    ("i64", "i64"),
    ("isize", "isize"),
];

/// bindgen wraps the members of a union in ManuallyDrop when one of them has
/// no `Copy`.
fn without_wrapper(ty: &syn::Type) -> &syn::Type {
    let syn::Type::Path(path) = ty else {
        return ty;
    };
    match path
        .path
        .segments
        .last()
        .map(|last| (&last.ident, &last.arguments))
    {
        Some((name, syn::PathArguments::AngleBracketed(inner))) if name == "ManuallyDrop" => {
            match inner.args.first() {
                Some(syn::GenericArgument::Type(inner)) => inner,
                _ => ty,
            }
        }
        _ => ty,
    }
}

/// The last word of a type's path, if it is one without arguments.
fn last_name(ty: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?;
    last.arguments.is_none().then(|| last.ident.to_string())
}

/// The Rust type of a constant: the table's, or the one its name asks for if
/// the value fits.
pub fn type_of(name: &str, value: u64) -> &'static str {
    match constant(name).map(|known| known.ty) {
        Some("c_int") => "libc::c_int",
        Some(ty) => ty,
        None if name.starts_with("UFFD_EVENT_") && value <= u8::MAX.into() => "u8",
        None if name.starts_with("UFFDIO_")
            && !name.contains("_MODE_")
            && value <= u32::MAX.into() =>
        {
            "u32"
        }
        None => "u64",
    }
}

fn constant(name: &str) -> Option<&'static Constant> {
    CONSTANTS.iter().find(|known| known.name == name)
}

/// The items as Rust, each with its line of the table before it.
pub fn write(items: &[Item]) -> String {
    let mut out = String::from("// Generated by bindgen; see build.rs. Not to be edited.\n\n");
    for item in items {
        out += &match item {
            Item::Constant { name, value } => {
                let doc = doc(constant(name).map(|known| (known.doc, known.since)));
                format!(
                    "{doc}pub const {name}: {} = {value};\n",
                    type_of(name, *value)
                )
            }
            Item::Other { name, ty, value } => {
                format!("{}pub const {name}: {ty} = {value};\n", doc(None))
            }
            Item::Alias { name, ty } => format!("{}pub type {name} = {ty};\n", doc(None)),
            Item::Struct(item) => item.write(),
        };
    }
    out
}

impl Struct {
    fn write(&self) -> String {
        let known = STRUCTS.iter().find(|known| known.name == self.name);
        let fields = self.fields.iter().map(|(name, ty)| {
            let known = known.and_then(|s| s.fields.iter().find(|known| known.name == *name));
            let doc = known.map_or(NEWER, |known| known.doc);
            format!("    #[doc = {doc:?}]\n    pub {name}: {ty},\n")
        });
        format!(
            "{}\n{}{}pub {} {} {{\n{}}}\n",
            self.attributes.join("\n"),
            known.map_or(String::new(), |_| zerocopy(&self.name)),
            doc(known.map(|known| (known.doc, known.since))),
            if self.is_union { "union" } else { "struct" },
            self.name,
            fields.collect::<String>()
        )
    }
}

/// These are unions, or hold one, so their bytes need not all be initialised.
const WITH_UNIONS: [&str; 4] = [
    "uffd_msg",
    "uffd_msg_arg",
    "uffd_msg_pagefault",
    "uffd_msg_pagefault_feat",
];

/// The traits of zerocopy's that a known struct has; its derives refuse what a
/// layout cannot keep. A struct that is newer has none: it may have padding.
fn zerocopy(name: &str) -> String {
    let into_bytes = if WITH_UNIONS.contains(&name) {
        ""
    } else {
        ", zerocopy::IntoBytes"
    };
    format!(
        "#[cfg_attr(feature = \"zerocopy\", derive(zerocopy::FromBytes, zerocopy::Immutable, \
         zerocopy::KnownLayout{into_bytes}))]\n"
    )
}

const NEWER: &str = "Newer than this crate, which knows Linux 7.3: see the kernel's header.";

fn doc(known: Option<(&str, &str)>) -> String {
    let text = known.map_or(NEWER.into(), |(doc, since)| {
        format!("{doc}\n\nSince Linux {since}.")
    });
    format!("#[doc = {text:?}]\n")
}
