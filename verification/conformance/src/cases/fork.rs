//! Cases: fork(2), with UFFD_EVENT_FORK and without.

use super::scene::*;
use crate::prelude::*;
use libc::c_int;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const FORK: u64 = UFFD_FEATURE_EVENT_FORK;

fn scene(features: u64) -> Result<Scene, Verdict> {
    Scene::empty(Memory::Anon, 2, features, MISSING)
}

/// A thread that forks; the child does `work`, and the thread returns its
/// status.
fn forks(work: impl FnOnce() -> c_int + Send + 'static) -> Thread {
    Thread::spawn("the forking thread", move || {
        match Child::fork(work).and_then(|mut child| child.ends()) {
            Ok(Exit::Status(status)) => i64::from(status),
            Ok(Exit::Signal(signal)) => -i64::from(signal),
            Err(_) => -1000,
        }
    })
}

/// The next message must be a fork event: the child's userfaultfd.
fn child_of(uffd: &Uffd) -> Result<Uffd, Verdict> {
    match uffd.next()? {
        Event::Fork { fd } => Ok(Uffd { fd }),
        other => fail!("{} came, not a fork event", other.name()),
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "fork-event",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_FORK",
        "fork(2) sends a new descriptor, which is a userfaultfd",
        |_| {
            let s = scene(FORK)?;
            let forker = forks(|| 0);
            let child = child_of(&s.uffd)?;
            forker.returns_value(0)?;
            ensure!(child.fd != s.uffd.fd, "the descriptor is the parent's");
            let link = std::fs::read_link(format!("/proc/self/fd/{}", child.fd));
            let link = link.map_err(|e| Verdict::Cannot(e.to_string()))?;
            let link = link.to_string_lossy();
            ensure!(link == "anon_inode:[userfaultfd]", "the descriptor is of {}", link);
            Ok(())
        },
    )
    .features(FORK),
    case(
        "fork-event-child-faults",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EVENT_FORK",
        "the child's faults come through the new descriptor, and are resolved through it",
        |m| {
            let (s, source) = (scene(FORK)?, Region::source(1, 0x21)?);
            let addr = s.at(1);
            let forker = forks(move || c_int::from(mapping::read(addr)));
            let child = child_of(&s.uffd)?;
            child.expect_fault(addr, 0)?;
            quiet(&s.uffd)?;
            child.copy(addr, source.addr, m.page, 0).gives(m.page)?;
            forker.returns_value(0x21)?;
            ensure!(!s.region.is_mapped(1)?, "the page was filled in the parent");
            Ok(())
        },
    )
    .features(FORK),
    case(
        "fork-event-handshake-done",
        "measured",
        "the new descriptor has its handshake behind it",
        |_| {
            let s = scene(FORK)?;
            let forker = forks(|| 0);
            let child = child_of(&s.uffd)?;
            forker.returns()?;
            child.api(0).0.fails(EINVAL)
        },
    )
    .features(FORK),
    case(
        "fork-event-inherits-nonblock",
        "measured",
        "the new descriptor is non-blocking and close-on-exec as the parent's was opened",
        |_| {
            let s = scene(FORK)?;
            let forker = forks(|| 0);
            let child = child_of(&s.uffd)?;
            forker.returns()?;
            ensure!(fcntl(child.fd, libc::F_GETFL, 0)? & libc::O_NONBLOCK != 0, "it is blocking");
            ensure!(fcntl(child.fd, libc::F_GETFD, 0)? == libc::FD_CLOEXEC, "it survives exec");
            Ok(())
        },
    )
    .features(FORK),
    case(
        "fork-event-waits",
        "userfaultfd(2), Usage",
        "fork(2) returns as soon as the event was read, not before",
        |_| {
            let s = scene(FORK)?;
            let forker = forks(|| 0);
            forker.still_waits()?;
            let _child = child_of(&s.uffd)?;
            forker.returns_value(0)
        },
    )
    .features(FORK),
    case(
        "fork-event-parent-goes-on",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EVENT_FORK",
        "the parent's own faults come through the old descriptor as before",
        |m| {
            let s = scene(FORK)?;
            let forker = forks(|| 0);
            let child = child_of(&s.uffd)?;
            forker.returns()?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            quiet(&child)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(FORK),
    case(
        "fork-event-grandchild",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EVENT_FORK",
        "a child of the child sends the event through the child's descriptor",
        |_| {
            let s = scene(FORK)?;
            let forker = forks(|| match Child::fork(|| 0).and_then(|mut child| child.succeeds()) {
                Ok(()) => 0,
                Err(_) => 1,
            });
            let child = child_of(&s.uffd)?;
            let _grandchild = child_of(&child)?;
            quiet(&s.uffd)?;
            forker.returns_value(0)
        },
    )
    .features(FORK),
    case(
        "fork-event-nothing-registered",
        "measured",
        "without registered memory fork(2) sends nothing and does not wait",
        |_| {
            let uffd = Uffd::open(FORK)?;
            let _region = Region::new(Memory::Anon, 1)?;
            Child::fork(|| 0)?.succeeds()?;
            quiet(&uffd)
        },
    )
    .features(FORK),
    case(
        "fork-event-not-for-threads",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_FORK",
        "a new thread, which is clone(2) with CLONE_VM, sends nothing",
        |_| {
            let s = scene(FORK)?;
            Thread::spawn("the new thread", || 5).returns_value(5)?;
            quiet(&s.uffd)
        },
    )
    .features(FORK),
    case(
        "fork-without-event",
        "measured",
        "without EVENT_FORK a child finds zeroes in missing pages, and nothing is sent",
        |_| {
            let s = scene(0)?;
            let addr = s.at(0);
            Child::fork(move || c_int::from(mapping::read(addr)))?.succeeds()?;
            quiet(&s.uffd)?;
            ensure!(!s.region.is_mapped(0)?, "the page was filled in the parent");
            Ok(())
        },
    ),
    case(
        "fork-without-event-parent",
        "measured",
        "without EVENT_FORK the parent's memory stays registered",
        |m| {
            let s = scene(0)?;
            Child::fork(|| 0)?.succeeds()?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "fork-during-fault",
        "measured",
        "a thread that waits for its fault waits on over a fork(2), and is resolved",
        |m| {
            let s = scene(0)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            Child::fork(|| 0)?.succeeds()?;
            reader.still_waits()?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    ),
    case(
        "fork-shared-descriptor",
        "userfaultfd(2), Usage",
        "a child that inherited the descriptor resolves faults of its parent: the memory is the parent's",
        |m| {
            let (s, source) = (scene(0)?, Region::source(1, 0x2b)?);
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let mut child = Child::fork(|| {
                s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page).is_err() as c_int
            })?;
            child.succeeds()?;
            reader.returns_value(0x2b)
        },
    ),
];
