//! The methods of finding written pages.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::Mutex;

use uffd_kit::answer::Answer;
use uffd_kit::errno::errno_name;
use uffd_kit::fail;
use uffd_kit::message::Event;
use uffd_kit::pagemap::{self, Pagemap};
use uffd_kit::uffd::Uffd;
use uffd_kit::verdict::{Outcome, Verdict};
use uffd_sys::*;

use crate::machine::Machine;
use crate::stress::memory::{Memory, CHUNK, PAGES};

/// How written pages are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// UFFDIO_WRITEPROTECT; a thread marks the page of each fault.
    Sync,
    /// Faults that the kernel resolves, and PAGEMAP_SCAN.
    Async,
    /// Read-write-protection that the kernel lifts, and PAGEMAP_SCAN for the
    /// pages that were accessed.
    Rwp,
}

/// Mistakes made on purpose, to see that they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Now and then a written page is not copied.
    LostPage,
    /// Now and then a page is not protected again.
    Unprotected,
    /// Now and then a thread whose fault was resolved is not woken.
    NotWoken,
}

impl Method {
    /// All, by the names that `--method` takes.
    pub const ALL: [(&'static str, Method); 3] = [
        ("sync", Method::Sync),
        ("async", Method::Async),
        ("rwp", Method::Rwp),
    ];

    /// The features that it needs.
    pub fn needs(self) -> u64 {
        match self {
            Method::Sync => UFFD_FEATURE_PAGEFAULT_FLAG_WP,
            Method::Async => UFFD_FEATURE_WP_ASYNC,
            Method::Rwp => UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC,
        }
    }
}

/// A userfaultfd that tracks a memory.
pub struct Tracker<'a> {
    memory: &'a Memory,
    method: Method,
    mode: u64,
    uffd: Uffd,
    pagemap: Pagemap,
    dirty: Vec<AtomicBool>,
    /// Held while a page is marked and unprotected, or unmarked and protected.
    order: Mutex<()>,
    mistake: Option<Mistake>,
    collected: AtomicU64,
    /// Faults and events, for the last line.
    pub messages: AtomicU64,
}

