//! The handler: fills the memory of a process, and of all processes that fork
//! from it, until the last one has exited.
//!
//! One thread reads the messages and fills the pages. With several, one could
//! read that pages were discarded while another, which decided before what they
//! shall hold, fills them afterwards with what they held.

use std::collections::HashMap;
use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use uffd_sys::*;

use super::calls::{self, Answer};
use super::pages::{Contents, Pages};
use super::support::Pause;

/// Where the contents come from.
pub trait Source {
    /// Reads what the source holds from `at` on.
    fn read(&mut self, at: u64, buffer: &mut [u8]);
}

/// What was done, for whoever wants to see it.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub faults: u64,
    pub forks: u64,
    pub remaps: u64,
    pub removes: u64,
    pub unmaps: u64,
    /// Pages filled.
    pub filled: u64,
    /// EAGAIN with nothing done.
    pub changing: u64,
    /// A part done, then something in the way.
    pub partial: u64,
    pub exists: u64,
    pub gone: u64,
    /// Processes seen to have exited.
    pub exits: u64,
    /// EMFILE of a fork event.
    pub no_descriptor: u64,
    pub sleeps: u64,
    /// Waits for messages: each ends with something to do, or after [`PROBE`].
    pub waits: u64,
}

/// A process whose memory is filled.
struct Process {
    uffd: OwnedFd,
    /// Readable once it has exited; the child of a fork event has none.
    pidfd: Option<OwnedFd>,
    pages: Pages,
    /// The first page, to ask whether the process is still there.
    probe: u64,
    /// Pages that threads wait for.
    waiting: Vec<u64>,
    /// Pages that cannot be filled: since when, and when it was last tried.
    trouble: HashMap<u64, (Instant, Instant)>,
    exited: bool,
}

/// Messages read at once.
const MESSAGES: usize = 64;
/// Pages filled at once, where the source has the next ones, too.
const BATCH: usize = 16;
/// How often the processes without a pidfd are looked at.
const PROBE: Duration = Duration::from_millis(100);
/// A page that faults again so soon after it "was there" was not there.
const SOON: Duration = Duration::from_secs(1);
/// How long a page may fail to be filled, until that is an error.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Handler<S> {
    source: S,
    page: usize,
    /// Whether UFFDIO_ZEROPAGE serves this memory; see [`calls::zero`].
    zeropage: bool,
    processes: Vec<Process>,
    buffer: Vec<u8>,
    probed: Instant,
    /// Look for exits at once.
    probe_now: bool,
    pub counts: Counts,
}

impl<S: Source> Handler<S> {
    /// For memory with pages of this size. `zeropage`: see [`calls::zero`].
    pub fn new(source: S, page: usize, zeropage: bool) -> Handler<S> {
        Handler {
            source,
            page,
            zeropage,
            processes: Vec::new(),
            buffer: vec![0; BATCH * page],
            probed: Instant::now(),
            probe_now: false,
            counts: Counts::default(),
        }
    }

    /// A process: its non-blocking userfaultfd, a pidfd of it, and what its
    /// memory, which begins at `start`, shall hold.
    pub fn add(&mut self, uffd: OwnedFd, pidfd: Option<OwnedFd>, start: u64, pages: Pages) {
        self.processes.push(Process {
            uffd,
            pidfd,
            pages,
            probe: start,
            waiting: Vec::new(),
            trouble: HashMap::new(),
            exited: false,
        });
    }

    /// Serves until all processes have exited.
    ///
    /// After an error kill the process before this handler is dropped: closing
    /// its userfaultfd lets the waiting threads go on, with zeros where data
    /// was still to come.
    pub fn serve(&mut self) -> io::Result<()> {
        let mut pause = Pause::new();
        while !self.processes.is_empty() {
            let before = self.progress();
            let next = self.drain_all()?.max(self.resolve_all()?);
            self.look_for_exits();
            if next != Next::Done {
                if next == Next::Again && self.progress() != before {
                    pause = Pause::new();
                }
                // The messages that were there are read. What is in the way
                // passes when another thread runs, so sleep: a thread that yields
                // would keep it off the processor if it goes before it.
                pause.sleep();
                self.counts.sleeps += 1;
                continue;
            }
            pause = Pause::new();
            if self.progress() == before {
                self.wait()?;
                self.counts.waits += 1;
            }
        }
        Ok(())
    }

    /// Grows with all that is done.
    fn progress(&self) -> u64 {
        let c = &self.counts;
        c.faults + c.forks + c.remaps + c.removes + c.unmaps + c.filled + c.exits
    }

