//! Cases: the rules of a handler, and what happens to one with other rules. The
//! handler is that of the examples.

use std::os::unix::io::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::scene::*;
use crate::prelude::*;
use crate::stress::handler::calls::{self, Answer as Handled};
use crate::stress::handler::pages::{Contents, Pages};
use crate::stress::handler::serve::{Handler, Source};
use libc::{c_int, c_void};
use uffd_kit::priority::{pin, processor, RealTime};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const BYTE: u8 = 0x5a;

/// A source of one byte.
struct Bytes;

impl Source for Bytes {
    fn read(&mut self, _at: u64, buffer: &mut [u8]) {
        buffer.fill(BYTE);
    }
}

/// A thread waits for page 0, its message unread, and another one, kept on this
/// processor, waits for its remove event of page 3 to be read. Then the handler
/// goes before that thread, whatever it does, unless it sleeps.
///
/// What the handler returns; the first thread must be as it leaves it.
fn before_the_event_thread<T>(
    handle: impl FnOnce(&Scene, &Thread) -> Result<T, Verdict>,
) -> Result<T, Verdict> {
    let s = Scene::empty(Memory::Anon, 4, UFFD_FEATURE_EVENT_REMOVE, MISSING)?;
    let here = processor()?;
    let reader = Thread::reads(s.at(0));
    ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
    reader.still_waits()?;
    let (addr, len) = (s.at(3), s.page());
    let discarder = Thread::spawn("the discarding thread", move || {
        if pin(here).is_err() {
            return -1;
        }
        // SAFETY: the page belongs to the scene, and nobody refers to it.
        unsafe { libc::madvise(addr as *mut c_void, len, libc::MADV_DONTNEED) as i64 }
    });
    discarder.still_waits()?;
    pin(here)?;
    let before_it = RealTime::begin()?;
    let result = handle(&s, &reader);
    drop(before_it);
    let result = result?;
    discarder.returns_value(0)?;
    // Whatever the handler was like, now the page can be filled.
    if reader.ending().is_none() {
        s.uffd.zeropage(s.at(0), s.page(), 0).gives(s.page())?;
        reader.returns_value(0)?;
    }
    Ok(result)
}

/// Reads the fault and the event, and finds the fill in their way.
fn read_and_try(s: &Scene) -> Outcome {
    let events = s.uffd.read(16).map_err(|e| Verdict::Fail(errno_name(e)))?;
    ensure!(events.len() == 2, "{} messages, not 2", events.len());
    tries_in_vain(s)
}

fn tries_in_vain(s: &Scene) -> Outcome {
    let data = vec![BYTE; s.page()];
    match calls::copy(s.uffd.fd, s.at(0) as u64, &data) {
        Ok((0, Handled::Changing)) => Ok(()),
        other => fail!("the fill answered {:?}, not EAGAIN", other),
    }
}

/// As a handler of the examples serves it, to its end.
fn serves(s: &Scene, reader: &Thread) -> Result<u64, Verdict> {
    // SAFETY: a new descriptor, for the handler alone; so are the pipe's.
    let (uffd, bell, ring) = unsafe {
        let (bell, ring) = pipe_with(b"")?;
        let uffd = need("dup", libc::dup(s.uffd.fd))? as c_int;
        (OwnedFd::from_raw_fd(uffd), OwnedFd::from_raw_fd(bell), ring)
    };
    let mut pages = Pages::default();
    let (start, len) = (s.at(0) as u64, s.region.len as u64);
    pages.set(start, len, Contents::Source(0));
    let mut handler = Handler::new(Bytes, s.page(), true);
    // The bell instead of a pidfd: it ends when that is readable.
    handler.add(uffd, Some(bell), start, pages);
    let server = std::thread::spawn(move || handler.serve().map(|()| handler.counts.clone()));
    let woken = reader.returns_value(i64::from(BYTE));
    // SAFETY: closes what is ours; then the other end is readable.
    unsafe { libc::close(ring) };
    woken?;
    match server.join().expect("the handler does not panic") {
        Ok(counts) => Ok(counts.changing),
        Err(error) => fail!("the handler failed: {}", error),
    }
}

/// The descriptors of this process are used up while the guard lives.
struct NoDescriptor(libc::rlimit);

