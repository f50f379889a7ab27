//! Cases: closing the descriptor, exit, exec and signals during a fault.

use super::scene::*;
use crate::prelude::*;
use libc::{c_int, c_void};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

fn scene(features: u64) -> Result<Scene, Verdict> {
    Scene::empty(Memory::Anon, 2, features, MISSING)
}

/// A child that has a registered page, of which a thread waits for, and the
/// descriptor; `then` is what its main thread does next. The pipe gets a byte
/// when the thread waits.
fn child_in_fault(then: fn(Scene) -> c_int) -> Result<Child, Verdict> {
    let mut pipe = [0; 2];
    // SAFETY: there is room for two descriptors.
    need("pipe", unsafe {
        libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC)
    })?;
    let ends = pipe;
    let child = Child::fork(move || {
        let s = match scene(0) {
            Ok(s) => s,
            Err(_) => return 90,
        };
        let _reader = Thread::reads(s.at(0));
        if s.uffd.expect_fault(s.at(0), 0).is_err() {
            return 91;
        }
        // SAFETY: one byte of a static string.
        unsafe { libc::write(ends[1], b"x".as_ptr().cast(), 1) };
        then(s)
    })?;
    let mut byte = 0_u8;
    // SAFETY: room for one byte; the write end is closed here, so that a
    // child that fails is seen.
    let got = unsafe {
        libc::close(pipe[1]);
        libc::read(pipe[0], &mut byte as *mut u8 as *mut c_void, 1)
    };
    ensure!(got == 1, "the child did not come to its fault");
    Ok(child)
}

