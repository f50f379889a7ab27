//! Memory to measure on: mapped, and accessed through volatile pointers alone.

use std::io;

use libc::c_int;
use uffd_kit::mapping;
use uffd_kit::region::{Memory, Owned, Region as Mapped};
use uffd_sys::uffdio_range;

/// The kind of page behind a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// 4 KiB pages, and no others.
    Small,
    /// Anonymous memory that the kernel may back with huge pages.
    Transparent,
    /// hugetlbfs.
    Hugetlb,
    /// Shared memory of 4 KiB pages, in a memfd.
    Shared,
}

pub struct Region {
    memory: Owned,
    kind: Pages,
}

impl Region {
    pub fn map(pages: Pages, len: usize) -> io::Result<Region> {
        let (memory, page) = match pages {
            Pages::Small => (Memory::Anon, 4096),
            Pages::Transparent => (Memory::Thp, 4096),
            Pages::Hugetlb => (Memory::Hugetlb, 2 << 20),
            Pages::Shared => (Memory::Shmem, 4096),
        };
        // All at the alignment of a huge page, so that they compare.
        let memory = Mapped::aligned(memory, len / page, 2 << 20);
        let memory = memory.map_err(|why| {
            let text = format!("{len} bytes: {}", why.text());
            io::Error::other(text)
        })?;
        let region = Region {
            memory: memory.owned(),
            kind: pages,
        };
        if pages == Pages::Small {
            region.advise(libc::MADV_NOHUGEPAGE)?;
        }
        Ok(region)
    }

    pub fn page(&self) -> usize {
        self.memory.page
    }

    pub fn kind(&self) -> Pages {
        self.kind
    }

    pub fn pages(&self) -> usize {
        self.memory.pages()
    }

    pub fn len(&self) -> usize {
        self.memory.len
    }

    pub fn address(&self, page: usize) -> u64 {
        self.memory.at(page) as u64
    }

    pub fn all(&self) -> uffdio_range {
        uffdio_range {
            start: self.address(0),
            len: self.memory.len as u64,
        }
    }

    pub fn range(&self, page: usize, count: usize) -> uffdio_range {
        assert!(page + count <= self.pages());
        uffdio_range {
            start: self.address(page),
            len: (count * self.page()) as u64,
        }
    }

    pub fn advise(&self, advice: c_int) -> io::Result<()> {
        let done = mapping::madvise(self.memory.addr, self.memory.len, advice);
        done.map_err(|_| io::Error::last_os_error())
    }

    /// Drops all pages.
    pub fn discard(&self) {
        self.advise(libc::MADV_DONTNEED).expect("MADV_DONTNEED");
    }

    pub fn write(&self, page: usize, value: u8) {
        assert!(page < self.pages());
        self.memory.write(page, value);
    }

    pub fn read(&self, page: usize) -> u8 {
        assert!(page < self.pages());
        self.memory.read(page)
    }

    pub fn pointer(&self) -> *mut u8 {
        self.memory.addr as *mut u8
    }

    /// Brings in all pages.
    pub fn populate(&self) {
        (0..self.pages()).for_each(|page| self.write(page, 1));
    }
}
