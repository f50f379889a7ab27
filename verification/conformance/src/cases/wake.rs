//! Cases: UFFDIO_WAKE.

use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

/// A userfaultfd, four pages registered with it for missing pages, and data.
fn scene() -> Result<(Uffd, Region, Region), Verdict> {
    let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    Ok((uffd, region, Region::source(4, 0x41)?))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "wake-after-copy",
        "UFFDIO_WAKE(2const), DESCRIPTION: UFFDIO_COPY_MODE_DONTWAKE",
        "wakes the thread whose page was copied with DONTWAKE",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(2));
            uffd.expect_fault(region.at(2), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            let dontwake = UFFDIO_COPY_MODE_DONTWAKE;
            uffd.copy(region.at(2), source.addr, m.page, dontwake)
                .gives(m.page)?;
            reader.still_waits()?;
            uffd.wake(region.at(2), m.page).ok()?;
            reader.returns_value(0x41)?;
            uffd.expect_silence()
        },
    ),
    case(
        "wake-after-zeropage",
        "UFFDIO_WAKE(2const), DESCRIPTION: UFFDIO_ZEROPAGE_MODE_DONTWAKE",
        "wakes the thread whose page was zeroed with DONTWAKE",
        |m| {
            let (uffd, region, _source) = scene()?;
            let reader = Thread::reads(region.at(2));
            uffd.expect_fault(region.at(2), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            uffd.zeropage(region.at(2), m.page, UFFDIO_ZEROPAGE_MODE_DONTWAKE)
                .gives(m.page)?;
            reader.still_waits()?;
            uffd.wake(region.at(2), m.page).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "wake-batch",
        "UFFDIO_WAKE(2const), DESCRIPTION",
        "several COPY and ZEROPAGE without waking, then one WAKE for all",
        |m| {
            let (uffd, region, source) = scene()?;
            let readers: Vec<Thread> = (0..4).map(|n| Thread::reads(region.at(n))).collect();
            for _ in 0..4 {
                uffd.next()?;
            }
            for n in 0..3 {
                let mode = UFFDIO_COPY_MODE_DONTWAKE;
                uffd.copy(region.at(n), source.at(n), m.page, mode)
                    .gives(m.page)?;
            }
            uffd.zeropage(region.at(3), m.page, UFFDIO_ZEROPAGE_MODE_DONTWAKE)
                .gives(m.page)?;
            for reader in &readers {
                reader.still_waits()?;
            }
            uffd.wake(region.addr, region.len).ok()?;
            for (reader, value) in readers.iter().zip([0x41, 0x42, 0x43, 0]) {
                reader.returns_value(value)?;
            }
            Ok(())
        },
    ),
    case(
        "wake-all-waiters-of-a-page",
        "measured",
        "several threads that wait for one page send a message each, and are all woken",
        |m| {
            let (uffd, region, source) = scene()?;
            let readers: Vec<Thread> = (0..3).map(|_| Thread::reads(region.at(0))).collect();
            for _ in 0..3 {
                uffd.expect_fault(region.at(0), 0)?;
            }
            let dontwake = UFFDIO_COPY_MODE_DONTWAKE;
            uffd.copy(region.at(0), source.addr, m.page, dontwake)
                .gives(m.page)?;
            uffd.wake(region.at(0), m.page).ok()?;
            for reader in readers {
                reader.returns_value(0x41)?;
            }
            Ok(())
        },
    ),
    case(
        "wake-range-alone",
        "UFFDIO_WAKE(2const), DESCRIPTION",
        "wakes in the range alone",
        |m| {
            let (uffd, region, source) = scene()?;
            let (one, two) = (Thread::reads(region.at(0)), Thread::reads(region.at(1)));
            uffd.next()?;
            uffd.next()?;
            let dontwake = UFFDIO_COPY_MODE_DONTWAKE;
            uffd.copy(region.addr, source.addr, 2 * m.page, dontwake)
                .gives(2 * m.page)?;
            uffd.wake(region.at(1), 3 * m.page).ok()?;
            two.returns_value(0x42)?;
            one.still_waits()?;
            uffd.wake(region.at(0), m.page).ok()?;
            one.returns_value(0x41)
        },
    ),
    case(
        "wake-unresolved",
        "measured",
        "a thread that is woken while its page is still missing faults anew, with a new message",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            for _ in 0..2 {
                uffd.wake(region.at(0), m.page).ok()?;
                uffd.expect_fault(region.at(0), 0)?;
            }
            uffd.copy(region.at(0), source.addr, m.page, 0)
                .gives(m.page)?;
            reader.returns_value(0x41)
        },
    ),
    case(
        "wake-nobody",
        "measured",
        "a range in which nobody waits, nothing is registered or nothing is mapped is no error",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.wake(region.addr, region.len).ok()?;
            uffd.wake(source.addr, source.len).ok()?;
            region.munmap(1, 1)?;
            uffd.wake(region.at(1), m.page).ok()
        },
    ),
    case(
        "wake-argument-only-read",
        "UFFDIO_WAKE(2const), SYNOPSIS",
        "the argument is only read: it may be in read-only memory",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            let dontwake = UFFDIO_COPY_MODE_DONTWAKE;
            uffd.copy(region.at(0), source.at(0), m.page, dontwake)
                .gives(m.page)?;
            let range = uffdio_range {
                start: region.addr as u64,
                len: m.page as u64,
            };
            let arg = source.at(1) as *mut uffdio_range;
            // SAFETY: the page is large enough, and aligned.
            unsafe { arg.write_volatile(range) };
            source.mprotect(1, 1, libc::PROT_READ)?;
            // SAFETY: the page may be read.
            Answer::of("UFFDIO_WAKE", || unsafe { uffdio_wake(uffd.fd, arg) }).ok()?;
            reader.returns_value(0x41)
        },
    ),
];