impl<'a> Tracker<'a> {
    /// Opens the userfaultfd.
    pub fn new(
        machine: &Machine,
        memory: &'a Memory,
        method: Method,
        mistake: Option<Mistake>,
    ) -> Result<Tracker<'a>, Verdict> {
        let events = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE;
        let unpopulated = machine.features & UFFD_FEATURE_WP_UNPOPULATED;
        // Where pages that are not there cannot be protected, their coming is
        // a fault of its own.
        let mode = match method {
            Method::Sync if unpopulated == 0 => {
                UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MISSING
            }
            Method::Sync | Method::Async => UFFDIO_REGISTER_MODE_WP,
            Method::Rwp => UFFDIO_REGISTER_MODE_RWP,
        };
        Ok(Tracker {
            memory,
            method,
            mode,
            uffd: Uffd::open(method.needs() | events | unpopulated)?,
            pagemap: Pagemap::open()?,
            dirty: (0..PAGES).map(|_| AtomicBool::new(false)).collect(),
            order: Mutex::new(()),
            mistake,
            collected: AtomicU64::new(0),
            messages: AtomicU64::new(0),
        })
    }

    /// Registers a new chunk and protects it.
    pub fn add(&self, start: usize) -> Outcome {
        let len = self.memory.chunk_len();
        self.uffd.register(start, len, self.mode).ok()?;
        self.patiently(|| self.protect(start, len, true))
    }

    fn protect(&self, start: usize, len: usize, on: bool) -> Answer {
        let mode = match on {
            true => UFFDIO_WRITEPROTECT_MODE_WP,
            false if self.errs(Mistake::NotWoken) => UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
            false => 0,
        };
        match self.method {
            Method::Rwp => self.uffd.rwprotect(start, len, mode),
            _ => self.uffd.writeprotect(start, len, mode),
        }
    }

    /// EAGAIN: an event waits for the thread that reads them.
    fn patiently(&self, mut call: impl FnMut() -> Answer) -> Outcome {
        let mut tries = 0;
        loop {
            let answer = call();
            if answer.errno != libc::EAGAIN || tries > 50_000 {
                return answer.ok();
            }
            tries += 1;
            std::thread::sleep(std::time::Duration::from_micros(100));
        }
    }

    /// Reads messages until `stop`; for a thread of its own.
    pub fn serve(&self, stop: &AtomicBool) -> Outcome {
        // Faults that an event kept from being resolved.
        let mut waiting: Vec<(usize, u64)> = vec![];
        loop {
            match self.uffd.read(16) {
                Ok(messages) => {
                    self.messages.fetch_add(messages.len() as u64, SeqCst);
                    for message in messages {
                        self.take(message, &mut waiting)?;
                    }
                }
                Err(libc::EAGAIN) if stop.load(SeqCst) => return Ok(()),
                Err(libc::EAGAIN) if waiting.is_empty() => {
                    self.uffd.poll(std::time::Duration::from_millis(20));
                }
                Err(libc::EAGAIN) => std::thread::yield_now(),
                Err(other) => fail!("read(2) of messages answered {}", errno_name(other)),
            }
            for (page, flags) in std::mem::take(&mut waiting) {
                if !self.resolve(page, flags)? {
                    waiting.push((page, flags));
                }
            }
        }
    }

    fn take(&self, event: Event, waiting: &mut Vec<(usize, u64)>) -> Outcome {
        match event {
            Event::Fault { flags, address, .. } => match self.memory.page_at(address) {
                Some(page) => waiting.push((page, flags)),
                None => fail!("a fault outside the memory"),
            },
            // SAFETY: the descriptor came with the message; the child goes
            // its way without it.
            Event::Fork { fd } => unsafe {
                libc::close(fd);
            },
            // The discarding thread marks the pages itself: once its event is read,
            // its call goes on, whatever is done here.
            Event::Remove { .. } | Event::Remap { .. } => {}
            other => fail!("{} came", other.name()),
        }
        Ok(())
    }

    /// Marks the page and wakes the thread; false if an event is in the way.
    fn resolve(&self, page: usize, flags: u64) -> Result<bool, Verdict> {
        let _order = self.order.lock().expect("no panic");
        self.dirty[page].store(true, SeqCst);
        let (start, len) = (self.memory.address(page), self.memory.page);
        let answer = match flags & UFFD_PAGEFAULT_FLAG_WP {
            0 => self.uffd.zeropage(start, len, 0),
            _ => self.protect(start, len, false),
        };
        match answer.errno {
            libc::EAGAIN => return Ok(false),
            // Another thread's fault on the same page came first.
            libc::EEXIST => self.uffd.wake(start, len).ok()?,
            _ => answer.ok()?,
        }
        Ok(true)
    }

    /// The pages were discarded: private ones are zero, and the marks of most
    /// are gone.
    pub fn discarded(&self, first: usize, pages: usize) {
        for page in &self.dirty[first..first + pages] {
            page.store(true, SeqCst);
        }
    }

    /// The pages written since they were last collected, each protected
    /// again before it is reported. Writers may go on meanwhile.
    pub fn collect(&self) -> Result<Vec<usize>, Verdict> {
        let mut pages = vec![];
        let count = self.memory.pages.load(SeqCst);
        for page in 0..count {
            if self.dirty[page].load(SeqCst) {
                let _order = self.order.lock().expect("no panic");
                self.again(page)?;
                pages.push(page);
            }
        }
        if self.method != Method::Sync {
            for chunk in 0..count / CHUNK {
                self.scan(chunk, &mut pages)?;
            }
        }
        pages.retain(|_| !self.errs(Mistake::LostPage));
        Ok(pages)
    }

    /// Unmarks a page and protects it again.
    fn again(&self, page: usize) -> Outcome {
        self.dirty[page].store(false, SeqCst);
        if self.errs(Mistake::Unprotected) {
            return Ok(());
        }
        self.patiently(|| self.protect(self.memory.address(page), self.memory.page, true))
    }

    /// Is it time for the mistake?
    fn errs(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake) && self.collected.fetch_add(1, SeqCst) % 97 == 96
    }

    fn scan(&self, chunk: usize, pages: &mut Vec<usize>) -> Outcome {
        let start = self.memory.address(chunk * CHUNK);
        let (category, flags) = match self.method {
            // Reports and protects at once.
            Method::Async => (PAGE_IS_WRITTEN, PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC),
            _ => (PAGE_IS_ACCESSED, 0),
        };
        let mut arg = pm_scan_arg {
            flags,
            ..pagemap::wanting(start, self.memory.chunk_len(), category)
        };
        let found = match self.pagemap.runs(&mut arg, CHUNK) {
            Ok(found) => found,
            Err(errno) => fail!("PAGEMAP_SCAN answered {}", errno_name(errno)),
        };
        for run in found {
            for at in (run.start as usize..run.end as usize).step_by(self.memory.page) {
                let page = chunk * CHUNK + (at - start) / self.memory.page;
                if self.method == Method::Rwp {
                    self.again(page)?;
                }
                if !pages.contains(&page) {
                    pages.push(page);
                }
            }
        }
        Ok(())
    }
}
