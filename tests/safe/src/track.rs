//! Which pages were written, without stopping the writers.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::{io, mem};

use uffd_sys::*;

use crate::{check, Mapping, Region, Uffd};

/// Notes the writes to a mapping, for one epoch after the other.
#[derive(Debug)]
pub struct Tracker<'a> {
    region: Region<'a>,
    pagemap: File,
    /// What the last scan found; `found` is what was not given out yet.
    buffer: Box<[page_region]>,
    found: Range<usize>,
}

/// The ranges of pages that were written since the last epoch, in bytes from
/// the mapping's start. What is given out is clean again; what is not, because
/// the iterator is dropped early, comes in the next epoch.
#[derive(Debug)]
pub struct Epoch<'t, 'a> {
    tracker: &'t mut Tracker<'a>,
    /// What is still to be scanned.
    rest: Range<u64>,
}

impl<'a> Tracker<'a> {
    /// The features that it needs; shared memory another one.
    pub const FEATURES: u64 = UFFD_FEATURE_WP_ASYNC;
    /// The features that it needs for shared memory.
    pub const FEATURES_SHARED: u64 = Self::FEATURES | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;

    /// Begins to track a mapping, all of which counts as clean. The buffer has
    /// room for so many ranges; at least one.
    pub fn new(uffd: &'a Uffd, memory: &'a Mapping, ranges: usize) -> io::Result<Self> {
        let pagemap = File::open("/proc/self/pagemap")?;
        let region = uffd.register(memory, UFFDIO_REGISTER_MODE_WP)?;
        region.pages().write_protect(0..memory.len())?;
        let buffer = vec![page_region::default(); ranges.max(1)].into();
        Ok(Tracker {
            region,
            pagemap,
            buffer,
            found: 0..0,
        })
    }

    /// Ends an epoch, and begins a new one page by page: a page that is written
    /// while this runs is in this epoch, the next or both, and never lost.
    pub fn epoch(&mut self) -> Epoch<'_, 'a> {
        let memory = self.region.memory();
        let range = memory.range(0..memory.len());
        Epoch {
            tracker: self,
            rest: range.start..range.start + range.len,
        }
    }

    /// Takes written pages until the buffer is full; returns where it stopped.
    fn scan(&mut self, rest: &Range<u64>) -> io::Result<u64> {
        let mut arg = pm_scan_arg {
            size: mem::size_of::<pm_scan_arg>() as u64,
            // Without the check, memory that is not tracked counts as written.
            flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
            start: rest.start,
            end: rest.end,
            vec: self.buffer.as_mut_ptr() as u64,
            vec_len: self.buffer.len() as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Default::default()
        };
        // SAFETY: `arg` is ours, and `vec` is the buffer with its length.
        let found = check(unsafe { pagemap_scan(self.pagemap.as_raw_fd(), &mut arg) })?;
        self.found = 0..found as usize;
        Ok(arg.walk_end)
    }
}

impl Iterator for Epoch<'_, '_> {
    type Item = io::Result<Range<usize>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(next) = self.tracker.found.next() {
                let page_region { start, end, .. } = self.tracker.buffer[next];
                let base = self.tracker.region.memory().address();
                return Some(Ok(start as usize - base..end as usize - base));
            }
            if self.rest.is_empty() {
                return None;
            }
            match self.tracker.scan(&self.rest) {
                Ok(end) => self.rest.start = end,
                Err(error) => {
                    self.rest.start = self.rest.end; // Told once.
                    return Some(Err(error));
                }
            }
        }
    }
}
