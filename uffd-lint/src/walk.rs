//! Which files are read, and what becomes of those that are not.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use super::language::Language;

/// Larger files are skipped: no source that a person wrote is so large, and the
/// tokens of one take some ten times its size.
pub const MAX_SIZE: u64 = 16 << 20;

/// A file or folder that was met.
#[derive(Debug)]
pub enum Met {
    /// A source, to be read.
    Source(PathBuf, Language),
    /// A file in no language that the linter reads.
    OtherFile,
    /// A symbolic link, which is not followed, lest it lead in circles.
    Link,
    /// Something that could not be opened; `named` if the user asked for it.
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

/// Meets every file at and under `path`, in the order of their names.
pub fn walk(path: &Path, mut meet: impl FnMut(Met)) {
    let unreadable = |path: &Path, why: String, named| Met::Unreadable {
        path: path.into(),
        why,
        named,
    };
    // A link that the user names is followed.
    match std::fs::metadata(path) {
        Err(error) => return meet(unreadable(path, error.to_string(), true)),
        Ok(found) if found.is_file() => {
            return meet(match Language::of(path) {
                Some(language) => Met::Source(path.into(), language),
                None => Met::OtherFile,
            });
        }
        Ok(found) if !found.is_dir() => {
            return meet(unreadable(path, "neither a file nor a folder".into(), true));
        }
        Ok(_) => {}
    }
    let mut builder = WalkBuilder::new(path);
    // As git does, but without asking for a repository around the folder.
    builder.require_git(false).sort_by_file_name(Ord::cmp);
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
        match (entry.file_type(), Language::of(entry.path())) {
            (Some(kind), _) if kind.is_dir() => {}
            (Some(kind), _) if kind.is_symlink() => meet(Met::Link),
            (Some(kind), Some(language)) if kind.is_file() => {
                meet(Met::Source(entry.into_path(), language));
            }
            _ => meet(Met::OtherFile),
        }
    }
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
