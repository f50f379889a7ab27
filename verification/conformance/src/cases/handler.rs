//! Cases: the rules of a handler, and what happens to one with other rules. The
//! handler is that of the examples.

use std::os::unix::io::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::no_room::{give_back, take_all, unpromised};
use super::scene::*;
use crate::prelude::*;
use crate::stress::handler::calls::{self, Answer as Handled};
use crate::stress::handler::pages::{Contents, Pages};
use crate::stress::handler::serve::{Counts, Handler, Source};
use libc::{c_int, c_void};
use uffd_kit::child::clone;
use uffd_kit::priority::{pin, processor, RealTime};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const BYTE: u8 = 0x5a;

/// A source of one byte.
struct Bytes;

impl Source for Bytes {
    fn read(&mut self, _at: u64, buffer: &mut [u8]) {
        // Piece by piece, as filling byte by byte takes seconds of a huge page on an
        // emulated processor.
        let piece = [BYTE; 4096];
        for part in buffer.chunks_mut(piece.len()) {
            part.copy_from_slice(&piece[..part.len()]);
        }
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

/// The handler of the examples in a thread of its own.
struct Server {
    go: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(std::io::Result<()>, Counts)>,
}

impl Server {
    /// Lets it begin.
    fn go(&self) {
        self.go.store(true, SeqCst);
    }

    /// It must end by itself; what it did.
    fn ends(self) -> Result<Counts, Verdict> {
        match self.thread.join().expect("the handler does not panic") {
            (Ok(()), counts) => Ok(counts),
            (Err(error), _) => fail!("the handler failed: {}", error),
        }
    }
}

/// A handler of a range, for [`BYTE`]. It ends when the descriptor is closed that
/// is returned, as if that was the exit of the process.
fn serve(uffd: &Uffd, start: usize, len: usize, page: usize) -> Result<(Server, c_int), Verdict> {
    let (bell, ring) = pipe_with(b"")?;
    // SAFETY: new descriptors, for the handler alone.
    let (uffd, bell) = unsafe {
        let uffd = need("dup", libc::dup(uffd.fd))? as c_int;
        (OwnedFd::from_raw_fd(uffd), OwnedFd::from_raw_fd(bell))
    };
    let mut pages = Pages::default();
    pages.set(start as u64, len as u64, Contents::Source(0));
    let mut handler = Handler::new(Bytes, page, page == page_size());
    handler.add(uffd, Some(bell), start as u64, pages);
    let go = Arc::new(AtomicBool::new(false));
    let begin = Arc::clone(&go);
    let thread = std::thread::spawn(move || {
        while !begin.load(SeqCst) {
            std::thread::sleep(Duration::from_micros(100));
        }
        (handler.serve(), handler.counts.clone())
    });
    Ok((Server { go, thread }, ring))
}

/// The handler of the examples, to its end; how often it met EAGAIN.
fn serves(s: &Scene, reader: &Thread) -> Result<u64, Verdict> {
    let (server, ring) = serve(&s.uffd, s.at(0), s.region.len, s.page())?;
    server.go();
    let woken = reader.returns_value(i64::from(BYTE));
    // SAFETY: closes what is ours.
    unsafe { libc::close(ring) };
    woken?;
    Ok(server.ends()?.changing)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "handler-eagain-sleep",
        "measured",
        "a handler that sleeps after EAGAIN and tries again resolves the fault at once, though it goes before the thread that caused the event",
        |_| {
            let tries = before_the_event_thread(serves)?;
            // As many as fit a busy machine with the sleeps; yields are far more.
            ensure!((1..2000).contains(&tries), "EAGAIN {} times", tries);
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
                ensure!(tries > 20, "only {} tries", tries);
                reader.still_waits()
            })
        },
    )
    .features(UFFD_FEATURE_EVENT_REMOVE),
    case(
        "handler-hugetlb-exhausted",
        "measured",
        "while no huge page is free, a handler that sleeps longer each time the page faults again does not spin, and gives up after some seconds",
        |_| {
            let (uffd, addr, data) = unpromised()?;
            let taken = take_all()?;
            let reader = Thread::reads(addr);
            ensure!(uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            let (server, ring) = serve(&uffd, addr, data.len, data.len)?;
            server.go();
            while !server.thread.is_finished() {
                if reader.ending().is_some() {
                    return Err(Verdict::Cannot("another program freed a huge page".to_owned()));
                }
                std::thread::sleep(MOMENT);
            }
            let (result, counts) = server.thread.join().expect("the handler does not panic");
            give_back(taken)?;
            // SAFETY: closes what is ours.
            unsafe { libc::close(ring) };
            ensure!(result.is_err(), "the handler did not give up");
            let tries = counts.exists + counts.sleeps;
            ensure!((2..10_000).contains(&tries), "{} tries and sleeps", tries);
            uffd.copy(addr, data.addr, data.len, 0).gives(data.len)?;
            reader.returns_value(i64::from(NEW))
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
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
        "handler-fault-before-its-remap",
        "measured",
        "the fault of a page that moved is read before the event of its move, at the new address; filling it is EAGAIN until that was read",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, UFFD_FEATURE_EVENT_REMAP, MISSING)?;
            let (from, to) = (s.at(0), mapping::reserve(m.page)?);
            let page = m.page;
            let mover = Thread::spawn("the moving thread", move || {
                mapping::mremap_onto(from, page, to).is_err() as i64
            });
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no event came");
            let reader = Thread::reads(to);
            reader.still_waits()?;
            s.uffd.expect_fault(to, 0)?;
            let data = vec![BYTE; page];
            let answer = calls::copy(s.uffd.fd, to as u64, &data);
            ensure!(matches!(answer, Ok((0, Handled::Changing))), "the fill answered {:?}", answer);
            let moved = Event::Remap { from, to, len: page };
            ensure!(s.uffd.next()? == moved, "no event of the move");
            mover.returns_value(0)?;
            let answer = calls::copy(s.uffd.fd, to as u64, &data);
            ensure!(matches!(answer, Ok((_, Handled::Done))), "the fill answered {:?}", answer);
            reader.returns_value(i64::from(BYTE))
        },
    )
    .features(UFFD_FEATURE_EVENT_REMAP),
    case(
        "handler-emfile-sleep",
        "measured",
        "a handler without a descriptor for a fork event sleeps between its tries, and takes the event once there is one",
        |_| {
            let s = Scene::empty(Memory::Anon, 1, UFFD_FEATURE_EVENT_FORK, MISSING)?;
            let forker = Thread::spawn("the forking thread", || {
                // SAFETY: the child leaves at once. The C library's fork(2) would
                // hold the allocator's locks until the event is read.
                unsafe {
                    match clone(0) {
                        Ok(0) => libc::_exit(0),
                        Ok(child) => i64::from(child),
                        Err(_) => -1,
                    }
                }
            });
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no event came");
            let (server, ring) = serve(&s.uffd, s.at(0), s.page(), s.page())?;
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit lives through the calls; below, the child is ours,
            // and so is the pipe's end.
            unsafe {
                need("getrlimit", libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
                // The first three are taken. None at all is an error of poll(2).
                let none = libc::rlimit { rlim_cur: 3, ..limit };
                need("setrlimit", libc::setrlimit(libc::RLIMIT_NOFILE, &none))?;
                server.go();
                std::thread::sleep(Duration::from_millis(300));
                need("setrlimit", libc::setrlimit(libc::RLIMIT_NOFILE, &limit))?;
            }
            let child = forker.returns()? as libc::pid_t;
            // SAFETY: as above.
            let reaped = unsafe {
                libc::close(ring);
                libc::waitpid(child, std::ptr::null_mut(), 0)
            };
            ensure!(reaped == child, "the child did not end");
            let counts = server.ends()?;
            ensure!(counts.forks == 1, "{} fork events", counts.forks);
            let tries = counts.no_descriptor;
            ensure!((1..5000).contains(&tries), "EMFILE {} times", tries);
            Ok(())
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
    case(
        "handler-exit-seen",
        "measured",
        "a fill is ESRCH when the process has exited, and so is unprotecting a page that was never protected, which is ENOENT before",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, UFFD_FEATURE_EVENT_FORK, MISSING)?;
            let child = of_dead_child(&s)?;
            let (data, page) = (vec![BYTE; m.page], s.at(0) as u64);
            let answer = calls::copy(child.fd, page, &data);
            ensure!(matches!(answer, Ok((0, Handled::Exited))), "the fill answered {:?}", answer);
            ensure!(calls::has_exited(child.fd, page, m.page), "the exit was not seen");
            ensure!(!calls::has_exited(s.uffd.fd, page, m.page), "an exit was seen");
            s.uffd.writeprotect(s.at(0), m.page, 0).fails(ENOENT)
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
];
