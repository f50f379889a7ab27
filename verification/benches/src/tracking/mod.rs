//! Dirty tracking by method, pattern, part, size and kind of page. It owns the
//! methods and their epochs; it may use the memory, the rounds and the statistics
//! beside it.

mod methods;
mod sigsegv;
mod tracker;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use uffd_kit::random::Random;
use uffd_sys::page_region;

use methods::huge_bytes;
pub use methods::Method;
use tracker::Tracker;

use crate::alloc;
use crate::hugepages;
use crate::machine::available_memory;
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::{ratio, spread, Ratio, Spread};
use crate::uffd::kernel_features;

/// One situation, and what each method took in it.
#[derive(Serialize, Deserialize)]
pub struct Situation {
    pub pages: String,
    pub bytes: u64,
    pub percent: usize,
    pub pattern: String,
    pub dirty: usize,
    pub methods: Vec<Tracked>,
    /// Methods that could not be used here, and why.
    pub failed: BTreeMap<String, String>,
    /// [`Method::Async`] to mprotect, to C; and C to itself.
    pub to_sigsegv: Option<Ratio>,
    pub to_c: Option<Ratio>,
    pub control: Option<Ratio>,
}

#[derive(Serialize, Deserialize)]
pub struct Tracked {
    pub name: String,
    /// Beginning for the first time, ns a page of the region.
    pub first_arm: f64,
    /// Beginning an epoch, ns a page of the region.
    pub arm: Spread,
    /// The writer, ns a written page; and without tracking.
    pub write: Spread,
    pub plain_write: f64,
    /// ns a page of the region.
    pub collect: Spread,
    /// All of an epoch, ns a written page.
    pub total: Spread,
    /// The most that the tracker had allocated, in bytes.
    pub memory: usize,
    /// The mappings that the region consists of, once it is written.
    pub mappings: usize,
    /// Bytes mapped by huge pages, before and after.
    pub huge: [u64; 2],
}

impl Situation {
    pub fn method(&self, method: Method) -> Option<&Tracked> {
        self.methods
            .iter()
            .find(|tracked| tracked.name == method.name())
    }

