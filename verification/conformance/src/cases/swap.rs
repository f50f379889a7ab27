//! Pages that were swapped out. See `uffd_kit::swap` for what that needs.

use uffd_kit::pagemap::{PROTECTED, SWAPPED};
use uffd_kit::smaps;
use uffd_kit::swap::Swap;

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

/// Swaps page `n` of private memory out.
fn page_out(region: &Region, n: usize) -> Outcome {
    uffd_kit::swap::page_out(region, n, || Ok(region.pagemap(n)? & SWAPPED != 0))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "swap-writeprotect",
        "measured",
        "write-protection of anonymous memory outlives being swapped out and in",
        |_| {
            let _swap = Swap::on()?;
            let s = Scene::new(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            page_out(&s.region, 0)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "swap-writeprotect-write",
        "measured",
        "a write to a protected page that is swapped out waits",
        |_| {
            let _swap = Swap::on()?;
            let s = Scene::new(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 1)?;
            page_out(&s.region, 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "swap-writeprotect-while-out",
        "measured",
        "pages that are swapped out can be protected, and the protection lifted",
        |_| {
            let _swap = Swap::on()?;
            let s = Scene::new(Memory::Anon, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            page_out(&s.region, 0)?;
            page_out(&s.region, 1)?;
            s.protect(0, 2)?;
            s.unprotect(1, 1)?;
            s.traps_write(0)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "swap-async",
        "userfaultfd.rst, Write Protect Notifications; PAGEMAP_SCAN(2const), DESCRIPTION: PAGE_IS_SWAPPED",
        "asynchronous tracking outlives being swapped out: SWAPPED, and not WRITTEN",
        |_| {
            let _swap = Swap::on()?;
            let features = UFFD_FEATURE_WP_ASYNC;
            let s = Scene::new(Memory::Anon, 2, features, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 2)?;
            page_out(&s.region, 0)?;
            has(&s.region, PAGE_IS_SWAPPED, &[(0, 1)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_read(0, FIRST)?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_write(0)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "swap-async-written",
        "measured",
        "a page that was written and then swapped out is WRITTEN, and can be taken while it is out",
        |_| {
            let _swap = Swap::on()?;
            let features = UFFD_FEATURE_WP_ASYNC;
            let s = Scene::new(Memory::Anon, 2, features, UFFDIO_REGISTER_MODE_WP)?;
            s.protect(0, 2)?;
            s.lets_write(0)?;
            page_out(&s.region, 0)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1)])?;
            let taking = pm_scan_arg {
                flags: PM_SCAN_WP_MATCHING,
                ..wanting(&s.region, PAGE_IS_WRITTEN)
            };
            reports(&s.region, taking, &[(0, 1, PAGE_IS_WRITTEN)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[])?;
            s.lets_write(0)?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "swap-shmem",
        "userfaultfd.rst, Read-Write Protection",
        "write-protection of shared memory outlives being swapped out, by a marker",
        |m| {
            let _swap = Swap::on()?;
            let s = Scene::new(Memory::Shmem, 2, 0, UFFDIO_REGISTER_MODE_WP)?;
            let alias = s.region.alias()?;
            s.protect(0, 1)?;
            // What of the file is swapped out is counted for each mapping of it.
            let is_out = || Ok(smaps::bytes(alias.addr, "Swap:")? == m.page);
            uffd_kit::swap::page_out(&s.region, 0, is_out)?;
            ensure!(
                s.region.pagemap(0)? & PROTECTED != 0,
                "the swapped page lost its mark"
            );
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "swap-move",
        "measured",
        "UFFDIO_MOVE moves pages that are swapped out",
        |m| {
            let _swap = Swap::on()?;
            let s = Scene::empty(Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            let source = Region::source(1, FIRST)?;
            page_out(&source, 0)?;
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, FIRST)?;
            source.holds(0, 0)
        },
    )
    .features(UFFD_FEATURE_MOVE),
    case(
        "swap-rwprotect",
        "UFFDIO_RWPROTECT(2const), DESCRIPTION",
        "read-write-protection of anonymous memory outlives being swapped out and in",
        |_| {
            let _swap = Swap::on()?;
            let s = Scene::new(Memory::Anon, 1, HAS_RWP, UFFDIO_REGISTER_MODE_RWP)?;
            s.rwprotect(0, 1)?;
            page_out(&s.region, 0)?;
            ensure!(
                s.region.pagemap(0)? & PROTECTED != 0,
                "the swapped page lost its mark"
            );
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
];
