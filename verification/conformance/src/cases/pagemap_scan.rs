//! PAGEMAP_SCAN: its argument, its errors, and how a walk goes.

use super::scan::*;
use super::scene::*;
use crate::prelude::*;

const ARGUMENT: &str = "PAGEMAP_SCAN(2const), DESCRIPTION";
const EINVAL_ENTRY: &str = "PAGEMAP_SCAN(2const), ERRORS: EINVAL";
const EFAULT_ENTRY: &str = "PAGEMAP_SCAN(2const), ERRORS: EFAULT";
/// Ten categories, up to ACCESSED.
const UNKNOWN_CATEGORY: u64 = 1 << 40;

/// Six anonymous pages, of which 0, 2, 3 and 5 are there.
fn region() -> Result<Region, Verdict> {
    let region = Region::new(Memory::Anon, 6)?;
    for n in [0, 2, 3, 5] {
        region.fill_page(n, FIRST);
    }
    Ok(region)
}

fn present(region: &Region) -> pm_scan_arg {
    wanting(region, PAGE_IS_PRESENT)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "pagemap-scan-runs",
        ARGUMENT,
        "reports the matching pages as runs: neighbours with the same categories are one",
        |_| {
            let r = region()?;
            has(&r, PAGE_IS_PRESENT, &[(0, 1), (2, 2), (5, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-runs-differ",
        ARGUMENT,
        "neighbours with different categories are two runs",
        |_| {
            let r = Region::new(Memory::Anon, 2)?;
            r.fill_page(0, FIRST);
            ensure!(r.read(1) == 0, "new memory is not zero");
            let both = PAGE_IS_PRESENT | PAGE_IS_PFNZERO;
            let arg = pm_scan_arg {
                return_mask: both,
                ..present(&r)
            };
            reports(&r, arg, &[(0, 1, PAGE_IS_PRESENT), (1, 1, both)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-walk-end-complete",
        ARGUMENT,
        "walk_end is the end of the range when the walk is complete, even if nothing matched",
        |_| {
            let r = region()?;
            let done = scan(&r, present(&r))?;
            ensure!(
                done.walk_end == 6,
                "walk_end is page {}, not 6",
                done.walk_end
            );
            let none = scan(&r, wanting(&r, PAGE_IS_FILE))?;
            ensure!(none.runs.is_empty(), "reported {}", in_words(&none.runs));
            ensure!(
                none.walk_end == 6,
                "walk_end is page {}, not 6",
                none.walk_end
            );
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-vec-full",
        ARGUMENT,
        "when the array is full the walk ends, and walk_end is where to go on",
        |_| {
            let r = region()?;
            let first = scan_with_room(&r, present(&r), 2)?;
            let expected = [(0, 1, PAGE_IS_PRESENT), (2, 2, PAGE_IS_PRESENT)];
            ensure!(first.runs == expected, "reported {}", in_words(&first.runs));
            ensure!(
                (4..6).contains(&first.walk_end),
                "walk_end is page {}",
                first.walk_end
            );
            let arg = pm_scan_arg {
                start: r.at(first.walk_end) as u64,
                ..present(&r)
            };
            reports(&r, arg, &[(5, 1, PAGE_IS_PRESENT)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-vec-exact",
        "measured",
        "an array with just enough room for all runs ends the walk at the end of the range",
        |_| {
            let r = region()?;
            let done = scan_with_room(&r, present(&r), 3)?;
            ensure!(done.runs.len() == 3, "reported {}", in_words(&done.runs));
            ensure!(
                done.walk_end == 6,
                "walk_end is page {}, not 6",
                done.walk_end
            );
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-max-pages",
        ARGUMENT,
        "max_pages limits the matching pages, and walk_end is where to go on",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                max_pages: 2,
                ..present(&r)
            };
            let first = scan(&r, arg)?;
            let expected = [(0, 1, PAGE_IS_PRESENT), (2, 1, PAGE_IS_PRESENT)];
            ensure!(first.runs == expected, "reported {}", in_words(&first.runs));
            ensure!(
                first.walk_end == 3,
                "walk_end is page {}, not 3",
                first.walk_end
            );
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-sub-range",
        ARGUMENT,
        "only start to end is scanned",
        |_| {
            let r = region()?;
            let (start, end) = (r.at(1) as u64, r.at(3) as u64);
            let arg = pm_scan_arg {
                start,
                end,
                ..present(&r)
            };
            reports(&r, arg, &[(2, 1, PAGE_IS_PRESENT)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-empty-range",
        "measured",
        "start equal to end is a success that reports nothing",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                end: r.addr as u64,
                ..present(&r)
            };
            reports(&r, arg, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-end-unaligned",
        "measured",
        "an end in the middle of a page includes the page",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                end: r.addr as u64 + 1,
                ..present(&r)
            };
            reports(&r, arg, &[(0, 1, PAGE_IS_PRESENT)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-category-mask",
        ARGUMENT,
        "a page matches if it has all of category_mask",
        |_| {
            let r = Region::new(Memory::Anon, 2)?;
            r.fill_page(0, FIRST);
            ensure!(r.read(1) == 0, "new memory is not zero");
            has(&r, PAGE_IS_PRESENT, &[(0, 2)])?;
            has(&r, PAGE_IS_PRESENT | PAGE_IS_PFNZERO, &[(1, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-category-anyof-mask",
        ARGUMENT,
        "a page matches if it has one of category_anyof_mask",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                category_mask: 0,
                category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                ..present(&r)
            };
            let (p, one) = (PAGE_IS_PRESENT, 1);
            reports(&r, arg, &[(0, one, p), (2, 2, p), (5, one, p)])?;
            let arg = pm_scan_arg {
                category_anyof_mask: PAGE_IS_FILE | PAGE_IS_HUGE,
                ..arg
            };
            reports(&r, arg, &[])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-category-inverted",
        ARGUMENT,
        "a category in category_inverted counts when the page has it not",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                category_inverted: PAGE_IS_PFNZERO,
                category_mask: PAGE_IS_PRESENT | PAGE_IS_PFNZERO,
                ..present(&r)
            };
            let p = PAGE_IS_PRESENT;
            reports(&r, arg, &[(0, 1, p), (2, 2, p), (5, 1, p)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-category-inverted-missing",
        ARGUMENT,
        "PRESENT inverted finds the pages that are not there",
        |_| {
            let r = region()?;
            let p = PAGE_IS_PRESENT;
            let arg = pm_scan_arg {
                category_inverted: p,
                return_mask: p,
                ..present(&r)
            };
            let runs = scan(&r, arg)?.runs;
            let pages: Vec<(usize, usize)> = runs.iter().map(|run| (run.0, run.1)).collect();
            ensure!(pages == [(1, 1), (4, 1)], "reported {}", in_words(&runs));
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-return-mask",
        ARGUMENT,
        "return_mask says which categories are reported of the matching pages",
        |_| {
            let r = Region::new(Memory::Shmem, 1)?;
            r.fill_page(0, FIRST);
            let arg = pm_scan_arg {
                return_mask: PAGE_IS_FILE,
                ..present(&r)
            };
            reports(&r, arg, &[(0, 1, PAGE_IS_FILE)])?;
            let both = PAGE_IS_FILE | PAGE_IS_PRESENT;
            reports(
                &r,
                pm_scan_arg {
                    return_mask: both,
                    ..arg
                },
                &[(0, 1, both)],
            )
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-no-vec",
        ARGUMENT,
        "without an array nothing is reported, and the walk is complete",
        |_| {
            let r = region()?;
            let mut arg = present(&r);
            let answer = call(&mut arg);
            let said = answer.map_or_else(errno_name, |n| n.to_string());
            ensure!(answer == Ok(0), "PAGEMAP_SCAN answered {}, not 0", said);
            let end = r.at(6) as u64;
            ensure!(
                arg.walk_end == end,
                "walk_end is {} bytes off",
                arg.walk_end.wrapping_sub(end) as i64
            );
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-other-process",
        "pagemap.rst, pagemap",
        "the pagemap of another process can be scanned",
        |_| {
            use std::os::unix::io::AsRawFd;
            let r = region()?;
            let addr = r.at(1);
            let (wait, done) = pipe_with(&[])?;
            let _child = Child::fork(|| {
                mapping::write(addr, NEW);
                // SAFETY: one byte; pause takes nothing.
                unsafe {
                    libc::write(done, [NEW].as_ptr().cast(), 1);
                    loop {
                        libc::pause();
                    }
                }
            })?;
            let mut byte = 0u8;
            // SAFETY: room for one byte.
            unsafe { libc::read(wait, (&mut byte as *mut u8).cast(), 1) };
            let path = format!("/proc/{}/pagemap", _child.pid);
            let file = std::fs::File::open(path)
                .map_err(|error| Verdict::Cannot(format!("the child's pagemap: {}", error)))?;
            let mut vec = [page_region::default(); 4];
            let mut arg = pm_scan_arg {
                vec: vec.as_mut_ptr() as u64,
                vec_len: 4,
                ..present(&r)
            };
            // SAFETY: the argument and its array live through the call.
            let found = unsafe { pagemap_scan(file.as_raw_fd(), &mut arg) };
            ensure!(found == 2, "PAGEMAP_SCAN answered {}, not 2", found);
            let (start, end) = (vec[0].start as usize, vec[0].end as usize);
            ensure!(
                (start, end) == (r.at(0), r.at(4)),
                "the child's first run is another"
            );
            has(&r, PAGE_IS_PRESENT, &[(0, 1), (2, 2), (5, 1)])
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-esrch",
        "measured",
        "the pagemap of a process that has exited since it was opened is ESRCH",
        |_| {
            use std::os::unix::io::AsRawFd;
            let r = region()?;
            let mut child = Child::fork(|| loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            })?;
            let path = format!("/proc/{}/pagemap", child.pid);
            let file = std::fs::File::open(path)
                .map_err(|error| Verdict::Cannot(format!("the child's pagemap: {}", error)))?;
            child.kill(libc::SIGKILL);
            child.ends()?;
            let mut arg = present(&r);
            // SAFETY: the argument lives through the call, and has no array.
            let make = || unsafe { pagemap_scan(file.as_raw_fd(), &mut arg) };
            Answer::of("PAGEMAP_SCAN", make).fails(ESRCH)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-unknown-ioctl",
        "measured",
        "before Linux 6.7 the call is ENOTTY",
        |_| {
            let r = region()?;
            refuses(present(&r), ENOTTY)
        },
    )
    .until(6, 6),
    case(
        "pagemap-scan-other-descriptor",
        "measured",
        "the call is ENOTTY on another kind of descriptor, and EBADF on none",
        |_| {
            let (pipe, _) = pipe_with(b"x")?;
            for (fd, errno) in [(pipe, ENOTTY), (-1, EBADF)] {
                let mut arg = present(&region()?);
                // SAFETY: the argument lives through the call, and has no array.
                Answer::of("PAGEMAP_SCAN", || unsafe { pagemap_scan(fd, &mut arg) })
                    .fails(errno)?;
            }
            Ok(())
        },
    ),
    case(
        "pagemap-scan-einval-size",
        EINVAL_ENTRY,
        "a size of another struct is EINVAL",
        |_| {
            let arg = present(&region()?);
            for size in [0, arg.size - 8, arg.size + 8] {
                refuses(pm_scan_arg { size, ..arg }, EINVAL)?;
            }
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-einval-flags",
        EINVAL_ENTRY,
        "a flag besides the two is EINVAL",
        |_| {
            let arg = present(&region()?);
            let known = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;
            for flags in (0..64).map(|n| 1u64 << n).filter(|bit| bit & known == 0) {
                refuses(pm_scan_arg { flags, ..arg }, EINVAL)?;
            }
            Ok(())
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-einval-category",
        EINVAL_ENTRY,
        "a category that the kernel does not know is EINVAL, in each of the four masks",
        |_| {
            let arg = present(&region()?);
            let with = UNKNOWN_CATEGORY | PAGE_IS_PRESENT;
            refuses(
                pm_scan_arg {
                    category_inverted: with,
                    ..arg
                },
                EINVAL,
            )?;
            refuses(
                pm_scan_arg {
                    category_mask: with,
                    ..arg
                },
                EINVAL,
            )?;
            refuses(
                pm_scan_arg {
                    category_anyof_mask: with,
                    ..arg
                },
                EINVAL,
            )?;
            refuses(
                pm_scan_arg {
                    return_mask: with,
                    ..arg
                },
                EINVAL,
            )
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-einval-start-unaligned",
        EINVAL_ENTRY,
        "start that is not a multiple of the page size is EINVAL",
        |_| {
            let arg = present(&region()?);
            refuses(
                pm_scan_arg {
                    start: arg.start + 1,
                    ..arg
                },
                EINVAL,
            )
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-efault-backwards",
        EFAULT_ENTRY,
        "start after end is EFAULT",
        |_| {
            let arg = present(&region()?);
            refuses(
                pm_scan_arg {
                    start: arg.end,
                    end: arg.start,
                    ..arg
                },
                EFAULT,
            )
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-einval-no-vec",
        EINVAL_ENTRY,
        "a length of the array without an array is EINVAL",
        |_| {
            let arg = present(&region()?);
            refuses(pm_scan_arg { vec_len: 1, ..arg }, EINVAL)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-efault-vec",
        EFAULT_ENTRY,
        "an array that cannot be written is EFAULT",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                vec: r.at(6) as u64,
                vec_len: 1,
                ..present(&r)
            };
            refuses(arg, EFAULT)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-efault-argument",
        EFAULT_ENTRY,
        "an argument that cannot be read is EFAULT",
        |_| {
            use std::os::unix::io::AsRawFd;
            let r = region()?;
            let file = std::fs::File::open("/proc/self/pagemap")
                .map_err(|error| Verdict::Cannot(format!("/proc/self/pagemap: {}", error)))?;
            let nowhere = r.at(6) as *mut pm_scan_arg;
            // SAFETY: the kernel checks the address, which is the point.
            let make = || unsafe { pagemap_scan(file.as_raw_fd(), nowhere) };
            Answer::of("PAGEMAP_SCAN", make).fails(EFAULT)
        },
    )
    .features(HAS_SCAN),
    case(
        "pagemap-scan-no-return-mask",
        "measured",
        "an array but no return_mask is a success that reports the pages, but no category",
        |_| {
            let r = region()?;
            let arg = pm_scan_arg {
                return_mask: 0,
                ..present(&r)
            };
            reports(&r, arg, &[(0, 1, 0), (2, 2, 0), (5, 1, 0)])
        },
    )
    .features(HAS_SCAN),
];
