//! Which files are read, and what becomes of those that are not.

use std::collections::HashMap;
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

/// A file or folder that was met.
#[derive(Debug)]
pub enum Met {
    /// A file to be read.
    Source(PathBuf, Form),
    /// A file in no language that the linter reads.
    OtherFile,
    /// A symbolic link, which is not followed, lest it lead in circles.
    Link,
    /// Files and folders that `.gitignore` hid.
    Hidden(usize),
    /// Files and folders that `--exclude` left out.
    Excluded(usize),
    /// Something that could not be opened.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
        /// Whether it is one of the arguments.
        named: bool,
    },
}

/// What reading a file gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// The buffer holds it.
    Read,
    /// It has a NUL byte.
    Binary,
    /// Larger than [`MAX_SIZE`].
    TooLarge,
}

/// Patterns in the manner of `.gitignore` for what is left out.
///
/// # Errors
///
/// One that is not understood.
pub fn patterns(exclude: &[String]) -> Result<Override, String> {
    let mut builder = OverrideBuilder::new(".");
    for pattern in exclude {
        // In an override a `!` means what its absence means in .gitignore.
        builder
            .add(&format!("!{pattern}"))
            .map_err(|error| error.to_string())?;
    }
    builder.build().map_err(|error| error.to_string())
}

/// Meets every file at and under `path`, in the order of their names.
pub fn walk(path: &Path, exclude: &Override, mut meet: impl FnMut(Met)) {
    let unreadable = |path: &Path, why: String, named| Met::Unreadable {
        path: path.into(),
        why,
        named,
    };
    // A link that the user names is followed.
    match std::fs::metadata(path) {
        Err(error) => return meet(unreadable(path, error.to_string(), true)),
        Ok(found) if found.is_file() => {
            let excluded = exclude.matched(path, false).is_ignore();
            return meet(match Form::of(path) {
                _ if excluded => Met::Excluded(1),
                Some(form) => Met::Source(path.into(), form),
                None => Met::OtherFile,
            });
        }
        Ok(found) if !found.is_dir() => {
            return meet(unreadable(path, "neither a file nor a folder".into(), true));
        }
        Ok(_) => {}
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
                let named = at == path;
                meet(unreadable(&at, why, named));
                continue;
            }
        };
        let dotted = is_dotted(entry.file_name());
        if let Some(met) = entry
            .path()
            .parent()
            .filter(|_| !dotted)
            .and_then(|parent| folders.get_mut(parent))
        {
            *met += 1;
        }
        match (entry.file_type(), Form::of(entry.path())) {
            (Some(kind), _) if kind.is_dir() => drop(folders.insert(entry.into_path(), 0)),
            (Some(kind), _) if kind.is_symlink() => meet(Met::Link),
            (Some(kind), Some(form)) if kind.is_file() => {
                meet(Met::Source(entry.into_path(), form));
            }
            _ => meet(Met::OtherFile),
        }
    }
    let excluded = excluded.load(Ordering::Relaxed);
    let mut hidden = 0;
    for (folder, met) in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        hidden += entries
            .filter(|entry| !is_dotted(&entry.file_name()))
            .count()
            .saturating_sub(met);
    }
    meet(Met::Excluded(excluded));
    meet(Met::Hidden(hidden.saturating_sub(excluded)));
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

/// Reads a file into `buffer`, whose memory is used again for the next.
///
/// # Errors
///
/// As open(2) and read(2).
pub fn read(path: &Path, buffer: &mut Vec<u8>) -> io::Result<Text> {
    buffer.clear();
    let file = File::open(path)?;
    if file.metadata()?.len() > MAX_SIZE {
        return Ok(Text::TooLarge);
    }
    // It may grow meanwhile, and some files of /proc tell no size.
    file.take(MAX_SIZE + 1).read_to_end(buffer)?;
    Ok(if buffer.len() as u64 > MAX_SIZE {
        Text::TooLarge
    } else if memchr::memchr(0, buffer).is_some() {
        Text::Binary
    } else {
        Text::Read
    })
}
