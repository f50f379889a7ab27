//! UFFDIO_WRITEPROTECT on every kind of memory, and on pages that are not there.

use super::scene::*;
use crate::prelude::*;

const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const UNPOPULATED: u64 = UFFD_FEATURE_WP_UNPOPULATED;
const PLACE: &str = "userfaultfd(2), Userfaultfd write-protect mode";
const NONE_PTES: &str = "userfaultfd.rst, Write Protect Notifications";
/// Linux 5.14 has it; no feature bit tells.
const MADV_POPULATE_READ: i32 = 22;

/// Pages that are there: reads pass, writes wait, neighbours are free.
fn protects(memory: Memory) -> Outcome {
    let s = Scene::new(memory, 3, 0, REGISTER_WP)?;
    s.protect(1, 1)?;
    s.lets_read(1, FIRST + 1)?;
    s.lets_write(0)?;
    s.lets_write(2)?;
    s.traps_write(1)?;
    s.lets_write(1)
}

/// Pages that are not there are protected nevertheless.
fn protects_missing(memory: Memory, features: u64) -> Outcome {
    let s = Scene::empty(memory, 2, features, REGISTER_WP)?;
    s.protect(0, 1)?;
    s.traps_write(0)?;
    s.lets_write(1)
}

/// Pages that are not there are protected, and a read before the write that
/// makes them be there changes nothing.
fn protects_missing_then_read(memory: Memory, features: u64) -> Outcome {
    let s = Scene::empty(memory, 1, features, REGISTER_WP)?;
    s.protect(0, 1)?;
    s.lets_read(0, 0)?;
    s.traps_write(0)
}

