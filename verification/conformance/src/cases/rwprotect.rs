//! UFFDIO_RWPROTECT: its argument, its errors, and whom it wakes.

use super::scene::*;
use crate::prelude::*;

const RWP: u64 = UFFDIO_RWPROTECT_MODE_RWP;
const DONTWAKE: u64 = UFFDIO_RWPROTECT_MODE_DONTWAKE;
const EINVAL_ENTRY: &str = "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL";
const ENOENT_ENTRY: &str = "UFFDIO_RWPROTECT(2const), ERRORS: ENOENT";
const REGISTER: &str = "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP";

fn scene() -> Result<Scene, Verdict> {
    Scene::new(Memory::Anon, 4, HAS_RWP, UFFDIO_REGISTER_MODE_RWP)
}

/// The call must fail so, and protect nothing of the four pages.
fn refused(s: &Scene, start: usize, len: usize, mode: u64, errno: i32) -> Outcome {
    s.uffd.rwprotect(start, len, mode).fails(errno)?;
    (0..4).try_for_each(|n| s.lets_read(n, FIRST + n as u8))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "rwprotect-traps-reads",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION: UFFDIO_RWPROTECT_MODE_RWP",
        "with MODE_RWP a read of a page that is there waits, and then sees the contents",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 4)?;
            (0..4).try_for_each(|n| s.traps_read(n, FIRST + n as u8))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-traps-writes",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION: UFFDIO_RWPROTECT_MODE_RWP",
        "with MODE_RWP a write to a page that is there waits, and then lands",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 4)?;
            let writer = Thread::writes(s.at(1), NEW);
            waits(
                &s.uffd,
                &writer,
                s.at(1),
                RWP_READ | UFFD_PAGEFAULT_FLAG_WRITE,
            )?;
            s.rwunprotect(1, 1)?;
            writer.returns()?;
            ensure!(s.region.read(1) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-message",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_PAGEFAULT_FLAG_RWP",
        "the message has the flag RWP, and the page's address",
        |_| {
            let s = scene()?;
            s.rwprotect(2, 1)?;
            let reader = Thread::reads(s.at(2) + 100);
            waits(&s.uffd, &reader, s.at(2), RWP_READ)?;
            s.rwunprotect(2, 1)?;
            reader.returns().map(|_| ())
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-unprotects",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION",
        "without MODE_RWP the protection of the range is lifted, and the rest keeps it",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 4)?;
            s.rwunprotect(1, 2)?;
            s.lets_read(1, FIRST + 1)?;
            s.lets_write(2)?;
            s.traps_read(0, FIRST)?;
            s.traps_read(3, FIRST + 3)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-sub-range",
        "userfaultfd.rst, Read-Write Protection",
        "any part of the registered range can be protected; its neighbours are left alone",
        |_| {
            let s = scene()?;
            s.rwprotect(1, 2)?;
            s.lets_read(0, FIRST)?;
            s.lets_write(3)?;
            s.traps_read(1, FIRST + 1)?;
            s.traps_read(2, FIRST + 2)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-twice",
        "userfaultfd.rst, Read-Write Protection",
        "a range can be protected, lifted and protected again, and each call repeated",
        |_| {
            let s = scene()?;
            s.rwunprotect(0, 4)?;
            s.rwprotect(0, 4)?;
            s.rwprotect(0, 4)?;
            s.traps_read(0, FIRST)?;
            s.rwunprotect(0, 4)?;
            s.lets_write(0)?;
            s.rwprotect(0, 4)?;
            s.traps_read(0, NEW)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-mode-dontwake",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION: UFFDIO_RWPROTECT_MODE_DONTWAKE",
        "with DONTWAKE the protection is lifted and the thread waits on until UFFDIO_WAKE",
        |m| {
            let s = scene()?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            s.uffd.rwprotect(s.at(0), m.page, DONTWAKE).ok()?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-wake-alone",
        "measured",
        "UFFDIO_WAKE without lifting the protection makes the thread fault again",
        |m| {
            let s = scene()?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.uffd.expect_fault(s.at(0), RWP_READ)?;
            s.rwunprotect(0, 1)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-many-waiters",
        "userfaultfd(2), Userfaultfd read-write-protect mode",
        "one call wakes all the threads that wait for the page",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 1)?;
            let readers: Vec<Thread> = (0..4).map(|_| Thread::reads(s.at(0))).collect();
            for _ in 0..4 {
                s.uffd.expect_fault(s.at(0), RWP_READ)?;
            }
            s.rwunprotect(0, 1)?;
            readers
                .iter()
                .try_for_each(|r| r.returns_value(i64::from(FIRST)))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-einval-rwp-with-dontwake",
        EINVAL_ENTRY,
        "DONTWAKE together with MODE_RWP is EINVAL",
        |m| {
            let s = scene()?;
            refused(&s, s.at(0), m.page, RWP | DONTWAKE, EINVAL)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-unknown-ioctl",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_RWP",
        "a kernel whose features lack RWP refuses the mode and the call with EINVAL",
        |m| {
            let region = Region::source(1, FIRST)?;
            let uffd = Uffd::open(0)?;
            let mode = UFFDIO_REGISTER_MODE_RWP;
            uffd.register(region.addr, m.page, mode).fails(EINVAL)?;
            uffd.register(region.addr, m.page, UFFDIO_REGISTER_MODE_MISSING)
                .ok()?;
            uffd.rwprotect(region.addr, m.page, RWP).fails(EINVAL)
        },
    )
    .lacking(HAS_RWP),
    case(
        "rwprotect-enoent-not-mapped",
        ENOENT_ENTRY,
        "an address at which nothing is mapped is ENOENT",
        |m| {
            let s = scene()?;
            s.region.munmap(0, 2)?;
            s.uffd.rwprotect(s.at(0), 2 * m.page, RWP).fails(ENOENT)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-enoent-not-registered",
        ENOENT_ENTRY,
        "memory that is not registered, or not with MODE_RWP, is ENOENT",
        |m| {
            let s = scene()?;
            let other = Region::source(1, FIRST)?;
            s.uffd.rwprotect(other.addr, m.page, RWP).fails(ENOENT)?;
            let mode = UFFDIO_REGISTER_MODE_MISSING;
            s.uffd.register(other.addr, m.page, mode).ok()?;
            s.uffd.rwprotect(other.addr, m.page, RWP).fails(ENOENT)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-enoent-partial",
        ENOENT_ENTRY,
        "a range of which a part is not registered is ENOENT",
        |m| {
            let s = scene()?;
            s.uffd.unregister(s.at(2), 2 * m.page).ok()?;
            s.uffd.rwprotect(s.at(0), 4 * m.page, RWP).fails(ENOENT)?;
            s.lets_read(3, FIRST + 3)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-enoent-nothing-done",
        "measured",
        "all mappings are checked first: after ENOENT no page is protected",
        |m| {
            let s = scene()?;
            s.uffd.unregister(s.at(3), m.page).ok()?;
            s.uffd.rwprotect(s.at(0), 4 * m.page, RWP).fails(ENOENT)?;
            (0..4).try_for_each(|n| s.lets_read(n, FIRST + n as u8))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-enoent-hole",
        ENOENT_ENTRY,
        "a range with a hole in it is ENOENT",
        |m| {
            let s = scene()?;
            s.region.munmap(1, 1)?;
            s.uffd.rwprotect(s.at(0), 4 * m.page, RWP).fails(ENOENT)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-efault",
        "UFFDIO_RWPROTECT(2const), ERRORS: EFAULT",
        "an argument that cannot be read is EFAULT",
        |_| {
            let s = scene()?;
            refuses_unreadable(&s.uffd, "UFFDIO_RWPROTECT", uffdio_rwprotect)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-register-without-feature",
        "userfaultfd(2), Userfaultfd read-write-protect mode",
        "registering with MODE_RWP is refused if RWP was not enabled: EINVAL",
        |m| {
            let region = Region::source(1, FIRST)?;
            let uffd = Uffd::open(0)?;
            uffd.register(region.addr, m.page, UFFDIO_REGISTER_MODE_RWP)
                .fails(EINVAL)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-register-with-wp",
        REGISTER,
        "MODE_RWP and MODE_WP on one range are EINVAL",
        |m| {
            let region = Region::source(1, FIRST)?;
            let uffd = Uffd::open(HAS_RWP)?;
            let mode = UFFDIO_REGISTER_MODE_RWP | UFFDIO_REGISTER_MODE_WP;
            uffd.register(region.addr, m.page, mode).fails(EINVAL)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-register-ioctls",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_RWPROTECT",
        "UFFDIO_REGISTER offers RWPROTECT if the mode has RWP",
        |_| {
            let bit = 1 << _UFFDIO_RWPROTECT;
            let missing = UFFDIO_REGISTER_MODE_MISSING;
            for (mode, offered) in [(UFFDIO_REGISTER_MODE_RWP, bit), (missing, 0)] {
                let region = Region::new(Memory::Anon, 1)?;
                let answer = Uffd::open(HAS_RWP)?.register(region.addr, region.len, mode);
                answer.ok()?;
                ensure!(
                    answer.out as u64 & bit == offered,
                    "RWPROTECT is offered wrongly"
                );
            }
            Ok(())
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-reregister-drops-rwp",
        "userfaultfd.rst, Initializing a userfaultfd",
        "registering a range again without RWP is EBUSY",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 1)?;
            let mode = UFFDIO_REGISTER_MODE_MISSING;
            s.uffd.register(s.at(0), s.region.len, mode).fails(EBUSY)?;
            let mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_RWP;
            s.uffd.register(s.at(0), s.region.len, mode).ok()?;
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-unregister",
        "userfaultfd.rst, Read-Write Protection",
        "unregistering restores access to all pages",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 4)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            (0..4).try_for_each(|n| s.lets_read(n, FIRST + n as u8))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-unregister-needs-wake",
        "measured",
        "unregistering a range registered for RWP alone leaves its waiting threads to UFFDIO_WAKE",
        |m| {
            let s = scene()?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-close",
        "userfaultfd.rst, Read-Write Protection",
        "closing the userfaultfd restores access, and lets a thread that waits go on",
        |_| {
            let s = scene()?;
            s.rwprotect(0, 4)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            let addr = s.at(1);
            drop(s.uffd);
            reader.returns_value(i64::from(FIRST))?;
            Thread::reads(addr).returns_value(i64::from(FIRST + 1))
        },
    )
    .features(HAS_RWP),
];
