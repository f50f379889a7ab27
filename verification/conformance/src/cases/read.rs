//! Cases: messages, and how to wait for them: read(2), poll(2) and relatives.

use super::scene::*;
use crate::prelude::*;
use libc::{c_int, c_void, O_CLOEXEC, O_NONBLOCK};
use std::mem::size_of;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const STRUCTURE: &str = "userfaultfd(2), Reading from the userfaultfd structure";

fn scene(features: u64) -> Result<Scene, Verdict> {
    Scene::empty(Memory::Anon, 4, features, MISSING)
}

/// Zeroes all pages, so that their readers go on.
fn resolve(s: &Scene, readers: Vec<Thread>) -> Outcome {
    s.uffd
        .zeropage(s.region.addr, s.region.len, 0)
        .gives(s.region.len)?;
    readers
        .iter()
        .try_for_each(|reader| reader.returns_value(0))
}

/// read(2) of so many bytes; the bytes read, or the errno negated.
fn read_bytes(fd: c_int, room: usize) -> i64 {
    let mut buffer = [0_u8; 256];
    set_errno(0);
    // SAFETY: the callers ask for no more than there is.
    let got = unsafe { libc::read(fd, buffer.as_mut_ptr() as *mut c_void, room) };
    if got < 0 {
        -i64::from(errno())
    } else {
        got as i64
    }
}

/// Must be this number of bytes, or this errno negated.
fn reads(fd: c_int, room: usize, wanted: i64) -> Outcome {
    let got = read_bytes(fd, room);
    let name = |n: i64| {
        if n < 0 {
            errno_name(-n as c_int)
        } else {
            format!("{} bytes", n)
        }
    };
    ensure!(
        got == wanted,
        "read(2) of {} bytes: {}, not {}",
        room,
        name(got),
        name(wanted)
    );
    Ok(())
}