    pub fn title(&self) -> String {
        format!(
            "{}, {} MiB, {} % {}",
            self.pages,
            self.bytes >> 20,
            self.percent,
            self.pattern
        )
    }
}

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
    fn choose(self, pages: usize, count: usize) -> Vec<usize> {
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

struct Plan {
    pages: Pages,
    bytes: usize,
    percent: usize,
    pattern: Pattern,
    methods: Vec<Method>,
}

/// A method at work, on a region of its own, with what it was seen to take.
struct Contender {
    method: Method,
    again: bool,
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
    fn start(method: Method, again: bool, plan: &Plan, set: &[usize]) -> io::Result<Contender> {
        let region = Arc::new(Region::map(plan.pages, plan.bytes)?);
        region.populate();
        write(&region, set, 2);
        let plain_write = write(&region, set, 3) / set.len() as f64;
        let huge = if plan.pages == Pages::Transparent {
            huge_bytes(&region).unwrap_or(0)
        } else {
            0
        };
        let base = alloc::mark();
        let begin = Instant::now();
        let mut tracker = method.start(&region, plan.pages)?;
        tracker.arm()?;
        let first_arm = ns(begin) / region.pages() as f64;
        tracker.collect(&mut Vec::new())?;
        Ok(Contender {
            method,
            again,
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
    fn epoch(&mut self, set: &[usize], sorted: &[usize]) -> io::Result<f64> {
        let tracker = self.tracker.as_mut().expect("it runs");
        self.value = self.value.wrapping_add(1);
        self.found = Vec::new();
        let begin = Instant::now();
        tracker.arm()?;
        let arm = ns(begin);
        let write = write(&self.region, set, self.value);
        if self.parts[1].is_empty() {
            let maps = std::fs::read_to_string("/proc/self/maps")?;
            let all = self.region.all();
            let starts = maps
                .lines()
                .filter_map(|line| u64::from_str_radix(line.split_once('-')?.0, 16).ok());
            self.mappings = starts
                .filter(|start| (all.start..all.start + all.len).contains(start))
                .count();
        }
        let before = alloc::mark();
        let begin = Instant::now();
        tracker.collect(&mut self.found)?;
        let collect = ns(begin);
        self.memory = self.memory.max(self.holds + alloc::peak() - before);
        let pages = self.region.pages() as f64;
        self.parts[0].push(arm / pages);
        self.parts[1].push(write / set.len() as f64);
        self.parts[2].push(collect / pages);
        self.verify(sorted);
        Ok((arm + write + collect) / set.len() as f64)
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

impl Plan {
    fn run(&self, effort: Effort) -> io::Result<Situation> {
        let probe = Region::map(self.pages, 4 << 20)?;
        let pages = self.bytes / probe.page();
        drop(probe);
        let dirty = (pages * self.percent / 100).max(1);
        let set = self.pattern.choose(pages, dirty);
        let mut sorted = set.clone();
        sorted.sort_unstable();
        assert_eq!(sorted.len(), dirty);
        let features = kernel_features()?;
        let mut failed = BTreeMap::new();
        let mut contenders = Vec::new();
        for (i, &method) in self.methods.iter().enumerate() {
            let again = self.methods[..i].contains(&method);
            let missing = method.features(self.pages) & !features;
            if missing != 0 {
                failed.insert(
                    method.name().to_string(),
                    format!("this kernel lacks the features {missing:#x}"),
                );
                continue;
            }
            match Contender::start(method, again, self, &set) {
                Ok(contender) => contenders.push(contender),
                Err(error) => drop(failed.insert(method.name().to_string(), error.to_string())),
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
                failed.insert(contender.method.name().to_string(), error.to_string());
                contender.tracker = None;
                f64::NAN
            })
        });
        let contenders = contenders.into_inner();
        let of = |method: Method, again: bool| {
            let i = contenders
                .iter()
                .position(|c| c.method == method && c.again == again)?;
            contenders[i].tracker.as_ref().map(|_| &samples[i])
        };
        let to = |a: Option<&Vec<f64>>, b: Option<&Vec<f64>>| Some(ratio(a?, b?));
        let ours = of(Method::Async, false);
        Ok(Situation {
            pages: match self.pages {
                Pages::Small => "4 KiB pages",
                Pages::Transparent => "transparent huge pages",
                Pages::Hugetlb => "hugetlb, 2 MiB pages",
                Pages::Shared => "shared memory",
            }
            .to_string(),
            bytes: self.bytes as u64,
            percent: self.percent,
            pattern: self.pattern.name().to_string(),
            dirty,
            to_sigsegv: to(ours, of(Method::Sigsegv, false)),
            to_c: to(ours, of(Method::AsyncInC, false)),
            control: to(of(Method::AsyncInC, true), of(Method::AsyncInC, false)),
            methods: contenders
                .iter()
                .zip(&samples)
                .filter(|(contender, _)| contender.tracker.is_some() && !contender.again)
                .map(|(contender, samples)| contender.result(samples))
                .collect(),
            failed,
        })
    }
}

impl Contender {
    fn result(&self, totals: &[f64]) -> Tracked {
        // The first epoch warmed up; `rounds` does not count it either.
        let [arm, write, collect] = self.parts.each_ref().map(|part| spread(&part[1..]));
        let after = if self.huge > 0 {
            huge_bytes(&self.region).unwrap_or(0)
        } else {
            0
        };
        Tracked {
            name: self.method.name().to_string(),
            first_arm: self.first_arm,
            arm,
            write,
            plain_write: self.plain_write,
            collect,
            total: spread(totals),
            memory: self.memory,
            mappings: self.mappings,
            huge: [self.huge, after],
        }
    }
}

/// The region of the comparisons.
const USUAL: usize = 64 << 20;

fn plans(short: bool) -> Vec<Plan> {
    use Method::*;
    let every = vec![Sigsegv, Sync, Async, Rwp, Compare];
    let plan = |pages, bytes, percent, pattern, methods: &[Method]| Plan {
        pages,
        bytes,
        percent,
        pattern,
        methods: methods.to_vec(),
    };
    let usual = if short { 16 << 20 } else { USUAL };
    // The bounds' own situation, with their contenders alone.
    let mut plans = vec![plan(
        Pages::Small,
        usual,
        10,
        Pattern::Random,
        &[Async, Sigsegv, AsyncInC, AsyncInC],
    )];
    for pattern in Pattern::ALL {
        for percent in [1, 10, 50] {
            if !short || percent == 10 {
                plans.push(plan(Pages::Small, usual, percent, pattern, &every));
            }
        }
    }
    // How the cost grows. The slow methods stop where they would take minutes.
    let sizes: &[usize] = if short {
        &[4, 64]
    } else {
        &[4, 16, 64, 256, 1024, 4096, 8192]
    };
    for &mib in sizes {
        let methods: &[Method] = match mib {
            0..=64 => &every,
            65..=256 => &[Sigsegv, Sync, Async, Rwp, Compare],
            257..=1024 => &[Sigsegv, Async, Rwp, Compare],
            _ => &[Async, Rwp],
        };
        plans.push(plan(Pages::Small, mib << 20, 10, Pattern::Random, methods));
    }
    for pages in [Pages::Transparent, Pages::Hugetlb] {
        plans.push(plan(pages, 2 * usual, 10, Pattern::Random, &every));
    }
    plans
}

/// Everything. What does not fit into memory is left out, and said.
pub fn measure(
    effort: Effort,
    short: bool,
    done: &mut dyn FnMut(&Situation),
    left_out: &mut Vec<String>,
) -> io::Result<Vec<Situation>> {
    let mut situations: Vec<Situation> = Vec::new();
    for plan in plans(short) {
        let copies = plan.methods.len() + usize::from(plan.methods.contains(&Method::Compare));
        let needed = plan.bytes * copies;
        let available = available_memory();
        let what = format!("{} MiB, {:?}", plan.bytes >> 20, plan.pages);
        if needed as u64 > available / 10 * 8 {
            left_out.push(format!(
                "{what}: needs {} MiB, {} MiB are available",
                needed >> 20,
                available >> 20
            ));
            continue;
        }
        let huge = match plan.pages {
            Pages::Hugetlb => {
                hugepages::reserve(plan.bytes * plan.methods.len() / (2 << 20)).map(Some)
            }
            _ => Ok(None),
        };
        let situation = match huge {
            Ok(_huge) => plan.run(effort)?,
            Err(why) => {
                left_out.push(format!("{what}: {why}"));
                continue;
            }
        };
        let same = |other: &Situation| {
            other.title() == situation.title()
                && other.control.is_none()
                && situation.control.is_none()
        };
        if !situations.iter().any(same) {
            done(&situation);
            situations.push(situation);
        }
    }
    Ok(situations)
}
