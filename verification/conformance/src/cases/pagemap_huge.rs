//! PAGEMAP_SCAN of huge pages: what is lost by a scan that ends within one, and how
//! nothing is.

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

const ASYNC: u64 = UFFD_FEATURE_WP_ASYNC;
const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const MATCHING: u64 = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;

/// Four huge pages, all written since they were protected.
fn written(memory: Memory) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 4, ASYNC, REGISTER_WP)?;
    s.protect(0, 4)?;
    s.region.fill(NEW);
    Ok(s)
}

/// Small pages in a huge one.
fn small(s: &Scene) -> usize {
    s.page() / page_size()
}

/// Takes what was written, call after call from where the one before ended, until
/// the end of the range or without progress: how many huge pages were reported.
fn take(s: &Scene, max_pages: usize, room: usize) -> Result<usize, Verdict> {
    let (mut from, mut found) = (0, 0);
    while from < s.region.len / page_size() {
        let arg = pm_scan_arg {
            flags: MATCHING,
            start: (s.region.addr + from * page_size()) as u64,
            max_pages: max_pages as u64,
            ..wanting(&s.region, PAGE_IS_WRITTEN)
        };
        let done = scan_with_room(&s.region, arg, room)?;
        found += done.runs.iter().map(|run| run.1).sum::<usize>();
        if done.walk_end <= from {
            break;
        }
        from = done.walk_end;
    }
    Ok(found / small(s))
}

/// All four must be reported, in calls of one huge page, of two, and with a full
/// array; none is then left as written.
fn whole(memory: Memory) -> Outcome {
    for (huge, room) in [(1, 4), (2, 4), (0, 1), (0, 4)] {
        let s = written(memory)?;
        let found = take(&s, huge * small(&s), room)?;
        ensure!(found == 4, "{} of 4 were reported", found);
        has(&s.region, PAGE_IS_WRITTEN, &[])?;
        // Apart, so that each is a run of its own.
        s.lets_write(0)?;
        s.lets_write(2)?;
        let found = take(&s, huge * small(&s), 1)?;
        ensure!(found == 2, "{} of 2 were reported", found);
        has(&s.region, PAGE_IS_WRITTEN, &[])?;
        // The next one needs the huge pages.
        s.region.munmap(0, 4)?;
    }
    Ok(())
}

/// No huge page that is missing counts as written, nor is one protected.
fn missing(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 2, ASYNC, REGISTER_WP)?;
    let arg = pm_scan_arg {
        flags: MATCHING,
        ..wanting(&s.region, PAGE_IS_WRITTEN)
    };
    reports(&s.region, arg, &[])?;
    let all = all_pages(&s.region, PAGE_IS_PRESENT);
    scan(
        &s.region,
        pm_scan_arg {
            flags: MATCHING,
            ..all
        },
    )?;
    scan_with_room(
        &s.region,
        pm_scan_arg {
            category_mask: 0,
            ..arg
        },
        0,
    )?;
    s.region.write(0, NEW);
    has(&s.region, PAGE_IS_WRITTEN, &[(0, small(&s))])?;
    s.region.write(1, NEW);
    has(&s.region, PAGE_IS_WRITTEN, &[(0, 2 * small(&s))])
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        whole, "measured";
        "pagemap-protect-whole-hugetlb", Hugetlb, HAS_SCAN => "with max_pages 0, or whole huge pages, none is lost: calls that go on at walk_end report each once";
        "pagemap-protect-whole-shared-hugetlb", SharedHugetlb, HAS_SCAN => "with max_pages 0, or whole huge pages, none is lost: calls that go on at walk_end report each once";
    },
    kinds! {
        missing, "measured";
        "pagemap-categories-written-missing-hugetlb", Hugetlb, HAS_SCAN => "huge pages that are not there never count as written, and a scan does not protect them";
        "pagemap-categories-written-missing-shared-hugetlb", SharedHugetlb, HAS_SCAN => "shared huge pages that are not there never count as written, and a scan does not protect them";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "pagemap-protect-max-pages-hugetlb",
        "PAGEMAP_SCAN(2const), DESCRIPTION",
        "max_pages that ends within a huge page loses none: calls that go on at walk_end report each",
        |_| {
            let s = written(Memory::Hugetlb)?;
            let found = take(&s, small(&s) + small(&s) / 2, 4)?;
            ensure!(found == 4, "{} of 4 were reported", found);
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-max-pages-hugetlb-lost",
        "measured",
        "what was so passed over is not protected: a scan from the start finds it",
        |_| {
            let s = written(Memory::Hugetlb)?;
            let first = take(&s, small(&s) + small(&s) / 2, 4)?;
            let rest = take(&s, 0, 4)?;
            ensure!(first + rest == 4, "{} and {} of 4", first, rest);
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-max-pages-hugetlb-one",
        "measured",
        "max_pages less than a huge page reports nothing and protects nothing",
        |_| {
            let s = written(Memory::Hugetlb)?;
            let found = take(&s, 1, 4)?;
            ensure!(found == 0, "{} were reported", found);
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 4 * small(&s))])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-part-hugetlb",
        "measured",
        "a range that ends within a huge page neither reports nor protects it, and walk_end is its start",
        |m| {
            let s = written(Memory::Hugetlb)?;
            let one = small(&s);
            let arg = pm_scan_arg {
                flags: MATCHING,
                end: (s.at(1) + m.page) as u64,
                ..wanting(&s.region, PAGE_IS_WRITTEN)
            };
            let done = scan(&s.region, arg)?;
            ensure!(
                done.runs == [(0, one, PAGE_IS_WRITTEN)],
                "reported {}",
                in_words(&done.runs)
            );
            ensure!(done.walk_end == one, "walk_end is page {}", done.walk_end);
            has(&s.region, PAGE_IS_WRITTEN, &[(one, 3 * one)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-max-pages-hugetlb",
        "measured",
        "without WP_MATCHING, max_pages may end within a huge page: the small pages are counted, and none is lost",
        |_| {
            let s = written(Memory::Hugetlb)?;
            let (half, all) = (small(&s) / 2, 4 * small(&s));
            let arg = pm_scan_arg {
                max_pages: 3 * half as u64,
                ..wanting(&s.region, PAGE_IS_WRITTEN)
            };
            let first = scan(&s.region, arg)?;
            let start = (s.region.addr + first.walk_end * page_size()) as u64;
            let rest = scan(&s.region, pm_scan_arg { start, max_pages: 0, ..arg })?;
            let pages = |runs: &[Run]| runs.iter().map(|run| run.1).sum::<usize>();
            ensure!(first.walk_end == 3 * half, "walk_end is page {}", first.walk_end);
            ensure!(pages(&first.runs) + pages(&rest.runs) == all, "some are lost");
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-no-vec-masks",
        "measured",
        "WP_MATCHING without an array protects small pages whatever the masks say, and ignores max_pages",
        |_| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            let arg = pm_scan_arg {
                flags: MATCHING,
                max_pages: 1,
                ..wanting(&s.region, PAGE_IS_FILE)
            };
            scan_with_room(&s.region, arg, 0)?;
            has(&s.region, PAGE_IS_WRITTEN, &[])
        },
    )
    .features(HAS_SCAN),
];