    /// Waits for a message, an exit, or the time to look for exits.
    fn wait(&mut self) -> io::Result<()> {
        let mut all_have_pidfds = true;
        let mut fds = Vec::new();
        let mut entry = |fd: &OwnedFd| {
            fds.push(libc::pollfd {
                fd: fd.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            })
        };
        for process in &self.processes {
            entry(&process.uffd);
            process.pidfd.iter().for_each(&mut entry);
            all_have_pidfds &= process.pidfd.is_some();
        }
        let timeout = if all_have_pidfds {
            -1
        } else {
            PROBE.as_millis() as libc::c_int
        };
        // SAFETY: the entries are ours, and as many as said.
        let result = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
        let error = io::Error::last_os_error();
        if result == -1 && error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        Ok(())
    }

    /// Reads all messages that are there, of all processes.
    fn drain_all(&mut self) -> io::Result<Next> {
        let mut next = Next::Done;
        let mut n = 0;
        // A fork event adds a process, whose messages are read in this turn, too.
        while n < self.processes.len() {
            next = next.max(self.drain(n)?);
            n += 1;
        }
        Ok(next)
    }

    fn drain(&mut self, n: usize) -> io::Result<Next> {
        let mut msgs = [uffd_msg_bytes::default(); MESSAGES];
        loop {
            let fd = self.processes[n].uffd.as_raw_fd();
            // SAFETY: room for as many messages as the array has.
            let bytes = unsafe { uffd_read(fd, msgs.as_mut_ptr().cast(), msgs.len()) };
            if bytes < 0 {
                let error = io::Error::last_os_error();
                match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Ok(Next::Done),
                    // A signal came first.
                    Some(libc::EINTR) => continue,
                    // A fork event, and no descriptor is free for the child's
                    // userfaultfd. It stays in the queue, and poll(2) ready. Those
                    // of processes that have exited can be closed.
                    Some(libc::EMFILE | libc::ENFILE) => {
                        self.counts.no_descriptor += 1;
                        self.probe_now = true;
                        return Ok(Next::Later);
                    }
                    // EFAULT: a message was taken from the queue and is lost.
                    _ => return Err(error),
                }
            }
            for msg in &msgs[..bytes as usize / std::mem::size_of::<uffd_msg>()] {
                self.take(n, msg)?;
            }
        }
    }

    /// Takes a message of a process. Events count at once, faults later: what
    /// a page shall hold is decided when it is filled.
    fn take(&mut self, n: usize, msg: &uffd_msg_bytes) -> io::Result<()> {
        let (process, counts) = (&mut self.processes[n], &mut self.counts);
        if let Some(fault) = msg.pagefault() {
            counts.faults += 1;
            process
                .waiting
                .push(fault.address & !(self.page as u64 - 1));
        } else if let Some(event) = msg.remap() {
            counts.remaps += 1;
            process.pages.remap(event.from, event.to, event.len);
        } else if let Some(event) = msg.remove() {
            // The pages are dropped only after this, so that one filled from now
            // on can be dropped, too, and fault again: what was filled once is
            // never a reason to pass a fault over.
            counts.removes += 1;
            process.pages.remove(event.start, event.end);
        } else if let Some(event) = msg.unmap() {
            counts.unmaps += 1;
            process.pages.unmap(event.start, event.end);
        } else if let Some(event) = msg.fork() {
            counts.forks += 1;
            let (start, pages) = (process.probe, process.pages.clone());
            // SAFETY: the descriptor came with the message, so it is ours.
            let uffd = unsafe { OwnedFd::from_raw_fd(event.ufd as i32) };
            self.add(uffd, None, start, pages);
        } else {
            let what = format!("an event that was not asked for: {msg:?}");
            return Err(io::Error::new(io::ErrorKind::Other, what));
        }
        Ok(())
    }

    /// Fills all pages that threads wait for.
    fn resolve_all(&mut self) -> io::Result<Next> {
        let mut worst = Next::Done;
        for n in 0..self.processes.len() {
            let mut waiting = std::mem::take(&mut self.processes[n].waiting);
            // Several threads wait for one page, or a signal let one fault again.
            waiting.sort_unstable();
            waiting.dedup();
            for page in waiting {
                let (next, keep) = self.resolve(n, page)?;
                if keep {
                    self.processes[n].waiting.push(page);
                }
                worst = worst.max(next);
            }
        }
        Ok(worst)
    }

    /// What is next, and whether the fault is still to be resolved.
    fn resolve(&mut self, n: usize, page: u64) -> io::Result<(Next, bool)> {
        if self.processes[n].exited {
            return Ok((Next::Done, false));
        }
        let begin = Instant::now();
        let (mut done, mut answer) = self.fill(n, page, BATCH)?;
        if done == 0 && answer == Answer::Gone {
            (done, answer) = self.fill(n, page, 1)?;
        }
        let (process, counts) = (&mut self.processes[n], &mut self.counts);
        counts.filled += (done / self.page) as u64;
        counts.partial += u64::from(done > 0 && answer != Answer::Done);
        if done > 0 {
            // The rest was not asked for by this fault.
            let filled = page..page + done as u64;
            process.trouble.retain(|page, _| !filled.contains(page));
            return Ok((Next::Done, false));
        }
        let fd = process.uffd.as_raw_fd();
        match answer {
            Answer::Changing => {
                counts.changing += 1;
                Ok((Next::Again, true))
            }
            Answer::Exists => {
                counts.exists += 1;
                calls::wake(fd, page, self.page)?;
                // Mostly the page is there. If not, its thread faults again at
                // once, and would for ever: a pool of huge pages is exhausted.
                let again = process.again(page, begin, "EEXIST without a page")?;
                Ok((if again { Next::Later } else { Next::Done }, false))
            }
            Answer::Gone => {
                counts.gone += 1;
                calls::wake(fd, page, self.page)?;
                Ok((Next::Done, false))
            }
            Answer::NoMemory => {
                process.again(page, begin, "no memory for a page")?;
                Ok((Next::Later, true))
            }
            Answer::Exited => {
                process.exited = true;
                Ok((Next::Done, false))
            }
            Answer::Done | Answer::Part(_) => unreachable!("nothing was done"),
        }
    }

    /// Fills a page and up to so many pages that follow with what belongs there.
    fn fill(&mut self, n: usize, page: u64, pages: usize) -> io::Result<calls::Filled> {
        let process = &self.processes[n];
        let fd = process.uffd.as_raw_fd();
        // What we were never told of belongs to the process alone: what mremap(2)
        // added, or left behind with MREMAP_DONTUNMAP. An address that is unknown
        // because its event is still on the way is answered with EAGAIN.
        let unknown = (Contents::Zeros, self.page as u64);
        let (contents, run) = process.pages.at(page).unwrap_or(unknown);
        match contents {
            Contents::Source(at) => {
                let len = (pages * self.page).min(run as usize);
                self.source.read(at, &mut self.buffer[..len]);
                calls::copy(fd, page, &self.buffer[..len])
            }
            Contents::Zeros if self.zeropage => calls::zero(fd, page, self.page),
            Contents::Zeros => {
                self.buffer[..self.page].fill(0);
                calls::copy(fd, page, &self.buffer[..self.page])
            }
        }
    }

    /// Closes the descriptors of the processes that have exited.
    fn look_for_exits(&mut self) {
        let probe = std::mem::take(&mut self.probe_now) || self.probed.elapsed() >= PROBE;
        if probe {
            self.probed = Instant::now();
        }
        for process in &mut self.processes {
            process.exited |= match &process.pidfd {
                Some(pidfd) => readable(pidfd),
                None => {
                    probe && calls::has_exited(process.uffd.as_raw_fd(), process.probe, self.page)
                }
            };
        }
        let before = self.processes.len();
        self.processes.retain(|process| !process.exited);
        self.counts.exits += (before - self.processes.len()) as u64;
    }
}

/// When to go on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// At once: nothing is in the way.
    Done,
    /// After a short sleep, which grows while nothing at all can be done.
    Again,
    /// After a sleep that grows whatever else is done: something is short.
    Later,
}

impl Process {
    /// Notes that a page could not be filled by a try that began then; true if that
    /// happened shortly before, too. An error if it goes on for too long.
    fn again(&mut self, page: u64, begin: Instant, what: &str) -> io::Result<bool> {
        // Not until now: the source may be slow.
        self.trouble
            .retain(|_, (_, last)| begin.saturating_duration_since(*last) < SOON);
        let now = Instant::now();
        let (first, last) = self.trouble.entry(page).or_insert((now, now));
        let again = *last != now;
        *last = now;
        if now - *first > PATIENCE {
            let message = format!("{what} at {page:#x}, again and again");
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
        }
        Ok(again)
    }
}

/// Whether poll(2) calls a descriptor readable now.
fn readable(fd: &OwnedFd) -> bool {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one entry, which is ours.
    unsafe { libc::poll(&mut entry, 1, 0) > 0 }
}
