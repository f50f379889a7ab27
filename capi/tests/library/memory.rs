//! Mapped memory, as a range for the ioctls.

use uffd_kit::region::{Memory as Kind, Owned, Region};
use uffd_sys::uffdio_range;

/// How many pages a [`Memory`] has.
pub const PAGES: usize = 8;

/// Memory of this test's own.
pub struct Memory {
    pub start: u64,
    pub page: u64,
    _region: Owned,
}

impl Memory {
    pub fn new(kind: Kind) -> Memory {
        let region = Region::new(kind, PAGES).expect("memory").owned();
        Memory {
            start: region.addr as u64,
            page: region.page as u64,
            _region: region,
        }
    }

    pub fn pages(&self, first: u64, count: u64) -> uffdio_range {
        assert!(first + count <= PAGES as u64);
        uffdio_range {
            start: self.start + first * self.page,
            len: count * self.page,
        }
    }

    pub fn all(&self) -> uffdio_range {
        self.pages(0, PAGES as u64)
    }
}
