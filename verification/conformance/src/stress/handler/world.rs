//! The memory of the process: chunks that move between slots, and what each
//! page may hold.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, RwLock};

use uffd_kit::mapping::{self, map, reserve, ANONYMOUS, RW};
use uffd_kit::random::Random;
use uffd_kit::uffd::Uffd;
use uffd_kit::verdict::{Outcome, Verdict};
use uffd_sys::UFFDIO_REGISTER_MODE_MISSING;

use super::shared::Shared;

/// Chunks at first; they get fewer.
pub const CHUNKS: usize = 24;
/// Slots for them.
pub const SLOTS: usize = CHUNKS + 3;
/// Pages of a chunk.
pub const PAGES: usize = 32;
/// Threads with a word of their own in each page.
pub const WRITERS: usize = 3;

/// Bytes of a chunk.
pub fn chunk_len(page: usize) -> usize {
    PAGES * page
}

/// Where a slot is. The gaps keep mappings apart.
pub fn slot(area: usize, n: usize, chunk_len: usize) -> usize {
    area + n * 2 * chunk_len
}

/// The word of the source at this offset; never zero.
pub fn number(at: u64) -> u64 {
    (at + 8).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// A chunk: pages that stay together.
pub struct Chunk {
    /// Zero when it is unmapped.
    pub base: AtomicUsize,
    /// Held to write while it moves or goes.
    pub lock: RwLock<()>,
}

/// What is known of a page.
#[derive(Default)]
pub struct Page {
    /// How often it was begun to be discarded, and how often that was done.
    began: AtomicU32,
    ended: AtomicU32,
    /// What each writer wrote last, and `ended` before that.
    stamps: [(AtomicU64, AtomicU32); WRITERS],
}

/// All of it.
pub struct World {
    /// Bytes of a page.
    pub page: usize,
    /// The first slot.
    pub area: usize,
    /// The chunks.
    pub chunks: Vec<Chunk>,
    pages: Vec<Page>,
    free: Mutex<Vec<usize>>,
    /// Held to write by a fork that shall see no other event under way.
    pub events: RwLock<()>,
    shared: &'static Shared,
}

impl World {
    /// Maps the chunks and registers them.
    pub fn new(page: usize, uffd: &Uffd, shared: &'static Shared) -> Result<World, Verdict> {
        let len = chunk_len(page);
        let area = reserve(SLOTS * 2 * len)?;
        for n in 0..CHUNKS {
            let base = map(slot(area, n, len), len, RW, ANONYMOUS | libc::MAP_FIXED, -1)?;
            // Else the kernel may fill a whole huge page at the first access.
            let _ = mapping::madvise(base, len, libc::MADV_NOHUGEPAGE);
            uffd.register(base, len, UFFDIO_REGISTER_MODE_MISSING)
                .prepares()?;
        }
        let chunk = |n| Chunk {
            base: AtomicUsize::new(slot(area, n, len)),
            lock: RwLock::new(()),
        };
        // Room for all slots, so that nothing is allocated later: see `shift`.
        let mut free = Vec::with_capacity(SLOTS);
        free.extend((CHUNKS..SLOTS).map(|n| slot(area, n, len)));
        Ok(World {
            page,
            area,
            chunks: (0..CHUNKS).map(chunk).collect(),
            pages: (0..CHUNKS * PAGES).map(|_| Page::default()).collect(),
            free: Mutex::new(free),
            events: RwLock::new(()),
            shared,
        })
    }

    /// A word that nobody writes.
    pub fn any_word(&self, random: &mut Random) -> usize {
        random.below(self.page / 8 - WRITERS)
    }

    /// Reads a word of a page by an access of this thread's own, and checks it.
    pub fn touch(&self, chunk: usize, page: usize, word: usize) {
        let _stays = self.chunks[chunk].lock.read().expect("no panic");
        let base = self.chunks[chunk].base.load(SeqCst);
        if base != 0 {
            let state = self.state(chunk, page);
            let held = mapping::read_word(base + page * self.page + 8 * word);
            self.check(chunk, page, word, held, state);
            self.shared.add("touches");
        }
    }

    /// Whether a page has been discarded for certain; asked before it is read.
    pub fn state(&self, chunk: usize, page: usize) -> bool {
        self.pages[chunk * PAGES + page].ended.load(SeqCst) > 0
    }

    /// Notes that a page was discarded.
    pub fn discarded(&self, chunk: usize, page: usize) {
        self.pages[chunk * PAGES + page].began.fetch_add(1, SeqCst);
        self.pages[chunk * PAGES + page].ended.fetch_add(1, SeqCst);
    }

    /// Checks a word that nobody writes, which was read just now.
    pub fn check(&self, chunk: usize, page: usize, word: usize, held: u64, discarded: bool) {
        let right = number(self.offset(chunk, page, word) as u64);
        let never = self.pages[chunk * PAGES + page].began.load(SeqCst) == 0;
        let holds = (!discarded && held == right) || (!never && held == 0);
        if !holds {
            let right = if discarded { 0 } else { right };
            self.shared
                .wrong(self.offset(chunk, page, word), held, right);
        }
    }

    /// As `check`, where nothing is known but that it is one of the two.
    pub fn check_loosely(&self, chunk: usize, page: usize, word: usize, held: u64) {
        let right = number(self.offset(chunk, page, word) as u64);
        if held != 0 && held != right {
            self.shared
                .wrong(self.offset(chunk, page, word), held, right);
        }
    }

    fn offset(&self, chunk: usize, page: usize, word: usize) -> usize {
        (chunk * PAGES + page) * self.page + 8 * word
    }

    /// Checks a writer's own word of a page, and writes it anew.
    pub fn write(&self, chunk: usize, page: usize, writer: usize, stamp: u64) {
        let _stays = self.chunks[chunk].lock.read().expect("no panic");
        let base = self.chunks[chunk].base.load(SeqCst);
        if base == 0 {
            return;
        }
        let (word, known) = (
            self.page / 8 - 1 - writer,
            &self.pages[chunk * PAGES + page],
        );
        let (at, state) = (base + page * self.page + 8 * word, self.state(chunk, page));
        let (last, since) = &known.stamps[writer];
        let (last_stamp, held) = (last.load(SeqCst), mapping::read_word(at));
        if last_stamp == 0 {
            self.check(chunk, page, word, held, state);
        } else {
            let discarded_since = known.began.load(SeqCst) > since.load(SeqCst);
            if held != last_stamp && !(discarded_since && held == 0) {
                let offset = self.offset(chunk, page, word);
                self.shared.wrong(offset, held, last_stamp);
            }
        }
        // What is being discarded now may take along what is written now.
        since.store(known.ended.load(SeqCst), SeqCst);
        mapping::write_word(at, stamp);
        last.store(stamp, SeqCst);
        self.shared.add("writes");
    }

    /// MADV_DONTNEED of some pages; others may touch them meanwhile.
    pub fn discard(&self, chunk: usize, first: usize, pages: usize) -> Outcome {
        let _stays = self.chunks[chunk].lock.read().expect("no panic");
        let base = self.chunks[chunk].base.load(SeqCst);
        if base == 0 {
            return Ok(());
        }
        let of = &self.pages[chunk * PAGES + first..][..pages];
        for page in of {
            page.began.fetch_add(1, SeqCst);
        }
        let at = base + first * self.page;
        mapping::madvise(at, pages * self.page, libc::MADV_DONTNEED)?;
        for page in of {
            page.ended.fetch_add(1, SeqCst);
        }
        self.shared.add("discards");
        Ok(())
    }

    /// mremap(2) of a chunk to a free slot. No thread of this process allocates
    /// meanwhile, so that nothing is mapped where it was.
    pub fn shift(&self, chunk: usize) -> Outcome {
        let _alone = self.chunks[chunk].lock.write().expect("no panic");
        let (base, len) = (self.chunks[chunk].base.load(SeqCst), chunk_len(self.page));
        let to = self.free.lock().expect("no panic").pop();
        let to = match to {
            Some(to) if base != 0 => to,
            Some(unused) => {
                self.free.lock().expect("no panic").push(unused);
                return Ok(());
            }
            None => return Ok(()),
        };
        mapping::mremap_onto(base, len, to)?;
        mapping::vacate(base, len)?;
        self.chunks[chunk].base.store(to, SeqCst);
        self.free.lock().expect("no panic").push(base);
        self.shared.add("moves");
        Ok(())
    }

    /// Unmaps a chunk, by munmap(2) or by a mapping over it.
    pub fn unmap(&self, chunk: usize, by_munmap: bool) -> Outcome {
        let _alone = self.chunks[chunk].lock.write().expect("no panic");
        let (base, len) = (self.chunks[chunk].base.load(SeqCst), chunk_len(self.page));
        if base == 0 {
            return Ok(());
        }
        self.chunks[chunk].base.store(0, SeqCst);
        if by_munmap {
            mapping::munmap(base, len)?;
        }
        mapping::vacate(base, len)?;
        self.free.lock().expect("no panic").push(base);
        self.shared.add("unmaps");
        Ok(())
    }
}
