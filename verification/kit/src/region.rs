//! Memory of every kind.

use std::fs::File;
use std::ops::Deref;
use std::os::unix::io::AsRawFd;

use libc::c_int;
use uffd_sys::*;

use crate::file::{memfd, on_ramfs};
use crate::mapping::{self, map, reserve, ANONYMOUS, RW};
use crate::pagemap::Pagemap;
use crate::pages::{huge_page_size, page_size};
use crate::verdict::{Outcome, Verdict};

/// The kinds of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Private and anonymous.
    Anon,
    /// The same, aligned for and advised to be transparent huge pages; its
    /// `page` is nevertheless the small one.
    Thp,
    /// Shared and anonymous, without a file to be seen.
    SharedAnon,
    /// A memfd, shared: shmem.
    Shmem,
    /// A memfd, private.
    PrivateShmem,
    /// Huge pages, private and anonymous.
    Hugetlb,
    /// A memfd of huge pages, shared.
    SharedHugetlb,
    /// A file of a file system that is not shmem (ramfs), shared.
    File,
}

impl Memory {
    /// Is it made of huge pages of hugetlbfs?
    pub const fn is_hugetlb(self) -> bool {
        matches!(self, Memory::Hugetlb | Memory::SharedHugetlb)
    }

    /// Is it private and anonymous, of ordinary or transparent huge pages?
    pub const fn is_anonymous(self) -> bool {
        matches!(self, Memory::Anon | Memory::Thp)
    }

    /// The features that say that missing pages of this kind can be handled.
    pub const fn missing_features(self) -> u64 {
        match self {
            Memory::Anon | Memory::Thp | Memory::File => 0,
            Memory::Hugetlb | Memory::SharedHugetlb => UFFD_FEATURE_MISSING_HUGETLBFS,
            _ => UFFD_FEATURE_MISSING_SHMEM,
        }
    }

    /// The features that say that this kind can be write-protected.
    pub const fn wp_features(self) -> u64 {
        match self.is_anonymous() {
            true => UFFD_FEATURE_PAGEFAULT_FLAG_WP,
            false => UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
        }
    }

    /// Bytes of a page of this kind.
    fn page(self) -> usize {
        match self.is_hugetlb() {
            true => huge_page_size(),
            false => page_size(),
        }
    }

    fn flags(self) -> c_int {
        match self {
            Memory::Anon | Memory::Thp => ANONYMOUS,
            Memory::SharedAnon => libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            Memory::Hugetlb => ANONYMOUS | libc::MAP_HUGETLB,
            Memory::PrivateShmem => libc::MAP_PRIVATE,
            Memory::Shmem | Memory::SharedHugetlb | Memory::File => libc::MAP_SHARED,
        }
    }

    /// The file behind so many bytes of it.
    fn file(self, len: usize) -> Result<Option<File>, Verdict> {
        Ok(Some(match self {
            Memory::Shmem | Memory::PrivateShmem => memfd(0, len)?,
            Memory::SharedHugetlb => memfd(libc::MFD_HUGETLB, len)?,
            Memory::File => on_ramfs(len)?,
            _ => return Ok(None),
        }))
    }
}

/// A mapping, with inaccessible memory on both sides so that nothing joins it
/// with its neighbours. Nothing in it is populated.
///
/// It is not unmapped when dropped: a thread may still wait in it, and
/// unmapping could wait for a reader of events. See [`Region::owned`].
#[derive(Debug)]
pub struct Region {
    /// Its address.
    pub addr: usize,
    /// Bytes.
    pub len: usize,
    /// Bytes of a page of its kind.
    pub page: usize,
    /// What it is made of.
    pub memory: Memory,
    /// The file behind it.
    pub file: Option<File>,
    /// The address and the bytes of all that was mapped for it.
    around: (usize, usize),
}

impl Region {
    /// Maps so many pages, readable and writable.
    pub fn new(memory: Memory, pages: usize) -> Result<Region, Verdict> {
        match memory {
            Memory::Thp => Region::aligned(memory, pages, huge_page_size()),
            _ => Region::aligned(memory, pages, 0),
        }
    }

    /// As [`Region::new`], at a multiple of `align`, a power of two, and of the
    /// page.
    pub fn aligned(memory: Memory, pages: usize, align: usize) -> Result<Region, Verdict> {
        let page = memory.page();
        if page == 0 {
            return Err(Verdict::Cannot("no huge pages on this kernel".to_owned()));
        }
        let align = align.max(page);
        let (len, file) = (page * pages, memory.file(page * pages)?);
        let around_len = len + 2 * align;
        let around = reserve(around_len)?;
        let addr = (around + page_size() + align - 1) / align * align;
        let fd = file.as_ref().map_or(-1, |file| file.as_raw_fd());
        map(addr, len, RW, memory.flags() | libc::MAP_FIXED, fd)?;
        let region = Region {
            addr,
            len,
            page,
            memory,
            file,
            around: (around, around_len),
        };
        if memory == Memory::Thp {
            region.madvise(0, pages, libc::MADV_HUGEPAGE)?;
        }
        Ok(region)
    }

