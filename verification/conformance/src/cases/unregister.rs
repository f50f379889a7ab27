//! Cases: UFFDIO_UNREGISTER.

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

/// A userfaultfd, and four pages registered with it for missing pages.
fn scene() -> Result<(Uffd, Region), Verdict> {
    let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    Ok((uffd, region))
}

/// A page that was write-protected when it was unregistered.
fn protected_once() -> Result<(Uffd, Region), Verdict> {
    let (uffd, region) = (Uffd::open(0)?, Region::source(1, 1)?);
    uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_WP)
        .ok()?;
    uffd.writeprotect(region.addr, region.len, UFFDIO_WRITEPROTECT_MODE_WP)
        .ok()?;
    uffd.unregister(region.addr, region.len).ok()?;
    Ok((uffd, region))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "unregister-ends-faults",
        "UFFDIO_UNREGISTER(2const), DESCRIPTION",
        "afterwards missing pages are filled with zeroes, without a message",
        |_| {
            let (uffd, region) = scene()?;
            uffd.unregister(region.addr, region.len).ok()?;
            let value = passes(&uffd, &Thread::reads(region.at(0)))?;
            ensure!(value == 0, "read {:#x}", value);
            passes(&uffd, &Thread::writes(region.at(1), 1)).map(|_| ())
        },
    ),
    case(
        "unregister-part",
        "UFFDIO_UNREGISTER(2const), DESCRIPTION",
        "a part of a registered range can be unregistered, and the rest stays registered",
        |m| {
            let (uffd, region) = scene()?;
            uffd.unregister(region.at(1), m.page).ok()?;
            passes(&uffd, &Thread::reads(region.at(1)))?;
            for n in [0, 2] {
                let reader = Thread::reads(region.at(n));
                uffd.expect_fault(region.at(n), 0)?;
                uffd.zeropage(region.at(n), m.page, 0).ok()?;
                reader.returns_value(0)?;
            }
            Ok(())
        },
    ),
    case(
        "unregister-during-fault",
        "measured",
        "threads that wait in the range are woken, and find zeroes",
        |_| {
            let (uffd, region) = scene()?;
            let readers: Vec<Thread> = (0..3).map(|n| Thread::reads(region.at(n))).collect();
            for _ in 0..3 {
                uffd.next()?;
            }
            uffd.unregister(region.addr, region.len).ok()?;
            for reader in readers {
                reader.returns_value(0)?;
            }
            Ok(())
        },
    ),
    case(
        "unregister-during-fault-elsewhere",
        "measured",
        "threads that wait outside of the unregistered part wait on",
        |m| {
            let (uffd, region) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            uffd.unregister(region.at(1), m.page).ok()?;
            reader.still_waits()?;
            uffd.zeropage(region.at(0), m.page, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "unregister-lifts-write-protection",
        "measured",
        "write-protection in the range is lifted",
        |_| {
            let (uffd, region) = protected_once()?;
            passes(&uffd, &Thread::writes(region.addr, 2))?;
            ensure!(region.read(0) == 2, "the write was lost");
            Ok(())
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "unregister-forgets-write-protection",
        "measured",
        "write-protection is forgotten: registering again does not bring it back",
        |_| {
            let (uffd, region) = protected_once()?;
            uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_WP)
                .ok()?;
            passes(&uffd, &Thread::writes(region.addr, 2))?;
            ensure!(region.read(0) == 2, "the write was lost");
            Ok(())
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "unregister-resolving-calls-end",
        "measured",
        "afterwards COPY and ZEROPAGE answer ENOENT",
        |m| {
            let (uffd, region) = scene()?;
            let source = Region::source(1, 1)?;
            uffd.unregister(region.addr, region.len).ok()?;
            uffd.copy(region.addr, source.addr, m.page, 0)
                .fails_in_out(ENOENT)?;
            uffd.zeropage(region.addr, m.page, 0).fails_in_out(ENOENT)
        },
    ),
    case(
        "unregister-again",
        "measured",
        "the range can be registered again afterwards",
        |m| {
            let (uffd, region) = scene()?;
            uffd.unregister(region.addr, region.len).ok()?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let reader = Thread::reads(region.at(2));
            uffd.expect_fault(region.at(2), 0)?;
            uffd.zeropage(region.at(2), m.page, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "unregister-never-registered",
        "measured",
        "memory that could be registered but is not is no error",
        |_| {
            let (uffd, _region) = scene()?;
            let other = Region::new(Memory::Anon, 1)?;
            uffd.unregister(other.addr, other.len).ok()
        },
    ),
    case(
        "unregister-other-userfaultfd",
        "measured",
        "a userfaultfd cannot unregister what another one has: EINVAL",
        |m| {
            let ((one, region), two) = (scene()?, Uffd::open(0)?);
            two.unregister(region.addr, region.len).fails(EINVAL)?;
            let reader = Thread::reads(region.addr);
            one.expect_fault(region.addr, 0)?;
            one.zeropage(region.addr, m.page, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "unregister-argument-only-read",
        "UFFDIO_UNREGISTER(2const), SYNOPSIS",
        "the argument is only read: it may be in read-only memory",
        |_| {
            let ((uffd, region), page) = (scene()?, Region::source(1, 0)?);
            let range = uffdio_range {
                start: region.addr as u64,
                len: region.len as u64,
            };
            let arg = page.addr as *mut uffdio_range;
            // SAFETY: the page is large enough, and aligned.
            unsafe { arg.write_volatile(range) };
            page.mprotect(0, 1, libc::PROT_READ)?;
            // SAFETY: the page may be read.
            Answer::of("UFFDIO_UNREGISTER", || unsafe {
                uffdio_unregister(uffd.fd, arg)
            })
            .ok()?;
            passes(&uffd, &Thread::reads(region.addr)).map(|_| ())
        },
    ),
    case(
        "unregister-einval-hugetlb-unaligned",
        "measured",
        "huge pages can be unregistered in whole huge pages alone, else EINVAL",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Hugetlb, 1)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.unregister(region.addr, m.page).fails(EINVAL)?;
            uffd.unregister(region.addr, region.len).ok()
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "unregister-einval-file",
        "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL.2",
        "memory of a kind that cannot be registered, as of an ordinary file, is EINVAL",
        |_| {
            let (uffd, file) = (Uffd::open(0)?, Region::new(Memory::File, 1)?);
            uffd.unregister(file.addr, file.len).fails(EINVAL)
        },
    ),
    case(
        "unregister-einval-no-mapping",
        "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL.3",
        "a range in which nothing is mapped is EINVAL",
        |m| {
            let (uffd, region) = scene()?;
            region.munmap(1, 2)?;
            uffd.unregister(region.at(1), 2 * m.page).fails(EINVAL)
        },
    ),
];
