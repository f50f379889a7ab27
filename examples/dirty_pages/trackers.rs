//! What every way of tracking offers, and the answer's form.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel};

use uffd_sys::page_region;

use super::support::Memory;

/// One way to learn which pages were written.
pub trait Tracker {
    /// Takes the pages that were written since the last time, and protects
    /// them again. A page that is copied after this call and not reported by
    /// the next one has not changed since it was copied.
    fn collect(&mut self, dirty: &mut Dirty) -> io::Result<()>;

    /// Anything worth saying at the end.
    fn remarks(&self) -> Option<String> {
        None
    }
}

/// Written pages, as ascending regions: there are fewer of these, and every
/// call takes a region as readily as a page. It is allocated once, with room
/// for the worst case, so that nothing allocates while tracking.
pub struct Dirty {
    pub regions: Vec<page_region>,
}

impl Dirty {
    pub fn for_pages(pages: usize) -> Dirty {
        Dirty {
            regions: Vec::with_capacity(pages / 2 + 1),
        }
    }

    pub fn push(&mut self, start: u64, end: u64) {
        match self.regions.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.regions.push(page_region {
                start,
                end,
                categories: 0,
            }),
        }
    }

    /// The regions in pages of `memory`.
    pub fn ranges<'a>(&'a self, memory: &'a Memory) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regions
            .iter()
            .map(|region| memory.pages_of(region.start, region.end))
    }
}

/// A bit a page, set by fault handlers.
pub struct Bitmap(Vec<AtomicU64>);

impl Bitmap {
    pub fn new(pages: usize) -> Bitmap {
        Bitmap((0..(pages + 63) / 64).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn set(&self, page: usize) {
        self.0[page / 64].fetch_or(1 << (page % 64), AcqRel);
    }

    /// Moves the bits into `dirty`.
    pub fn take(&self, memory: &Memory, dirty: &mut Dirty) {
        let page_size = memory.page_size() as u64;
        for (i, word) in self.0.iter().enumerate() {
            let mut bits = word.swap(0, AcqRel);
            while bits != 0 {
                let page = (i * 64) as u64 + u64::from(bits.trailing_zeros());
                bits &= bits - 1;
                let start = memory.start() + page * page_size;
                dirty.push(start, start + page_size);
            }
        }
    }
}
