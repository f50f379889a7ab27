//! A method at work: its epochs, what they took, and whether it found what was written.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use uffd_sys::page_region;

use super::methods::{huge_bytes, Method};
use super::tracker::Tracker;
use crate::alloc;
use crate::experiment::Sheet;
use crate::memory::{Pages, Region};
use crate::stats::median;

/// A method at work, on a region of its own, with what it was seen to take.
pub struct Contender {
    pub method: Method,
    region: Arc<Region>,
    /// None once it failed.
    pub tracker: Option<Box<dyn Tracker>>,
    found: Vec<page_region>,
    first_arm: f64,
    pub plain_write: f64,
    parts: [Vec<f64>; 3],
    /// What the tracker holds between epochs, and the most it ever had.
    holds: usize,
    memory: usize,
    mappings: usize,
    huge: u64,
    value: u8,
}

fn ns(begin: Instant) -> f64 {
    begin.elapsed().as_nanos() as f64
}

fn write(region: &Region, set: &[usize], value: u8) -> f64 {
    let begin = Instant::now();
    set.iter().for_each(|&page| region.write(page, value));
    ns(begin)
}

impl Contender {
    pub fn start(
        method: Method,
        pages: Pages,
        bytes: usize,
        set: &[usize],
    ) -> io::Result<Contender> {
        let region = Arc::new(Region::map(pages, bytes)?);
        region.populate();
        write(&region, set, 2);
        let plain_write = write(&region, set, 3) / set.len() as f64;
        let huge = if pages == Pages::Transparent {
            huge_bytes(&region).unwrap_or(0)
        } else {
            0
        };
        let base = alloc::mark();
        let begin = Instant::now();
        let mut tracker = method.start(&region, pages)?;
        tracker.arm()?;
        let first_arm = ns(begin) / region.pages() as f64;
        tracker.collect(&mut Vec::new())?;
        Ok(Contender {
            method,
            region,
            tracker: Some(tracker),
            found: Vec::new(),
            first_arm,
            plain_write,
            parts: Default::default(),
            holds: alloc::now().saturating_sub(base),
            memory: alloc::peak() - base,
            mappings: 0,
            huge,
            value: 3,
        })
    }

    /// One epoch; its nanoseconds a written page.
    pub fn epoch(&mut self, set: &[usize], sorted: &[usize]) -> io::Result<f64> {
        let tracker = self.tracker.as_mut().expect("it runs");
        self.value = self.value.wrapping_add(1);
        self.found = Vec::new();
        let begin = Instant::now();
        tracker.arm()?;
        let arm = ns(begin);
        let write = write(&self.region, set, self.value);
        if self.parts[1].is_empty() {
            self.mappings = mappings(&self.region)?;
        }
        let before = alloc::mark();
        let begin = Instant::now();
        tracker.collect(&mut self.found)?;
        let collect = ns(begin);
        self.memory = self.memory.max(self.holds + alloc::peak() - before);
        let pages = self.region.pages() as f64;
        self.parts[0].push(arm / pages);
        self.parts[1].push(write / set.len().max(1) as f64);
        self.parts[2].push(collect / pages);
        self.verify(sorted);
        Ok((arm + write + collect) / set.len().max(1) as f64)
    }

    /// What the last epoch took to collect, in nanoseconds, and the regions it found.
    pub fn collected(&self) -> (f64, usize) {
        let last = self.parts[2].last().expect("an epoch");
        (last * self.region.pages() as f64, self.found.len())
    }

    /// The writer's nanoseconds a page, in the last epoch.
    pub fn written(&self) -> f64 {
        *self.parts[1].last().expect("an epoch")
    }

    /// Exactly the written pages, no more and no less. Only an access to a huge
    /// page lifts read-write-protection from all of it: the kernel does not split
    /// it for that, as it does for write-protection.
    fn verify(&self, sorted: &[usize]) {
        let page = self.region.page() as u64;
        let origin = self.region.address(0);
        let pages = |r: &page_region| (r.start - origin) / page..(r.end - origin).div_ceil(page);
        let found: Vec<usize> = self
            .found
            .iter()
            .flat_map(pages)
            .map(|n| n as usize)
            .collect();
        let whole = self.method == Method::Rwp && self.region.kind() == Pages::Transparent;
        let huge = |n: &usize| n / ((2 << 20) / self.region.page());
        let touched: BTreeSet<usize> = sorted.iter().map(huge).collect();
        let is_right =
            |n: &&usize| sorted.binary_search(n).is_ok() || whole && touched.contains(&huge(n));
        let more: Vec<_> = found.iter().filter(|n| !is_right(n)).collect();
        let less: Vec<_> = sorted
            .iter()
            .filter(|n| found.binary_search(n).is_err())
            .collect();
        assert!(
            more.is_empty() && less.is_empty(),
            "{}: {} pages were written; {} others were found, such as {:?}, and {} were not, such as {:?}",
            self.method.name(),
            sorted.len(),
            more.len(),
            more.first(),
            less.len(),
            less.first(),
        );
    }
}

/// The mappings that a region consists of.
fn mappings(region: &Region) -> io::Result<usize> {
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let all = region.all();
    let starts = maps
        .lines()
        .filter_map(|line| u64::from_str_radix(line.split_once('-')?.0, 16).ok());
    Ok(starts
        .filter(|start| (all.start..all.start + all.len).contains(start))
        .count())
}

impl Contender {
    /// "epoch" and "write" are a written page's, the others a page's of the region.
    pub fn put(&self, sheet: &mut Sheet, title: &str, totals: &[f64], dirty: usize) {
        let mut put = |metric, value| sheet.put(title, self.method.name(), metric, value);
        put("epoch", median(totals));
        put("first arm", self.first_arm);
        // The first epoch warmed up; `rounds` does not count it either.
        for (metric, part) in ["arm", "write", "collect"].iter().zip(&self.parts) {
            put(metric, median(&part[1..]));
        }
        put("memory", self.memory as f64);
        put("dirty", dirty as f64);
        put("mappings", self.mappings as f64);
        if self.huge > 0 {
            put("huge before", self.huge as f64);
            put("huge after", huge_bytes(&self.region).unwrap_or(0) as f64);
        }
    }
}
