//! Pages that are swapped out. Where no swap is on, this needs root, and a file system that
//! can hold a swap file.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::pages::page_size;
use crate::region::Region;
use crate::verdict::{need, need_file, Outcome, Verdict};
use crate::wait::eventually;

/// Swap that is on: what the machine has, or else a file, removed when dropped.
pub struct Swap(Option<PathBuf>);

impl Swap {
    /// Makes a swap file of 64 pages and uses it, unless some swap is on already.
    pub fn on() -> Result<Swap, Verdict> {
        // The first line is the table's head.
        let table = need_file("/proc/swaps", std::fs::read_to_string("/proc/swaps"))?;
        if table.lines().count() > 1 {
            return Ok(Swap(None));
        }
        let name = format!("uffd-kit-swap-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let swap = Swap(Some(path.clone()));
        turn_on(&path).map(|()| swap)
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let c_path = c_string(path);
            // SAFETY: the path ends in zero and lives through the call.
            unsafe { libc::swapoff(c_path.as_ptr()) };
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Makes a swap area of 64 pages in a file or on a disk, and uses it.
pub fn turn_on(path: &Path) -> Outcome {
    need_file("writing a swap area", std::fs::write(path, area()))?;
    // SAFETY: the path ends in zero and lives through the call.
    need("swapon", unsafe {
        libc::swapon(c_string(path).as_ptr(), 0)
    })?;
    Ok(())
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zero byte")
}

/// An empty swap area of 64 pages: version 1, without bad pages.
fn area() -> Vec<u8> {
    const PAGES: usize = 64;
    let page = page_size();
    let mut area = vec![0; PAGES * page];
    area[1024..1028].copy_from_slice(&1u32.to_ne_bytes());
    area[1028..1032].copy_from_slice(&(PAGES as u32 - 1).to_ne_bytes());
    area[page - 10..page].copy_from_slice(b"SWAPSPACE2");
    area
}

/// Swaps page `n` out, and waits until `is_out` sees that it went.
pub fn page_out(region: &Region, n: usize, is_out: impl Fn() -> Result<bool, Verdict>) -> Outcome {
    let mut out = Ok(false);
    // Again and again, because the kernel passes over a page that waits on another processor
    // for its place in the lists.
    if eventually(|| {
        out = region
            .madvise(n, 1, libc::MADV_PAGEOUT)
            .and_then(|()| is_out());
        !matches!(out, Ok(false))
    }) {
        return out.map(|_| ());
    }
    Err(Verdict::Cannot(
        "the kernel would not swap the page out".to_owned(),
    ))
}
