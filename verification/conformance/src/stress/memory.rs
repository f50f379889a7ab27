//! The memory that the writers write to: chunks that can move and grow, and
//! beside them what each writer last wrote where.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use std::fs::File;
use std::os::unix::io::AsRawFd;

use uffd_kit::file::memfd;
use uffd_kit::mapping::{self, map, map_at, reserve, ANONYMOUS, RW};
use uffd_kit::verdict::{Outcome, Verdict};

/// Writers; each has its own word in every page.
pub const WRITERS: usize = 3;
/// Pages of a chunk.
pub const CHUNK: usize = 128;
/// The most chunks.
pub const CHUNKS: usize = 6;
/// The most pages.
pub const PAGES: usize = CHUNK * CHUNKS;

/// Private anonymous memory, or shared memory with a second mapping.
pub struct Memory {
    /// Bytes.
    pub page: usize,
    /// The second mapping.
    pub alias: Option<usize>,
    /// How many pages there are so far.
    pub pages: AtomicUsize,
    /// What each writer last wrote to each page.
    pub shadow: Vec<[AtomicU64; WRITERS]>,
    bases: [AtomicUsize; CHUNKS],
    slots: [usize; CHUNKS + 1],
    /// The slot that holds no chunk.
    free: AtomicUsize,
    memfd: Option<File>,
}

impl Memory {
    /// Reserves the addresses; there are no pages yet.
    pub fn new(page: usize, shared: bool) -> Result<Memory, Verdict> {
        let len = CHUNK * page;
        // One slot more than chunks, to move to; gaps so that none are merged.
        let area = reserve((CHUNKS + 1) * 2 * len)?;
        let mut slots = [0; CHUNKS + 1];
        for (n, slot) in slots.iter_mut().enumerate() {
            *slot = area + n * 2 * len;
        }
        let (mut file, mut alias) = (None, None);
        if shared {
            let memfd = memfd(0, PAGES * page)?;
            alias = Some(map(
                0,
                PAGES * page,
                RW,
                libc::MAP_SHARED,
                memfd.as_raw_fd(),
            )?);
            file = Some(memfd);
        }
        Ok(Memory {
            page,
            alias,
            pages: AtomicUsize::new(0),
            shadow: (0..PAGES).map(|_| Default::default()).collect(),
            bases: Default::default(),
            slots,
            free: AtomicUsize::new(CHUNKS),
            memfd: file,
        })
    }

    /// Bytes of a chunk.
    pub fn chunk_len(&self) -> usize {
        CHUNK * self.page
    }

    /// Maps one more chunk; its address. It counts when `pages` says so.
    pub fn grow(&self) -> Result<usize, Verdict> {
        let chunk = self.pages.load(SeqCst) / CHUNK;
        let base = self.slots[chunk];
        let (len, fixed) = (self.chunk_len(), libc::MAP_FIXED);
        match &self.memfd {
            None => map(base, len, RW, ANONYMOUS | fixed, -1)?,
            Some(file) => {
                let flags = libc::MAP_SHARED | fixed;
                map_at(base, len, RW, flags, file.as_raw_fd(), chunk * len)?
            }
        };
        self.bases[chunk].store(base, SeqCst);
        Ok(base)
    }

    /// Moves a chunk to the free slot; nobody may write meanwhile. Waits for
    /// a reader of the event.
    pub fn remap(&self, chunk: usize) -> Outcome {
        let from = self.bases[chunk].load(SeqCst);
        // The slots of chunks still to come are taken, too.
        let slot = self.free.load(SeqCst);
        let to = self.slots[slot];
        mapping::mremap_onto(from, self.chunk_len(), to)?;
        // Nobody else's mapping may come to lie in the slot that was left.
        mapping::vacate(from, self.chunk_len())?;
        self.bases[chunk].store(to, SeqCst);
        let left = self.slots.iter().position(|s| *s == from);
        self.free.store(left.expect("a chunk is in a slot"), SeqCst);
        Ok(())
    }

    /// MADV_DONTNEED; nobody may write meanwhile. Waits for a reader of the
    /// event.
    pub fn discard(&self, first: usize, pages: usize) -> Outcome {
        mapping::madvise(self.address(first), pages * self.page, libc::MADV_DONTNEED)?;
        if self.alias.is_none() {
            let words = self.shadow[first..first + pages].iter().flatten();
            words.for_each(|word| word.store(0, SeqCst));
        }
        Ok(())
    }

    /// Where a page is now.
    pub fn address(&self, page: usize) -> usize {
        self.bases[page / CHUNK].load(SeqCst) + page % CHUNK * self.page
    }

    /// The page at an address.
    pub fn page_at(&self, address: usize) -> Option<usize> {
        (0..CHUNKS).find_map(|chunk| {
            let offset = address.wrapping_sub(self.bases[chunk].load(SeqCst));
            (offset < self.chunk_len()).then(|| chunk * CHUNK + offset / self.page)
        })
    }

    /// Writes a writer's word. May wait in a fault.
    pub fn write(&self, page: usize, writer: usize, stamp: u64) {
        let at = self.address(page) + writer * 8;
        mapping::write_word(at, stamp);
        self.shadow[page][writer].store(stamp, SeqCst);
    }

    /// The writers' words of a page, by the second mapping if there is one.
    pub fn read(&self, page: usize) -> [u64; WRITERS] {
        let at = self
            .alias
            .map_or_else(|| self.address(page), |a| a + page * self.page);
        let mut words = [0; WRITERS];
        for (n, word) in words.iter_mut().enumerate() {
            *word = mapping::read_word(at + n * 8);
        }
        words
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // The users are gone. What cannot be unmapped goes with the process.
        let _ = mapping::munmap(self.slots[0], (CHUNKS + 1) * 2 * self.chunk_len());
        if let Some(alias) = self.alias {
            let _ = mapping::munmap(alias, PAGES * self.page);
        }
    }
}
