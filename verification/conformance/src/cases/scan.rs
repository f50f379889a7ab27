//! PAGEMAP_SCAN for the cases. No cases here.

use std::os::unix::io::AsRawFd;

use crate::prelude::*;
use libc::c_int;

/// The kernel has PAGEMAP_SCAN: both came with Linux 6.7.
pub const HAS_SCAN: u64 = UFFD_FEATURE_WP_ASYNC;

/// A run of pages: the first one, how many, their categories.
pub type Run = (usize, usize, u64);

/// What a scan did.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// The runs that it reported.
    pub runs: Vec<Run>,
    /// The page at which it ended.
    pub walk_end: usize,
}

/// The argument for all pages of the region: those with all of `mask` are
/// wanted, and of them is told which of `mask` they have.
pub fn wanting(region: &Region, mask: u64) -> pm_scan_arg {
    pm_scan_arg {
        size: std::mem::size_of::<pm_scan_arg>() as u64,
        start: region.addr as u64,
        end: (region.addr + region.len) as u64,
        category_mask: mask,
        return_mask: mask,
        ..pm_scan_arg::default()
    }
}

/// The argument for all pages of the region, and for which of `mask` they have.
pub fn all_pages(region: &Region, mask: u64) -> pm_scan_arg {
    pm_scan_arg {
        category_mask: 0,
        ..wanting(region, mask)
    }
}

/// Memory for asynchronous write-protection: a page that is there, so that there
/// is a page table, and one after it that is not.
pub fn beside_a_page(m: &Machine) -> Result<(Uffd, Region), Stop> {
    let uffd = Uffd::open(UFFD_FEATURE_WP_ASYNC)?;
    let region = Region::new(m, Memory::Anon, 2)?;
    region.write(0, 1);
    uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_WP)
        .ok()?;
    Ok((uffd, region))
}

/// The call itself on this process: the runs it reported, or the errno.
pub fn call(arg: &mut pm_scan_arg) -> Result<c_int, c_int> {
    let pagemap = match std::fs::File::open("/proc/self/pagemap") {
        Ok(file) => file,
        Err(error) => return Err(error.raw_os_error().unwrap_or(-1)),
    };
    // SAFETY: `arg` lives through the call, and its callers give it a `vec`
    // that may be written, or none, or one that the kernel is to refuse.
    match unsafe { pagemap_scan(pagemap.as_raw_fd(), arg) } {
        -1 => Err(sys::errno()),
        n => Ok(n),
    }
}

/// The call must fail so.
pub fn refuses(mut arg: pm_scan_arg, errno: c_int) -> Outcome {
    match call(&mut arg) {
        Err(e) if e == errno => Ok(()),
        Err(e) => fail!(
            "PAGEMAP_SCAN answered {}, not {}",
            errno_name(e),
            errno_name(errno)
        ),
        Ok(n) => fail!("PAGEMAP_SCAN answered {}, not {}", n, errno_name(errno)),
    }
}

/// Scans with room for so many runs; the call must succeed.
pub fn scan_with_room(region: &Region, arg: pm_scan_arg, room: usize) -> Result<Scanned, Stop> {
    let mut vec = vec![page_region::default(); room];
    let mut arg = pm_scan_arg {
        vec: if room > 0 { vec.as_mut_ptr() as u64 } else { 0 },
        vec_len: room as u64,
        ..arg
    };
    let page = sys::page_size();
    let index = |addr: u64| (addr as usize).wrapping_sub(region.addr) / page;
    match call(&mut arg) {
        Ok(n) => {
            vec.truncate(n as usize);
            let run = |r: &page_region| {
                (
                    index(r.start),
                    (r.end - r.start) as usize / page,
                    r.categories,
                )
            };
            Ok(Scanned {
                runs: vec.iter().map(run).collect(),
                walk_end: index(arg.walk_end),
            })
        }
        Err(errno) => fail!("PAGEMAP_SCAN answered {}", errno_name(errno)),
    }
}

/// Scans with room for more than there can be.
pub fn scan(region: &Region, arg: pm_scan_arg) -> Result<Scanned, Stop> {
    scan_with_room(region, arg, 64)
}

/// The scan must report exactly these runs.
pub fn reports(region: &Region, arg: pm_scan_arg, expected: &[Run]) -> Outcome {
    let found = scan(region, arg)?.runs;
    ensure!(
        found == expected,
        "reported {}, not {}",
        in_words(&found),
        in_words(expected)
    );
    Ok(())
}

/// The pages that have all of `mask` must be exactly these runs.
pub fn has(region: &Region, mask: u64, expected: &[(usize, usize)]) -> Outcome {
    let runs: Vec<Run> = expected
        .iter()
        .map(|(first, pages)| (*first, *pages, mask))
        .collect();
    reports(region, wanting(region, mask), &runs)
}

/// `pages 0-1 with PRESENT|FILE and page 3 with PRESENT`, or `nothing`.
pub fn in_words(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "nothing".to_owned();
    }
    let word = |(first, pages, categories): &Run| {
        let which = match pages {
            1 => format!("page {}", first),
            _ => format!("pages {}-{}", first, first + pages - 1),
        };
        format!("{} with {}", which, category_names(*categories))
    };
    runs.iter().map(word).collect::<Vec<_>>().join(" and ")
}

fn category_names(mut bits: u64) -> String {
    let known = [
        (PAGE_IS_WPALLOWED, "WPALLOWED"),
        (PAGE_IS_WRITTEN, "WRITTEN"),
        (PAGE_IS_FILE, "FILE"),
        (PAGE_IS_PRESENT, "PRESENT"),
        (PAGE_IS_SWAPPED, "SWAPPED"),
        (PAGE_IS_PFNZERO, "PFNZERO"),
        (PAGE_IS_HUGE, "HUGE"),
        (PAGE_IS_SOFT_DIRTY, "SOFT_DIRTY"),
        (PAGE_IS_GUARD, "GUARD"),
        (PAGE_IS_ACCESSED, "ACCESSED"),
    ];
    let mut names = vec![];
    for (bit, name) in known {
        if bits & bit != 0 {
            names.push(name.to_owned());
            bits &= !bit;
        }
    }
    if bits != 0 || names.is_empty() {
        names.push(format!("{:#x}", bits));
    }
    names.join("|")
}
