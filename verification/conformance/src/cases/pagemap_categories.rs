//! PAGEMAP_SCAN: what each category says.

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

const ASYNC: u64 = UFFD_FEATURE_WP_ASYNC;
const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const WRITTEN_SOURCE: &str =
    "pagemap.rst, PAGEMAP_SCAN: PAGE_IS_WRITTEN; PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_WRITTEN";
const ACCESSED_SOURCE: &str = "userfaultfd.rst, Read-Write Protection: PAGE_IS_ACCESSED";

/// A write to a protected page makes it written, and nothing else does.
fn written(memory: Memory) -> Outcome {
    let s = Scene::new(memory, 3, ASYNC, REGISTER_WP)?;
    let small = s.page() / page_size();
    has(&s.region, PAGE_IS_WRITTEN, &[(0, 3 * small)])?;
    s.protect(0, 3)?;
    s.lets_read(2, FIRST + 2)?;
    has(&s.region, PAGE_IS_WRITTEN, &[])?;
    s.lets_write(1)?;
    has(&s.region, PAGE_IS_WRITTEN, &[(small, small)])
}

/// Of pages that are there, all have these categories.
fn all_are(m: &Machine, memory: Memory, mask: u64) -> Outcome {
    let r = Region::new(memory, 2)?;
    r.fill(FIRST);
    has(&r, mask, &[(0, 2 * r.page / m.page)])
}

/// Of pages that are there, none have these categories.
fn none_are(memory: Memory, mask: u64) -> Outcome {
    let r = Region::new(memory, 2)?;
    r.fill(FIRST);
    has(&r, mask, &[])
}

