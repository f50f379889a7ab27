//! Dirty tracking by method, pattern, part, size and kind of page. It owns the
//! methods and their epochs; it may use the memory, the rounds and the statistics
//! beside it.

mod idle;
pub mod methods;
mod others;
mod sigsegv;
pub mod tracker;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use uffd_kit::random::Random;
use uffd_sys::page_region;

pub use idle::{COLLECTED, IDLE};
use methods::huge_bytes;
pub use methods::Method;
use tracker::Tracker;

use crate::alloc;
use crate::experiment::{Plan, Sheet};
use crate::hugepages;
use crate::machine::available_memory;
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::median;
use crate::uffd::kernel_features;

/// The contender that writes without being tracked.
pub const UNTRACKED: &str = "not tracked";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    Sequential,
    Random,
    /// Runs of 16 pages.
    Clustered,
}

impl Pattern {
    pub const ALL: [Pattern; 3] = [Pattern::Sequential, Pattern::Random, Pattern::Clustered];

    pub fn name(self) -> &'static str {
        match self {
            Pattern::Sequential => "sequential",
            Pattern::Random => "random",
            Pattern::Clustered => "clustered",
        }
    }

    /// `count` different pages out of `pages`, in the order of writing.
    pub fn choose(self, pages: usize, count: usize) -> Vec<usize> {
        let mut random = Random::new(count as u64);
        let run = match self {
            Pattern::Sequential => {
                let start = random.below(pages - count + 1);
                return (start..start + count).collect();
            }
            Pattern::Random => 1,
            Pattern::Clustered => 16.min(pages),
        };
        let mut runs: Vec<usize> = (0..pages / run).collect();
        random.shuffle(&mut runs);
        let chosen = runs.into_iter().flat_map(|i| i * run..(i + 1) * run);
        chosen.take(count).collect()
    }
}

/// Kinds of pages, as the groups call them.
pub fn name_of(pages: Pages) -> &'static str {
    match pages {
        Pages::Small => "4 KiB pages",
        Pages::Transparent => "transparent huge pages",
        Pages::Hugetlb => "hugetlb, 2 MiB pages",
        Pages::Shared => "shared memory",
    }
}

struct Situation {
    pages: Pages,
    bytes: usize,
    percent: usize,
    pattern: Pattern,
    methods: Vec<Method>,
}

/// A method at work, on a region of its own, with what it was seen to take.
pub struct Contender {
    method: Method,
    region: Arc<Region>,
    tracker: Option<Box<dyn Tracker>>,
    found: Vec<page_region>,
    first_arm: f64,
    plain_write: f64,
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

impl Situation {
    fn title(&self) -> String {
        let (pages, mib) = (name_of(self.pages), self.bytes >> 20);
        let pattern = self.pattern.name();
        format!("{pages}, {mib} MiB, {} % {pattern}", self.percent)
    }

    fn run(&self, sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
        let pages = self.bytes / Region::map(self.pages, 4 << 20)?.page();
        let dirty = (pages * self.percent / 100).max(1);
        let set = self.pattern.choose(pages, dirty);
        let mut sorted = set.clone();
        sorted.sort_unstable();
        assert_eq!(sorted.len(), dirty);
        let features = kernel_features()?;
        let title = self.title();
        let mut contenders = Vec::new();
        for &method in &self.methods {
            let missing = method.features(self.pages) & !features;
            if missing != 0 {
                let name = method.name();
                sheet.note(format!(
                    "{name}: this kernel lacks the features {missing:#x}"
                ));
                continue;
            }
            match Contender::start(method, self.pages, self.bytes, &set) {
                Ok(contender) => contenders.push(contender),
                Err(error) => sheet.note(format!("{}, {title}: {error}", method.name())),
            }
        }
        let contenders = RefCell::new(contenders);
        let count = contenders.borrow().len();
        let samples = rounds(count, effort, |i| {
            let contender = &mut contenders.borrow_mut()[i];
            if contender.tracker.is_none() {
                return f64::NAN;
            }
            contender.epoch(&set, &sorted).unwrap_or_else(|error| {
                sheet.note(format!("{}, {title}: {error}", contender.method.name()));
                contender.tracker = None;
                f64::NAN
            })
        });
        let contenders = contenders.into_inner();
        for (contender, totals) in contenders.iter().zip(&samples) {
            if contender.tracker.is_some() {
                contender.put(sheet, &title, totals, dirty);
            }
        }
        let plain: Vec<f64> = contenders.iter().map(|c| c.plain_write).collect();
        sheet.put(&title, UNTRACKED, "epoch", median(&plain));
        Ok(())
    }
}

impl Contender {
    /// "epoch" and "write" are a written page's, the others a page's of the region.
    fn put(&self, sheet: &mut Sheet, title: &str, totals: &[f64], dirty: usize) {
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

fn situations(short: bool) -> Vec<Situation> {
    use Method::*;
    let every = vec![Async, AsyncInC, AsyncInCCopy, Rwp, Sync, Sigsegv, Compare];
    let usual = if short { 8 << 20 } else { 64 << 20 };
    let situation = |pages, bytes, percent, pattern| Situation {
        pages,
        bytes,
        percent,
        pattern,
        methods: every.clone(),
    };
    let mut situations = Vec::new();
    for pattern in Pattern::ALL {
        for percent in [1, 10, 50] {
            if !short || percent == 10 {
                situations.push(situation(Pages::Small, usual, percent, pattern));
            }
        }
    }
    for pages in [Pages::Transparent, Pages::Hugetlb] {
        situations.push(situation(pages, 2 * usual, 10, Pattern::Random));
    }
    situations
}

/// Everything. What does not fit into memory is left out, and said.
pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let effort = if plan.short {
        Effort::ms(20, 2)
    } else {
        Effort::ms(1_000, 3)
    };
    let sheet = &mut plan.sheet;
    for situation in situations(plan.short) {
        let needed = (situation.bytes * (situation.methods.len() + 1)) as u64;
        let title = situation.title();
        if needed > available_memory() / 10 * 8 {
            sheet.note(format!("{title}: needs {} MiB of memory", needed >> 20));
            continue;
        }
        let huge = match situation.pages {
            Pages::Hugetlb => {
                hugepages::reserve(situation.bytes * situation.methods.len() / (2 << 20)).map(Some)
            }
            _ => Ok(None),
        };
        match huge {
            Ok(_huge) => situation.run(sheet, effort)?,
            Err(why) => sheet.note(format!("{title}: {why}")),
        }
    }
    idle::measure(plan, effort)
}
