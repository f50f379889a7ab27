//! UFFDIO_SET_MODE, and read-write-protection that the kernel lifts by itself.

use super::scene::*;
use crate::prelude::*;

const ASYNC: u64 = UFFD_FEATURE_RWP_ASYNC;
const BOTH: u64 = HAS_RWP | ASYNC;
const REGISTER_RWP: u64 = UFFDIO_REGISTER_MODE_RWP;
const DESCRIPTION: &str = "UFFDIO_SET_MODE(2const), DESCRIPTION: UFFD_FEATURE_RWP_ASYNC";
const PLACE: &str = "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_RWP_ASYNC";
/// Bit 57 of a pagemap entry: userfaultfd tracks the page.
const TRACKED: u64 = PAGEMAP_UFFD_WP;

/// Three protected pages.
fn scene(memory: Memory, features: u64) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 3, features, REGISTER_RWP)?;
    s.rwprotect(0, 3)?;
    Ok(s)
}

/// Accesses pass without a message and leave their mark.
fn tracks(memory: Memory) -> Outcome {
    let s = scene(memory, BOTH)?;
    let protected = |s: &Scene, n: usize| s.region.pagemap(n).map(|e| e & TRACKED != 0);
    ensure!(
        protected(&s, 0)? && protected(&s, 1)?,
        "a page is not protected"
    );
    s.lets_read(0, FIRST)?;
    s.lets_write(1)?;
    ensure!(
        !protected(&s, 0)?,
        "a page that was read is still protected"
    );
    ensure!(
        !protected(&s, 1)?,
        "a page that was written is still protected"
    );
    ensure!(
        protected(&s, 2)?,
        "a page that was not touched is not protected"
    );
    Ok(())
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[kinds! {
    tracks, PLACE;
    "set-mode-async-anon", Anon, BOTH => "with RWP_ASYNC, access to anonymous memory passes";
    "set-mode-async-shmem", Shmem, BOTH => "with RWP_ASYNC, access to shared memory passes";
    "set-mode-async-hugetlb", Hugetlb, BOTH => "with RWP_ASYNC, access to huge pages passes";
    "set-mode-async-shared-hugetlb", SharedHugetlb, BOTH => "with RWP_ASYNC, access to shared huge pages passes";
    "set-mode-async-private-shmem", PrivateShmem, BOTH => "with RWP_ASYNC, access to a private memfd passes";
    "set-mode-async-shared-anon", SharedAnon, BOTH => "with RWP_ASYNC, access to shared anonymous memory passes";
}];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "set-mode-async-kernel-access",
        "measured",
        "with RWP_ASYNC, the kernel's own access passes and leaves its mark",
        |_| {
            let s = scene(Memory::Anon, BOTH)?;
            let (_, pipe) = pipe_with(&[])?;
            ensure!(
                passes(&s.uffd, &writes_pipe_from(pipe, s.at(0)))? == 0,
                "write(2) failed"
            );
            ensure!(
                s.region.pagemap(0)? & TRACKED == 0,
                "the page is still protected"
            );
            Ok(())
        },
    )
    .features(BOTH),
    case(
        "set-mode-async-without-rwp",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_RWP_ASYNC",
        "UFFDIO_API with RWP_ASYNC but without RWP is refused: EINVAL",
        |_| {
            let uffd = match Uffd::bare(libc::O_CLOEXEC) {
                Ok(uffd) => uffd,
                Err(errno) => fail!("userfaultfd(2) answered {}", errno_name(errno)),
            };
            uffd.api(ASYNC).0.fails(EINVAL)
        },
    )
    .features(BOTH),
    case(
        "set-mode-enable",
        DESCRIPTION,
        "enabling RWP_ASYNC makes accesses pass, without registering again",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            s.traps_read(0, FIRST)?;
            s.uffd.set_mode(ASYNC, 0).ok()?;
            s.lets_read(1, FIRST + 1)?;
            s.lets_write(2)
        },
    )
    .features(BOTH),
    case(
        "set-mode-disable",
        DESCRIPTION,
        "disabling RWP_ASYNC makes accesses wait, without registering again",
        |_| {
            let s = scene(Memory::Anon, BOTH)?;
            s.lets_read(0, FIRST)?;
            s.uffd.set_mode(0, ASYNC).ok()?;
            s.traps_read(1, FIRST + 1)?;
            // The marks of the time before are still there.
            ensure!(
                s.region.pagemap(0)? & TRACKED == 0,
                "the mark of page 0 was lost"
            );
            ensure!(
                s.region.pagemap(2)? & TRACKED != 0,
                "the protection of page 2 was lost"
            );
            Ok(())
        },
    )
    .features(BOTH),
    case(
        "set-mode-toggle",
        DESCRIPTION,
        "the mode can be switched there and back, and set to what it is",
        |_| {
            let s = scene(Memory::Anon, BOTH)?;
            for _ in 0..3 {
                s.uffd.set_mode(0, ASYNC).ok()?;
                s.uffd.set_mode(0, ASYNC).ok()?;
                s.rwprotect(0, 1)?;
                s.traps_read(0, FIRST)?;
                s.uffd.set_mode(ASYNC, 0).ok()?;
                s.uffd.set_mode(ASYNC, 0).ok()?;
                s.rwprotect(0, 1)?;
                s.lets_read(0, FIRST)?;
            }
            Ok(())
        },
    )
    .features(BOTH),
    case(
        "set-mode-nothing",
        DESCRIPTION,
        "no bits at all are a success that changes nothing",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            s.uffd.set_mode(0, 0).ok()?;
            s.traps_read(0, FIRST)
        },
    )
    .features(BOTH),
    case(
        "set-mode-waiting-thread",
        "measured",
        "enabling RWP_ASYNC lets a thread go on that waits already",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            s.uffd.set_mode(ASYNC, 0).ok()?;
            reader.returns_value(i64::from(FIRST))?;
            quiet(&s.uffd)
        },
    )
    .features(BOTH),
    case(
        "set-mode-wakes-all",
        "measured",
        "enabling RWP_ASYNC wakes all threads that wait: one of a missing page faults again, with a new message",
        |_| {
            let mode = REGISTER_RWP | UFFDIO_REGISTER_MODE_MISSING;
            let s = Scene::empty(Memory::Anon, 2, HAS_RWP, mode)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.set_mode(ASYNC, 0).ok()?;
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), s.page(), 0).gives(s.page())?;
            reader.returns_value(0)
        },
    )
    .features(BOTH),
    case(
        "set-mode-einval-other-bit",
        "UFFDIO_SET_MODE(2const), ERRORS: EINVAL",
        "any other bit in either field is EINVAL",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            for bit in (0..64).map(|n| 1u64 << n).filter(|bit| *bit != ASYNC) {
                s.uffd.set_mode(bit, 0).fails(EINVAL)?;
                s.uffd.set_mode(0, bit).fails(EINVAL)?;
                s.uffd.set_mode(ASYNC | bit, 0).fails(EINVAL)?;
            }
            s.traps_read(0, FIRST)
        },
    )
    .features(BOTH),
    case(
        "set-mode-einval-overlap",
        "UFFDIO_SET_MODE(2const), ERRORS: EINVAL.2",
        "one bit in both fields is EINVAL",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            s.uffd.set_mode(ASYNC, ASYNC).fails(EINVAL)?;
            s.traps_read(0, FIRST)
        },
    )
    .features(BOTH),
    case(
        "set-mode-einval-without-rwp",
        "UFFDIO_SET_MODE(2const), ERRORS: EINVAL.3",
        "enabling RWP_ASYNC where RWP was not enabled is EINVAL",
        |_| Uffd::open(0)?.set_mode(ASYNC, 0).fails(EINVAL),
    )
    .features(BOTH),
    case(
        "set-mode-disable-without-rwp",
        "UFFDIO_SET_MODE(2const), ERRORS: EINVAL.3",
        "disabling RWP_ASYNC where RWP was not enabled is no request for it, and succeeds",
        |_| Uffd::open(0)?.set_mode(0, ASYNC).ok(),
    )
    .features(BOTH),
    case(
        "set-mode-einval-before-api",
        "userfaultfd(2), Userfaultfd operation",
        "before UFFDIO_API the call is EINVAL",
        |_| match Uffd::bare(libc::O_CLOEXEC) {
            Ok(uffd) => uffd.set_mode(0, 0).fails(EINVAL),
            Err(errno) => fail!("userfaultfd(2) answered {}", errno_name(errno)),
        },
    ),
    case(
        "set-mode-efault",
        "UFFDIO_SET_MODE(2const), ERRORS: EFAULT",
        "an argument that cannot be read is EFAULT",
        |_| {
            let s = scene(Memory::Anon, HAS_RWP)?;
            let nowhere = s.at(3) as *mut uffdio_set_mode;
            // SAFETY: the kernel checks the address, which is the point.
            let make = || unsafe { uffdio_set_mode(s.uffd.fd, nowhere) };
            Answer::of("UFFDIO_SET_MODE", make).fails(EFAULT)
        },
    )
    .features(BOTH),
    case(
        "set-mode-offered",
        "UFFDIO_API(2const), DESCRIPTION: _UFFDIO_SET_MODE",
        "UFFDIO_API offers SET_MODE where there is RWP_ASYNC, and elsewhere the call is EINVAL",
        |m| {
            let offered = m.ioctls & (1 << _UFFDIO_SET_MODE) != 0;
            ensure!(offered == m.has(ASYNC), "SET_MODE is offered wrongly");
            if !offered {
                Uffd::open(0)?.set_mode(0, 0).fails(EINVAL)?;
            }
            Ok(())
        },
    ),
];
