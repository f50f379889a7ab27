//! UFFDIO_COPY with MODE_WP: a page that arrives protected.

use super::scene::*;
use crate::prelude::*;

const MODE_WP: &str = "UFFDIO_COPY(2const), DESCRIPTION: UFFDIO_COPY_MODE_WP";
const WP: u64 = UFFDIO_COPY_MODE_WP;

/// The page arrives filled; a read passes, a write waits.
fn arrives_protected(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 2, 0, MISSING_WP)?;
    let source = Region::new(Memory::Anon, s.page() / page_size())?;
    (0..source.pages()).for_each(|n| source.fill_page(n, FIRST));
    s.uffd
        .copy(s.at(1), source.addr, s.page(), WP)
        .gives(s.page())?;
    s.lets_read(1, FIRST)?;
    s.region.holds(1, FIRST)?;
    s.traps_write(1)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[kinds! {
    arrives_protected, MODE_WP;
    "copy-wp-anon", Anon, HAS_WP => "an anonymous page arrives write-protected";
    "copy-wp-shmem", Shmem, HAS_WP_SHARED => "a page of shared memory arrives write-protected";
    "copy-wp-private-shmem", PrivateShmem, HAS_WP_SHARED => "a page of a private memfd arrives protected";
    "copy-wp-hugetlb", Hugetlb, HAS_WP_SHARED => "a huge page arrives write-protected";
    "copy-wp-shared-hugetlb", SharedHugetlb, HAS_WP_SHARED => "a shared huge page arrives write-protected";
    "copy-wp-shared-anon", SharedAnon, HAS_WP_SHARED => "a page of shared anonymous memory arrives write-protected";
}];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "copy-wp-waiting-writer",
        MODE_WP,
        "a thread that waits to write to the missing page is woken, and then waits once more",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            let writer = Thread::writes(s.at(0), NEW);
            s.uffd.expect_fault(s.at(0), UFFD_PAGEFAULT_FLAG_WRITE)?;
            s.uffd
                .copy(s.at(0), source.addr, m.page, WP)
                .gives(m.page)?;
            s.uffd.expect_fault(s.at(0), WP_WRITE)?;
            ensure!(
                s.region.read(0) == FIRST,
                "the write came before the protection was lifted"
            );
            s.unprotect(0, 1)?;
            writer.returns()?;
            ensure!(s.region.read(0) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "copy-wp-read-only-mapping",
        "measured",
        "a page that arrives while the mapping is read-only is protected once it is writable",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            s.region.mprotect(0, 1, libc::PROT_READ)?;
            s.uffd
                .copy(s.at(0), source.addr, m.page, WP)
                .gives(m.page)?;
            s.region
                .mprotect(0, 1, libc::PROT_READ | libc::PROT_WRITE)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "copy-wp-dontwake",
        "UFFDIO_COPY(2const), DESCRIPTION: UFFDIO_COPY_MODE_WP UFFDIO_COPY_MODE_DONTWAKE",
        "both mode bits together: the page arrives protected, the thread waits until UFFDIO_WAKE",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            let mode = WP | UFFDIO_COPY_MODE_DONTWAKE;
            s.uffd
                .copy(s.at(0), source.addr, m.page, mode)
                .gives(m.page)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "copy-wp-without-registered-wp",
        "measured",
        "on a range registered for missing pages alone it is EINVAL, and nothing arrives",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let source = Region::source(1, FIRST)?;
            s.uffd
                .copy(s.at(0), source.addr, m.page, WP)
                .fails(EINVAL)?;
            ensure!(!s.region.is_mapped(0)?, "a page arrived");
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)
        },
    )
    .features(HAS_WP),
    case(
        "copy-wp-off",
        MODE_WP,
        "without the mode bit the page arrives unprotected, even where others are protected",
        |m| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            s.uffd
                .copy(s.at(1), source.addr, m.page, WP)
                .gives(m.page)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.lets_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "copy-wp-off-shmem",
        "measured",
        "COPY without MODE_WP onto a protected missing page of shared memory drops the protection",
        |m| {
            let s = Scene::empty(Memory::Shmem, 2, 0, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            s.protect(0, 2)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.lets_write(0)
        },
    )
    .features(HAS_WP_SHARED),
];
