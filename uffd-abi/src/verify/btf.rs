//! The witness of a kernel's BTF: every struct that it keeps.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uffd_sys::abi::table::{Struct, STRUCTS};
use uffd_sys::abi::{self, SeenStruct, Target, Witness};

use super::{compare, Compared, Known};
use crate::btf::{Broken, Btf, Id};
use crate::cli::VerifyArgs;
use crate::uffd::kernel_release;

/// Where the running kernel shows its own.
const RUNNING: &str = "/sys/kernel/btf/vmlinux";

/// A kernel's BTF is about 5 MB; a file of another kind must not fill memory.
const LARGEST: u64 = 256 << 20;

/// The witness that the arguments ask for, if any.
pub fn witness(args: &VerifyArgs) -> Option<Compared> {
    if let Some(path) = &args.btf {
        let name = format!("BTF {}", path.display());
        return Some(match read(path) {
            Ok(bytes) => check(&bytes, &name, Known::Any),
            Err(error) => Compared::failed(name, error),
        });
    }
    if args.no_kernel {
        return None;
    }
    let (release, _) = kernel_release();
    let name = format!(
        "kernel {}, BTF",
        release.split('-').next().unwrap_or_default()
    );
    Some(match read(Path::new(RUNNING)) {
        // Of the structs it keeps those that its own code uses, so none must
        // be there.
        Ok(bytes) => check(&bytes, &name, Known::Any),
        Err(error) => Compared::skip(name, format!("{RUNNING}: {error}")),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut bytes = vec![];
    // Without this flag the opening of a FIFO waits for who writes to it.
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(text)?;
    if !file.metadata().map_err(text)?.is_file() {
        return Err("not a regular file: name one that holds the BTF of a kernel".to_owned());
    }
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(text)?;
    if bytes.len() as u64 > LARGEST {
        return Err("larger than 256 MB, so it is not the BTF of a kernel".to_owned());
    }
    Ok(bytes)
}

/// Compares what these bytes say.
pub fn check(bytes: &[u8], name: &str, known: Known) -> Compared {
    match Btf::new(bytes).and_then(|btf| structs(&btf)) {
        Ok(structs) if structs.is_empty() => {
            let why = "no struct of userfaultfd in it: a kernel without CONFIG_USERFAULTFD, or BTF of a module";
            Compared::failed(name, why)
        }
        Ok(structs) => {
            let witness = Witness {
                name: name.to_owned(),
                structs: structs.into_iter().collect(),
                ..Witness::default()
            };
            compare(&witness, target(&witness), known)
        }
        Err(error) => Compared::failed(name, format!("broken BTF: {error}")),
    }
}

/// The kernel's processor, which may be another than this program's: where it
/// aligns u64 to 4 this struct has no padding at its end.
fn target(witness: &Witness) -> Target {
    let pagefault = witness.structs.get("uffd_msg_pagefault");
    Target {
        align_of_u64: if pagefault.is_some_and(|seen| seen.size == 20) {
            4
        } else {
            8
        },
        ..abi::target()
    }
}

fn structs(btf: &Btf<'_>) -> Result<Vec<(String, SeenStruct)>, Broken> {
    let mut seen = vec![];
    for pinned in STRUCTS {
        // A driver may have a struct of the same name: the right one will do.
        let all = candidates(btf, pinned)?
            .into_iter()
            .map(|id| btf.layout(id));
        let (read, unread): (Vec<_>, Vec<_>) = all.partition(Result::is_ok);
        if let (true, Some(error)) = (read.is_empty(), unread.into_iter().find_map(Result::err)) {
            return Err(error);
        }
        let mut layouts: Vec<SeenStruct> = read.into_iter().flatten().collect();
        let right = layouts
            .iter()
            .position(|layout| is_right(pinned, layout))
            .unwrap_or(0);
        if right < layouts.len() {
            seen.push((pinned.name.to_owned(), layouts.swap_remove(right)));
        }
    }
    Ok(seen)
}

/// The types that may be this struct: by its name, or for an anonymous part of
/// `uffd_msg` by the path to it.
fn candidates(btf: &Btf<'_>, pinned: &Struct) -> Result<Vec<Id>, Broken> {
    let Some((_, path)) = pinned.c_type.split_once("->") else {
        return Ok(btf.structs(pinned.name).to_vec());
    };
    let path = path.trim_end_matches(')');
    let mut found = vec![];
    for id in btf.structs("uffd_msg") {
        found.extend(btf.field(*id, path)?);
    }
    Ok(found)
}

fn is_right(pinned: &Struct, seen: &SeenStruct) -> bool {
    [pinned.size, pinned.size_for(4)].contains(&seen.size)
        && pinned.fields.len() == seen.fields.len()
        && pinned
            .fields
            .iter()
            .zip(&seen.fields)
            .all(|(pinned, seen)| {
                (pinned.c_name(), pinned.offset, pinned.size)
                    == (&*seen.name, seen.offset, seen.size)
            })
}