/// What somebody touched since the protection is accessed.
fn accessed(memory: Memory) -> Outcome {
    let features = HAS_RWP | UFFD_FEATURE_RWP_ASYNC;
    let s = Scene::new(memory, 3, features, UFFDIO_REGISTER_MODE_RWP)?;
    let small = s.page() / page_size();
    s.rwprotect(0, 3)?;
    has(&s.region, PAGE_IS_ACCESSED, &[])?;
    s.lets_read(0, FIRST)?;
    has(&s.region, PAGE_IS_ACCESSED, &[(0, small)])?;
    s.lets_write(2)?;
    has(
        &s.region,
        PAGE_IS_ACCESSED,
        &[(0, small), (2 * small, small)],
    )
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        written, WRITTEN_SOURCE;
        "pagemap-categories-written-anon", Anon, HAS_SCAN => "WRITTEN: anonymous memory";
        "pagemap-categories-written-shmem", Shmem, HAS_SCAN => "WRITTEN: shared memory";
        "pagemap-categories-written-hugetlb", Hugetlb, HAS_SCAN => "WRITTEN: huge pages";
        "pagemap-categories-written-shared-hugetlb", SharedHugetlb, HAS_SCAN => "WRITTEN: shared huge pages";
        "pagemap-categories-written-private-shmem", PrivateShmem, HAS_SCAN => "WRITTEN: a private memfd";
        "pagemap-categories-written-shared-anon", SharedAnon, HAS_SCAN => "WRITTEN: shared anonymous memory";
        "pagemap-categories-written-file", File, HAS_SCAN => "WRITTEN: files";
    },
    kinds! {
        accessed, ACCESSED_SOURCE;
        "pagemap-categories-accessed-anon", Anon, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: anonymous memory";
        "pagemap-categories-accessed-shmem", Shmem, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: shared memory";
        "pagemap-categories-accessed-hugetlb", Hugetlb, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: huge pages";
        "pagemap-categories-accessed-shared-hugetlb", SharedHugetlb, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: shared huge pages";
        "pagemap-categories-accessed-private-shmem", PrivateShmem, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: a private memfd";
        "pagemap-categories-accessed-shared-anon", SharedAnon, UFFD_FEATURE_RWP_ASYNC => "ACCESSED: shared anonymous memory";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "pagemap-categories-wpallowed",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_WPALLOWED",
        "WPALLOWED: pages of ranges with asynchronous write-protection",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            has(&s.region, PAGE_IS_WPALLOWED, &[(0, 2)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-wpallowed-missing",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_WPALLOWED",
        "WPALLOWED holds for pages that are not there, too",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            has(&s.region, PAGE_IS_WPALLOWED, &[(0, 2)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-wpallowed-sync",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_WPALLOWED",
        "ranges with synchronous write-protection, and others, are not WPALLOWED",
        |_| {
            let s = Scene::new(Memory::Anon, 2, 0, REGISTER_WP)?;
            has(&s.region, PAGE_IS_WPALLOWED, &[])?;
            none_are(Memory::Anon, PAGE_IS_WPALLOWED)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-thp",
        WRITTEN_SOURCE,
        "WRITTEN: a page of a transparent huge page, and perhaps its neighbours",
        |_| {
            let s = Scene::of(thp()?, ASYNC, REGISTER_WP)?;
            s.protect(0, s.region.pages())?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_write(5)?;
            let runs = scan(&s.region, wanting(&s.region, PAGE_IS_WRITTEN))?.runs;
            let hit = runs
                .iter()
                .any(|(first, pages, _)| (*first..first + pages).contains(&5));
            ensure!(hit, "the page is not reported");
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-sync",
        WRITTEN_SOURCE,
        "WRITTEN: with synchronous write-protection, the pages that are not protected",
        |_| {
            let s = Scene::new(Memory::Anon, 3, 0, REGISTER_WP)?;
            s.protect(0, 3)?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.traps_write(1)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(1, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-not-registered",
        WRITTEN_SOURCE,
        "WRITTEN is reported in ranges registered for WP alone: elsewhere no page is",
        |_| none_are(Memory::Anon, PAGE_IS_WRITTEN),
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-missing",
        "userfaultfd.rst, Write Protect Notifications",
        "a page dropped by MADV_DONTNEED counts as written",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-missing-all",
        "measured",
        "a page that is not there counts as written to a scan of all pages, too",
        |_| {
            let (_uffd, region) = beside_a_page()?;
            has(&region, PAGE_IS_WRITTEN, &[(0, 2)])?;
            let all = all_pages(&region, PAGE_IS_WRITTEN);
            reports(&region, all, &[(0, 2, PAGE_IS_WRITTEN)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-written-missing-table",
        "measured",
        "pages count as written where not even a page table is there",
        |m| {
            // A page table holds as many entries as 8 bytes go into a page.
            let (entries, span) = (m.page / 8, m.page / 8 * m.page);
            let uffd = Uffd::open(ASYNC)?;
            let region = Region::new(Memory::Anon, 2 * entries)?;
            uffd.register(region.addr, region.len, REGISTER_WP).ok()?;
            // Of neighbours' tables there may be one at either end.
            let mut arg = wanting(&region, PAGE_IS_WRITTEN);
            arg.start = ((region.addr + span - 1) / span * span) as u64;
            arg.end = arg.start + span as u64;
            let written: usize = scan(&region, arg)?.runs.iter().map(|run| run.1).sum();
            ensure!(written != 0, "none counts as written");
            ensure!(written == entries, "{} of {} do", written, entries);
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-file",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_FILE",
        "FILE: pages of files and shared memory, not anonymous ones",
        |m| {
            all_are(m, Memory::File, PAGE_IS_FILE)?;
            all_are(m, Memory::Shmem, PAGE_IS_FILE)?;
            none_are(Memory::Anon, PAGE_IS_FILE)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-file-copied",
        "measured",
        "a page of a private mapping that was written is anonymous, not FILE",
        |_| none_are(Memory::PrivateShmem, PAGE_IS_FILE),
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-present",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_PRESENT",
        "PRESENT: the pages that are in memory and mapped here",
        |_| {
            let r = Region::new(Memory::Shmem, 3)?;
            let alias = r.alias()?;
            alias.fill(FIRST);
            ensure!(r.read(1) == FIRST + 1, "other contents");
            // The kernel may map the neighbours of what was read, too.
            let runs = scan(&r, wanting(&r, PAGE_IS_PRESENT))?.runs;
            let hit = runs
                .iter()
                .any(|(first, pages, _)| (*first..first + pages).contains(&1));
            ensure!(hit, "the page is not reported");
            r.madvise(0, 3, libc::MADV_DONTNEED)?;
            has(&r, PAGE_IS_PRESENT, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-pfnzero",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_PFNZERO",
        "PFNZERO: the zero page, which a read of new anonymous memory shows",
        |_| {
            let r = Region::new(Memory::Anon, 3)?;
            ensure!(r.read(1) == 0, "new memory is not zero");
            r.write(2, 0);
            has(&r, PAGE_IS_PFNZERO, &[(1, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-pfnzero-zeropage",
        "UFFDIO_ZEROPAGE(2const), DESCRIPTION",
        "PFNZERO: what UFFDIO_ZEROPAGE puts into anonymous memory",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            s.uffd.zeropage(s.at(1), m.page, 0).gives(m.page)?;
            has(&s.region, PAGE_IS_PFNZERO, &[(1, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-huge-hugetlb",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_HUGE",
        "HUGE: pages of hugetlbfs, not small ones",
        |m| {
            all_are(m, Memory::Hugetlb, PAGE_IS_HUGE)?;
            none_are(Memory::Anon, PAGE_IS_HUGE)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-huge-thp",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_HUGE",
        "HUGE: transparent huge pages",
        |_| {
            let r = thp()?;
            has(&r, PAGE_IS_HUGE, &[(0, r.pages())])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-soft-dirty",
        "pagemap.rst, PAGEMAP_SCAN: PAGE_IS_SOFT_DIRTY",
        "SOFT_DIRTY: pages written since the marks were cleared by /proc/PID/clear_refs",
        |_| {
            let r = Region::new(Memory::Anon, 3)?;
            r.fill(FIRST);
            if r.pagemap(0)? & (1 << 55) == 0 {
                return Err(Verdict::Absent("no CONFIG_MEM_SOFT_DIRTY".to_owned()));
            }
            let cannot = |error| Verdict::Cannot(format!("/proc/self/clear_refs: {}", error));
            std::fs::write("/proc/self/clear_refs", "4").map_err(cannot)?;
            has(&r, PAGE_IS_SOFT_DIRTY, &[])?;
            r.write(1, NEW);
            has(&r, PAGE_IS_SOFT_DIRTY, &[(1, 1)])
        },
    )
    .features(HAS_SCAN)
    .since(6, 8),
    case(
        "pagemap-categories-guard",
        "pagemap.rst, PAGEMAP_SCAN: PAGE_IS_GUARD",
        "GUARD: pages of a guard region made by madvise(2)",
        |_| {
            const MADV_GUARD_INSTALL: i32 = 102;
            let r = Region::new(Memory::Anon, 3)?;
            r.fill(FIRST);
            r.madvise(1, 1, MADV_GUARD_INSTALL)?;
            has(&r, PAGE_IS_GUARD, &[(1, 1)])
        },
    )
    .features(HAS_SCAN)
    .since(6, 16),
    case(
        "pagemap-categories-poison",
        "measured",
        "a page poisoned by UFFDIO_POISON is SWAPPED, not PRESENT",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            s.uffd.poison(s.at(1), m.page, 0).gives(m.page)?;
            has(&s.region, PAGE_IS_PRESENT, &[])?;
            has(&s.region, PAGE_IS_SWAPPED, &[(1, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-accessed-thp",
        "measured",
        "ACCESSED: one access to a transparent huge page reports all of it",
        |_| {
            let features = HAS_RWP | UFFD_FEATURE_RWP_ASYNC;
            let s = Scene::of(thp()?, features, UFFDIO_REGISTER_MODE_RWP)?;
            let pages = s.region.pages();
            s.rwprotect(0, pages)?;
            has(&s.region, PAGE_IS_ACCESSED, &[])?;
            s.lets_read(5, FIRST + 5)?;
            has(&s.region, PAGE_IS_ACCESSED, &[(0, pages)])
        },
    )
    .features(HAS_RWP | UFFD_FEATURE_RWP_ASYNC),
    case(
        "pagemap-categories-accessed-sync",
        ACCESSED_SOURCE,
        "ACCESSED: pages whose fault was resolved by lifting the protection",
        |_| {
            let mode = UFFDIO_REGISTER_MODE_RWP;
            let s = Scene::new(Memory::Anon, 2, HAS_RWP, mode)?;
            s.rwprotect(0, 2)?;
            s.traps_read(1, FIRST + 1)?;
            has(&s.region, PAGE_IS_ACCESSED, &[(1, 1)])
        },
    )
    .features(UFFD_FEATURE_RWP_ASYNC),
    case(
        "pagemap-categories-accessed-missing",
        ACCESSED_SOURCE,
        "pages that are not there are not ACCESSED",
        |_| {
            let mode = UFFDIO_REGISTER_MODE_RWP;
            let s = Scene::empty(Memory::Anon, 2, HAS_RWP, mode)?;
            s.rwprotect(0, 2)?;
            has(&s.region, PAGE_IS_ACCESSED, &[])
        },
    )
    .features(UFFD_FEATURE_RWP_ASYNC),
    case(
        "pagemap-categories-accessed-elsewhere",
        "pagemap.rst, PAGEMAP_SCAN: PAGE_IS_ACCESSED",
        "ACCESSED is reported in ranges registered for RWP alone",
        |_| {
            none_are(Memory::Anon, PAGE_IS_ACCESSED)?;
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            has(&s.region, PAGE_IS_ACCESSED, &[])
        },
    )
    .features(UFFD_FEATURE_RWP_ASYNC),
    case(
        "pagemap-categories-accessed-inverted",
        ACCESSED_SOURCE,
        "ACCESSED inverted finds the pages that are still protected",
        |_| {
            let features = HAS_RWP | UFFD_FEATURE_RWP_ASYNC;
            let mode = UFFDIO_REGISTER_MODE_RWP;
            let s = Scene::new(Memory::Anon, 3, features, mode)?;
            s.rwprotect(0, 3)?;
            s.lets_read(1, FIRST + 1)?;
            let arg = pm_scan_arg {
                category_inverted: PAGE_IS_ACCESSED,
                category_mask: PAGE_IS_ACCESSED | PAGE_IS_PRESENT,
                return_mask: PAGE_IS_PRESENT,
                ..wanting(&s.region, 0)
            };
            let p = PAGE_IS_PRESENT;
            reports(&s.region, arg, &[(0, 1, p), (2, 1, p)])
        },
    )
    .features(UFFD_FEATURE_RWP_ASYNC),
    case(
        "pagemap-categories-accessed-unknown",
        "measured",
        "a kernel without RWP does not know the category ACCESSED: EINVAL",
        |_| {
            let r = Region::source(1, FIRST)?;
            refuses(wanting(&r, PAGE_IS_ACCESSED), EINVAL)
        },
    )
    .features(HAS_SCAN)
    .lacking(HAS_RWP),
];
