//! What writes: a thread, a pattern, a pace. It keeps account of what it
//! wrote, so that the trackers can be checked.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::support::Memory;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    Sequential,
    Random,
    Clustered,
    /// A hot spot that wanders, and stray writes.
    Mixed,
}

impl std::str::FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Pattern, ()> {
        match text {
            "sequential" => Ok(Pattern::Sequential),
            "random" => Ok(Pattern::Random),
            "clustered" => Ok(Pattern::Clustered),
            "mixed" => Ok(Pattern::Mixed),
            _ => Err(()),
        }
    }
}

pub struct Workload {
    memory: Arc<Memory>,
    pattern: Pattern,
    /// Pages a second.
    rate: u64,
    /// For a writer that stops at the end of each epoch: how much it writes.
    each_epoch: Option<usize>,
    pub turns: Barrier,
    pub stop: AtomicBool,
    /// It writes no more.
    pub finished: AtomicBool,
    pub written: AtomicU64,
    /// A byte a page: written since the account was last cleared.
    account: Vec<AtomicU8>,
}

/// xorshift64*: the same pages in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as usize * bound) >> 32
    }
}

impl Workload {
    pub fn new(
        memory: Arc<Memory>,
        pattern: Pattern,
        rate: u64,
        each_epoch: Option<usize>,
    ) -> Workload {
        Workload {
            account: (0..memory.pages()).map(|_| AtomicU8::new(0)).collect(),
            memory,
            pattern,
            rate,
            each_epoch,
            turns: Barrier::new(2),
            stop: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            written: AtomicU64::new(0),
        }
    }

    /// Whether a page was written since the account was cleared.
    pub fn wrote(&self, page: usize) -> bool {
        self.account[page].load(SeqCst) != 0
    }

    pub fn clear_account(&self) {
        self.account.iter().for_each(|page| page.store(0, SeqCst));
    }

    fn choose(&self, random: &mut Random, n: u64) -> usize {
        let pages = self.memory.pages();
        match self.pattern {
            Pattern::Sequential => n as usize % pages,
            Pattern::Random => random.below(pages),
            Pattern::Clustered => {
                // Runs of 16 pages, each somewhere else.
                let run = (n / 16).wrapping_mul(0x9e37_79b9) as usize;
                (run % (pages / 16).max(1) * 16 + n as usize % 16) % pages
            }
            Pattern::Mixed => match random.below(8) {
                0 => random.below(pages),
                _ => (n as usize / 24 + random.below(pages / 10 + 1)) % pages,
            },
        }
    }

    /// Writes until it is told to stop.
    pub fn run(&self) {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let begin = Instant::now();
        let mut n = 0;
        while !self.stop.load(SeqCst) {
            let page = self.choose(&mut random, n);
            n += 1;
            // Accounted before it is written: a page that is reported was
            // accounted for.
            self.account[page].store(1, SeqCst);
            self.memory
                .write(page, n as usize % (self.memory.page_size() / 8), n);
            self.written.store(n, SeqCst);
            match self.each_epoch {
                // Its turn ends, and begins again when the tracker is done.
                Some(count) if n % count as u64 == 0 => {
                    self.turns.wait();
                    self.turns.wait();
                }
                Some(_) => {}
                None => {
                    let due = Duration::from_nanos(n.saturating_mul(1_000_000_000) / self.rate);
                    if let Some(early) = due.checked_sub(begin.elapsed()) {
                        if early > Duration::from_millis(1) {
                            std::thread::sleep(early);
                        }
                    }
                }
            }
        }
        self.finished.store(true, SeqCst);
    }
}
