//! Who writes what where, and the threads that do.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::memory::{page_size, Mapping};

/// What every page holds before.
const BEFORE: u64 = 0x5555_5555_5555_5555;

/// Every eighth page is left alone: it must not be trapped.
const ALONE: usize = 8;

/// The memory, and which thread writes to which page.
pub struct Plan {
    pub mapping: Mapping,
    pages: usize,
    threads: usize,
}

impl Plan {
    pub fn new(mapping: Mapping, pages: usize, threads: usize) -> Plan {
        Plan {
            mapping,
            pages,
            threads,
        }
    }

    pub fn pages(&self) -> usize {
        self.pages
    }

    /// The thread that writes to a page, if any does.
    pub fn owner(&self, page: usize) -> Option<usize> {
        (page % ALONE != ALONE - 1).then(|| page * 7 / 3 % self.threads)
    }

    /// How many pages are written to.
    pub fn written(&self) -> usize {
        (0..self.pages)
            .filter(|page| self.owner(*page).is_some())
            .count()
    }

    pub fn page_at(&self, address: u64) -> Option<usize> {
        let page = address.checked_sub(self.mapping.start() as u64)? as usize / page_size();
        (page < self.pages).then_some(page)
    }

    pub fn fill(&self) {
        (0..self.pages).for_each(|page| self.word(page).store(BEFORE, Ordering::SeqCst));
    }

    pub fn is_untouched(&self, page: usize) -> bool {
        self.word(page).load(Ordering::SeqCst) == BEFORE
    }

    /// The pages that do not hold at the end what they should.
    pub fn wrong_pages(&self) -> Vec<usize> {
        let right = |page: usize| self.owner(page).map_or(BEFORE, |owner| after(page, owner));
        (0..self.pages)
            .filter(|page| self.word(*page).load(Ordering::SeqCst) != right(*page))
            .collect()
    }

    /// A word somewhere in a page, of each another one.
    fn word(&self, page: usize) -> &AtomicU64 {
        let offset = page * page_size() + page * 40 % (page_size() - 8) / 8 * 8;
        // SAFETY: inside the mapping, which lives as long as `self`, aligned
        // to 8, and touched in no other way than through these atomics.
        unsafe { &*self.mapping.start().add(offset).cast::<AtomicU64>() }
    }
}

/// What a thread leaves in a page.
fn after(page: usize, owner: usize) -> u64 {
    (owner as u64 + 1) << 32 | page as u64
}

/// The threads that write.
pub struct Writers {
    ids: Arc<Vec<AtomicU32>>,
    done: Receiver<()>,
}

impl Writers {
    /// Starts them; each writes its pages in its own order, then once more.
    pub fn start(plan: &Plan) -> Writers {
        let ids: Arc<Vec<AtomicU32>> =
            Arc::new((0..plan.threads).map(|_| AtomicU32::new(0)).collect());
        let (sender, done) = mpsc::channel();
        for thread in 0..plan.threads {
            let mut words: Vec<(usize, usize)> = (0..plan.pages)
                .filter(|page| plan.owner(*page) == Some(thread))
                .map(|page| (page, plan.word(page) as *const AtomicU64 as usize))
                .collect();
            if thread % 2 == 1 {
                words.reverse();
            }
            let (ids, sender) = (Arc::clone(&ids), sender.clone());
            thread::spawn(move || {
                let id = rustix::thread::gettid().as_raw_nonzero().get();
                ids[thread].store(id as u32, Ordering::SeqCst);
                for round in 0..2 {
                    for (page, word) in &words {
                        // SAFETY: a word of the plan's memory, which is not
                        // unmapped before this thread has said that it is done.
                        let word = unsafe { &*(*word as *const AtomicU64) };
                        word.store(
                            if round == 0 { 0 } else { after(*page, thread) },
                            Ordering::SeqCst,
                        );
                    }
                }
                let _ = sender.send(());
            });
        }
        Writers { ids, done }
    }

    /// The kernel's id of a thread that has begun.
    pub fn thread_id(&self, thread: usize) -> u32 {
        self.ids[thread].load(Ordering::SeqCst)
    }

    /// Whether all end within this time.
    pub fn join(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let left = || end.saturating_duration_since(Instant::now());
        (0..self.ids.len()).all(|_| self.done.recv_timeout(left()).is_ok())
    }
}
