//! Messages that are lost, kept, sent twice, or do not mean what they seem to.

use super::events::{discards, scene};
use super::scene::*;
use crate::prelude::*;
use libc::{c_int, c_void};
use std::time::Instant;
use uffd_kit::priority::{pin, processor, RealTime};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const REMOVE: u64 = UFFD_FEATURE_EVENT_REMOVE;
const FORK: u64 = UFFD_FEATURE_EVENT_FORK;
const REMAP: u64 = UFFD_FEATURE_EVENT_REMAP;
const MADV_DONTNEED_LOCKED: c_int = 24;
const MREMAP_DONTUNMAP: c_int = 4;

/// This advice on page 1 must send the event for it.
fn removes(advice: c_int) -> Outcome {
    let s = Scene::new(Memory::Anon, 3, REMOVE, MISSING)?;
    let discarder = discards(s.at(1), s.page(), advice);
    let (start, end) = (s.at(1), s.at(2));
    let event = s.uffd.next()?;
    ensure!(
        event == Event::Remove { start, end },
        "{} came, or with other values",
        event.name()
    );
    discarder.returns_value(0)
}

/// read(2) of a message to where none can be written must be EFAULT.
fn read_nowhere(uffd: &Uffd) -> Outcome {
    ensure!(uffd.poll(PATIENCE) == libc::POLLIN, "no message");
    set_errno(0);
    // SAFETY: the kernel checks the address.
    let got = unsafe { uffd_read(uffd.fd, 16 as *mut uffd_msg, 1) };
    let name = errno_name(errno());
    ensure!(got == -1 && errno() == EFAULT, "{}, not EFAULT", name);
    Ok(())
}

/// read(2) of one message that is thrown away: the errno.
fn read_one(uffd: &Uffd) -> c_int {
    let mut message = uffd_msg_bytes::default();
    set_errno(0);
    // SAFETY: there is room for one message.
    unsafe { uffd_read(uffd.fd, (&mut message as *mut uffd_msg_bytes).cast(), 1) };
    errno()
}

/// The call, which must be EFAULT, leaves a thread that waits for page 0 waiting;
/// WAKE does not.
fn leaves_waiting(s: Scene, call: impl Fn(&Scene) -> Result<Answer, Verdict>) -> Outcome {
    let reader = Thread::reads(s.at(0));
    s.uffd.next()?;
    reader.still_waits()?;
    call(&s)?.fails(EFAULT)?;
    reader.still_waits()?;
    s.uffd.wake(s.at(0), s.page()).ok()?;
    reader.ends().map(|_| ())
}