/// Waits for a signal for ever.
fn sleep_for_ever(_scene: Scene) -> c_int {
    loop {
        // SAFETY: no arguments.
        unsafe { libc::pause() };
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "lifetime-close-unregisters",
        "userfaultfd(2), DESCRIPTION",
        "closing the last descriptor unregisters all ranges",
        |_| {
            let s = scene(0)?;
            let region = s.region;
            drop(s.uffd);
            Thread::reads(region.at(0)).returns_value(0)?;
            Uffd::open(0)?.register(region.addr, region.len, MISSING).ok()
        },
    ),
    case(
        "lifetime-close-not-last",
        "userfaultfd(2), DESCRIPTION",
        "closing one of two descriptors changes nothing",
        |m| {
            let s = scene(0)?;
            // SAFETY: plain number.
            let two = need("dup", unsafe { libc::dup(s.uffd.fd) })? as c_int;
            let (two, region) = (Uffd { fd: two }, s.region);
            drop(s.uffd);
            let reader = Thread::reads(region.at(0));
            two.expect_fault(region.at(0), 0)?;
            two.zeropage(region.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "lifetime-close-during-fault",
        "measured",
        "closing during a fault lets the thread go on, with zeroes",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            let writer = Thread::writes(s.at(1), 3);
            s.uffd.next()?;
            s.uffd.next()?;
            let region = s.region;
            drop(s.uffd);
            reader.returns_value(0)?;
            writer.returns()?;
            ensure!(region.read(1) == 3, "the write was lost");
            Ok(())
        },
    ),
    case(
        "lifetime-close-unread-fault",
        "userfaultfd(2), DESCRIPTION",
        "closing before the message of a fault was read lets the thread go on, too",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            drop(s.uffd);
            reader.returns_value(0)
        },
    ),
    case(
        "lifetime-close-unread-event",
        "userfaultfd(2), DESCRIPTION",
        "closing flushes unread events: who waits for their reading goes on",
        |m| {
            let s = scene(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)?;
            let (at, len) = (s.at(0), m.page);
            let unmapper = Thread::spawn("the unmapping thread", move || {
                // SAFETY: the page is the case's own.
                unsafe { libc::munmap(at as *mut c_void, len) as i64 }
            });
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no event");
            unmapper.still_waits()?;
            drop(s.uffd);
            unmapper.returns_value(0)
        },
    )
    .features(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP),
    case(
        "lifetime-close-unread-fork",
        "measured",
        "closing with an unread fork event does not free fork(2): the child in the making has a copy",
        |_| {
            // In a process of its own, that can be left while its fork(2)
            // holds the locks of the allocator.
            let mut child = Child::fork(move || {
                let s = match scene(UFFD_FEATURE_EVENT_FORK) {
                    Ok(s) => s,
                    Err(_) => return 90,
                };
                let forker = Thread::spawn("the forking thread", || {
                    Child::fork(|| 0).map_or(-1, |child| i64::from(child.pid))
                });
                if s.uffd.poll(PATIENCE) != libc::POLLIN {
                    return 91;
                }
                drop(s.uffd);
                std::thread::sleep(2 * MOMENT);
                forker.ending().is_some() as c_int
            })?;
            child.succeeds()
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
    case(
        "lifetime-close-in-read",
        "measured",
        "a thread that waits in read(2) keeps the object alive when the descriptor is closed",
        |_| {
            let uffd = Uffd::open_with(libc::O_CLOEXEC, 0)?;
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let fd = uffd.fd;
            let waiter = Thread::spawn("the reader", move || {
                let mut message = uffd_msg::default();
                // SAFETY: room for one message.
                unsafe { uffd_read(fd, &mut message, 1) as i64 }
            });
            waiter.still_waits()?;
            drop(uffd);
            waiter.still_waits()?;
            let _faulting = Thread::reads(region.addr);
            waiter.returns_value(32)
        },
    ),
    case(
        "lifetime-kill-during-fault",
        "measured",
        "a process that waits for a fault is killed by SIGKILL at once",
        |_| {
            let mut child = child_in_fault(sleep_for_ever)?;
            ensure!(child.is_alive(), "the child has ended already");
            child.kill(libc::SIGKILL);
            let end = child.ends()?;
            ensure!(end == Exit::Signal(libc::SIGKILL), "the child ended otherwise");
            Ok(())
        },
    ),
    case(
        "lifetime-terminate-during-fault",
        "measured",
        "a signal that ends the process, such as SIGTERM, does so during a fault",
        |_| {
            let mut child = child_in_fault(sleep_for_ever)?;
            child.kill(libc::SIGTERM);
            let end = child.ends()?;
            ensure!(end == Exit::Signal(libc::SIGTERM), "the child ended otherwise");
            Ok(())
        },
    ),
    case(
        "lifetime-exit-during-fault",
        "measured",
        "a process can exit while one of its threads waits for a fault",
        |_| {
            let mut child = child_in_fault(|_scene| 0)?;
            child.succeeds()
        },
    ),
    case(
        "lifetime-exec-during-fault",
        "measured",
        "a process can exec(2) while one of its threads waits for a fault",
        |_| {
            let mut child = child_in_fault(|_scene| {
                let path = b"/proc/self/exe\0".as_ptr().cast::<libc::c_char>();
                let layout = b"layout\0".as_ptr().cast::<libc::c_char>();
                let arguments = [path, layout, std::ptr::null()];
                // The layouts are of no interest here.
                // SAFETY: the strings end in zero, the list in null; the
                // descriptors 1 and 2 are this process's own.
                unsafe {
                    let null = libc::open(b"/dev/null\0".as_ptr().cast(), libc::O_RDWR);
                    libc::dup2(null, 1);
                    libc::dup2(null, 2);
                    libc::execv(path, arguments.as_ptr());
                }
                92
            })?;
            child.succeeds()
        },
    ),
    case(
        "lifetime-exec-closes",
        "userfaultfd(2), DESCRIPTION: O_CLOEXEC",
        "exec(2) closes a descriptor with O_CLOEXEC, and keeps one without",
        |_| {
            for (flags, kept) in [(libc::O_CLOEXEC, false), (0, true)] {
                let uffd = Uffd::open_with(flags, 0)?;
                let link = format!("/proc/self/fd/{}", uffd.fd);
                let status = std::process::Command::new("/proc/self/exe").args(["has", &link]).status();
                let status = status.map_err(|e| Verdict::Cannot(format!("exec: {}", e)))?;
                ensure!(status.success() == kept, "kept: {}, wanted: {}", status.success(), kept);
            }
            Ok(())
        },
    ),
    case(
        "lifetime-unmap-during-fault",
        "measured",
        "a thread whose memory is unmapped while it waits gets SIGSEGV once it is woken",
        |m| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.region.munmap(0, 1)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.gets_signal(SIGSEGV).map(|_| ())
        },
    ),
    case(
        "lifetime-map-over-during-fault",
        "measured",
        "a thread whose memory is mapped anew while it waits reads the new memory once it is woken",
        |m| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            mapping::map(s.at(0), m.page, libc::PROT_READ, flags, -1)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "lifetime-signal-handler-during-fault",
        "measured",
        "a signal with a handler interrupts the wait: the handler runs, then the thread faults anew",
        |m| {
            use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
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
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let (process, tid) = (std::process::id() as c_int, reader.tid() as c_int);
            // SAFETY: plain numbers.
            unsafe { libc::syscall(libc::SYS_tgkill, process, tid, libc::SIGUSR1) };
            ensure!(eventually(|| RAN.load(SeqCst) == 1), "the handler did not run");
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "lifetime-other-process-handles",
        "userfaultfd(2), Usage",
        "faulting and handling threads may be in different processes",
        |m| {
            let (s, source) = (scene(0)?, Region::source(1, 0x66)?);
            let mut handler = Child::fork(|| {
                let work = || -> Outcome {
                    s.uffd.expect_fault(s.at(1), 0)?;
                    s.uffd.copy(s.at(1), source.addr, m.page, 0).gives(m.page)
                };
                work().is_err() as c_int
            })?;
            let value = Thread::reads(s.at(1)).returns()?;
            ensure!(value == 0x66, "read {:#x}", value);
            handler.succeeds()
        },
    ),
    case(
        "lifetime-other-userfaultfd-unaffected",
        "userfaultfd(2), DESCRIPTION",
        "closing one userfaultfd leaves the ranges of another alone",
        |m| {
            let (one, two) = (scene(0)?, scene(0)?);
            let region = one.region;
            drop(one.uffd);
            passes(&two.uffd, &Thread::reads(region.at(0)))?;
            let reader = Thread::reads(two.at(0));
            two.uffd.expect_fault(two.at(0), 0)?;
            two.uffd.zeropage(two.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
];
