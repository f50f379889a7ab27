//! More ways to learn which pages were written: read-write-protection, and comparing
//! with a copy.

use std::fs::File;
use std::io;
use std::sync::Arc;

use uffd_sys::*;

use super::scan::{scan_all, ROOM};
use super::tracker::{add, Tracker};
use crate::memory::Region;
use crate::uffd::{check, Uffd};

/// Finds the pages that were touched at all, read or written.
pub struct Rwp {
    uffd: Uffd,
    region: Arc<Region>,
    pagemap: File,
    buffer: Vec<page_region>,
}

impl Rwp {
    pub fn start(region: &Arc<Region>, features: u64) -> io::Result<Rwp> {
        let uffd = Uffd::with(0, features)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_RWP)?;
        let buffer = vec![page_region::default(); ROOM];
        let rwp = Rwp {
            uffd,
            region: region.clone(),
            pagemap: File::open("/proc/self/pagemap")?,
            buffer,
        };
        rwp.protect(region.all())?;
        Ok(rwp)
    }

    fn protect(&self, range: uffdio_range) -> io::Result<()> {
        let mut arg = uffdio_rwprotect {
            range,
            mode: UFFDIO_RWPROTECT_MODE_RWP,
        };
        // SAFETY: `arg` is ours.
        check(
            unsafe { uffdio_rwprotect(self.uffd.fd(), &mut arg) },
            "UFFDIO_RWPROTECT",
        )
        .map(|_| ())
    }
}

impl Tracker for Rwp {
    fn arm(&mut self) -> io::Result<()> {
        Ok(()) // Collecting protected them again.
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = scan_all(
            &self.pagemap,
            self.region.all(),
            &mut buffer,
            0,
            PAGE_IS_ACCESSED,
            |regions| {
                for region in regions {
                    self.protect(uffdio_range {
                        start: region.start,
                        len: region.end - region.start,
                    })?;
                }
                found.extend_from_slice(regions);
                Ok(())
            },
        );
        self.buffer = buffer;
        result
    }
}

/// Keeps a copy, and compares.
pub struct Compare {
    region: Arc<Region>,
    copy: Vec<u8>,
}

impl Compare {
    pub fn start(region: &Arc<Region>) -> Compare {
        Compare {
            copy: vec![0; region.len()],
            region: region.clone(),
        }
    }

    fn memory(&self) -> &[u8] {
        // SAFETY: the writer pauses while this is called, so the bytes do not
        // change while the slice lives.
        unsafe { std::slice::from_raw_parts(self.region.pointer(), self.region.len()) }
    }
}

impl Tracker for Compare {
    fn arm(&mut self) -> io::Result<()> {
        // SAFETY: as in `memory`; the copy is as long, and not the region.
        unsafe {
            std::ptr::copy_nonoverlapping(
                self.region.pointer(),
                self.copy.as_mut_ptr(),
                self.region.len(),
            )
        };
        Ok(())
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        let page = self.region.page();
        let pages = self.memory().chunks(page).zip(self.copy.chunks(page));
        for (i, (now, before)) in pages.enumerate() {
            if now != before {
                let start = self.region.address(i);
                add(found, start..start + page as u64);
            }
        }
        Ok(())
    }
}
