//! What is there without being a page: write-protect markers, poison, guards. The
//! calls that fill pages, and PAGEMAP_SCAN, on them.

use uffd_kit::pagemap::{PRESENT, SWAPPED};

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const UNPOPULATED: u64 = UFFD_FEATURE_WP_UNPOPULATED;
const MADV_GUARD_INSTALL: i32 = 102;

/// Two missing pages, of which a marker protects page 0.
fn marker() -> Result<Scene, Verdict> {
    marker_in(Memory::Anon)
}

/// The same in this memory.
fn marker_in(memory: Memory) -> Result<Scene, Verdict> {
    let s = Scene::empty(memory, 2, UNPOPULATED, MISSING_WP)?;
    s.protect(0, 1)?;
    Ok(s)
}

/// The thread that waits for the marked page goes on waiting after EEXIST and
/// WAKE, as it faults again; COPY fills the page.
fn only_copy_helps(s: &Scene, call: impl Fn() -> Answer) -> Outcome {
    let reader = Thread::reads(s.at(0));
    s.uffd.expect_fault(s.at(0), 0)?;
    call().fails_in_out(EEXIST)?;
    reader.still_waits()?;
    quiet(&s.uffd)?;
    s.uffd.wake(s.at(0), s.page()).ok()?;
    s.uffd.expect_fault(s.at(0), 0)?;
    let source = Region::source(1, FIRST)?;
    s.uffd
        .copy(s.at(0), source.addr, s.page(), 0)
        .gives(s.page())?;
    reader.returns_value(i64::from(FIRST))
}

/// The pages of this region are none: neither present nor missing.
fn is_swapped(region: &Region, n: usize) -> Outcome {
    let entry = region.pagemap(n)?;
    ensure!(entry & PRESENT == 0, "bit 63 is set");
    ensure!(entry & SWAPPED != 0, "bit 62 is clear");
    has(region, PAGE_IS_SWAPPED, &[(n, 1)])?;
    has(region, PAGE_IS_PRESENT, &[])
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "poison-eexist-marker",
        "measured",
        "EEXIST on a missing page that a marker protects, and no thread is woken: one that is faults again, and COPY fills the page",
        |_| {
            for memory in [Memory::Anon, Memory::Shmem] {
                let s = marker_in(memory)?;
                only_copy_helps(&s, || s.uffd.poison(s.at(0), s.page(), 0))?;
            }
            Ok(())
        },
    )
    .features(UNPOPULATED | UFFD_FEATURE_POISON),
    case(
        "zeropage-eexist-marker",
        "measured",
        "EEXIST on a missing page that a marker protects, and no thread is woken: one that is faults again, and COPY fills the page",
        |_| {
            let s = marker()?;
            only_copy_helps(&s, || s.uffd.zeropage(s.at(0), s.page(), 0))
        },
    )
    .features(UNPOPULATED),
    case(
        "zeropage-marker-shmem",
        "measured",
        "a missing page of shared memory that is write-protected is filled, and its protection dropped",
        |_| {
            let s = marker_in(Memory::Shmem)?;
            s.uffd.zeropage(s.at(0), s.page(), 0).gives(s.page())?;
            s.lets_write(0)
        },
    )
    .features(HAS_WP_SHARED | UNPOPULATED),
    case(
        "move-eexist-marker",
        "measured",
        "EEXIST on a missing page that a marker protects, and no thread is woken: one that is faults again, and COPY fills the page",
        |_| {
            let (s, from) = (marker()?, Region::source(1, NEW)?);
            only_copy_helps(&s, || s.uffd.move_(s.at(0), from.addr, s.page(), 0))?;
            from.holds(0, NEW)
        },
    )
    .features(UNPOPULATED | UFFD_FEATURE_MOVE),
    case(
        "move-eexist-poison",
        "measured",
        "a destination page that was poisoned is EEXIST, and the field move says so",
        |m| {
            let (s, from) = (Scene::empty(Memory::Anon, 1, 0, MISSING)?, Region::source(1, NEW)?);
            s.uffd.poison(s.at(0), m.page, 0).gives(m.page)?;
            let answer = s.uffd.move_(s.at(0), from.addr, m.page, 0);
            answer.fails_in_out(EEXIST)?;
            from.holds(0, NEW)
        },
    )
    .features(UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE),
    case(
        "move-efault-marker",
        "measured",
        "a source page that is a write-protect marker is EFAULT, and the field move says so",
        |m| {
            let (s, from) = (Scene::empty(Memory::Anon, 1, 0, MISSING)?, marker()?);
            let answer = s.uffd.move_(s.at(0), from.at(0), m.page, 0);
            answer.fails_in_out(EFAULT)?;
            ensure!(!s.region.is_mapped(0)?, "a page arrived");
            Ok(())
        },
    )
    .features(UNPOPULATED | UFFD_FEATURE_MOVE),
    case(
        "move-efault-poison",
        "measured",
        "a source page that was poisoned is EFAULT, and the field move says so",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING)?;
            s.uffd.poison(s.at(1), m.page, 0).gives(m.page)?;
            let answer = s.uffd.move_(s.at(0), s.at(1), m.page, 0);
            answer.fails_in_out(EFAULT)?;
            ensure!(!s.region.is_mapped(0)?, "a page arrived");
            Ok(())
        },
    )
    .features(UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE),
    case(
        "pagemap-categories-swapped-marker",
        "measured",
        "SWAPPED: a missing page that a write-protect marker protects",
        |_| {
            let s = Scene::empty(Memory::Anon, 3, UNPOPULATED, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(1, 1)?;
            is_swapped(&s.region, 1)?;
            let shared = Scene::empty(Memory::Shmem, 3, 0, UFFDIO_REGISTER_MODE_WP)?;
            shared.protect(2, 1)?;
            is_swapped(&shared.region, 2)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-swapped-poison",
        "measured",
        "SWAPPED: a page that was poisoned",
        |m| {
            let s = Scene::empty(Memory::Anon, 3, 0, MISSING)?;
            s.uffd.poison(s.at(1), m.page, 0).gives(m.page)?;
            is_swapped(&s.region, 1)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-categories-swapped-guard",
        "measured",
        "SWAPPED: a page of a guard region",
        |_| {
            let r = Region::new(Memory::Anon, 3)?;
            r.madvise(1, 1, MADV_GUARD_INSTALL)?;
            is_swapped(&r, 1)
        },
    )
    .features(HAS_SCAN)
    .since(6, 13),
    case(
        "pagemap-categories-guard-unknown",
        "measured",
        "until Linux 6.15 the category GUARD is not known: EINVAL",
        |_| refuses(wanting(&Region::source(1, FIRST)?, PAGE_IS_GUARD), EINVAL),
    )
    .features(HAS_SCAN)
    .until(6, 15),
];