/// select(2) at once: (readable, writable).
fn select(fd: c_int) -> Result<(bool, bool), Verdict> {
    // SAFETY: a zeroed `fd_set` is empty; the sets live through the call.
    unsafe {
        let mut read: libc::fd_set = std::mem::zeroed();
        let mut write: libc::fd_set = std::mem::zeroed();
        libc::FD_SET(fd, &mut read);
        libc::FD_SET(fd, &mut write);
        let mut time = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        let none = std::ptr::null_mut();
        need(
            "select",
            libc::select(fd + 1, &mut read, &mut write, none, &mut time),
        )?;
        Ok((libc::FD_ISSET(fd, &read), libc::FD_ISSET(fd, &write)))
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "read-einval-before-api",
        "userfaultfd(2), Reading from the userfaultfd structure: EINVAL",
        "read(2) before UFFDIO_API is EINVAL",
        |_| {
            let uffd = Uffd::bare(O_NONBLOCK).map_err(|e| Verdict::Fail(errno_name(e)))?;
            let got = uffd.read(1).err().unwrap_or(0);
            ensure!(got == EINVAL, "{}, not EINVAL", errno_name(got));
            uffd.api(0).0.ok()?;
            ensure!(uffd.read(1).err() == Some(EAGAIN), "not EAGAIN after it");
            Ok(())
        },
    ),
    case(
        "read-einval-small-buffer",
        STRUCTURE,
        "read(2) with less room than a message is EINVAL, even if one waits",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            let message = size_of::<uffd_msg>();
            for room in [1, message - 1] {
                reads(s.uffd.fd, room, -i64::from(EINVAL))?;
            }
            reads(s.uffd.fd, message, message as i64)?;
            resolve(&s, vec![reader])
        },
    ),
    case(
        "read-einval-no-room",
        "measured",
        "read(2) with room for no message is EINVAL",
        |_| {
            let got = Uffd::open(0)?.read(0).err().unwrap_or(0);
            ensure!(got == EINVAL, "{}, not EINVAL", errno_name(got));
            Ok(())
        },
    ),
    case(
        "read-ebadf",
        "measured",
        "read(2) from no descriptor is EBADF",
        |_| {
            let mut msg = uffd_msg::default();
            // SAFETY: there is room for a message.
            Answer::of("read(2)", || unsafe { uffd_read(-1, &mut msg, 1) as i32 }).fails(EBADF)
        },
    ),
    case(
        "read-odd-room",
        STRUCTURE,
        "read(2) returns whole messages: room for one and a half gives one",
        |_| {
            let s = scene(0)?;
            let readers = vec![Thread::reads(s.at(0)), Thread::reads(s.at(1))];
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message came");
            readers[0].still_waits()?;
            readers[1].still_waits()?;
            reads(s.uffd.fd, 48, 32)?;
            reads(s.uffd.fd, 63, 32)?;
            reads(s.uffd.fd, 64, -i64::from(EAGAIN))?;
            resolve(&s, readers)
        },
    ),
    case(
        "read-several-messages",
        STRUCTURE,
        "one read(2) returns as many messages as wait and fit",
        |m| {
            let s = scene(0)?;
            let readers: Vec<Thread> = (0..4).map(|n| Thread::reads(s.at(n))).collect();
            for reader in &readers {
                reader.still_waits()?;
            }
            let three = s.uffd.read(3).unwrap_or_default();
            let rest = s.uffd.read(8).unwrap_or_default();
            let counts = (three.len(), rest.len());
            ensure!(
                counts == (3, 1),
                "{} and {} messages, not 3 and 1",
                counts.0,
                counts.1
            );
            let mut pages: Vec<usize> = vec![];
            for message in three.into_iter().chain(rest) {
                match message {
                    Event::Fault { address, .. } => pages.push((address - s.at(0)) / m.page),
                    other => fail!("{} came, not a fault", other.name()),
                }
            }
            pages.sort_unstable();
            ensure!(pages == [0, 1, 2, 3], "messages of the pages {:?}", pages);
            resolve(&s, readers)
        },
    ),
    case(
        "read-eagain",
        "userfaultfd(2), DESCRIPTION: O_NONBLOCK",
        "a non-blocking read(2) without a message is EAGAIN",
        |_| {
            let uffd = Uffd::open(0)?;
            reads(uffd.fd, 32, -i64::from(EAGAIN))?;
            reads(uffd.fd, 256, -i64::from(EAGAIN))
        },
    ),
    case(
        "read-once",
        STRUCTURE,
        "each message is read once, whoever reads",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.expect_silence()?;
            resolve(&s, vec![reader])
        },
    ),
    case(
        "read-efault",
        "measured",
        "read(2) to an address that cannot be written is EFAULT",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            set_errno(0);
            // SAFETY: the kernel checks the address.
            let got = unsafe { uffd_read(s.uffd.fd, 16 as *mut uffd_msg, 1) };
            let name = errno_name(errno());
            ensure!(got == -1 && errno() == EFAULT, "{}, not EFAULT", name);
            resolve(&s, vec![reader])
        },
    ),
    case(
        "read-eintr",
        "measured",
        "a signal ends a waiting read(2) with EINTR",
        |_| {
            extern "C" fn nothing(_: c_int) {}
            // SAFETY: a zeroed `sigaction` is valid; no SA_RESTART.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = nothing as extern "C" fn(c_int) as usize;
                libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut());
            }
            let uffd = Uffd::open_with(O_CLOEXEC, 0)?;
            let fd = uffd.fd;
            let waiter = Thread::spawn("the reader", move || read_bytes(fd, 32));
            waiter.still_waits()?;
            let (process, tid) = (std::process::id() as c_int, waiter.tid() as c_int);
            // SAFETY: plain numbers; the thread has a handler for it.
            unsafe { libc::syscall(libc::SYS_tgkill, process, tid, libc::SIGUSR1) };
            waiter.returns_value(-i64::from(EINTR))
        },
    ),
    case(
        "read-padding-is-zero",
        "measured",
        "the reserved fields of a message are zero",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            let messages = s.uffd.read_undecoded(1);
            let messages = messages.map_err(|errno| Verdict::Fail(errno_name(errno)))?;
            let bytes = messages[0].bytes;
            ensure!(bytes[0] == UFFD_EVENT_PAGEFAULT, "event {:#x}", bytes[0]);
            ensure!(
                bytes[1..8] == [0; 7],
                "the reserved fields are {:?}",
                &bytes[1..8]
            );
            let last = &bytes[24..];
            ensure!(last == [0; 8], "the rest of the message is {:?}", last);
            resolve(&s, vec![reader])
        },
    ),
    case(
        "read-thread-id",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_THREAD_ID",
        "with THREAD_ID a fault's message names the thread",
        |m| {
            let s = scene(UFFD_FEATURE_THREAD_ID)?;
            let readers = vec![Thread::reads(s.at(0)), Thread::reads(s.at(1))];
            for _ in 0..2 {
                match s.uffd.next()? {
                    Event::Fault { ptid, address, .. } => {
                        let wanted = readers[(address - s.at(0)) / m.page].tid();
                        ensure!(ptid == wanted, "ptid is that of another thread");
                    }
                    other => fail!("{} came, not a fault", other.name()),
                }
            }
            resolve(&s, readers)
        },
    )
    .features(UFFD_FEATURE_THREAD_ID),
    case(
        "read-no-thread-id",
        "userfaultfd(2), DESCRIPTION",
        "without THREAD_ID a message names no thread",
        |_| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            match s.uffd.next()? {
                Event::Fault { ptid: 0, .. } => resolve(&s, vec![reader]),
                Event::Fault { .. } => fail!("ptid is not zero"),
                other => fail!("{} came, not a fault", other.name()),
            }
        },
    ),
    case(
        "read-exact-address",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EXACT_ADDRESS",
        "with EXACT_ADDRESS a fault's message has the very address of the access",
        |_| {
            let s = scene(UFFD_FEATURE_EXACT_ADDRESS)?;
            let readers = vec![Thread::reads(s.at(1) + 0x123)];
            s.uffd.expect_fault(s.at(1) + 0x123, 0)?;
            resolve(&s, readers)
        },
    )
    .features(UFFD_FEATURE_EXACT_ADDRESS),
    case(
        "read-page-address",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EXACT_ADDRESS",
        "without EXACT_ADDRESS it has the address of the page",
        |_| {
            let s = scene(0)?;
            let readers = vec![Thread::reads(s.at(1) + 0x123)];
            s.uffd.expect_fault(s.at(1), 0)?;
            resolve(&s, readers)
        },
    )
    .since(5, 18),
    case(
        "read-page-address-hugetlb",
        "measured",
        "without EXACT_ADDRESS a fault of a huge page has the address of the whole huge page",
        |m| {
            let s = Scene::empty(Memory::Hugetlb, 1, 0, MISSING)?;
            let at = s.at(0) + 3 * m.page;
            let reader = Thread::reads(at + 5);
            s.uffd.expect_fault(s.at(0), 0)?;
            let source = Region::source(s.page() / m.page, 0)?;
            s.uffd
                .copy(s.at(0), source.addr, s.page(), 0)
                .gives(s.page())?;
            reader.returns_value(3)
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "poll-readable",
        STRUCTURE,
        "with O_NONBLOCK, poll(2) reports POLLIN when a message waits, and nothing before or after",
        |_| {
            let s = scene(0)?;
            ensure!(
                s.uffd.poll(MOMENT) == 0,
                "poll(2) reported something before"
            );
            let reader = Thread::reads(s.at(0));
            let reported = s.uffd.poll(PATIENCE);
            ensure!(reported == libc::POLLIN, "poll(2) reported {:#x}", reported);
            s.uffd.expect_fault(s.at(0), 0)?;
            ensure!(s.uffd.poll(MOMENT) == 0, "poll(2) reported something after");
            resolve(&s, vec![reader])
        },
    ),
    case(
        "poll-blocking-pollerr",
        STRUCTURE,
        "without O_NONBLOCK, poll(2) always reports POLLERR",
        |_| {
            let uffd = Uffd::open_with(O_CLOEXEC, 0)?;
            ensure!(
                uffd.poll(MOMENT) == libc::POLLERR,
                "no POLLERR without a message"
            );
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let reader = Thread::reads(region.addr);
            reader.still_waits()?;
            ensure!(
                uffd.poll(MOMENT) == libc::POLLERR,
                "no POLLERR with a message"
            );
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "poll-before-api",
        "measured",
        "before UFFDIO_API, poll(2) reports POLLERR",
        |_| {
            let uffd = Uffd::bare(O_NONBLOCK).map_err(|e| Verdict::Fail(errno_name(e)))?;
            ensure!(uffd.poll(MOMENT) == libc::POLLERR, "no POLLERR");
            Ok(())
        },
    ),
    case(
        "select-blocking",
        STRUCTURE,
        "without O_NONBLOCK, select(2) reports readable and writable",
        |_| {
            let uffd = Uffd::open_with(O_CLOEXEC, 0)?;
            let reported = select(uffd.fd)?;
            ensure!(
                reported == (true, true),
                "select(2) reported {:?}",
                reported
            );
            Ok(())
        },
    ),
    case(
        "select-nonblocking",
        STRUCTURE,
        "with O_NONBLOCK, select(2) reports readable when a message waits",
        |_| {
            let s = scene(0)?;
            ensure!(
                select(s.uffd.fd)? == (false, false),
                "select(2) reported something before"
            );
            let reader = Thread::reads(s.at(0));
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no message");
            ensure!(select(s.uffd.fd)?.0, "select(2) does not tell readable");
            resolve(&s, vec![reader])
        },
    ),
    case(
        "epoll",
        STRUCTURE,
        "with O_NONBLOCK, epoll(7) reports a message",
        |_| {
            let s = scene(0)?;
            // SAFETY: plain number; the events live through their calls.
            let reported = unsafe {
                let epoll = need("epoll_create1", libc::epoll_create1(O_CLOEXEC))? as c_int;
                let mut event = libc::epoll_event {
                    events: libc::EPOLLIN as u32,
                    u64: 42,
                };
                let add = libc::EPOLL_CTL_ADD;
                need(
                    "epoll_ctl",
                    libc::epoll_ctl(epoll, add, s.uffd.fd, &mut event),
                )?;
                let before = libc::epoll_wait(epoll, &mut event, 1, 10);
                let reader = Thread::reads(s.at(0));
                let after = libc::epoll_wait(epoll, &mut event, 1, PATIENCE.as_millis() as c_int);
                resolve(&s, vec![reader])?;
                (before, after, { event.u64 })
            };
            ensure!(
                reported == (0, 1, 42),
                "epoll_wait(2) reported {:?}",
                reported
            );
            Ok(())
        },
    ),
    case(
        "read-write-refused",
        "measured",
        "write(2) to a userfaultfd fails",
        |_| {
            let uffd = Uffd::open(0)?;
            set_errno(0);
            // SAFETY: the buffer has so many bytes.
            let wrote = unsafe { libc::write(uffd.fd, [0_u8; 32].as_ptr().cast(), 32) };
            // The descriptor is for reading only; on older kernels not so.
            let refused = wrote == -1 && [EBADF, EINVAL].contains(&errno());
            ensure!(refused, "write(2) answered {}", errno_name(errno()));
            Ok(())
        },
    ),
];
