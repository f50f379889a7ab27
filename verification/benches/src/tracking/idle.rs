//! A region in which nothing is written: collecting its changes, and the limit for
//! that, reading its page tables once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use uffd_sys::{page_region, PAGE_IS_PFNZERO};

use super::contender::Contender;
use super::methods::Method;
use super::scan::scan_all;
use crate::experiment::Plan;
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::median;
use crate::uffd::check;

pub const IDLE: &str = "an idle region, a page";
/// Collecting, which protects again what was written.
pub const COLLECTED: &str = "WP_ASYNC, collected";
const WALKS: [&str; 3] = ["PAGEMAP_SCAN, only looking", "read of pagemap", "mincore"];

/// Looks at each page's entry once; nanoseconds a page.
fn walk(way: &str, region: &Region, pagemap: &File) -> io::Result<f64> {
    let (all, pages) = (region.all(), region.pages());
    let mut found = [page_region::default(); 16];
    let mut bytes = vec![0; pages.max(8 << 10)];
    let begin = Instant::now();
    if way == WALKS[0] {
        let mut regions = 0;
        // No page is the shared page of zeros, so that each is looked at.
        scan_all(pagemap, all, &mut found, 0, PAGE_IS_PFNZERO, |some| {
            regions += some.len();
            Ok(())
        })?;
        assert_eq!(regions, 0, "pages of zeros");
    } else if way == WALKS[1] {
        for chunk in (0..pages).step_by(1024) {
            let part = &mut bytes[..(pages - chunk).min(1024) * 8];
            pagemap.read_exact_at(part, all.start / 4096 * 8 + chunk as u64 * 8)?;
        }
        // Bit 63 of a word: present.
        assert_eq!(bytes[7] >> 7, 1);
    } else {
        let (start, len) = (all.start as *mut libc::c_void, all.len as usize);
        // SAFETY: room for a byte of each page.
        let result = unsafe { libc::mincore(start, len, bytes.as_mut_ptr()) };
        check(result, "mincore")?;
        assert!(bytes[..pages].iter().all(|byte| byte & 1 == 1));
    }
    Ok(begin.elapsed().as_nanos() as f64 / pages as f64)
}

pub fn measure(plan: &mut Plan, effort: Effort) -> io::Result<()> {
    let bytes = if plan.short { 8 << 20 } else { 64 << 20 };
    let mut tracked = match Contender::start(Method::Async, Pages::Small, bytes, &[]) {
        Ok(tracked) => tracked,
        Err(error) => {
            plan.sheet.note(format!("{IDLE}: {error}"));
            return Ok(());
        }
    };
    let region = Region::map(Pages::Small, bytes)?;
    region.populate();
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut failed = None;
    let samples = rounds(WALKS.len() + 1, effort, |way| {
        let result = match WALKS.get(way) {
            Some(way) => walk(way, &region, &pagemap),
            None => {
                let epoch = tracked.epoch(&[], &[]);
                epoch.map(|_| tracked.collected().0 / region.pages() as f64)
            }
        };
        result.unwrap_or_else(|error| {
            failed.get_or_insert(error);
            1.0
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    for (way, samples) in WALKS.iter().chain(&[COLLECTED]).zip(&samples) {
        plan.sheet.put(IDLE, way, "collect", median(samples));
    }
    Ok(())
}
