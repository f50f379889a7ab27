//! What every way to track is, and the bits in which handlers note pages.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use uffd_sys::{page_region, PAGE_IS_WRITTEN};

use crate::memory::Region;

/// A way to track. An epoch is: [`arm`](Tracker::arm), writes,
/// [`collect`](Tracker::collect).
pub trait Tracker {
    /// Begins an epoch. Nothing to do if collecting does it.
    fn arm(&mut self) -> io::Result<()>;
    /// Appends what was written since, in ascending order.
    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()>;
}

/// A bit a page, set by handlers.
pub struct Bitmap(Vec<AtomicU64>);

impl Bitmap {
    pub fn new(pages: usize) -> Bitmap {
        Bitmap((0..pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn set(&self, page: usize) {
        self.0[page / 64].fetch_or(1 << (page % 64), Relaxed);
    }

    /// Moves the bits into regions.
    pub fn take(&self, region: &Region, found: &mut Vec<page_region>) {
        for (i, word) in self.0.iter().enumerate() {
            let mut bits = word.swap(0, Relaxed);
            while bits != 0 {
                let page = i * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let start = region.address(page);
                add(found, start..start + region.page() as u64);
            }
        }
    }
}

/// Adds a written page; those that follow each other are one region.
pub fn add(found: &mut Vec<page_region>, page: Range<u64>) {
    match found.last_mut() {
        Some(last) if last.end == page.start => last.end = page.end,
        _ => found.push(page_region {
            start: page.start,
            end: page.end,
            categories: PAGE_IS_WRITTEN,
        }),
    }
}
