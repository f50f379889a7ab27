//! The memory that the writers write to: chunks that can move and grow, and
//! beside them what each writer last wrote where.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use libc::{c_int, c_void};

use crate::case::Stop;
use crate::region::map;
use crate::sys::need;

/// Writers; each has its own word in every page.
pub const WRITERS: usize = 3;
/// Pages of a chunk.
pub const CHUNK: usize = 128;
/// The most chunks.
pub const CHUNKS: usize = 6;
/// The most pages.
pub const PAGES: usize = CHUNK * CHUNKS;

const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

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
    memfd: c_int,
}

impl Memory {
    /// Reserves the addresses; there are no pages yet.
    pub fn new(page: usize, shared: bool) -> Result<Memory, Stop> {
        let len = CHUNK * page;
        let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // One slot more than chunks, to move to; gaps so that none are merged.
        let area = map(0, (CHUNKS + 1) * 2 * len, libc::PROT_NONE, none, -1)?;
        let mut slots = [0; CHUNKS + 1];
        for (n, slot) in slots.iter_mut().enumerate() {
            *slot = area + n * 2 * len;
        }
        let (mut memfd, mut alias) = (-1, None);
        if shared {
            let name = b"uffd-conformance stress\0";
            // SAFETY: the name ends in zero.
            let fd =
                unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), libc::MFD_CLOEXEC) };
            memfd = need("memfd_create", fd as i64)? as c_int;
            // SAFETY: plain numbers.
            need("ftruncate", unsafe {
                libc::ftruncate(memfd, (PAGES * page) as libc::off_t)
            })?;
            alias = Some(map(0, PAGES * page, RW, libc::MAP_SHARED, memfd)?);
        }
        Ok(Memory {
            page,
            alias,
            pages: AtomicUsize::new(0),
            shadow: (0..PAGES).map(|_| Default::default()).collect(),
            bases: Default::default(),
            slots,
            free: AtomicUsize::new(CHUNKS),
            memfd,
        })
    }

    /// Bytes of a chunk.
    pub fn chunk_len(&self) -> usize {
        CHUNK * self.page
    }

    /// Maps one more chunk; its address. It counts when `pages` says so.
    pub fn grow(&self) -> Result<usize, Stop> {
        let chunk = self.pages.load(SeqCst) / CHUNK;
        let base = self.slots[chunk];
        let fixed = libc::MAP_FIXED;
        if self.alias.is_none() {
            map(
                base,
                self.chunk_len(),
                RW,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed,
                -1,
            )?;
        } else {
            let offset = (chunk * self.chunk_len()) as libc::off_t;
            // SAFETY: the slot is this object's reservation.
            let at = unsafe {
                libc::mmap(
                    base as *mut c_void,
                    self.chunk_len(),
                    RW,
                    libc::MAP_SHARED | fixed,
                    self.memfd,
                    offset,
                )
            };
            need("mmap", if at == libc::MAP_FAILED { -1 } else { 0 })?;
        }
        self.bases[chunk].store(base, SeqCst);
        Ok(base)
    }

    /// Moves a chunk to the free slot; nobody may write meanwhile. Waits for
    /// a reader of the event.
    pub fn remap(&self, chunk: usize) -> Result<(), Stop> {
        let from = self.bases[chunk].load(SeqCst);
        // The slots of chunks still to come are taken, too.
        let slot = self.free.load(SeqCst);
        let to = self.slots[slot];
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let len = self.chunk_len();
        // SAFETY: both ranges are of this object's reservation.
        let at = unsafe { libc::mremap(from as *mut c_void, len, len, flags, to as *mut c_void) };
        need("mremap", if at == libc::MAP_FAILED { -1 } else { 0 })?;
        // Nobody else's mapping may come to lie in the slot that was left.
        let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        map(from, len, libc::PROT_NONE, none | libc::MAP_FIXED, -1)?;
        self.bases[chunk].store(to, SeqCst);
        let left = self.slots.iter().position(|s| *s == from);
        self.free.store(left.expect("a chunk is in a slot"), SeqCst);
        Ok(())
    }

    /// MADV_DONTNEED; nobody may write meanwhile. Waits for a reader of the
    /// event.
    pub fn discard(&self, first: usize, pages: usize) -> Result<(), Stop> {
        let (start, len) = (self.address(first), pages * self.page);
        // SAFETY: pages of this object, in one chunk.
        need("madvise", unsafe {
            libc::madvise(start as *mut c_void, len, libc::MADV_DONTNEED)
        })?;
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
        // SAFETY: a word of a mapped page, in which no Rust object lies.
        unsafe { (at as *mut u64).write_volatile(stamp) };
        self.shadow[page][writer].store(stamp, SeqCst);
    }

    /// The writers' words of a page, by the second mapping if there is one.
    pub fn read(&self, page: usize) -> [u64; WRITERS] {
        let at = self
            .alias
            .map_or_else(|| self.address(page), |a| a + page * self.page);
        let mut words = [0; WRITERS];
        for (n, word) in words.iter_mut().enumerate() {
            // SAFETY: as in `write`.
            *word = unsafe { ((at + n * 8) as *const u64).read_volatile() };
        }
        words
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let area = self.slots[0] as *mut c_void;
        // SAFETY: the reservation and the second mapping are this object's,
        // and its users are gone.
        unsafe {
            libc::munmap(area, (CHUNKS + 1) * 2 * self.chunk_len());
            if let Some(alias) = self.alias {
                libc::munmap(alias as *mut c_void, PAGES * self.page);
                libc::close(self.memfd);
            }
        }
    }
}
