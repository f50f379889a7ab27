//! Dirty tracking by method, pattern, part, size and kind of page. It owns the
//! methods and their epochs; it may use the memory, the rounds and the statistics
//! beside it.

pub mod alone;
mod contender;
mod idle;
pub mod methods;
mod others;
pub mod scan;
mod sigsegv;
mod soft_dirty;
pub mod tracker;

use std::cell::RefCell;
use std::io;

use uffd_kit::random::Random;

pub use contender::Contender;
pub use idle::{COLLECTED, IDLE};
pub use methods::Method;

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
