//! `/proc/self/pagemap`, for PAGEMAP_SCAN.

use std::ops::Range;

use uffd_kit::pagemap::{self, wanting};
use uffd_sys::*;

use super::call::{call, Errno, ENOTTY};
use super::memory::Region;
use super::skip::Skip;

pub struct Pagemap(pagemap::Pagemap);

impl Pagemap {
    pub fn open() -> Result<Self, Skip> {
        let pagemap = Pagemap(pagemap::Pagemap::open().expect("/proc/self/pagemap"));
        let mut nothing = wanting(0, 0, 0);
        match pagemap.scan_raw(&mut nothing) {
            // It came with UFFD_FEATURE_WP_ASYNC.
            Err(ENOTTY) => Err(Skip::features(UFFD_FEATURE_WP_ASYNC)),
            _ => Ok(pagemap),
        }
    }

    /// A valid argument for a region; the tests change it.
    pub fn argument(region: &Region) -> pm_scan_arg {
        let range = region.all();
        wanting(range.start as usize, range.len as usize, PAGE_IS_WRITTEN)
    }

    /// The bare call; `arg.vec` must be zero.
    pub fn scan_raw(&self, arg: &mut pm_scan_arg) -> Result<i32, Errno> {
        assert_eq!(arg.vec, 0);
        // SAFETY: `arg` is a struct of ours, and names no array.
        call(|| unsafe { pagemap_scan(self.fd(), arg) })
    }

    /// Scans and returns the reported runs, as page numbers of `region`.
    /// `arg.vec` and `arg.vec_len` are set here: room for `room` runs.
    pub fn scan(
        &self,
        region: &Region,
        arg: &mut pm_scan_arg,
        room: usize,
    ) -> Result<Vec<Range<u64>>, Errno> {
        let found = self.0.runs(arg, room).map_err(Errno)?;
        let number = |address: u64| (address - region.address(0)) / region.page_size();
        let run = |run: &page_region| number(run.start)..number(run.end);
        Ok(found.iter().map(run).collect())
    }

    /// The written pages, which are protected again.
    #[track_caller]
    pub fn take_written(&self, region: &Region) -> Vec<Range<u64>> {
        let mut arg = Self::argument(region);
        arg.flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;
        let runs = self.scan(region, &mut arg, 16).expect("PAGEMAP_SCAN");
        assert_eq!(arg.walk_end, arg.end, "the scan is complete");
        runs
    }

    /// The bare descriptor.
    pub fn fd(&self) -> i32 {
        self.0.fd()
    }
}
