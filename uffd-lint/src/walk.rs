//! Which files are read, and what becomes of those that are not.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use ignore::overrides::{Override, OverrideBuilder};
use ignore::WalkBuilder;

use crate::language::Form;

/// Larger files are skipped: no source that a person wrote is so large.
pub const MAX_SIZE: u64 = 8 << 20;

/// What is not read.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    /// How many, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
    /// What could not be read, why, and whether it is one of the arguments.
    pub unreadable: Vec<(PathBuf, String, bool)>,
}

impl Unread {
    pub(crate) fn skip(&mut self, why: &'static str, count: usize) {
        if count > 0 {
            *self.skipped.entry(why).or_default() += count;
        }
    }

    pub(crate) fn fail(&mut self, path: &Path, why: impl ToString, named: bool) {
        self.skip("unreadable", 1);
        self.unreadable.push((path.into(), why.to_string(), named));
    }
}

/// Patterns in the manner of `.gitignore` for what is left out; or one that is
/// not understood.
pub fn patterns(exclude: &[String]) -> Result<Override, String> {
    let mut builder = OverrideBuilder::new(".");
    for pattern in exclude {
        // In an override a `!` means what its absence means in .gitignore.
        let added = builder.add(&format!("!{pattern}"));
        added.map_err(|error| error.to_string())?;
    }
    builder.build().map_err(|error| error.to_string())
}

/// Meets every file at and under `path` in one of the languages, in the order
/// of their names.
pub fn walk(
    path: &Path,
    exclude: &Override,
    unread: &mut Unread,
    mut meet: impl FnMut(&mut Unread, &Path, Form),
) {
    // A link that the user names is followed.
    match std::fs::metadata(path) {
        Err(error) => return unread.fail(path, error, true),
        Ok(found) if found.is_dir() => {}
        Ok(found) if !found.is_file() => {
            return unread.fail(path, "neither a file nor a folder", true);
        }
        Ok(_) if exclude.matched(path, false).is_ignore() => return unread.skip("excluded", 1),
        Ok(_) => match Form::of(path) {
            Some(form) => return meet(unread, path, form),
            None => return unread.skip(OTHER, 1),
        },
    }
    let mut builder = WalkBuilder::new(path);
    let excluded = Arc::new(AtomicUsize::new(0));
    let (count, patterns, root) = (excluded.clone(), exclude.clone(), path.to_owned());
    // As git does, but without asking for a repository around the folder.
    builder
        .require_git(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let out = entry.path() != root && patterns.matched(entry.path(), folder).is_ignore();
            count.fetch_add(usize::from(out), Ordering::Relaxed);
            !out
        });
    // How many entries of each folder were met, to know how many were not.
    let mut folders: HashMap<PathBuf, usize> = HashMap::new();
    for entry in builder.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let (at, why) = explain(path, &error);
                unread.fail(&at, why, at == path);
                continue;
            }
        };
        let parent = entry.path().parent();
        let folder = parent.and_then(|parent| folders.get_mut(parent));
        if let Some(met) = folder.filter(|_| !is_dotted(entry.file_name())) {
            *met += 1;
        }
        match (entry.file_type(), Form::of(entry.path())) {
            (Some(kind), _) if kind.is_dir() => drop(folders.insert(entry.into_path(), 0)),
            // Lest it lead in circles.
            (Some(kind), _) if kind.is_symlink() => unread.skip("symbolic links, not followed", 1),
            (Some(kind), Some(form)) if kind.is_file() => meet(unread, entry.path(), form),
            _ => unread.skip(OTHER, 1),
        }
    }
    let hidden = folders.iter();
    let hidden = hidden.map(|(folder, met)| entries(folder).saturating_sub(*met));
    let (hidden, excluded) = (hidden.sum::<usize>(), excluded.load(Ordering::Relaxed));
    unread.skip("excluded", excluded);
    unread.skip("hidden by .gitignore", hidden.saturating_sub(excluded));
}

const OTHER: &str = "in another language";

/// How many there are in a folder, without those that begin with a dot.
fn entries(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names.filter(|name| !is_dotted(name)).count()
}

fn is_dotted(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The path and the reason in the walker's error.
fn explain(root: &Path, error: &ignore::Error) -> (PathBuf, String) {
    match error {
        ignore::Error::WithPath { path, err } => (path.clone(), explain(root, err).1),
        ignore::Error::WithDepth { err, .. } => explain(root, err),
        // Its text names the path a second time.
        ignore::Error::Io(error) => (root.into(), error.kind().to_string()),
        other => (root.into(), other.to_string()),
    }
}

/// Reads a file into `buffer`, whose memory is used again for the next; tells
/// why it is left alone, if it is.
pub fn read(path: &Path, buffer: &mut Vec<u8>) -> io::Result<Option<&'static str>> {
    const TOO_LARGE: Option<&str> = Some("larger than 8 MiB");
    buffer.clear();
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > MAX_SIZE {
        return Ok(TOO_LARGE);
    }
    buffer.reserve_exact(size as usize + 1);
    // It may grow meanwhile, and some files of /proc tell no size.
    file.take(MAX_SIZE + 1).read_to_end(buffer)?;
    Ok(match memchr::memchr(0, buffer) {
        _ if buffer.len() as u64 > MAX_SIZE => TOO_LARGE,
        Some(_) => Some("binary"),
        None => None,
    })
}
