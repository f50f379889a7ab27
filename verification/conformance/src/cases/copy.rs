//! Cases: UFFDIO_COPY. Those of UFFDIO_COPY_MODE_WP are in `copy_wp`.

use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const DONTWAKE: u64 = UFFDIO_COPY_MODE_DONTWAKE;

/// Four pages registered for missing pages, and data: page n of `0xa1 + n`.
fn scene() -> Result<(Uffd, Region, Region), Verdict> {
    let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    Ok((uffd, region, Region::source(4, 0xa1)?))
}

/// A page of this kind of memory must be filled in full, and its waiter woken.
fn fills(memory: Memory) -> Outcome {
    let uffd = Uffd::open(0)?;
    let region = Region::new(memory, 2)?;
    uffd.register(region.addr, region.len, MISSING).ok()?;
    let source = Region::new(Memory::Anon, region.page / page_size())?;
    for n in 0..source.pages() {
        source.fill_page(n, 0xa1);
    }
    let reader = Thread::reads(region.at(1));
    uffd.expect_fault(region.at(1), 0)?;
    // Until it sleeps, it would see the page and not wait.
    reader.still_waits()?;
    uffd.copy(region.at(1), source.addr, region.page, 0)
        .gives(region.page)?;
    reader.returns_value(0xa1)?;
    region.holds(1, 0xa1)
}

