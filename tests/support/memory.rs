//! Memory to watch. It is only ever touched through raw pointers, one byte at
//! a time, so nothing assumes that it stays as it is.

use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use libc::c_int;
use uffd_kit::errno::errno;
use uffd_kit::hugepages::HugePages;
use uffd_kit::mapping::{self, map, reserve, ANONYMOUS, RW};
pub use uffd_kit::pages::page_size;
use uffd_kit::region::{self, Owned};
use uffd_kit::verdict::{Outcome, Verdict};
use uffd_sys::*;

use super::background::{in_background, Background};
use super::call::Errno;
use super::hugepages;
use super::skip::Skip;

/// The kinds of memory that the tests use; the conformance suite has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Private and anonymous: heap and stacks.
    Anonymous,
    /// A shared mapping of a memfd.
    Shmem,
    /// A shared mapping of a memfd of huge pages.
    Hugetlb,
}

impl Memory {
    fn of_kit(self) -> region::Memory {
        match self {
            Memory::Anonymous => region::Memory::Anon,
            Memory::Shmem => region::Memory::Shmem,
            Memory::Hugetlb => region::Memory::SharedHugetlb,
        }
    }

    /// The features that write-protection of this kind needs.
    pub fn wp_features(self) -> u64 {
        self.of_kit().wp_features()
    }

    /// The features that missing faults of this kind need.
    pub fn missing_features(self) -> u64 {
        self.of_kit().missing_features()
    }
}

static MAPPING: Mutex<()> = Mutex::new(());

struct Mapping {
    region: Owned,
    /// After the mapping, so that the pages are free when they are given back.
    _huge: Option<HugePages>,
}

/// A mapped range of whole pages. Clones share it; the last one unmaps it, so
/// a thread that still waits in it is safe.
#[derive(Clone)]
pub struct Region(Arc<Mapping>);

impl Region {
    /// Maps new memory, with no page in it yet. Forked children do not inherit
    /// it: one test's fork must not disturb another test.
    pub fn map(memory: Memory, pages: usize) -> Result<Region, Skip> {
        let region = Region::map_inherited(memory, pages)?;
        region
            .advise(0..pages, libc::MADV_DONTFORK)
            .expect("MADV_DONTFORK");
        Ok(region)
    }

    /// Maps new memory that a forked child has too.
    pub fn map_inherited(memory: Memory, pages: usize) -> Result<Region, Skip> {
        // Between seeing that huge pages are free and mapping them, no other
        // test may take them.
        let _one_at_a_time = MAPPING.lock().unwrap_or_else(PoisonError::into_inner);
        let huge = match memory {
            Memory::Hugetlb => Some(hugepages::reserve(pages)?),
            _ => None,
        };
        Ok(Region::new(
            region::Region::new(memory.of_kit(), pages),
            huge,
        ))
    }

    /// A second mapping of the same memfd: the same memory, elsewhere.
    pub fn map_again(&self) -> Region {
        let again = Region::new(self.0.region.alias(), None);
        again
            .advise(0..self.pages(), libc::MADV_DONTFORK)
            .expect("MADV_DONTFORK");
        again
    }

    fn new(region: Result<region::Region, Verdict>, huge: Option<HugePages>) -> Region {
        let region = region.unwrap_or_else(|why| panic!("{}", why.text()));
        Region(Arc::new(Mapping {
            region: region.owned(),
            _huge: huge,
        }))
    }

    pub fn page_size(&self) -> u64 {
        self.0.region.page as u64
    }

    pub fn pages(&self) -> usize {
        self.0.region.pages()
    }

    /// The memfd behind it.
    pub fn file(&self) -> &File {
        self.0
            .region
            .file
            .as_ref()
            .expect("anonymous memory has no file")
    }

    /// Where page `page` begins.
    pub fn address(&self, page: usize) -> u64 {
        self.0.region.at(page) as u64
    }

    /// Some pages, as the ioctls name them.
    pub fn range(&self, pages: Range<usize>) -> uffdio_range {
        assert!(pages.start <= pages.end && pages.end <= self.pages());
        let start = self.address(pages.start);
        uffdio_range {
            start,
            len: self.address(pages.end) - start,
        }
    }

    /// One page.
    pub fn page(&self, page: usize) -> uffdio_range {
        self.range(page..page + 1)
    }

    /// All pages.
    pub fn all(&self) -> uffdio_range {
        self.range(0..self.pages())
    }

    /// The first byte of a page. May fault, as all of the following may.
    pub fn read(&self, page: usize) -> u8 {
        assert!(page < self.pages());
        self.0.region.read(page)
    }

    /// Sets the first byte of a page.
    pub fn write(&self, page: usize, value: u8) {
        self.write_at(page, 0, value);
    }

    /// Sets one byte of a page.
    pub fn write_at(&self, page: usize, offset: usize, value: u8) {
        assert!(page < self.pages() && offset < self.0.region.page);
        mapping::write(self.0.region.at(page) + offset, value);
    }

    /// Brings in all pages; the first byte of page n is n + 1.
    pub fn populate(&self) {
        for page in 0..self.pages() {
            self.write(page, page as u8 + 1);
        }
    }

    /// [`Region::read`] in a thread of its own.
    pub fn read_in_background(&self, page: usize) -> Background<u8> {
        let region = self.clone();
        in_background(move || region.read(page))
    }

    /// [`Region::write`] in a thread of its own.
    pub fn write_in_background(&self, page: usize, value: u8) -> Background<()> {
        let region = self.clone();
        in_background(move || region.write(page, value))
    }

    /// madvise(2).
    pub fn advise(&self, pages: Range<usize>, advice: c_int) -> Result<(), Errno> {
        let range = self.range(pages);
        let done = mapping::madvise(range.start as usize, range.len as usize, advice);
        done.map_err(|_| Errno(errno()))
    }

    /// mremap(2) onto `target`, which must be as long: the pages are then
    /// found there.
    pub fn move_onto(self, target: Region) -> Region {
        let (from, to) = (&self.0.region, &target.0.region);
        assert_eq!(from.len, to.len);
        let moved = mapping::mremap_onto(from.addr, from.len, to.addr);
        moved.unwrap_or_else(|why| panic!("{}", why.text()));
        // The kernel unmapped the old place; somebody else may be there by now.
        std::mem::forget(self);
        target
    }
}
