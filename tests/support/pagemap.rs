//! `/proc/self/pagemap`, for PAGEMAP_SCAN.

use std::fs::File;
use std::mem::size_of;
use std::ops::Range;
use std::os::fd::AsRawFd;

use uffd_sys::*;

use super::call::{call, Errno, ENOTTY};
use super::memory::Region;
use super::skip::Skip;

pub struct Pagemap(File);

impl Pagemap {
    pub fn open() -> Result<Self, Skip> {
        let pagemap = Pagemap(File::open("/proc/self/pagemap").expect("/proc/self/pagemap"));
        let mut nothing = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            ..Default::default()
        };
        match pagemap.scan_raw(&mut nothing) {
            // It came with UFFD_FEATURE_WP_ASYNC.
            Err(ENOTTY) => Err(Skip::features(UFFD_FEATURE_WP_ASYNC)),
            _ => Ok(pagemap),
        }
    }

    /// A valid argument for a region; the tests change it.
    pub fn argument(region: &Region) -> pm_scan_arg {
        let range = region.all();
        pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            start: range.start,
            end: range.start + range.len,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Default::default()
        }
    }

    /// The bare call; `arg.vec` must be zero.
    pub fn scan_raw(&self, arg: &mut pm_scan_arg) -> Result<i32, Errno> {
        assert_eq!(arg.vec, 0);
        // SAFETY: `arg` is a struct of ours, and names no array.
        call(|| unsafe { pagemap_scan(self.0.as_raw_fd(), arg) })
    }

    /// Scans and returns the reported runs, as page numbers of `region`.
    /// `arg.vec` and `arg.vec_len` are set here: room for `room` runs.
    pub fn scan(
        &self,
        region: &Region,
        arg: &mut pm_scan_arg,
        room: usize,
    ) -> Result<Vec<Range<u64>>, Errno> {
        let mut found = vec![page_region::default(); room];
        (arg.vec, arg.vec_len) = (found.as_mut_ptr() as u64, room as u64);
        // SAFETY: `arg` is a struct of ours; `vec` has room for `vec_len`.
        let count = call(|| unsafe { pagemap_scan(self.0.as_raw_fd(), arg) });
        arg.vec = 0;
        let number = |address: u64| (address - region.address(0)) / region.page_size();
        let runs = found[..count? as usize].iter();
        Ok(runs.map(|run| number(run.start)..number(run.end)).collect())
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
        self.0.as_raw_fd()
    }
}
