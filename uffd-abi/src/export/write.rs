//! A file that is written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Puts a file of these bytes in place. What was there before stays until then.
///
/// # Errors
///
/// The system's; and a device or folder, which a new file would replace.
pub fn whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // Through a symbolic link, to what it names.
    let target = match fs::canonicalize(file) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(error),
    };
    let before = fs::metadata(&target).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return Err(io::Error::other("is no ordinary file"));
    }
    let Some(name) = target.file_name() else {
        return Err(io::Error::other("names no file"));
    };
    let mut fresh = OsString::from(".");
    fresh.push(name);
    fresh.push(format!(".{}", std::process::id()));
    let fresh = target.with_file_name(fresh);
    let write = || {
        let mut new = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&fresh)?;
        new.write_all(bytes)?;
        if let Some(before) = before {
            new.set_permissions(before.permissions())?;
        }
        // A full disk may tell only now.
        new.sync_all()?;
        fs::rename(&fresh, &target)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written
}
