//! PAGEMAP_SCAN for the cases. No cases here.

use libc::c_int;
use uffd_kit::message::flag_names;
use uffd_kit::pagemap::{self, Pagemap};

use crate::prelude::*;

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
    pagemap::wanting(region.addr, region.len, mask)
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
pub fn beside_a_page() -> Result<(Uffd, Region), Verdict> {
    let uffd = Uffd::open(UFFD_FEATURE_WP_ASYNC)?;
    let region = Region::new(Memory::Anon, 2)?;
    region.write(0, 1);
    uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_WP)
        .ok()?;
    Ok((uffd, region))
}

/// The call itself on this process: how many runs it reported, or the errno.
pub fn call(arg: &mut pm_scan_arg) -> Result<usize, c_int> {
    Pagemap::open().map_err(|_| errno())?.scan(arg)
}

/// The call must fail so.
pub fn refuses(mut arg: pm_scan_arg, errno: c_int) -> Outcome {
    let answer = call(&mut arg);
    let said = answer.map_or_else(errno_name, |n| n.to_string());
    let wanted = errno_name(errno);
    ensure!(
        answer == Err(errno),
        "PAGEMAP_SCAN answered {}, not {}",
        said,
        wanted
    );
    Ok(())
}

/// Scans with room for so many runs; the call must succeed.
pub fn scan_with_room(region: &Region, arg: pm_scan_arg, room: usize) -> Result<Scanned, Verdict> {
    let mut arg = arg;
    let page = page_size();
    let index = |addr: u64| (addr as usize).wrapping_sub(region.addr) / page;
    let run = |r: &page_region| {
        let pages = (r.end - r.start) as usize / page;
        (index(r.start), pages, r.categories)
    };
    match Pagemap::open()?.runs(&mut arg, room) {
        Ok(runs) => Ok(Scanned {
            runs: runs.iter().map(run).collect(),
            walk_end: index(arg.walk_end),
        }),
        Err(errno) => fail!("PAGEMAP_SCAN answered {}", errno_name(errno)),
    }
}

/// Scans with room for more than there can be.
pub fn scan(region: &Region, arg: pm_scan_arg) -> Result<Scanned, Verdict> {
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

fn category_names(bits: u64) -> String {
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
    flag_names(bits, &known).unwrap_or_else(|| "0x0".to_owned())
}