    /// Maps a file that is there, as its descriptor allows: `prot` and `flags`
    /// are those of mmap(2).
    pub fn of_file(file: File, pages: usize, prot: c_int, flags: c_int) -> Result<Region, Verdict> {
        let len = page_size() * pages;
        let addr = map(0, len, prot, flags, file.as_raw_fd())?;
        Ok(Region {
            addr,
            len,
            page: page_size(),
            memory: Memory::File,
            file: Some(file),
            around: (addr, len),
        })
    }

    /// Pages of anonymous memory, page n filled with bytes of `first + n`.
    pub fn source(pages: usize, first: u8) -> Result<Region, Verdict> {
        let region = Region::new(Memory::Anon, pages)?;
        region.fill(first);
        Ok(region)
    }

    /// A second, shared mapping of the same file. Not registered, so it
    /// reaches the page cache without faults of the first.
    pub fn alias(&self) -> Result<Region, Verdict> {
        let fd = match &self.file {
            Some(file) => file.as_raw_fd(),
            None => return Err(Verdict::Cannot("no file behind this memory".to_owned())),
        };
        let addr = map(0, self.len, RW, libc::MAP_SHARED, fd)?;
        Ok(Region {
            addr,
            file: None,
            around: (addr, self.len),
            ..*self
        })
    }

    /// The same, unmapped when dropped.
    pub fn owned(self) -> Owned {
        Owned(self)
    }

    /// The descriptor of the file behind it; -1 without one.
    pub fn fd(&self) -> c_int {
        self.file.as_ref().map_or(-1, |file| file.as_raw_fd())
    }

    /// The address of page `n`; of the end, or beyond, too.
    pub fn at(&self, n: usize) -> usize {
        self.addr + n * self.page
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.len / self.page
    }

    /// Writes to all of page n bytes of `first + n`.
    pub fn fill(&self, first: u8) {
        for n in 0..self.pages() {
            self.fill_page(n, first.wrapping_add(n as u8));
        }
    }

    /// Writes this byte to all of page `n`.
    pub fn fill_page(&self, n: usize, byte: u8) {
        // SAFETY: the page is part of this mapping, and nobody holds a
        // reference into it.
        unsafe { std::ptr::write_bytes(self.at(n) as *mut u8, byte, self.page) }
    }

    /// The first byte of page `n`.
    pub fn read(&self, n: usize) -> u8 {
        mapping::read(self.at(n))
    }

    /// Writes the first byte of page `n`.
    pub fn write(&self, n: usize, byte: u8) {
        mapping::write(self.at(n), byte)
    }

    /// Every byte of page `n` must be this.
    pub fn holds(&self, n: usize, byte: u8) -> Outcome {
        // In words, as emulated processors are slow.
        let wanted = u64::from_ne_bytes([byte; 8]);
        for offset in (0..self.page).step_by(8) {
            let found = mapping::read_word(self.at(n) + offset);
            if found != wanted {
                let other = found
                    .to_ne_bytes()
                    .iter()
                    .position(|b| *b != byte)
                    .unwrap_or(0);
                let found = found.to_ne_bytes()[other];
                fail!(
                    "byte {} of page {} is {:#x}, not {:#x}",
                    offset + other,
                    n,
                    found,
                    byte
                );
            }
        }
        Ok(())
    }

    /// Is page `n` in memory and mapped here, or swapped out?
    pub fn is_mapped(&self, n: usize) -> Result<bool, Verdict> {
        Ok(self.pagemap(n)? >> 62 != 0)
    }

    /// The entry of page `n` in /proc/self/pagemap.
    pub fn pagemap(&self, n: usize) -> Result<u64, Verdict> {
        Ok(Pagemap::open()?.entries(self.at(n), 1)?[0])
    }

    /// madvise(2) of whole pages.
    pub fn madvise(&self, n: usize, pages: usize, advice: c_int) -> Outcome {
        mapping::madvise(self.at(n), pages * self.page, advice)
    }

    /// mprotect(2) of whole pages.
    pub fn mprotect(&self, n: usize, pages: usize, protection: c_int) -> Outcome {
        mapping::mprotect(self.at(n), pages * self.page, protection)
    }

    /// munmap(2) of whole pages: leaves a hole. May wait for a reader of the
    /// unmap event.
    pub fn munmap(&self, n: usize, pages: usize) -> Outcome {
        mapping::munmap(self.at(n), pages * self.page)
    }
}

/// A region that is unmapped when dropped.
#[derive(Debug)]
pub struct Owned(Region);

impl Deref for Owned {
    type Target = Region;

    fn deref(&self) -> &Region {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let (around, around_len) = self.0.around;
        let (addr, end) = (self.0.addr, self.0.addr + self.0.len);
        // The region itself by a call of its own: a reader of unmap events sees
        // its range. What cannot be unmapped goes with the process.
        let _ = mapping::munmap(addr, self.0.len);
        if around < addr {
            let _ = mapping::munmap(around, addr - around);
        }
        if end < around + around_len {
            let _ = mapping::munmap(end, around + around_len - end);
        }
    }
}
