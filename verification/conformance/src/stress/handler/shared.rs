//! Counts and findings of a process and its children, in memory that they share
//! with the program that started them: a process that is killed tells nothing else.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use uffd_kit::mapping::{map, RW};
use uffd_kit::verdict::Verdict;

/// What is counted.
pub const WHAT: [&str; 11] = [
    "touches", "writes", "discards", "moves", "unmaps", "forks", "signals", "races", "returned",
    "exited", "killed",
];

/// All zero at first.
pub struct Shared {
    counts: [AtomicU64; WHAT.len()],
    /// Wrong pages, and of the first: its offset in the source, what it held,
    /// and what it should have held.
    wrong: [AtomicU64; 4],
    /// Threads and children that did not end.
    asleep: AtomicU64,
    /// Calls of a child or a thread that failed, and the last errno.
    failed: [AtomicU64; 2],
}

impl Shared {
    /// Never unmapped but with the process: a page an episode.
    pub fn new() -> Result<&'static Shared, Verdict> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let at = map(0, std::mem::size_of::<Shared>(), RW, flags, -1)?;
        // SAFETY: the mapping is large enough, stays, and zeros are valid atomics.
        Ok(unsafe { &*(at as *const Shared) })
    }

    /// One more of these.
    pub fn add(&self, what: &str) {
        self.counts[index(what)].fetch_add(1, SeqCst);
    }

    /// How many there were.
    pub fn count(&self, what: &str) -> u64 {
        self.counts[index(what)].load(SeqCst)
    }

    /// A page held something wrong.
    pub fn wrong(&self, offset: usize, held: u64, right: u64) {
        if self.wrong[0].fetch_add(1, SeqCst) == 0 {
            self.wrong[1].store(offset as u64, SeqCst);
            self.wrong[2].store(held, SeqCst);
            self.wrong[3].store(right, SeqCst);
        }
    }

    /// A thread or a child did not end.
    pub fn asleep(&self) {
        self.asleep.fetch_add(1, SeqCst);
    }

    /// A call failed that may not.
    pub fn failed(&self, errno: i32) {
        self.failed[0].fetch_add(1, SeqCst);
        self.failed[1].store(errno as u64, SeqCst);
    }

    /// What was found; empty if nothing was.
    pub fn findings(&self) -> String {
        let of = |n: &AtomicU64| n.load(SeqCst);
        let mut text = vec![];
        if of(&self.wrong[0]) > 0 {
            let [n, offset, held, right] = &self.wrong;
            text.push(format!(
                "wrong pages: {}; the first held {:#x} for offset {:#x}, not {:#x}",
                of(n),
                of(held),
                of(offset),
                of(right)
            ));
        }
        if of(&self.asleep) > 0 {
            text.push(format!(
                "threads or children left asleep: {}",
                of(&self.asleep)
            ));
        }
        if of(&self.failed[0]) > 0 {
            let [n, errno] = &self.failed;
            text.push(format!("failed calls: {}, errno {}", of(n), of(errno)));
        }
        text.join("; ")
    }
}

fn index(what: &str) -> usize {
    let at = WHAT.iter().position(|name| *name == what);
    at.expect("a name of the list")
}