/// After a COPY into a mapping of a file, the file must hold this.
fn file_holds(m: &Machine, memory: Memory, byte: u8) -> Outcome {
    let (uffd, region) = (Uffd::open(0)?, Region::new(memory, 1)?);
    uffd.register(region.addr, region.len, MISSING).ok()?;
    let source = Region::source(1, 0xa1)?;
    uffd.copy(region.addr, source.addr, m.page, 0)
        .gives(m.page)?;
    region.alias()?.holds(0, byte)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        fills, "UFFDIO_COPY(2const), DESCRIPTION";
        "copy-fills-and-wakes", Anon, 0 => "fills the missing page with the data and wakes the thread that waits for it";
    },
    kinds! {
        fills, "userfaultfd(2), Userfaultfd operation";
        "copy-hugetlb", Hugetlb, UFFD_FEATURE_MISSING_HUGETLBFS => "COPY fills private huge pages";
        "copy-shared-hugetlb", SharedHugetlb, UFFD_FEATURE_MISSING_HUGETLBFS => "COPY fills shared huge pages";
        "copy-shared-anon", SharedAnon, UFFD_FEATURE_MISSING_SHMEM => "COPY fills shared anonymous memory";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "copy-shmem",
        "userfaultfd(2), Userfaultfd operation",
        "COPY fills pages of shared memory, and the file holds the data then",
        |m| {
            fills(Memory::Shmem)?;
            file_holds(m, Memory::Shmem, 0xa1)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "copy-private-shmem",
        "measured",
        "COPY fills a private mapping of shared memory, and the file stays empty",
        |m| {
            fills(Memory::PrivateShmem)?;
            file_holds(m, Memory::PrivateShmem, 0)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "copy-thp-range",
        "measured",
        "fills small pages in memory that is advised to be huge, and its neighbours stay missing",
        |m| {
            let (uffd, region) = (
                Uffd::open(0)?,
                Region::new(Memory::Thp, m.huge_page / m.page)?,
            );
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let source = Region::source(1, 0xa1)?;
            uffd.copy(region.at(1), source.addr, m.page, 0)
                .gives(m.page)?;
            region.holds(1, 0xa1)?;
            ensure!(
                !region.is_mapped(0)? && !region.is_mapped(2)?,
                "a neighbour was filled"
            );
            Ok(())
        },
    ),
    case(
        "copy-without-fault",
        "UFFDIO_COPY(2const), DESCRIPTION",
        "fills pages for which nobody waits, so that later accesses do not fault",
        |_| {
            let (uffd, region, source) = scene()?;
            uffd.copy(region.addr, source.addr, region.len, 0)
                .gives(region.len)?;
            for n in 0..4 {
                region.holds(n, 0xa1 + n as u8)?;
            }
            uffd.expect_silence()
        },
    ),
    case(
        "copy-several-waiters",
        "UFFDIO_COPY(2const), DESCRIPTION",
        "one call over several pages wakes the threads of all of them",
        |_| {
            let (uffd, region, source) = scene()?;
            let readers: Vec<Thread> = (0..4).map(|n| Thread::reads(region.at(n))).collect();
            for _ in 0..4 {
                uffd.next()?;
            }
            uffd.copy(region.addr, source.addr, region.len, 0)
                .gives(region.len)?;
            for (n, reader) in readers.iter().enumerate() {
                reader.returns_value(0xa1 + n as i64)?;
            }
            Ok(())
        },
    ),
    case(
        "copy-private-copy",
        "UFFDIO_COPY(2const), DESCRIPTION",
        "the page is a copy: changing the source later, or the page, does not change the other",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.copy(region.addr, source.addr, m.page, 0)
                .gives(m.page)?;
            source.fill_page(0, 1);
            region.holds(0, 0xa1)?;
            region.fill_page(0, 2);
            source.holds(0, 1)
        },
    ),
    case(
        "copy-source-unaligned",
        "UFFDIO_COPY(2const), ERRORS",
        "src may have any alignment",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.copy(region.addr, source.addr + 3, m.page, 0)
                .gives(m.page)?;
            ensure!(region.read(0) == 0xa1, "the wrong data");
            let last = mapping::read(region.at(1) - 1);
            ensure!(last == 0xa2, "the end of the page holds {:#x}", last);
            Ok(())
        },
    ),
    case(
        "copy-out-field-not-read",
        "UFFDIO_COPY(2const), DESCRIPTION",
        "the field copy is not read: any value in it does no harm",
        |m| {
            let (uffd, region, source) = scene()?;
            for (n, value) in [0, -1, i64::MIN, 4096].iter().enumerate() {
                let mut arg = uffdio_copy {
                    dst: region.at(n) as u64,
                    src: source.addr as u64,
                    len: m.page as u64,
                    mode: 0,
                    copy: *value,
                };
                // SAFETY: `arg` lives through the call; the pages are ours.
                Answer::of("UFFDIO_COPY", || unsafe { uffdio_copy(uffd.fd, &mut arg) }).ok()?;
                ensure!(
                    arg.copy == m.page as i64,
                    "the field copy was added to or kept"
                );
            }
            Ok(())
        },
    ),
    case(
        "copy-mode-dontwake",
        "UFFDIO_COPY(2const), DESCRIPTION: UFFDIO_COPY_MODE_DONTWAKE",
        "with DONTWAKE the page is filled and the thread waits on until UFFDIO_WAKE",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            uffd.copy(region.at(0), source.addr, m.page, DONTWAKE)
                .gives(m.page)?;
            reader.still_waits()?;
            region.holds(0, 0xa1)?;
            uffd.wake(region.at(0), m.page).ok()?;
            reader.returns_value(0xa1)
        },
    ),
    case(
        "copy-mode-wp",
        "UFFDIO_COPY(2const), DESCRIPTION: UFFDIO_COPY_MODE_WP",
        "with MODE_WP the page is filled and write-protected at once",
        |m| {
            let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
            let region = Region::new(Memory::Anon, 1)?;
            let source = Region::source(1, 0xa1)?;
            uffd.register(region.addr, region.len, MISSING_WP).ok()?;
            uffd.copy(region.addr, source.addr, m.page, UFFDIO_COPY_MODE_WP)
                .gives(m.page)?;
            region.holds(0, 0xa1)?;
            let writer = Thread::writes(region.addr, 0xb2);
            uffd.expect_fault(region.addr, WP_WRITE)?;
            uffd.writeprotect(region.addr, region.len, 0).ok()?;
            writer.returns()?;
            ensure!(region.read(0) == 0xb2, "the write was lost");
            Ok(())
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "copy-eagain-partial",
        "UFFDIO_COPY(2const), ERRORS: EAGAIN",
        "EAGAIN when a part was copied, with the bytes of it in the field copy",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.zeropage(region.at(2), m.page, 0).gives(m.page)?;
            let part = 2 * m.page as i64;
            uffd.copy(region.addr, source.addr, region.len, 0)
                .fails_with(EAGAIN, part)?;
            region.holds(1, 0xa2)?;
            ensure!(!region.is_mapped(3)?, "the last page was filled");
            region.holds(2, 0)
        },
    ),
    case(
        "copy-eagain-partial-wakes",
        "measured",
        "the threads of the part that was copied are woken, the others are not",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.zeropage(region.at(1), m.page, 0).gives(m.page)?;
            let (one, two) = (Thread::reads(region.at(0)), Thread::reads(region.at(2)));
            uffd.next()?;
            uffd.next()?;
            let part = m.page as i64;
            uffd.copy(region.addr, source.addr, 3 * m.page, 0)
                .fails_with(EAGAIN, part)?;
            one.returns_value(0xa1)?;
            two.still_waits()?;
            uffd.copy(region.at(2), source.at(2), m.page, 0)
                .gives(m.page)?;
            two.returns_value(0xa3)
        },
    ),
    case(
        "copy-eagain-source-ends",
        "measured",
        "EAGAIN and the bytes copied when src can be read only in part; then EFAULT",
        |m| {
            let (uffd, region, source) = scene()?;
            source.munmap(1, 1)?;
            let part = m.page as i64;
            uffd.copy(region.addr, source.addr, 2 * m.page, 0)
                .fails_with(EAGAIN, part)?;
            uffd.copy(region.at(1), source.at(1), m.page, 0)
                .fails_in_out(EFAULT)?;
            ensure!(!region.is_mapped(1)?, "a page was filled");
            Ok(())
        },
    ),
    case(
        "copy-eexist",
        "measured",
        "EEXIST with -EEXIST in the field copy when the page is there; it is not changed",
        |m| {
            let (uffd, region, source) = scene()?;
            uffd.copy(region.addr, source.at(0), m.page, 0)
                .gives(m.page)?;
            uffd.copy(region.addr, source.at(1), m.page, 0)
                .fails_in_out(EEXIST)?;
            region.holds(0, 0xa1)
        },
    ),
    case(
        "copy-eexist-does-not-wake",
        "measured",
        "EEXIST does not wake the thread that waits for the page: WAKE does",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            // Until it sleeps, it would see the page and not wait.
            reader.still_waits()?;
            uffd.copy(region.at(0), source.addr, m.page, DONTWAKE)
                .gives(m.page)?;
            uffd.copy(region.at(0), source.addr, m.page, 0)
                .fails(EEXIST)?;
            reader.still_waits()?;
            uffd.wake(region.at(0), m.page).ok()?;
            reader.returns_value(0xa1)
        },
    ),
    case(
        "copy-einval-src-wraps",
        "UFFDIO_COPY(2const), ERRORS: EINVAL",
        "a source that runs over the end of all addresses is EINVAL",
        |m| {
            let (uffd, region, _source) = scene()?;
            // 64 bits wide, whatever the program's addresses are.
            let mut arg = uffdio_copy {
                dst: region.addr as u64,
                src: 0_u64.wrapping_sub(m.page as u64 / 2),
                len: m.page as u64,
                mode: 0,
                copy: UNTOUCHED,
            };
            // SAFETY: `arg` lives through the call; the page is ours.
            Answer::of("UFFDIO_COPY", || unsafe { uffdio_copy(uffd.fd, &mut arg) }).fails(EINVAL)
        },
    ),
    case(
        "copy-efault-source",
        "measured",
        "EFAULT with -EFAULT in the field copy when src cannot be read",
        |m| {
            let (uffd, region, source) = scene()?;
            source.mprotect(0, 4, libc::PROT_NONE)?;
            uffd.copy(region.addr, source.addr, m.page, 0)
                .fails_in_out(EFAULT)?;
            ensure!(!region.is_mapped(0)?, "a page was filled");
            Ok(())
        },
    ),
    case(
        "copy-efault-argument",
        "measured",
        "EFAULT when the argument cannot be written, but the page is filled: again is EEXIST",
        |m| {
            let (uffd, region, source) = scene()?;
            let arg = uffdio_copy {
                dst: region.addr as u64,
                src: source.addr as u64,
                len: m.page as u64,
                mode: 0,
                copy: UNTOUCHED,
            };
            with_read_only(&uffd, "UFFDIO_COPY", uffdio_copy, arg)?.fails(EFAULT)?;
            ensure!(region.is_mapped(0)?, "the page was not filled");
            region.holds(0, 0xa1)?;
            uffd.copy(region.addr, source.addr, m.page, 0).fails(EEXIST)
        },
    ),
    case(
        "copy-efault-argument-does-not-wake",
        "measured",
        "EFAULT because the argument cannot be written does not wake the thread that waits: WAKE does",
        |m| {
            let (uffd, region, source) = scene()?;
            let reader = Thread::reads(region.at(0));
            uffd.expect_fault(region.at(0), 0)?;
            reader.still_waits()?;
            let arg = uffdio_copy {
                dst: region.addr as u64,
                src: source.addr as u64,
                len: m.page as u64,
                mode: 0,
                copy: UNTOUCHED,
            };
            with_read_only(&uffd, "UFFDIO_COPY", uffdio_copy, arg)?.fails(EFAULT)?;
            reader.still_waits()?;
            uffd.wake(region.at(0), m.page).ok()?;
            reader.returns_value(0xa1)
        },
    ),
    case(
        "copy-enoent-unmapped",
        "UFFDIO_COPY(2const), ERRORS: ENOENT",
        "ENOENT when the memory is not mapped any more",
        |m| {
            let (uffd, region, source) = scene()?;
            region.munmap(1, 1)?;
            uffd.copy(region.at(1), source.addr, m.page, 0)
                .fails_in_out(ENOENT)
        },
    ),
    case(
        "copy-enoent-mapped-anew",
        "UFFDIO_COPY(2const), ERRORS: ENOENT",
        "ENOENT when the memory was replaced by a new mapping",
        |m| {
            let (uffd, region, source) = scene()?;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            mapping::map(region.at(1), m.page, libc::PROT_READ, flags, -1)?;
            uffd.copy(region.at(1), source.addr, m.page, 0)
                .fails_in_out(ENOENT)
        },
    ),
    case(
        "copy-enoent-never-registered",
        "measured",
        "ENOENT when the memory is not registered at all",
        |m| {
            let (uffd, _region, source) = scene()?;
            let other = Region::new(Memory::Anon, 1)?;
            uffd.copy(other.addr, source.addr, m.page, 0)
                .fails_in_out(ENOENT)
        },
    ),
    case(
        "copy-other-userfaultfd",
        "measured",
        "memory that is registered with another userfaultfd of the process can be copied to",
        |m| {
            let ((one, region, source), two) = (scene()?, Uffd::open(0)?);
            let reader = Thread::reads(region.addr);
            one.expect_fault(region.addr, 0)?;
            two.copy(region.addr, source.addr, m.page, 0)
                .gives(m.page)?;
            // It filled the page, but woke its own waiters, of whom there are none.
            reader.still_waits()?;
            one.wake(region.addr, m.page).ok()?;
            reader.returns_value(0xa1)
        },
    ),
    case(
        "copy-enoent-across-mappings",
        "measured",
        "ENOENT, with nothing copied, when the range is not within one mapping",
        |_| {
            let (uffd, region, source) = scene()?;
            region.mprotect(2, 2, libc::PROT_READ)?;
            uffd.copy(region.addr, source.addr, region.len, 0)
                .fails_in_out(ENOENT)?;
            ensure!(!region.is_mapped(0)?, "a page was filled");
            Ok(())
        },
    ),
    case(
        "copy-into-unreadable",
        "measured",
        "fills memory that the process itself may not access",
        |m| {
            let (uffd, region, source) = scene()?;
            region.mprotect(0, 4, libc::PROT_NONE)?;
            uffd.copy(region.addr, source.addr, m.page, 0)
                .gives(m.page)?;
            region.mprotect(0, 4, libc::PROT_READ)?;
            region.holds(0, 0xa1)
        },
    ),
    case(
        "copy-source-missing-too",
        "measured",
        "waits for the source if that has a missing page of another userfaultfd",
        |m| {
            let ((uffd, region, _), two) = (scene()?, Uffd::open(0)?);
            let source = Region::new(Memory::Anon, 1)?;
            two.register(source.addr, source.len, MISSING).ok()?;
            let (dst, src, len) = (region.addr, source.addr, m.page);
            let copier = Thread::spawn("the copying thread", move || {
                uffd.copy(dst, src, len, 0).out
            });
            two.expect_fault(source.addr, 0)?;
            copier.still_waits()?;
            two.zeropage(source.addr, len, 0).gives(len)?;
            copier.returns_value(len as i64)
        },
    ),
];
