//! Pages that are swapped out. Needs root, and a file system that can hold a
//! swap file, which the initial one of a virtual machine cannot.

use std::ffi::CString;

use crate::pages::page_size;
use crate::region::Region;
use crate::verdict::{need, need_file, Outcome, Verdict};
use crate::wait::eventually;

/// A swap file in use; taken out of use when dropped.
pub struct Swap(CString);

impl Swap {
    /// Makes a swap file of 64 pages and uses it.
    pub fn on() -> Result<Swap, Verdict> {
        let name = format!("uffd-kit-swap-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        need_file("a swap file", std::fs::write(&path, header()))?;
        let text = path.to_string_lossy().into_owned();
        let swap = Swap(CString::new(text).expect("no zero byte"));
        // SAFETY: the path ends in zero and lives through the call.
        need("swapon", unsafe { libc::swapon(swap.0.as_ptr(), 0) })?;
        Ok(swap)
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        // SAFETY: the path ends in zero and lives through the calls.
        unsafe {
            libc::swapoff(self.0.as_ptr());
            libc::unlink(self.0.as_ptr());
        }
    }
}

/// An empty swap area of 64 pages: version 1, without bad pages.
fn header() -> Vec<u8> {
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
    region.madvise(n, 1, libc::MADV_PAGEOUT)?;
    let mut out = Ok(false);
    if eventually(|| {
        out = is_out();
        !matches!(out, Ok(false))
    }) {
        return out.map(|_| ());
    }
    Err(Verdict::Cannot(
        "the kernel would not swap the page out".to_owned(),
    ))
}
