//! The live process: threads that move amounts between accounts all over the
//! region. The sum never changes, so a snapshot that mixes two moments shows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};

use super::support::Memory;

/// Lets the writers stop between two transfers, as a hypervisor stops its
/// virtual processors.
#[derive(Default)]
pub struct Gate {
    closed: AtomicBool,
    over: AtomicBool,
    parked: Mutex<usize>,
    opened: Condvar,
}

impl Gate {
    pub fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// How many writers stand at the closed gate.
    pub fn parked(&self) -> usize {
        *self.parked.lock().unwrap()
    }

    pub fn open(&self) {
        let _parked = self.parked.lock().unwrap();
        self.closed.store(false, SeqCst);
        self.opened.notify_all();
    }

    pub fn end(&self) {
        self.over.store(true, SeqCst);
        self.open();
    }

    /// A writer's stop. Says whether to go on.
    pub fn pass(&self) -> bool {
        if self.closed.load(SeqCst) {
            let mut parked = self.parked.lock().unwrap();
            *parked += 1;
            while self.closed.load(SeqCst) {
                parked = self.opened.wait(parked).unwrap();
            }
            *parked -= 1;
        }
        !self.over.load(SeqCst)
    }
}

pub struct Bank {
    pub memory: Arc<Memory>,
    pub gate: Gate,
    pub writers: usize,
    pub transfers: AtomicU64,
}

const START: u64 = 1000;

impl Bank {
    pub fn found(memory: Arc<Memory>, writers: usize) -> Bank {
        let words = memory.page_size() / 8;
        for page in 0..memory.pages() {
            (0..words).for_each(|word| memory.write(page, word, START));
        }
        Bank {
            memory,
            gate: Gate::default(),
            writers,
            transfers: AtomicU64::new(0),
        }
    }

    /// One writer. Each has its own words in every page, so that writers meet
    /// in pages, yet not in words.
    pub fn work(&self, writer: usize) {
        let (memory, words) = (&self.memory, self.memory.page_size() / 8);
        let mut random = 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(writer as u64 * 2 + 1);
        let mut next = |bound: usize| {
            random ^= random >> 12;
            random ^= random << 25;
            random ^= random >> 27;
            ((random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize * bound) >> 32
        };
        while self.gate.pass() {
            // Mostly in a tenth of the region, now and then anywhere.
            let pages = if next(16) == 0 {
                memory.pages()
            } else {
                (memory.pages() / 10).max(1)
            };
            let (from, to) = (next(pages), next(pages));
            let word = next(words / self.writers) * self.writers + writer;
            let amount = next(100) as u64;
            memory.write(from, word, memory.read(from, word).wrapping_sub(amount));
            memory.write(to, word, memory.read(to, word).wrapping_add(amount));
            if self.transfers.fetch_add(1, SeqCst) % 64 == 0 {
                // A process that does other things as well.
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        }
    }
}

/// Whether the sum is what it was at the start.
pub fn is_consistent(memory: &Memory) -> bool {
    let words = memory.page_size() / 8;
    let sum = (0..memory.pages())
        .flat_map(|page| (0..words).map(move |word| memory.read(page, word)))
        .fold(0, u64::wrapping_add);
    sum == START.wrapping_mul((memory.pages() * words) as u64)
}
