//! UFFDIO_WRITEPROTECT: what it does, whom it wakes, and how it ends.

use super::scene::*;
use crate::prelude::*;

const WP: u64 = UFFDIO_WRITEPROTECT_MODE_WP;
const DONTWAKE: u64 = UFFDIO_WRITEPROTECT_MODE_DONTWAKE;

fn scene() -> Result<Scene, Verdict> {
    Scene::new(Memory::Anon, 4, 0, UFFDIO_REGISTER_MODE_WP)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "writeprotect-protects",
        "UFFDIO_WRITEPROTECT(2const), DESCRIPTION: UFFDIO_WRITEPROTECT_MODE_WP",
        "with MODE_WP the range is write-protected: a write to it waits and sends a message",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            (0..4).try_for_each(|n| s.traps_write(n))
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-unprotects",
        "UFFDIO_WRITEPROTECT(2const), DESCRIPTION",
        "without MODE_WP the protection of the range is lifted, and the rest keeps it",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            s.unprotect(1, 2)?;
            s.lets_write(1)?;
            s.lets_write(2)?;
            s.traps_write(0)?;
            s.traps_write(3)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-sub-range",
        "userfaultfd.rst, Write Protect Notifications",
        "any part of the registered range can be protected; its neighbours are left alone",
        |_| {
            let s = scene()?;
            s.protect(1, 2)?;
            s.lets_write(0)?;
            s.lets_write(3)?;
            s.traps_write(1)?;
            s.traps_write(2)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-twice",
        "userfaultfd.rst, Write Protect Notifications",
        "a range can be protected, lifted and protected again, and each call repeated",
        |_| {
            let s = scene()?;
            s.unprotect(0, 4)?;
            s.protect(0, 4)?;
            s.protect(0, 4)?;
            s.traps_write(0)?;
            s.unprotect(0, 4)?;
            s.unprotect(0, 4)?;
            s.lets_write(0)?;
            s.protect(0, 4)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-keeps-contents",
        "userfaultfd(2), Userfaultfd write-protect mode",
        "protecting and lifting change nothing of what the memory holds",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            (0..4).try_for_each(|n| s.region.holds(n, FIRST + n as u8))?;
            s.unprotect(0, 4)?;
            (0..4).try_for_each(|n| s.region.holds(n, FIRST + n as u8))
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-two-registrations",
        "measured",
        "one call can span ranges that were registered one by one",
        |m| {
            let region = Region::new(Memory::Anon, 4)?;
            region.fill(FIRST);
            let uffd = Uffd::open(0)?;
            let half = 2 * m.page;
            uffd.register(region.at(0), half, UFFDIO_REGISTER_MODE_WP)
                .ok()?;
            uffd.register(region.at(2), half, MISSING_WP).ok()?;
            let s = Scene { uffd, region };
            s.protect(1, 2)?;
            s.lets_write(0)?;
            s.traps_write(1)?;
            s.traps_write(2)?;
            s.lets_write(3)
        },
    )
    .features(HAS_WP)
    .since(6, 4),
    case(
        "writeprotect-message",
        "userfaultfd(2), Userfaultfd write-protect mode: UFFD_PAGEFAULT_FLAG_WP",
        "the message of a write-protect fault has the flags WP and WRITE and the page's address",
        |_| {
            let s = scene()?;
            s.protect(2, 1)?;
            let writer = Thread::writes(s.at(2) + 100, NEW);
            s.uffd.expect_fault(s.at(2), WP_WRITE)?;
            s.unprotect(2, 1)?;
            writer.returns().map(|_| ())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-atomic-instruction",
        "userfaultfd(2), Userfaultfd write-protect mode",
        "an atomic read-modify-write is a write: it waits, and then happens once",
        |_| {
            let s = scene()?;
            s.protect(0, 1)?;
            let addr = s.at(0);
            let adder = Thread::spawn("the adding thread", move || {
                use std::sync::atomic::{AtomicU8, Ordering};
                // SAFETY: the byte is part of the scene's mapping, aligned, and
                // touched through raw addresses alone.
                let byte = unsafe { &*(addr as *const AtomicU8) };
                i64::from(byte.fetch_add(1, Ordering::SeqCst))
            });
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.unprotect(0, 1)?;
            adder.returns_value(i64::from(FIRST))?;
            ensure!(s.region.read(0) == FIRST + 1, "the sum is wrong");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-other-userfaultfd",
        "measured",
        "any userfaultfd of the process can protect and lift; the fault goes to the one registered",
        |m| {
            let s = scene()?;
            let other = Uffd::open(0)?;
            other.writeprotect(s.at(0), m.page, WP).ok()?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            quiet(&other)?;
            other.writeprotect(s.at(0), m.page, 0).ok()?;
            // Only the descriptor that the thread waits on can wake it.
            writer.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            writer.returns().map(|_| ())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-lift-wakes",
        "UFFDIO_WRITEPROTECT(2const), DESCRIPTION",
        "lifting the protection resolves the fault: the thread goes on and its write lands",
        |_| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            writer.still_waits()?;
            ensure!(
                s.region.read(0) == FIRST,
                "the write came before the protection was lifted"
            );
            s.unprotect(0, 1)?;
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            s.uffd.expect_silence()
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-lift-range-wakes",
        "userfaultfd(2), Userfaultfd write-protect mode",
        "lifting the protection of a whole range wakes the threads of all its pages",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            let writers: Vec<Thread> = (0..4).map(|n| Thread::writes(s.at(n), NEW)).collect();
            for _ in 0..4 {
                fault_in(&s.uffd, s.at(0), s.region.len, WP_WRITE)?;
            }
            s.unprotect(0, 4)?;
            writers.iter().try_for_each(|w| w.returns().map(|_| ()))
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-mode-dontwake",
        "UFFDIO_WRITEPROTECT(2const), DESCRIPTION: UFFDIO_WRITEPROTECT_MODE_DONTWAKE",
        "with DONTWAKE the protection is lifted and the thread waits on until UFFDIO_WAKE",
        |m| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.uffd.writeprotect(s.at(0), m.page, DONTWAKE).ok()?;
            writer.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            quiet(&s.uffd)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-wake-alone",
        "measured",
        "UFFDIO_WAKE without lifting the protection makes the thread fault again",
        |m| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.unprotect(0, 1)?;
            writer.returns().map(|_| ())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-many-waiters",
        "measured",
        "of several threads that wait for one page each sends a message; one call wakes them all",
        |_| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writers: Vec<Thread> = (0..4)
                .map(|n| Thread::writes(s.at(0) + n, 0xa0 + n as u8))
                .collect();
            for _ in 0..4 {
                s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            }
            s.unprotect(0, 1)?;
            for (n, writer) in writers.iter().enumerate() {
                writer.returns()?;
                ensure!(
                    mapping::read(s.at(0) + n) == 0xa0 + n as u8,
                    "a write was lost"
                );
            }
            quiet(&s.uffd)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-protect-does-not-wake",
        "measured",
        "protecting a page wakes nobody who waits for another kind of fault in it",
        |m| {
            let s = Scene::empty(Memory::Anon, 4, 0, MISSING_WP)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.protect(0, 4)?;
            reader.still_waits()?;
            quiet(&s.uffd)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-close-during-fault",
        "measured",
        "closing the userfaultfd during a fault lets the thread go on, and its write lands",
        |_| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            drop(s.uffd);
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-unregister-lifts",
        "measured",
        "unregistering lifts the protection of all its pages",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            (0..4).try_for_each(|n| s.lets_write(n))
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-unregister-wakes",
        "measured",
        "unregistering a range wakes the threads that wait in it, if it is registered for MISSING",
        |_| {
            let s = Scene::new(Memory::Anon, 4, 0, MISSING_WP)?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-unregister-needs-wake",
        "measured",
        "unregistering a range registered for WP alone leaves its waiting threads to UFFDIO_WAKE",
        |m| {
            let s = scene()?;
            s.protect(0, 1)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            writer.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-close-lifts",
        "userfaultfd(2), DESCRIPTION",
        "closing the last descriptor unregisters: protected pages can be written again",
        |_| {
            let s = scene()?;
            s.protect(0, 4)?;
            let addr = s.at(0);
            drop(s.uffd);
            Thread::writes(addr, NEW).returns()?;
            let second = Uffd::open(0)?;
            second
                .register(addr, s.region.len, UFFDIO_REGISTER_MODE_WP)
                .ok()
        },
    )
    .features(HAS_WP),
];
