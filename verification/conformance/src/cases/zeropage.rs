//! Cases: UFFDIO_ZEROPAGE.

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const DONTWAKE: u64 = UFFDIO_ZEROPAGE_MODE_DONTWAKE;

/// Four pages registered for missing pages.
fn scene() -> Result<(Uffd, Region), Verdict> {
    let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    Ok((uffd, region))
}

/// A page of this kind of memory must read as zeroes, and be writable.
fn zeroes(memory: Memory) -> Outcome {
    let (uffd, region) = (Uffd::open(0)?, Region::new(memory, 2)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    let reader = Thread::reads(region.at(1));
    uffd.expect_fault(region.at(1), 0)?;
    // Until it sleeps, it would see the page and not wait.
    reader.still_waits()?;
    uffd.zeropage(region.at(1), page_size(), 0)
        .gives(page_size())?;
    reader.returns_value(0)?;
    region.holds(1, 0)?;
    region.fill_page(1, 7);
    region.holds(1, 7)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        zeroes, "UFFDIO_ZEROPAGE(2const), DESCRIPTION";
        "zeropage-anon", Anon, 0 => "fills the missing page with zeroes, and wakes the thread that waits for it";
    },
    kinds! {
        zeroes, "userfaultfd(2), Userfaultfd operation";
        "zeropage-shmem", Shmem, UFFD_FEATURE_MISSING_SHMEM => "ZEROPAGE fills pages of shared memory";
        "zeropage-shared-anon", SharedAnon, UFFD_FEATURE_MISSING_SHMEM => "ZEROPAGE fills shared anonymous memory";
    },
    kinds! {
        zeroes, "measured";
        "zeropage-private-shmem", PrivateShmem, UFFD_FEATURE_MISSING_SHMEM => "ZEROPAGE fills a private mapping of shared memory";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "zeropage-hugetlb",
        "measured",
        "huge pages cannot be zeroed: EINVAL",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Hugetlb, 1)?);
            uffd.register(region.addr, region.len, MISSING).ok()?;
            uffd.zeropage(region.addr, region.len, 0)
                .fails_in_out(EINVAL)
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "zeropage-several",
        "UFFDIO_ZEROPAGE(2const), RETURN VALUE",
        "one call zeroes several pages and wakes the threads of all of them",
        |_| {
            let (uffd, region) = scene()?;
            let readers: Vec<Thread> = (0..4).map(|n| Thread::reads(region.at(n))).collect();
            for _ in 0..4 {
                uffd.next()?;
            }
            uffd.zeropage(region.addr, region.len, 0)
                .gives(region.len)?;
            for reader in readers {
                reader.returns_value(0)?;
            }
            Ok(())
        },
    ),
    case(
        "zeropage-then-write",
        "UFFDIO_ZEROPAGE(2const), DESCRIPTION",
        "a thread that waits to write writes to the zeroed page, and no other page changes",
        |m| {
            let (uffd, region) = scene()?;
            let writer = Thread::writes(region.at(0), 5);
            uffd.expect_fault(region.at(0), UFFD_PAGEFAULT_FLAG_WRITE)?;
            uffd.zeropage(region.addr, 2 * m.page, 0)
                .gives(2 * m.page)?;
            writer.returns()?;
            ensure!(region.read(0) == 5, "the write was lost");
            region.holds(1, 0)
        },
    ),
    case(
        "zeropage-out-field-not-read",
        "UFFDIO_ZEROPAGE(2const), DESCRIPTION",
        "the field zeropage is not read: any value in it does no harm",
        |m| {
            let (uffd, region) = scene()?;
            for (n, value) in [0, -1, i64::MIN, 4096].iter().enumerate() {
                let range = uffdio_range {
                    start: region.at(n) as u64,
                    len: m.page as u64,
                };
                let mut arg = uffdio_zeropage {
                    range,
                    mode: 0,
                    zeropage: *value,
                };
                // SAFETY: `arg` lives through the call; the page is ours.
                let answer = Answer::of("UFFDIO_ZEROPAGE", || unsafe {
                    uffdio_zeropage(uffd.fd, &mut arg)
                });
                answer.ok()?;
                ensure!(arg.zeropage == m.page as i64, "the field zeropage was kept");
            }
            Ok(())
        },
    ),
    case(
        "zeropage-mode-dontwake",
        "UFFDIO_ZEROPAGE(2const), DESCRIPTION: UFFDIO_ZEROPAGE_MODE_DONTWAKE",
        "with DONTWAKE the page is zeroed and the thread waits on until UFFDIO_WAKE",
        |m| {
            let (uffd, region) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            uffd.zeropage(region.at(0), m.page, DONTWAKE)
                .gives(m.page)?;
            reader.still_waits()?;
            region.holds(0, 0)?;
            uffd.wake(region.at(0), m.page).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "zeropage-eagain-partial",
        "UFFDIO_ZEROPAGE(2const), ERRORS: EAGAIN",
        "EAGAIN when a part was zeroed, with the bytes of it in the field zeropage",
        |m| {
            let ((uffd, region), source) = (scene()?, Region::source(1, 9)?);
            uffd.copy(region.at(1), source.addr, m.page, 0)
                .gives(m.page)?;
            let part = m.page as i64;
            uffd.zeropage(region.addr, region.len, 0)
                .fails_with(EAGAIN, part)?;
            region.holds(0, 0)?;
            region.holds(1, 9)?;
            ensure!(!region.is_mapped(2)?, "a page behind it was filled");
            Ok(())
        },
    ),
    case(
        "zeropage-eexist",
        "measured",
        "EEXIST with -EEXIST in the field zeropage when the page is there; it is not changed",
        |m| {
            let ((uffd, region), source) = (scene()?, Region::source(1, 9)?);
            uffd.copy(region.addr, source.addr, m.page, 0)
                .gives(m.page)?;
            uffd.zeropage(region.addr, m.page, 0).fails_in_out(EEXIST)?;
            region.holds(0, 9)
        },
    ),
    case(
        "zeropage-eexist-does-not-wake",
        "measured",
        "EEXIST does not wake the thread that waits for the page",
        |m| {
            let (uffd, region) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            uffd.zeropage(region.at(0), m.page, DONTWAKE)
                .gives(m.page)?;
            uffd.zeropage(region.at(0), m.page, 0).fails(EEXIST)?;
            reader.still_waits()?;
            uffd.wake(region.at(0), m.page).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "zeropage-efault-read-only",
        "measured",
        "EFAULT when the argument cannot be written, but the page is filled: again is EEXIST",
        |m| {
            let (uffd, region) = scene()?;
            let range = uffdio_range {
                start: region.addr as u64,
                len: m.page as u64,
            };
            let arg = uffdio_zeropage {
                range,
                mode: 0,
                zeropage: UNTOUCHED,
            };
            with_read_only(&uffd, "UFFDIO_ZEROPAGE", uffdio_zeropage, arg)?.fails(EFAULT)?;
            ensure!(region.is_mapped(0)?, "the page was not filled");
            uffd.zeropage(region.addr, m.page, 0).fails(EEXIST)
        },
    ),
    case(
        "zeropage-enoent",
        "measured",
        "ENOENT when the memory is not registered, or not mapped any more",
        |m| {
            let (uffd, region) = scene()?;
            let other = Region::new(Memory::Anon, 1)?;
            uffd.zeropage(other.addr, m.page, 0).fails_in_out(ENOENT)?;
            region.munmap(1, 1)?;
            uffd.zeropage(region.at(1), m.page, 0).fails_in_out(ENOENT)
        },
    ),
];
