//! What CRIU uses: a write to `clear_refs` protects all memory of the process, and a
//! bit of each page's entry in pagemap says if it was written since.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use uffd_sys::page_region;

use super::tracker::{add, Tracker};
use crate::memory::{Pages, Region};

/// Bit 55 of an entry.
const SOFT_DIRTY: u8 = 1 << 7;
/// Entries of a read, 8 bytes each.
const ENTRIES: usize = 4096;

pub struct SoftDirty {
    region: Arc<Region>,
    pagemap: File,
    clear_refs: File,
    buffer: Vec<u8>,
}

impl SoftDirty {
    pub fn start(region: &Arc<Region>) -> io::Result<SoftDirty> {
        let mut tracker = SoftDirty {
            region: Arc::new(Region::map(Pages::Small, 4096)?),
            pagemap: File::open("/proc/self/pagemap")?,
            clear_refs: OpenOptions::new()
                .write(true)
                .open("/proc/self/clear_refs")?,
            buffer: vec![0; ENTRIES * 8],
        };
        // A kernel built without it takes the write, and reports no page.
        tracker.region.populate();
        let mut found = Vec::new();
        tracker.arm()?;
        tracker.region.write(0, 2);
        tracker.collect(&mut found)?;
        if found.is_empty() {
            return Err(io::Error::other("this kernel is built without soft-dirty"));
        }
        tracker.region = region.clone();
        Ok(tracker)
    }
}

impl Tracker for SoftDirty {
    fn arm(&mut self) -> io::Result<()> {
        self.clear_refs.write_all(b"4")
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        for first in (0..self.region.pages()).step_by(ENTRIES) {
            let entries = (self.region.pages() - first).min(ENTRIES);
            let bytes = &mut self.buffer[..entries * 8];
            let at = self.region.address(first) / 4096 * 8;
            self.pagemap.read_exact_at(bytes, at)?;
            for (i, entry) in bytes.chunks_exact(8).enumerate() {
                if entry[6] & SOFT_DIRTY != 0 {
                    let start = self.region.address(first + i);
                    add(found, start..start + 4096);
                }
            }
        }
        Ok(())
    }
}