/// With WP alone, the first write to a page that is not there and not
/// protected is nobody's business.
fn lets_missing(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 2, 0, REGISTER_WP)?;
    s.lets_write(0)?;
    s.lets_read(1, 0)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        protects, PLACE;
        "writeprotect-memory-anon", Anon, HAS_WP => "private anonymous memory is protected";
        "writeprotect-memory-shmem", Shmem, HAS_WP_SHARED => "shared memory is protected";
        "writeprotect-memory-private-shmem", PrivateShmem, HAS_WP_SHARED => "a private mapping of a memfd is protected";
        "writeprotect-memory-hugetlb", Hugetlb, HAS_WP_SHARED => "private huge pages are protected";
        "writeprotect-memory-shared-hugetlb", SharedHugetlb, HAS_WP_SHARED => "shared huge pages are protected";
        "writeprotect-memory-shared-anon", SharedAnon, HAS_WP_SHARED => "shared anonymous memory (MAP_SHARED without a file) is protected";
    },
    kinds! {
        |memory| protects_missing(memory, 0), NONE_PTES;
        "writeprotect-missing-shmem", Shmem, HAS_WP_SHARED => "pages of shared memory that are not there are protected";
        "writeprotect-missing-hugetlb", SharedHugetlb, HAS_WP_SHARED => "huge pages that are not there are protected";
        "writeprotect-missing-private-hugetlb", Hugetlb, HAS_WP_SHARED => "private huge pages that are not there are protected";
        "writeprotect-missing-private-shmem", PrivateShmem, HAS_WP_SHARED => "pages of a private memfd that are not there are protected";
        "writeprotect-missing-shared-anon", SharedAnon, HAS_WP_SHARED => "pages of shared anonymous memory that are not there are protected";
    },
    kinds! {
        lets_missing, PLACE;
        "writeprotect-missing-silent-anon", Anon, HAS_WP => "registered for WP alone, a write to a missing anonymous page sends no message";
        "writeprotect-missing-silent-shmem", Shmem, HAS_WP_SHARED => "registered for WP alone, a write to a missing page of shared memory sends no message";
        "writeprotect-missing-silent-hugetlb", Hugetlb, HAS_WP_SHARED => "registered for WP alone, a write to a missing huge page sends no message";
        "writeprotect-missing-silent-shared-hugetlb", SharedHugetlb, HAS_WP_SHARED => "registered for WP alone, a write to a missing shared huge page sends no message";
        "writeprotect-missing-silent-private-shmem", PrivateShmem, HAS_WP_SHARED => "registered for WP alone, a write to a missing page of a private memfd sends no message";
        "writeprotect-missing-silent-shared-anon", SharedAnon, HAS_WP_SHARED => "registered for WP alone, a write to a missing page of shared anonymous memory sends no message";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "writeprotect-memory-no-shared",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_WP_HUGETLBFS_SHMEM",
        "shared memory and huge pages can be registered for WP if the kernel answers the feature",
        |m| {
            for memory in [Memory::Shmem, Memory::Hugetlb] {
                let region = Region::new(memory, 1)?;
                let answer = Uffd::open(0)?.register(region.addr, region.len, REGISTER_WP);
                match m.has(UFFD_FEATURE_WP_HUGETLBFS_SHMEM) {
                    true => answer.ok()?,
                    false => answer.fails(EINVAL)?,
                }
            }
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-memory-file",
        "measured",
        "memory of another file system cannot be registered for WP: EINVAL",
        |_| {
            let region = Region::new(Memory::File, 1)?;
            let uffd = Uffd::open(0)?;
            uffd.register(region.addr, region.len, REGISTER_WP)
                .fails(EINVAL)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-memory-thp",
        "measured",
        "the whole of a transparent huge page is protected by one call",
        |_| {
            let s = Scene::of(thp()?, 0, REGISTER_WP)?;
            let pages = s.region.pages();
            s.protect(0, pages)?;
            s.lets_read(pages - 1, FIRST.wrapping_add((pages - 1) as u8))?;
            s.traps_write(pages - 1)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-memory-thp-part",
        "measured",
        "one small page of a transparent huge page can be protected; the others stay free",
        |_| {
            let s = Scene::of(thp()?, 0, REGISTER_WP)?;
            s.protect(5, 1)?;
            s.lets_write(4)?;
            s.lets_write(6)?;
            s.lets_read(5, FIRST + 5)?;
            s.traps_write(5)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-memory-thp-part-lifted",
        "measured",
        "the protection of one small page of a transparent huge page can be lifted alone",
        |_| {
            let s = Scene::of(thp()?, 0, REGISTER_WP)?;
            s.protect(0, s.region.pages())?;
            s.unprotect(5, 1)?;
            s.lets_write(5)?;
            s.traps_write(4)?;
            s.traps_write(6)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-memory-hugetlb-unaligned",
        "measured",
        "on huge pages, start and len that are not multiples of the huge page are EINVAL",
        |m| {
            let s = Scene::new(Memory::Hugetlb, 2, 0, REGISTER_WP)?;
            let mode = UFFDIO_WRITEPROTECT_MODE_WP;
            s.uffd
                .writeprotect(s.at(0) + m.page, s.page(), mode)
                .fails(EINVAL)?;
            s.uffd.writeprotect(s.at(0), m.page, mode).fails(EINVAL)?;
            s.lets_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "writeprotect-memory-zero-page",
        NONE_PTES,
        "an anonymous page that was read but never written, the zero page, is protected",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, 0, REGISTER_WP)?;
            s.lets_read(0, 0)?;
            s.protect(0, 2)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-missing-anon",
        NONE_PTES,
        "anonymous pages that are not there are skipped, with success",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, 0, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.lets_write(0)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-missing-populate-read",
        NONE_PTES,
        "MADV_POPULATE_READ before the call makes missing anonymous pages be protected",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, 0, REGISTER_WP)?;
            s.region.madvise(0, 2, MADV_POPULATE_READ)?;
            s.protect(0, 2)?;
            s.traps_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP)
    .since(5, 14),
    case(
        "writeprotect-missing-unpopulated",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_WP_UNPOPULATED; \
         userfaultfd.rst, Write Protect Notifications",
        "with WP_UNPOPULATED, anonymous pages that are not there are protected",
        |_| protects_missing(Memory::Anon, UNPOPULATED),
    )
    .features(HAS_WP | UNPOPULATED),
    case(
        "writeprotect-missing-unpopulated-read",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_WP_UNPOPULATED",
        "with WP_UNPOPULATED, a read of such a page shows zeros and leaves it protected",
        |_| protects_missing_then_read(Memory::Anon, UNPOPULATED),
    )
    .features(HAS_WP | UNPOPULATED),
    case(
        "writeprotect-missing-unpopulated-lift",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_WP_UNPOPULATED",
        "with WP_UNPOPULATED, the protection of a page that is not there can be lifted",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, UNPOPULATED, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.unprotect(0, 1)?;
            s.lets_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP | UNPOPULATED),
    case(
        "writeprotect-missing-unpopulated-copy",
        "userfaultfd.rst, Resolving Userfaults",
        "with WP_UNPOPULATED and MISSING, UFFDIO_COPY fills a protected page that is missing",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, UNPOPULATED, MISSING_WP)?;
            let source = Region::source(1, NEW)?;
            s.protect(0, 2)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            reader.returns_value(i64::from(NEW))
        },
    )
    .features(HAS_WP | UNPOPULATED),
    case(
        "writeprotect-missing-unpopulated-zeropage",
        "userfaultfd.rst, Resolving Userfaults",
        "with WP_UNPOPULATED and MISSING, UFFDIO_ZEROPAGE fills a protected page that is missing",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, UNPOPULATED, MISSING_WP)?;
            s.protect(0, 2)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(HAS_WP | UNPOPULATED),
    case(
        "writeprotect-missing-shmem-read",
        NONE_PTES,
        "a read of a protected page of shared memory that is not there leaves it protected",
        |_| protects_missing_then_read(Memory::Shmem, 0),
    )
    .features(HAS_WP_SHARED),
    case(
        "writeprotect-missing-shmem-cached",
        NONE_PTES,
        "pages of shared memory that are in the file but not mapped are protected",
        |_| {
            let (s, _alias) = Scene::cached(Memory::Shmem, 2, 0, REGISTER_WP)?;
            s.protect(0, 1)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "writeprotect-missing-both-modes",
        "userfaultfd.rst, Write Protect Notifications",
        "registered for both, a write to a missing page has the flag WRITE alone",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING_WP)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), UFFD_PAGEFAULT_FLAG_WRITE)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            writer.returns()?;
            s.protect(0, 1)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
];
