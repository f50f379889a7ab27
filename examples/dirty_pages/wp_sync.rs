//! Write-protection with a handler thread: each writer waits until the handler
//! has noted its page. The only way that sees a page before it changes.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::thread::JoinHandle;

use uffd_sys::*;

use super::support::{check, Memory, Pause, Uffd};
use super::trackers::{Bitmap, Dirty, Tracker};

struct Shared {
    memory: Arc<Memory>,
    uffd: Uffd,
    dirty: Bitmap,
    /// Readable when the handler shall end.
    stop: OwnedFd,
    messages: AtomicU64,
    reads: AtomicU64,
    events: AtomicU64,
    again: AtomicU64,
}

pub struct WpSync {
    shared: Arc<Shared>,
    handler: Option<JoinHandle<io::Result<()>>>,
}

impl WpSync {
    /// `noise` is other memory of the same descriptor, where pages are dropped
    /// all the while: each time the kernel sends an event.
    pub fn start(memory: Arc<Memory>, noise: Option<&Memory>) -> io::Result<WpSync> {
        let mut features = vec![(
            UFFD_FEATURE_PAGEFAULT_FLAG_WP,
            "write-protection (since Linux 5.7)",
        )];
        if noise.is_some() {
            features.push((UFFD_FEATURE_EVENT_REMOVE, "EVENT_REMOVE (since Linux 4.11)"));
        }
        // Non-blocking: poll(2) always answers POLLERR on a blocking one.
        let uffd = Uffd::open(libc::O_NONBLOCK, &features)?;
        uffd.register(memory.all(), UFFDIO_REGISTER_MODE_WP)?;
        if let Some(noise) = noise {
            uffd.register(noise.all(), UFFDIO_REGISTER_MODE_WP)?;
        }
        // Before the handler there are no events, so no EAGAIN either. Pages
        // that are not there would be skipped: the region is populated.
        uffd.write_protect(memory.all(), UFFDIO_WRITEPROTECT_MODE_WP)?;
        // SAFETY: a new descriptor, which nobody else owns.
        let stop =
            unsafe { OwnedFd::from_raw_fd(check(libc::eventfd(0, libc::EFD_CLOEXEC), "eventfd")?) };
        let shared = Arc::new(Shared {
            dirty: Bitmap::new(memory.pages()),
            memory,
            uffd,
            stop,
            messages: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            events: AtomicU64::new(0),
            again: AtomicU64::new(0),
        });
        let handler = {
            let shared = shared.clone();
            std::thread::spawn(move || shared.handle())
        };
        Ok(WpSync {
            shared,
            handler: Some(handler),
        })
    }
}

/// Messages read at once. Under load one read takes what many writers sent.
const BATCH: usize = 64;
/// Faults not yet resolved, because a call answered EAGAIN. Each belongs to a
/// writer that waits, so there are no more than writers.
const QUEUE: usize = 1024;

impl Shared {
    fn handle(&self) -> io::Result<()> {
        let mut msgs = [uffd_msg_bytes::default(); BATCH];
        let mut queue: Vec<u64> = Vec::with_capacity(QUEUE);
        let mut pause = Pause::new();
        let ready = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        loop {
            let mut fds = [ready(self.uffd.fd()), ready(self.stop.as_raw_fd())];
            // SAFETY: two pollfds of ours.
            let result =
                unsafe { libc::poll(fds.as_mut_ptr(), 2, if queue.is_empty() { -1 } else { 0 }) };
            if result == -1 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return Err(io::Error::last_os_error());
            }
            if fds[1].revents != 0 && queue.is_empty() {
                return Ok(());
            }
            self.take_messages(&mut msgs, &mut queue)?;
            self.resolve(&mut queue)?;
            if queue.is_empty() {
                pause = Pause::new();
            } else {
                pause.sleep();
            }
        }
    }

    /// Reads the messages that are there: faults go into the queue.
    fn take_messages(&self, msgs: &mut [uffd_msg_bytes], queue: &mut Vec<u64>) -> io::Result<()> {
        let room = (QUEUE - queue.len()).min(msgs.len());
        if room == 0 {
            return Ok(());
        }
        let msgs = self.uffd.read(&mut msgs[..room])?;
        if !msgs.is_empty() {
            self.reads.fetch_add(1, Relaxed);
        }
        for msg in msgs {
            if let Some(fault) = msg.pagefault() {
                queue.push(fault.address & !(self.memory.page_size() as u64 - 1));
                self.messages.fetch_add(1, Relaxed);
            } else {
                // Reading an event lets the thread that caused it go on. This
                // one was not in the memory that we track.
                self.events.fetch_add(1, Relaxed);
            }
        }
        Ok(())
    }

    /// Lifts the protection of the queue's pages, neighbours together.
    fn resolve(&self, queue: &mut Vec<u64>) -> io::Result<()> {
        let page = self.memory.page_size() as u64;
        queue.sort_unstable();
        queue.dedup();
        let mut done = 0;
        while done < queue.len() {
            let start = queue[done];
            let run = (done..queue.len())
                .take_while(|&i| queue[i] == start + (i - done) as u64 * page)
                .count();
            let range = uffdio_range {
                start,
                len: run as u64 * page,
            };
            // Lift, note, wake, in this order. Noted before, a collector in
            // between would protect and copy the page too early, and the write
            // that is to come would be lost. Woken before, the writer could
            // say that it is done while its page is not noted.
            match self
                .uffd
                .write_protect(range, UFFDIO_WRITEPROTECT_MODE_DONTWAKE)
            {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Another thread changes the mappings. Its event may wait to
                    // be read, or was read and the thread has not run since: so
                    // back to reading, and to sleep for a bounded time.
                    self.again.fetch_add(1, Relaxed);
                    break;
                }
                Err(error) => return Err(error),
            }
            for page in self.memory.pages_of(start, start + range.len) {
                self.dirty.set(page);
            }
            self.uffd.wake(range)?;
            done += run;
        }
        queue.drain(..done);
        Ok(())
    }
}

impl Tracker for WpSync {
    fn collect(&mut self, dirty: &mut Dirty) -> io::Result<()> {
        let shared = &self.shared;
        shared.dirty.take(&shared.memory, dirty);
        for region in &dirty.regions {
            let range = uffdio_range {
                start: region.start,
                len: region.end - region.start,
            };
            let mut pause = Pause::new();
            loop {
                match shared
                    .uffd
                    .write_protect(range, UFFDIO_WRITEPROTECT_MODE_WP)
                {
                    Ok(()) => break,
                    // The handler thread reads the event.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        shared.again.fetch_add(1, Relaxed);
                        if self.handler.as_ref().map_or(true, JoinHandle::is_finished) {
                            return Err(io::Error::other("the handler thread has ended"));
                        }
                        pause.sleep();
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn remarks(&self) -> Option<String> {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let s = &self.shared;
        Some(format!(
            "{} faults and {} events in {} reads; EAGAIN {} times",
            of(&s.messages),
            of(&s.events),
            of(&s.reads),
            of(&s.again)
        ))
    }
}

impl Drop for WpSync {
    fn drop(&mut self) {
        // SAFETY: writes one u64 to an eventfd of ours.
        unsafe {
            libc::write(
                self.shared.stop.as_raw_fd(),
                (&1u64 as *const u64).cast(),
                8,
            )
        };
        if let Some(Ok(Err(error))) = self.handler.take().map(JoinHandle::join) {
            eprintln!("the handler thread failed: {error}");
        }
    }
}