/// Discards memory whose last page is missing, and copies to that page as soon as
/// the event was read: is the copy dropped by the same madvise(2)? Both run on
/// processors of their own, and nothing keeps the copying thread from its own.
fn drops_a_copy() -> Result<bool, Verdict> {
    const PAGES: usize = 2048;
    let here = processor()?;
    let s = Scene::new(Memory::Anon, PAGES, REMOVE, MISSING)?;
    let source = Region::source(1, NEW)?;
    let (last, start, len) = (s.at(PAGES - 1), s.at(0), s.region.len);
    s.uffd.unregister(start, len).ok()?;
    s.region.madvise(PAGES - 1, 1, libc::MADV_DONTNEED)?;
    s.uffd.register(start, len, MISSING).ok()?;
    pin(here)?;
    let discarder = Thread::spawn("the discarding thread", move || {
        if (0..2).filter(|n| *n != here).all(|n| pin(n).is_err()) {
            return -1;
        }
        // SAFETY: the range is the scene's own.
        i64::from(unsafe { libc::madvise(start as *mut c_void, len, libc::MADV_DONTNEED) })
    });
    let came = eventually(|| s.uffd.poll(MOMENT) != 0 || discarder.ending().is_some());
    if !came || discarder.ending().is_some() {
        return Err(Verdict::Cannot("no second processor".to_owned()));
    }
    let before_others = RealTime::begin()?;
    let event = s.uffd.next()?;
    let mut answer = s.uffd.copy(last, source.addr, s.page(), 0);
    let end = Instant::now() + PATIENCE;
    while answer.errno == EAGAIN && Instant::now() < end {
        answer = s.uffd.copy(last, source.addr, s.page(), 0);
    }
    drop(before_others);
    ensure!(
        matches!(event, Event::Remove { .. }),
        "{} came, not a remove event",
        event.name()
    );
    answer.ok()?;
    discarder.returns_value(0)?;
    let dropped = !s.region.is_mapped(PAGES - 1)?;
    s.region.munmap(0, PAGES)?;
    Ok(dropped)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "read-efault-loses",
        "measured",
        "EFAULT loses the message of a fault: none is left, and the thread waits until WAKE makes it fault anew",
        |m| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            read_nowhere(&s.uffd)?;
            s.uffd.expect_silence()?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "read-efault-loses-event",
        "measured",
        "EFAULT loses the message of another event: none is left, and the thread goes on",
        |m| {
            let s = scene(REMOVE)?;
            let discarder = discards(s.at(1), m.page, libc::MADV_DONTNEED);
            read_nowhere(&s.uffd)?;
            discarder.returns_value(0)?;
            s.uffd.expect_silence()
        },
    )
    .features(REMOVE),
    case(
        "read-emfile",
        "measured",
        "a fork event for which there is no descriptor is EMFILE, and stays until there is one",
        |_| {
            let s = scene(FORK)?;
            let forker = Thread::spawn("the forking thread", || match Child::fork(|| 0) {
                Ok(mut child) => i64::from(child.succeeds().is_err()),
                Err(_) => -1,
            });
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit lives through the calls.
            unsafe {
                need("getrlimit", libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
                let none = libc::rlimit { rlim_cur: 0, ..limit };
                need("setrlimit", libc::setrlimit(libc::RLIMIT_NOFILE, &none))?;
            }
            // Nothing may be allocated meanwhile: see `Thread::spawn`.
            let answers = [read_one(&s.uffd), read_one(&s.uffd)];
            // SAFETY: as above.
            let restored = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
            need("setrlimit", restored)?;
            let event = s.uffd.next()?;
            for errno in answers {
                ensure!(errno == libc::EMFILE, "read(2) answered {}", errno_name(errno));
            }
            match event {
                Event::Fork { fd } => drop(Uffd { fd }),
                other => fail!("{} came, not a fork event", other.name()),
            }
            forker.returns_value(0)
        },
    )
    .features(FORK),
    case(
        "read-twice-after-signal",
        "measured",
        "a signal while a thread waits makes a second message of one access: the second COPY is EEXIST, and the thread goes on once",
        |m| {
            extern "C" fn nothing(_: c_int) {}
            // SAFETY: a zeroed `sigaction` is valid; the handler does nothing.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = nothing as extern "C" fn(c_int) as usize;
                libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            }
            let (s, source) = (scene(0)?, Region::source(1, NEW)?);
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let (process, tid) = (std::process::id() as c_int, reader.tid() as c_int);
            // SAFETY: plain numbers; the thread has a handler for it.
            unsafe { libc::syscall(libc::SYS_tgkill, process, tid, libc::SIGUSR1) };
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).fails(EEXIST)?;
            reader.returns_value(i64::from(NEW))
        },
    ),
    case(
        "read-thread-id-namespace",
        "measured",
        "ptid is the thread's id in its own PID namespace, not in the reader's",
        |_| {
            let s = scene(FORK | UFFD_FEATURE_THREAD_ID)?;
            let addr = s.at(0);
            let forker = Thread::spawn("the forking thread", move || {
                // SAFETY: plain number. The next child is the first of its namespace.
                if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
                    return -1;
                }
                match Child::fork(|| i32::from(mapping::read(addr) != 0)) {
                    Ok(mut child) => i64::from(child.succeeds().is_err()),
                    Err(_) => -2,
                }
            });
            let came = eventually(|| {
                s.uffd.poll(MOMENT) != 0 || forker.ending().is_some()
            });
            ensure!(came, "no event came");
            if forker.ending() == Some(Ending::Returned(-1)) {
                return Err(Verdict::Cannot("no PID namespace".to_owned()));
            }
            let child = match s.uffd.next()? {
                Event::Fork { fd } => Uffd { fd },
                other => fail!("{} came, not a fork event", other.name()),
            };
            match child.next()? {
                Event::Fault { ptid: 1, .. } => {}
                Event::Fault { .. } => fail!("ptid is not 1"),
                other => fail!("{} came, not a fault", other.name()),
            }
            child.zeropage(addr, s.page(), 0).ok()?;
            forker.returns_value(0)
        },
    )
    .features(FORK | UFFD_FEATURE_THREAD_ID),
    case(
        "events-remove-free",
        "measured",
        "MADV_FREE sends EVENT_REMOVE, too",
        |_| removes(libc::MADV_FREE),
    )
    .features(REMOVE),
    case(
        "events-remove-dontneed-locked",
        "measured",
        "MADV_DONTNEED_LOCKED sends EVENT_REMOVE, too",
        |_| removes(MADV_DONTNEED_LOCKED),
    )
    .features(REMOVE)
    .since(5, 18),
    case(
        "events-remove-drops-copy",
        "measured",
        "a COPY that succeeds after EVENT_REMOVE was read can be dropped by the same madvise(2)",
        |_| {
            // Which of the two threads is faster is chance, on a busy machine more so.
            let (begin, mut copies) = (Instant::now(), 1);
            while !drops_a_copy()? {
                ensure!(begin.elapsed().as_secs() < 30, "of {} copies none was dropped", copies);
                copies += 1;
            }
            Ok(())
        },
    )
    .features(REMOVE)
    .limit(60),
    case(
        "events-remap-dontunmap",
        "measured",
        "mremap(2) with MREMAP_DONTUNMAP leaves the old range registered, and its pages are missing there; the new range is registered, too",
        |m| {
            let s = Scene::new(Memory::Anon, 2, REMAP, MISSING)?;
            let (from, len) = (s.at(0), s.region.len);
            let mover = Thread::spawn("the moving thread", move || {
                let flags = libc::MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
                // SAFETY: the range is the case's own; the kernel chooses the other.
                unsafe { libc::mremap(from as *mut c_void, len, len, flags, 0) as i64 }
            });
            let to = match s.uffd.next()? {
                Event::Remap { from: f, to, len: l } if (f, l) == (from, len) => to,
                other => fail!("{} came, or with other values", other.name()),
            };
            mover.returns_value(to as i64)?;
            ensure!(mapping::read(to) == FIRST, "the contents did not move");
            let reader = Thread::reads(from);
            s.uffd.expect_fault(from, 0)?;
            s.uffd.zeropage(from, m.page, 0).gives(m.page)?;
            reader.returns_value(0)?;
            // One that is missing in the new range, too.
            mapping::madvise(to + m.page, m.page, libc::MADV_DONTNEED)?;
            let reader = Thread::reads(to + m.page);
            s.uffd.expect_fault(to + m.page, 0)?;
            s.uffd.zeropage(to + m.page, m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(REMAP)
    .since(5, 7),
    case(
        "events-remap-dontunmap-off",
        "measured",
        "without EVENT_REMAP, mremap(2) with MREMAP_DONTUNMAP leaves the old range registered, and the new one is not",
        |m| {
            let s = Scene::new(Memory::Anon, 2, 0, MISSING)?;
            let (from, len) = (s.at(0), s.region.len);
            let flags = libc::MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
            // SAFETY: the range is the case's own; the kernel chooses the other.
            let to = unsafe { libc::mremap(from as *mut c_void, len, len, flags, 0) };
            need("mremap", if to == libc::MAP_FAILED { -1 } else { 0 })?;
            let to = to as usize;
            let reader = Thread::reads(from);
            s.uffd.expect_fault(from, 0)?;
            s.uffd.zeropage(from, m.page, 0).gives(m.page)?;
            reader.returns_value(0)?;
            s.uffd.zeropage(to, m.page, 0).fails(ENOENT)
        },
    )
    .since(5, 7),
    case(
        "general-efault-does-not-wake",
        "measured",
        "EFAULT because the argument cannot be written wakes no thread: ZEROPAGE, POISON, MOVE, CONTINUE",
        |m| {
            let len = m.page as u64;
            let from = Region::source(1, NEW)?;
            let dst = |s: &Scene| uffdio_range { start: s.at(0) as u64, len };
            leaves_waiting(scene(0)?, |s| {
                let range = dst(s);
                let (_page, arg) = read_only(uffdio_zeropage { range, ..Default::default() })?;
                // SAFETY: the kernel checks the address.
                Ok(Answer::of("UFFDIO_ZEROPAGE", || unsafe { uffdio_zeropage(s.uffd.fd, arg) }))
            })?;
            leaves_waiting(scene(0)?, |s| {
                let range = dst(s);
                let (_page, arg) = read_only(uffdio_poison { range, ..Default::default() })?;
                // SAFETY: as above.
                Ok(Answer::of("UFFDIO_POISON", || unsafe { uffdio_poison(s.uffd.fd, arg) }))
            })?;
            leaves_waiting(scene(0)?, |s| {
                let (_page, arg) = read_only(uffdio_move {
                    dst: s.at(0) as u64,
                    src: from.addr as u64,
                    len,
                    ..Default::default()
                })?;
                // SAFETY: as above.
                Ok(Answer::of("UFFDIO_MOVE", || unsafe { uffdio_move(s.uffd.fd, arg) }))
            })?;
            let minor = UFFDIO_REGISTER_MODE_MINOR;
            let (cached, _alias) = Scene::cached(Memory::Shmem, 1, 0, minor)?;
            leaves_waiting(cached, |s| {
                let range = dst(s);
                let (_page, arg) = read_only(uffdio_continue { range, ..Default::default() })?;
                // SAFETY: as above.
                Ok(Answer::of("UFFDIO_CONTINUE", || unsafe { uffdio_continue(s.uffd.fd, arg) }))
            })
        },
    )
    .features(UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE),
    case(
        "general-other-code-executed",
        "measured",
        "a request code that is another call's is executed: COPY's argument with MOVE's code moves the page",
        |m| {
            let s = scene(0)?;
            let source = Region::source(1, NEW)?;
            let mut arg = uffdio_copy {
                dst: s.at(0) as u64,
                src: source.addr as u64,
                len: m.page as u64,
                mode: 0,
                copy: UNTOUCHED,
            };
            let as_move = (&mut arg as *mut uffdio_copy).cast();
            // SAFETY: both structs have one layout; the pages are ours.
            let answer = Answer::of("UFFDIO_MOVE", || unsafe { uffdio_move(s.uffd.fd, as_move) });
            answer.ok()?;
            s.region.holds(0, NEW)?;
            ensure!(!source.is_mapped(0)?, "the source is still there");
            ensure!(arg.copy == m.page as i64, "the out field was not written");
            Ok(())
        },
    )
    .features(UFFD_FEATURE_MOVE),
];