impl NoDescriptor {
    fn begin() -> NoDescriptor {
        // SAFETY: the structs are ours.
        unsafe {
            let mut before: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut before);
            libc::setrlimit(
                libc::RLIMIT_NOFILE,
                &libc::rlimit {
                    rlim_cur: 0,
                    ..before
                },
            );
            NoDescriptor(before)
        }
    }
}

impl Drop for NoDescriptor {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &self.0) };
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "handler-eagain-sleep",
        "measured",
        "a handler that sleeps after EAGAIN and tries again resolves the fault at once, though it goes before the thread that caused the event",
        |_| {
            let tries = before_the_event_thread(serves)?;
            ensure!((1..=20).contains(&tries), "EAGAIN {} times, not 1 to 20", tries);
            Ok(())
        },
    )
    .features(UFFD_FEATURE_EVENT_REMOVE),
    case(
        "handler-eagain-read",
        "measured",
        "a handler that goes back to read(2) after EAGAIN hangs: no message comes any more, and the thread stays asleep",
        |_| {
            before_the_event_thread(|s, reader| {
                read_and_try(s)?;
                // The event's thread runs now, and that changes nothing.
                let events = s.uffd.poll(Duration::from_millis(500));
                ensure!(events == 0, "a message came");
                reader.still_waits()
            })
        },
    )
    .features(UFFD_FEATURE_EVENT_REMOVE),
    case(
        "handler-eagain-yield",
        "measured",
        "a handler that yields after EAGAIN spins, as long as it goes before the thread that caused the event",
        |_| {
            before_the_event_thread(|s, reader| {
                read_and_try(s)?;
                // Less than what the kernel lets a real-time thread have at once.
                let (begin, mut tries) = (Instant::now(), 0);
                while begin.elapsed() < Duration::from_millis(300) {
                    std::thread::yield_now();
                    tries_in_vain(s)?;
                    tries += 1;
                }
                ensure!(tries > 100, "only {} tries", tries);
                reader.still_waits()
            })
        },
    )
    .features(UFFD_FEATURE_EVENT_REMOVE),
    case(
        "handler-eexist-no-huge-page",
        "measured",
        "EEXIST or ENOMEM, and no page, when the pool of huge pages is exhausted; WAKE lets the thread fault again",
        |m| {
            // Of a size of which no machine that runs this has any.
            let (len, size) = (1_usize << 30, 30 << libc::MAP_HUGE_SHIFT);
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_HUGETLB | size;
            let addr = match map(0, len, mapping::RW, flags, -1) {
                Ok(addr) => addr,
                Err(_) => return Err(Verdict::Absent("no huge pages of 1 GB".to_owned())),
            };
            let uffd = Uffd::open(0)?;
            uffd.register(addr, len, MISSING).prepares()?;
            let source = mapping::reserve(len)?;
            let reader = Thread::reads(addr);
            uffd.expect_fault(addr, 0)?;
            for _ in 0..3 {
                let answer = uffd.copy(addr, source, len, 0);
                ensure!([EEXIST, ENOMEM].contains(&answer.errno), "{}", answer);
                reader.still_waits()?;
                uffd.wake(addr, m.page.max(len)).ok()?;
                uffd.expect_fault(addr, 0)?;
            }
            Ok(())
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "handler-eexist-marker",
        "measured",
        "ZEROPAGE answers EEXIST on a write-protect marker, with no page; COPY fills it",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, UFFD_FEATURE_WP_UNPOPULATED, MISSING_WP)?;
            s.protect(0, 1)?;
            s.uffd.zeropage(s.at(0), m.page, 0).fails(EEXIST)?;
            // Bit 63 of the entry: a page is present.
            ensure!(s.region.pagemap(0)? >> 63 == 0, "there is a page");
            let zeros = Region::source(1, 0)?;
            s.uffd.copy(s.at(0), zeros.addr, m.page, 0).gives(m.page)?;
            s.region.holds(0, 0)
        },
    )
    .features(UFFD_FEATURE_WP_UNPOPULATED),
    case(
        "handler-duplicate",
        "measured",
        "a signal makes a waiting thread send a second message; filling it twice is EEXIST, which does no harm",
        |m| {
            static RAN: AtomicU32 = AtomicU32::new(0);
            extern "C" fn count(_: c_int) {
                RAN.fetch_add(1, SeqCst);
            }
            // SAFETY: a zeroed `sigaction` is valid; the handler adds to a number.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = count as extern "C" fn(c_int) as usize;
                libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            }
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let (process, tid) = (std::process::id() as c_int, reader.tid() as c_int);
            // SAFETY: plain numbers.
            unsafe { libc::syscall(libc::SYS_tgkill, process, tid, libc::SIGUSR1) };
            ensure!(eventually(|| RAN.load(SeqCst) == 1), "the handler did not run");
            let data = Region::source(1, BYTE)?;
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.copy(s.at(0), data.addr, m.page, 0).gives(m.page)?;
            reader.returns_value(i64::from(BYTE))?;
            s.uffd.copy(s.at(0), data.addr, m.page, 0).fails(EEXIST)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.region.holds(0, BYTE)
        },
    ),
    case(
        "handler-gone-two-mappings",
        "measured",
        "COPY over two mappings is ENOENT and fills nothing; page by page it succeeds",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING)?;
            s.region.mprotect(1, 1, libc::PROT_READ)?;
            let data = Region::source(2, BYTE)?;
            s.uffd.copy(s.at(0), data.addr, 2 * m.page, 0).fails(ENOENT)?;
            ensure!(!s.region.is_mapped(0)?, "a page was filled");
            for n in 0..2 {
                s.uffd.copy(s.at(n), data.at(n), m.page, 0).gives(m.page)?;
            }
            Ok(())
        },
    ),
    case(
        "handler-read-efault",
        "measured",
        "a fault's message that read(2) could not write is lost; WAKE makes its thread send another",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING)?;
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            reader.still_waits()?;
            // SAFETY: the kernel checks the address.
            let got = unsafe { uffd_read(s.uffd.fd, 16 as *mut uffd_msg, 1) };
            ensure!(got == -1 && errno() == EFAULT, "{}, not EFAULT", errno_name(errno()));
            s.uffd.expect_silence()?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "handler-read-emfile",
        "measured",
        "read(2) of a fork event without a free descriptor is EMFILE; the event stays, and the fork waits",
        |_| {
            let s = Scene::empty(Memory::Anon, 1, UFFD_FEATURE_EVENT_FORK, MISSING)?;
            let forker = Thread::spawn("the forking thread", || {
                Child::fork(|| 0).and_then(|mut child| child.succeeds()).is_err() as i64
            });
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            let none = NoDescriptor::begin();
            for _ in 0..2 {
                let mut message = uffd_msg_bytes::default();
                // SAFETY: room for one message.
                let got = unsafe { uffd_read(s.uffd.fd, (&mut message as *mut uffd_msg_bytes).cast(), 1) };
                let errno = errno();
                ensure!(got == -1 && errno == libc::EMFILE, "{}, not EMFILE", errno_name(errno));
            }
            drop(none);
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "the event is lost");
            forker.still_waits()?;
            let child = match s.uffd.next()? {
                Event::Fork { fd } => Uffd { fd },
                other => fail!("{} came, not a fork event", other.name()),
            };
            forker.returns_value(0)?;
            drop(child);
            Ok(())
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
    case(
        "handler-exit-silent",
        "measured",
        "the exit of the process sends nothing: poll(2) stays silent, WAKE succeeds, and a fill is ESRCH",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, UFFD_FEATURE_EVENT_FORK, MISSING)?;
            let child = of_dead_child(&s)?;
            ensure!(child.poll(MOMENT) == 0, "poll(2) reported something");
            child.wake(s.at(0), m.page).ok()?;
            let data = vec![BYTE; m.page];
            let answer = calls::copy(child.fd, s.at(0) as u64, &data);
            ensure!(matches!(answer, Ok((0, Handled::Exited))), "the fill answered {:?}", answer);
            ensure!(calls::has_exited(child.fd, s.at(0) as u64, m.page), "the probe did not see it");
            ensure!(!calls::has_exited(s.uffd.fd, s.at(0) as u64, m.page), "the probe is wrong");
            quiet(&s.uffd)
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
];
