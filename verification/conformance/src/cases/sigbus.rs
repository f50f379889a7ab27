//! Cases: UFFD_FEATURE_SIGBUS.

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const SIGBUS_FEATURE: u64 = UFFD_FEATURE_SIGBUS;

fn scene(memory: Memory) -> Result<Scene, Verdict> {
    Scene::empty(memory, 2, SIGBUS_FEATURE, MISSING)
}

/// Accesses to a missing page must raise SIGBUS, without a message.
fn raises(memory: Memory) -> Outcome {
    let s = scene(memory)?;
    for thread in [Thread::reads(s.at(0) + 9), Thread::writes(s.at(1) + 9, 1)] {
        thread.gets_signal(SIGBUS)?;
    }
    quiet(&s.uffd)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        raises, "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_SIGBUS";
        "sigbus-anon", Anon, SIGBUS_FEATURE => "accesses to a missing page raise SIGBUS, and there is no message";
    },
    kinds! {
        raises, "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS";
        "sigbus-shmem", Shmem, SIGBUS_FEATURE | UFFD_FEATURE_MISSING_SHMEM => "accesses to holes of shared memory raise SIGBUS, and there is no message";
        "sigbus-hugetlb", Hugetlb, SIGBUS_FEATURE | UFFD_FEATURE_MISSING_HUGETLBFS => "accesses to missing huge pages raise SIGBUS, and there is no message";
        "sigbus-shared-anon", SharedAnon, SIGBUS_FEATURE | UFFD_FEATURE_MISSING_SHMEM => "accesses to missing pages of shared anonymous memory raise SIGBUS, and there is no message";
        "sigbus-private-shmem", PrivateShmem, SIGBUS_FEATURE | UFFD_FEATURE_MISSING_SHMEM => "accesses to holes of a private memfd raise SIGBUS, and there is no message";
        "sigbus-shared-hugetlb", SharedHugetlb, SIGBUS_FEATURE | UFFD_FEATURE_MISSING_HUGETLBFS => "accesses to missing shared huge pages raise SIGBUS, and there is no message";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "sigbus-signal-details",
        "measured",
        "the signal has the code BUS_ADRERR and the address of the access",
        |_| {
            let s = scene(Memory::Anon)?;
            let at = s.at(1) + 0x40;
            let (code, address) = Thread::writes(at, 1).gets_signal(SIGBUS)?;
            ensure!(code == libc::BUS_ADRERR, "si_code is {}", code);
            // Some processors tell the page alone.
            ensure!(
                address == at || address == s.at(1),
                "si_addr is another page"
            );
            Ok(())
        },
    )
    .features(SIGBUS_FEATURE),
    case(
        "sigbus-present-page",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "pages that were filled beforehand are accessed as ever",
        |m| {
            let (s, source) = (scene(Memory::Anon)?, Region::source(1, 6)?);
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.uffd.zeropage(s.at(1), m.page, 0).gives(m.page)?;
            Thread::reads(s.at(0)).returns_value(6)?;
            Thread::reads(s.at(1)).returns_value(0)
        },
    )
    .features(SIGBUS_FEATURE),
    case(
        "sigbus-unregistered",
        "measured",
        "after unregistering, accesses find zeroes again",
        |m| {
            let s = scene(Memory::Anon)?;
            s.uffd.unregister(s.at(0), m.page).ok()?;
            Thread::reads(s.at(0)).returns_value(0)?;
            Thread::reads(s.at(1)).gets_signal(SIGBUS).map(|_| ())
        },
    )
    .features(SIGBUS_FEATURE),
    case(
        "sigbus-system-call",
        "measured",
        "a system call that touches a missing page answers EFAULT, without a signal",
        |_| {
            let s = scene(Memory::Anon)?;
            let (pipe, _) = pipe_with(b"x")?;
            reads_pipe_into(pipe, s.at(0)).returns_value(i64::from(EFAULT))?;
            quiet(&s.uffd)
        },
    )
    .features(SIGBUS_FEATURE),
    case(
        "sigbus-kills",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_SIGBUS",
        "a process without a handler for it dies of the signal",
        |_| {
            let mut child = Child::fork(move || match scene(Memory::Anon) {
                Ok(s) => i32::from(s.region.read(0)),
                Err(_) => 9,
            })?;
            let end = child.ends()?;
            ensure!(
                end == Exit::Signal(SIGBUS),
                "the child ended otherwise: {:?}",
                end
            );
            Ok(())
        },
    )
    .features(SIGBUS_FEATURE),
    case(
        "sigbus-write-protected",
        "measured",
        "a write to a write-protected page raises SIGBUS, too",
        |_| {
            let s = Scene::new(Memory::Anon, 1, SIGBUS_FEATURE, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            Thread::writes(s.at(0), 1).gets_signal(SIGBUS)?;
            quiet(&s.uffd)?;
            s.unprotect(0, 1)?;
            Thread::writes(s.at(0), 1).returns().map(|_| ())
        },
    )
    .features(SIGBUS_FEATURE | UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "sigbus-inherited-with-event-fork",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "together with EVENT_FORK, a child inherits it",
        |_| {
            let features = SIGBUS_FEATURE | UFFD_FEATURE_EVENT_FORK;
            let s = Scene::empty(Memory::Anon, 1, features, MISSING)?;
            let addr = s.at(0);
            let forker = Thread::spawn("the forking thread", move || {
                let forked = Child::fork(|| i32::from(mapping::read(addr)));
                match forked.and_then(|mut child| child.ends()) {
                    Ok(Exit::Signal(signal)) => i64::from(signal),
                    _ => 0,
                }
            });
            let _child = match s.uffd.next()? {
                Event::Fork { fd } => Uffd { fd },
                other => fail!("{} came, not a fork event", other.name()),
            };
            forker.returns_value(i64::from(SIGBUS))
        },
    )
    .features(SIGBUS_FEATURE | UFFD_FEATURE_EVENT_FORK),
    case(
        "sigbus-not-inherited",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "without EVENT_FORK, a child finds zeroes in missing pages",
        |_| {
            let s = scene(Memory::Anon)?;
            let addr = s.at(0);
            Child::fork(move || i32::from(mapping::read(addr)))?.succeeds()
        },
    )
    .features(SIGBUS_FEATURE),
];
