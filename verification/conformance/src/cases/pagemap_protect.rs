//! PAGEMAP_SCAN that write-protects what it finds.

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

const ASYNC: u64 = UFFD_FEATURE_WP_ASYNC;
const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const MATCHING: &str = "PAGEMAP_SCAN(2const), DESCRIPTION: PM_SCAN_WP_MATCHING";
const CHECK: &str = "PAGEMAP_SCAN(2const), DESCRIPTION: PM_SCAN_CHECK_WPASYNC";
const BOTH_FLAGS: u64 = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;

/// Four protected pages in asynchronous mode.
fn scene(memory: Memory) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 4, ASYNC, REGISTER_WP)?;
    s.protect(0, 4)?;
    Ok(s)
}

/// Take what was written, and protect it again.
fn taking(s: &Scene) -> pm_scan_arg {
    pm_scan_arg {
        flags: BOTH_FLAGS,
        ..wanting(&s.region, PAGE_IS_WRITTEN)
    }
}

/// Round after round, what was written is taken once.
fn takes(memory: Memory) -> Outcome {
    let s = scene(memory)?;
    let small = s.page() / page_size();
    let run = |n: usize, pages: usize| (n * small, pages * small, PAGE_IS_WRITTEN);
    reports(&s.region, taking(&s), &[])?;
    s.lets_write(1)?;
    s.lets_write(2)?;
    reports(&s.region, taking(&s), &[run(1, 2)])?;
    reports(&s.region, taking(&s), &[])?;
    s.lets_write(2)?;
    s.lets_write(0)?;
    reports(&s.region, taking(&s), &[run(0, 1), run(2, 1)])?;
    has(&s.region, PAGE_IS_WRITTEN, &[])
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[kinds! {
    takes, MATCHING;
    "pagemap-protect-anon", Anon, HAS_SCAN => "takes and protects anonymous memory";
    "pagemap-protect-shmem", Shmem, HAS_SCAN => "takes and protects shared memory";
    "pagemap-protect-private-shmem", PrivateShmem, HAS_SCAN => "takes and protects a private memfd";
    "pagemap-protect-hugetlb", Hugetlb, HAS_SCAN => "takes and protects huge pages";
    "pagemap-protect-shared-hugetlb", SharedHugetlb, HAS_SCAN => "takes and protects shared huge pages";
    "pagemap-protect-file", File, HAS_SCAN => "takes and protects files";
    "pagemap-protect-shared-anon", SharedAnon, HAS_SCAN => "takes and protects shared anonymous memory";
}];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "pagemap-protect-missing-all",
        "measured",
        "a scan of all pages protects those that are not there, too",
        |_| {
            let (_uffd, region) = beside_a_page()?;
            let all = all_pages(&region, PAGE_IS_PRESENT);
            scan(
                &region,
                pm_scan_arg {
                    flags: BOTH_FLAGS,
                    ..all
                },
            )?;
            has(&region, PAGE_IS_WRITTEN, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-thp",
        MATCHING,
        "takes and protects transparent huge pages",
        |_| {
            let s = Scene::of(thp()?, ASYNC, REGISTER_WP)?;
            let all = s.region.pages();
            reports(&s.region, taking(&s), &[(0, all, PAGE_IS_WRITTEN)])?;
            reports(&s.region, taking(&s), &[])?;
            s.lets_write(5)?;
            let runs = scan(&s.region, taking(&s))?.runs;
            let hit = runs
                .iter()
                .any(|(first, pages, _)| (*first..first + pages).contains(&5));
            ensure!(hit, "the page is not reported");
            reports(&s.region, taking(&s), &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-thp-part",
        MATCHING,
        "max_pages can end the walk in the middle of a transparent huge page",
        |_| {
            let s = Scene::of(thp()?, ASYNC, REGISTER_WP)?;
            let all = s.region.pages();
            let arg = pm_scan_arg {
                max_pages: 3,
                ..taking(&s)
            };
            reports(&s.region, arg, &[(0, 3, PAGE_IS_WRITTEN)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[(3, all - 3)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-only-matching",
        MATCHING,
        "only the matching pages are protected",
        |_| {
            let s = Scene::new(Memory::Anon, 3, ASYNC, REGISTER_WP)?;
            s.region.madvise(1, 1, libc::MADV_DONTNEED)?;
            s.lets_read(1, 0)?;
            let arg = wanting(&s.region, PAGE_IS_PFNZERO);
            let arg = pm_scan_arg {
                flags: PM_SCAN_WP_MATCHING,
                ..arg
            };
            reports(&s.region, arg, &[(1, 1, PAGE_IS_PFNZERO)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 1), (2, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-max-pages",
        MATCHING,
        "beyond max_pages nothing is protected: the rest is found by the next call",
        |_| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            let arg = pm_scan_arg {
                max_pages: 3,
                ..taking(&s)
            };
            reports(&s.region, arg, &[(0, 3, PAGE_IS_WRITTEN)])?;
            reports(&s.region, taking(&s), &[(3, 1, PAGE_IS_WRITTEN)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-vec-full",
        MATCHING,
        "what did not fit into the array is not protected: it is found by the next call",
        |_| {
            let s = scene(Memory::Anon)?;
            s.lets_write(0)?;
            s.lets_write(3)?;
            let first = scan_with_room(&s.region, taking(&s), 1)?.runs;
            ensure!(
                first == [(0, 1, PAGE_IS_WRITTEN)],
                "reported {}",
                in_words(&first)
            );
            reports(&s.region, taking(&s), &[(3, 1, PAGE_IS_WRITTEN)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-no-vec",
        MATCHING,
        "without an array the matching pages are protected, and none reported",
        |_| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            let mut arg = taking(&s);
            let answer = call(&mut arg);
            let said = answer.map_or_else(errno_name, |n| n.to_string());
            ensure!(answer == Ok(0), "PAGEMAP_SCAN answered {}, not 0", said);
            ensure!(arg.walk_end == s.at(4) as u64, "the walk ended early");
            has(&s.region, PAGE_IS_WRITTEN, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-missing",
        "pagemap.rst, PAGEMAP_SCAN",
        "a whole region can be protected, with the pages that are not there",
        |_| {
            let features = ASYNC | UFFD_FEATURE_WP_UNPOPULATED;
            let s = Scene::empty(Memory::Anon, 3, features, REGISTER_WP)?;
            let arg = pm_scan_arg {
                flags: BOTH_FLAGS,
                ..wanting(&s.region, 0)
            };
            scan_with_room(&s.region, arg, 0)?;
            s.lets_write(1)?;
            s.lets_read(2, 0)?;
            reports(&s.region, taking(&s), &[(1, 1, PAGE_IS_WRITTEN)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-same-as-ioctl",
        "pagemap.rst, PAGEMAP_SCAN",
        "UFFDIO_WRITEPROTECT and PM_SCAN_WP_MATCHING do the same: each undoes nothing of the other",
        |_| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            reports(&s.region, taking(&s), &[(2, 2, PAGE_IS_WRITTEN)])?;
            s.protect(0, 4)?;
            has(&s.region, PAGE_IS_WRITTEN, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-check-not-registered",
        CHECK,
        "CHECK_WPASYNC on memory that is not registered ends the call: EPERM",
        |_| {
            let r = Region::source(2, FIRST)?;
            for flags in [PM_SCAN_CHECK_WPASYNC, BOTH_FLAGS] {
                refuses(
                    pm_scan_arg {
                        flags,
                        ..wanting(&r, PAGE_IS_PRESENT)
                    },
                    EPERM,
                )?;
            }
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-check-sync",
        CHECK,
        "CHECK_WPASYNC on memory with synchronous write-protection ends the call: EPERM",
        |_| {
            let s = Scene::new(Memory::Anon, 2, 0, REGISTER_WP)?;
            refuses(taking(&s), EPERM)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-check-mixed",
        CHECK,
        "CHECK_WPASYNC on a range of which a part is not registered ends the call: EPERM",
        |m| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            s.uffd.unregister(s.at(2), 2 * m.page).ok()?;
            refuses(taking(&s), EPERM)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-check-alone",
        CHECK,
        "CHECK_WPASYNC without WP_MATCHING on asynchronous memory reports, and protects nothing",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            let arg = pm_scan_arg {
                flags: PM_SCAN_CHECK_WPASYNC,
                ..taking(&s)
            };
            reports(&s.region, arg, &[(0, 2, PAGE_IS_WRITTEN)])?;
            has(&s.region, PAGE_IS_WRITTEN, &[(0, 2)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-without-check",
        "PAGEMAP_SCAN(2const), DESCRIPTION: PM_SCAN_WP_MATCHING",
        "WP_MATCHING without CHECK_WPASYNC skips memory that cannot be so protected",
        |m| {
            let s = Scene::new(Memory::Anon, 4, ASYNC, REGISTER_WP)?;
            s.uffd.unregister(s.at(2), 2 * m.page).ok()?;
            let arg = wanting(&s.region, PAGE_IS_PRESENT);
            let arg = pm_scan_arg {
                flags: PM_SCAN_WP_MATCHING,
                ..arg
            };
            scan(&s.region, arg)?;
            ensure!(
                s.region.pagemap(1)? & PAGEMAP_UFFD_WP != 0,
                "page 1 was not protected"
            );
            ensure!(
                s.region.pagemap(2)? & PAGEMAP_UFFD_WP == 0,
                "page 2 was protected"
            );
            passes(&s.uffd, &Thread::writes(s.at(2), NEW)).map(|_| ())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-protect-atomic",
        "pagemap.rst, PAGEMAP_SCAN",
        "taking and protecting are one step: of writes under way, none is lost",
        |_| {
            use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
            use std::time::{Duration, Instant};
            const ROUNDS: u32 = 200;
            const PAUSE: Duration = Duration::from_micros(50);
            static COPY: AtomicU32 = AtomicU32::new(0);
            let s = scene(Memory::Anon)?;
            mapping::write_word(s.at(0), 0);
            let word = s.at(0) as *const AtomicU32 as usize;
            // SAFETY: the word is part of the scene's mapping, aligned, and
            // touched through raw addresses alone.
            let word = move || unsafe { &*(word as *const AtomicU32) };
            // Writes once more as soon as the last write is in the copy, which
            // is before the taking thread can protect in a step of its own.
            let writer = Thread::spawn("the writing thread", move || {
                for n in 1..=ROUNDS {
                    word().store(n, SeqCst);
                    // At once, unless the other thread must be let run first.
                    let mut looks = 0;
                    while COPY.load(SeqCst) != n {
                        looks += 1;
                        match looks < 10_000 {
                            true => std::hint::spin_loop(),
                            false => std::thread::sleep(PAUSE),
                        }
                    }
                }
                0
            });
            let mut since = Instant::now();
            while COPY.load(SeqCst) != ROUNDS {
                if !scan(&s.region, taking(&s))?.runs.is_empty() {
                    COPY.store(word().load(SeqCst), SeqCst);
                    since = Instant::now();
                }
                let (copied, lost) = (COPY.load(SeqCst), since.elapsed() > PATIENCE);
                ensure!(!lost, "the write after number {} was lost", copied);
                std::thread::sleep(PAUSE);
            }
            writer.returns_value(0)
        },
    )
    .features(HAS_SCAN)
    .limit(60),
];
