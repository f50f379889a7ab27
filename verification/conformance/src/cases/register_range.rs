//! Cases: which accesses a registered range covers.

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const WP: u64 = UFFDIO_REGISTER_MODE_WP;

/// A read of this address must wait; it is resolved with zeroes.
fn waits_for_page(m: &Machine, uffd: &Uffd, addr: usize) -> Outcome {
    let reader = Thread::reads(addr);
    uffd.expect_fault(addr, 0)?;
    uffd.zeropage(addr, m.page, 0).gives(m.page)?;
    reader.returns_value(0)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "register-present-pages",
        "userfaultfd(2), DESCRIPTION: UFFDIO_REGISTER_MODE_MISSING",
        "pages that are there already are accessed without a message",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::source(1, 9)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let value = passes(&uffd, &Thread::reads(region.addr))?;
            ensure!(value == 9, "read {:#x}", value);
            passes(&uffd, &Thread::writes(region.addr, 1)).map(|_| ())
        },
    ),
    case(
        "register-wp-alone-missing-page",
        "userfaultfd(2), Userfaultfd write-protect mode: UFFDIO_REGISTER_MODE_WP",
        "with the mode WP alone, writing to a missing page gives no message",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 1)?);
            uffd.register(region.addr, region.len, WP).ok()?;
            passes(&uffd, &Thread::writes(region.addr, 1)).map(|_| ())
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-sub-range",
        "UFFDIO_REGISTER(2const), DESCRIPTION",
        "a part of a mapping can be registered, and the rest is as before",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 3)?);
            uffd.register(region.at(1), m.page, MISSING).ok()?;
            passes(&uffd, &Thread::reads(region.at(0)))?;
            passes(&uffd, &Thread::writes(region.at(2), 1))?;
            waits_for_page(m, &uffd, region.at(1))
        },
    ),
    case(
        "register-several-ranges",
        "userfaultfd(2), Userfaultfd operation",
        "one userfaultfd serves several ranges, of several kinds of memory",
        |m| {
            let uffd = Uffd::open(0)?;
            let one = Region::new(Memory::Anon, 1)?;
            let two = Region::new(Memory::Shmem, 1)?;
            for region in [&one, &two] {
                uffd.register(region.addr, region.len, MISSING).ok()?;
            }
            waits_for_page(m, &uffd, two.addr)?;
            waits_for_page(m, &uffd, one.addr)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "register-several-mappings",
        "UFFDIO_REGISTER(2const), DESCRIPTION",
        "one call registers a range that is made of several mappings",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 3)?);
            region.mprotect(1, 1, libc::PROT_READ)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            for n in 0..3 {
                waits_for_page(m, &uffd, region.at(n))?;
            }
            Ok(())
        },
    ),
    case(
        "register-over-hole",
        "measured",
        "a hole in the range is no error if a part is mapped; what is mapped is registered",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 3)?);
            region.munmap(1, 1)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            waits_for_page(m, &uffd, region.at(0))?;
            waits_for_page(m, &uffd, region.at(2))
        },
    ),
    case(
        "register-again",
        "measured",
        "the same userfaultfd may register a range again, in the same mode",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.register(region.at(1), m.page, MISSING).ok()?;
            waits_for_page(m, &uffd, region.at(1))
        },
    ),
    case(
        "register-again-other-mode",
        "measured",
        "registering again in another mode replaces the mode",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.register(region.addr, region.len, WP).ok()?;
            passes(&uffd, &Thread::reads(region.at(0)))?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            waits_for_page(m, &uffd, region.at(1))
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-again-more",
        "measured",
        "registering again adds a mode: MISSING, then MISSING and WP",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.register(region.addr, region.len, MISSING | WP).ok()?;
            waits_for_page(m, &uffd, region.at(1))
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-again-less",
        "measured",
        "registering again for a part of the modes changes nothing: MISSING and WP, then WP",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MISSING | WP).ok()?;
            uffd.register(region.addr, region.len, WP).ok()?;
            waits_for_page(m, &uffd, region.at(1))
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-new-mapping-over-range",
        "measured",
        "mmap(2) with MAP_FIXED over a registered range ends its registration",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 1)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            mapping::map(region.addr, region.len, protection, flags, -1)?;
            passes(&uffd, &Thread::reads(region.addr)).map(|_| ())
        },
    ),
    case(
        "register-fault-flag-write",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_PAGEFAULT UFFD_PAGEFAULT_FLAG_WRITE",
        "a missing fault has the flag WRITE when the access was a write, else none",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let writer = Thread::writes(region.at(0), 1);
            uffd.expect_fault(region.at(0), UFFD_PAGEFAULT_FLAG_WRITE)?;
            let reader = Thread::reads(region.at(1));
            uffd.expect_fault(region.at(1), 0)?;
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            writer.returns()?;
            reader.returns_value(0)
        },
    ),
    case(
        "register-dropped-page-faults-again",
        "userfaultfd(2), DESCRIPTION: UFFDIO_REGISTER_MODE_MISSING",
        "a page that MADV_DONTNEED dropped is missing again",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::source(1, 3)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            region.madvise(0, 1, libc::MADV_DONTNEED)?;
            waits_for_page(m, &uffd, region.addr)
        },
    ),
];
