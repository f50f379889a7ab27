//! Runs a program on the kernel and on the model, and compares after each
//! step.

use std::time::{Duration, Instant};

use uffd_kit::message::{fault_flags, Event};
use uffd_kit::uffd::Uffd;
use uffd_sys::*;

use crate::model::compare::{
    compare_access, compare_answer, differ, entry_text, scan_text, Same, PRESENT, PROTECTED,
    SWAPPED,
};
use crate::model::expect::Outcome;
use crate::model::guard::Guard;
use crate::model::op::{Access, Op, Span, ANON, MAIN, SHMEM};
use crate::model::page::Slot;
use crate::model::state::Model;
use crate::model::world::{Mistake, World};

/// A random program.
#[derive(Clone, Debug)]
pub struct Program {
    /// What is enabled.
    pub features: u64,
    /// The steps.
    pub ops: Vec<Op>,
}

impl Program {
    /// Can these features be enabled together?
    pub fn is_possible(&self) -> bool {
        let asynchronous = self.features & UFFD_FEATURE_RWP_ASYNC != 0;
        !asynchronous || self.features & UFFD_FEATURE_RWP != 0
    }
}

/// Where the kernel and the model part.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The step; those after the last are the unregistering at the end.
    pub step: usize,
    /// What the kernel did, and the model.
    pub text: String,
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// What the kernel has.
    pub kernel: u64,
    /// Whether /proc/self/pagemap shows write-protection. It does since
    /// Linux 5.14; no feature bit tells, so it is tried.
    pub shows_wp: bool,
    /// See [`Model::hides_absent`]; tried, too.
    pub hides_absent: bool,
    /// How long to wait for what must happen.
    pub patience: Duration,
    /// How long to watch, after each step, that nothing else happens. What
    /// comes later is noticed at a later step.
    pub watch: Duration,
}

/// Runs it; how many steps were made.
pub fn run(
    world: &mut World,
    program: &Program,
    conditions: Conditions,
) -> Result<usize, Difference> {
    let start = world.begin(program.features);
    start.map_err(|stop| Difference {
        step: 0,
        text: format!("cannot start: {:?}", stop),
    })?;
    let threads = world.workers.len();
    let mut model = Model::new(
        conditions.kernel,
        program.features,
        world.pages,
        threads,
        world.page,
    );
    model.hides_absent = conditions.hides_absent;
    let idle = Access {
        region: ANON,
        page: 0,
        write: None,
        by_kernel: false,
    };
    let started = vec![idle; threads + 1];
    let mut run = Run {
        world,
        model,
        conditions,
        started,
    };
    let mut made = 0;
    let result = program
        .ops
        .iter()
        .chain(&run.ending())
        .enumerate()
        .try_for_each(|(step, op)| {
            made += run.one(op).map_err(|text| Difference { step, text })? as usize;
            Ok(())
        });
    if result.is_err() {
        run.clear();
    }
    result.map(|()| made)
}

/// These processors' kernels have the page's address alone: docs/errata.md.
const EXACT_ADDRESSES: bool = !cfg!(any(target_arch = "arm", target_arch = "s390x"));

struct Run<'a> {
    world: &'a mut World,
    model: Model,
    conditions: Conditions,
    /// The last access that each worker began.
    started: Vec<Access>,
}

impl Run<'_> {
    /// Steps that wake every thread.
    fn ending(&self) -> Vec<Op> {
        let all = |region| Span {
            region,
            first: 0,
            pages: self.world.pages,
        };
        let rw = libc::PROT_READ | libc::PROT_WRITE;
        let mut ops = vec![];
        for region in [ANON, SHMEM] {
            ops.push(Op::Mprotect(all(region), rw));
            ops.push(Op::Unregister(all(region)));
            ops.push(Op::Wake(all(region)));
        }
        ops
    }

    /// After a difference it is unknown which threads wait: wakes all, and replaces
    /// those that do not come back.
    fn clear(&mut self) {
        self.world.abandon();
        let end = Instant::now() + Duration::from_secs(1);
        for worker in &mut self.world.workers {
            while worker.is_busy() && Instant::now() < end {
                worker.wait(Duration::from_millis(5));
            }
            if worker.is_busy() {
                *worker = crate::model::worker::Worker::start();
            }
            worker.rest();
        }
    }

    /// One step; false if it was left out.
    fn one(&mut self, op: &Op) -> Result<bool, String> {
        let mut op = *op;
        if !self.model.allows(&op) {
            return Ok(false);
        }
        let before = self.model.clone();
        let mut expect = self.model.step(&op);
        if self.model.races {
            self.model = before;
            return Ok(false);
        }
        // The main thread reads the messages, so it may not wait: a worker
        // does it instead.
        if let (Op::Access(MAIN, access), [(_, Outcome::Fault(_))]) = (op, &expect.threads[..]) {
            self.model = before;
            match (1..self.model.waiting.len()).find(|w| self.model.waiting[*w].is_none()) {
                Some(free) => op = Op::Access(free, access),
                None => return Ok(false),
            }
            expect = self.model.step(&op);
        }
        match op {
            Op::Access(MAIN, access) => {
                self.main_access(access, expect.threads[0].1)?;
                expect.threads.clear();
            }
            Op::Access(who, access) => self.start(who, access),
            _ => {
                let answered = self.world.perform(&op);
                compare_answer(&answered, expect.errno, expect.out)?;
                if answered.scanned != expect.scanned {
                    differ!(
                        "PAGEMAP_SCAN reports {}; the model {}",
                        scan_text(&answered.scanned),
                        scan_text(&expect.scanned)
                    );
                }
            }
        }
        // Older kernels leave neighbours of the same kind apart where a call
        // began in the middle of a mapping: UFFD_FEATURE_WP_UNPOPULATED came
        // together with the repair. What counts as one mapping is the
        // kernel's choice there, and the model takes it over.
        let changes = matches!(op, Op::Register(..) | Op::Unregister(..) | Op::Mprotect(..));
        if changes && self.conditions.kernel & UFFD_FEATURE_WP_UNPOPULATED == 0 {
            self.model.seams = self.world.seams();
        }
        self.threads_go_on(&expect.threads)?;
        self.nothing_else()?;
        self.memory()?;
        Ok(true)
    }

    fn main_access(&mut self, access: Access, outcome: Outcome) -> Same {
        let address = self.world.address(access.region, access.page, MAIN);
        let guard = Guard::watch(self.world, self.conditions.patience);
        let accessed = self
            .world
            .accessor
            .access(address, access.write, access.by_kernel);
        if guard.had_to_act() {
            differ!("the main thread waits in a fault; in the model it does not");
        }
        compare_access(MAIN, access, accessed, outcome)
    }

    fn start(&mut self, who: usize, access: Access) {
        self.started[who] = access;
        let address = self.world.address(access.region, access.page, who);
        let mut write = access.write;
        if self.world.inject == Some(Mistake::LoseWrite) && write.is_some() && access.page == 1 {
            // As if it had been overwritten by an old copy of the page.
            write = Some(7);
        }
        self.world.workers[who - 1].access(address, write, access.by_kernel);
    }

    /// Waits until each thread has done what the model says it does next.
    fn threads_go_on(&mut self, threads: &[(usize, Outcome)]) -> Same {
        let end = Instant::now() + self.conditions.patience;
        let mut faults = vec![];
        for (who, outcome) in threads {
            if let Outcome::Fault(flags) = outcome {
                faults.push((*who, *flags));
            }
        }
        while !faults.is_empty() {
            match self.message() {
                Some(event) => self.take_fault(event, &mut faults)?,
                None if Instant::now() > end => {
                    differ!(
                        "no message came of worker {}; in the model one does",
                        faults[0].0
                    )
                }
                None => {
                    for (who, _) in &faults {
                        if self.world.workers[who - 1].ended().is_some() {
                            differ!("worker {} ended its access; in the model it waits", who);
                        }
                    }
                    self.uffd().poll(Duration::from_millis(2));
                }
            }
        }
        for (who, outcome) in threads {
            let worker = &self.world.workers[who - 1];
            if let Outcome::Fault(_) = outcome {
                continue;
            }
            let accessed = loop {
                match worker.ended() {
                    Some(accessed) => break accessed,
                    None if Instant::now() > end => {
                        differ!("worker {} still waits; in the model it goes on", who)
                    }
                    None => worker.wait(Duration::from_millis(2)),
                }
                self.no_message()?;
            };
            worker.rest();
            compare_access(*who, self.started[*who], accessed, *outcome)?;
        }
        Ok(())
    }

    fn uffd(&self) -> &Uffd {
        self.world.uffd.as_ref().expect("a program runs")
    }

    fn message(&self) -> Option<Event> {
        self.uffd().read(1).ok()?.pop()
    }

    /// The message must be of one of these.
    fn take_fault(&self, event: Event, faults: &mut Vec<(usize, u64)>) -> Same {
        let found = faults
            .iter()
            .position(|(who, flags)| event == self.fault_of(*who, *flags));
        match found {
            Some(n) => {
                let (who, _) = faults.remove(n);
                let end = Instant::now() + Duration::from_millis(50);
                while !self.world.workers[who - 1].sleeps() && Instant::now() < end {
                    std::thread::yield_now();
                }
                Ok(())
            }
            None => {
                let (who, flags) = faults[0];
                let expected = self.fault_of(who, flags);
                differ!(
                    "a message: {}; in the model {}",
                    self.text(event),
                    self.text(expected)
                )
            }
        }
    }

    /// The message of a thread that waits.
    fn fault_of(&self, who: usize, flags: u64) -> Event {
        let access = self.model.waiting[who].expect("it waits in the model");
        let mut address = self.world.address(access.region, access.page, who);
        if self.model.enabled & UFFD_FEATURE_EXACT_ADDRESS == 0 || !EXACT_ADDRESSES {
            address &= !(self.world.page - 1);
        }
        let ptid = match self.model.enabled & UFFD_FEATURE_THREAD_ID {
            0 => 0,
            _ => self.world.workers[who - 1].tid,
        };
        Event::Fault {
            flags,
            address,
            ptid,
        }
    }

    fn text(&self, event: Event) -> String {
        let (flags, address, ptid) = match event {
            Event::Fault {
                flags,
                address,
                ptid,
            } => (flags, address, ptid),
            other => return other.name(),
        };
        let region = (address >= self.world.address(SHMEM, 0, 0)) as usize;
        let offset = address - self.world.address(region, 0, 0);
        let worker = self.world.workers.iter().position(|w| w.tid == ptid);
        format!(
            "{} at {} page {} + {:#x} of {}",
            fault_flags(flags),
            ["anon", "shmem"][region],
            offset / self.world.page,
            offset % self.world.page,
            worker.map_or(format!("thread id {}", ptid), |w| format!(
                "worker {}",
                w + 1
            ))
        )
    }

    fn no_message(&self) -> Same {
        match self.message() {
            None => Ok(()),
            Some(event) => differ!("a message: {}; in the model none", self.text(event)),
        }
    }

    /// No other message came, and no thread goes on that should wait.
    fn nothing_else(&self) -> Same {
        let waits = self.model.waiting.iter().any(Option::is_some);
        if waits && self.conditions.watch > Duration::from_millis(0) {
            std::thread::sleep(self.conditions.watch);
        }
        self.no_message()?;
        for (n, worker) in self.world.workers.iter().enumerate() {
            if self.model.waiting[n + 1].is_some() && worker.ended().is_some() {
                differ!("worker {} ended its access; in the model it waits", n + 1);
            }
        }
        Ok(())
    }

    /// What is mapped, protected and marked, and what the pages hold.
    fn memory(&mut self) -> Same {
        for region in [ANON, SHMEM] {
            let entries = self.world.pagemap(region);
            for (n, entry) in entries.into_iter().enumerate() {
                self.adopt(region, n, entry);
                self.page(region, n, entry)?;
            }
        }
        let cached = self.model.cache.iter().flatten().count();
        if self.world.cached() != cached {
            differ!(
                "the memfd has {} pages; in the model {}",
                self.world.cached(),
                cached
            );
        }
        for n in 0..self.world.pages {
            if let Some(words) = self.model.cache[n] {
                for (i, word) in words.iter().enumerate() {
                    let found = self.world.alias_word(n, i);
                    if found != *word {
                        differ!(
                            "word {} of page {} of the memfd is {:#x}; in the model {:#x}",
                            i,
                            n,
                            found,
                            word
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// A read fault on shared memory may map pages of the page cache around
    /// it, where the mapping is registered for neither WP nor MINOR. Which,
    /// is the kernel's choice: the model takes it over.
    fn adopt(&mut self, region: usize, n: usize, entry: u64) {
        let page = &mut self.model.pages[region][n];
        let modes = UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR;
        let may = self.model.around
            && region == SHMEM
            && page.slot == Slot::Empty
            && page.modes & modes == 0
            && self.model.cache[n].is_some();
        if may && entry & PRESENT != 0 {
            page.slot = Slot::Present { protected: false };
        }
    }

    fn page(&self, region: usize, n: usize, entry: u64) -> Same {
        let page = &self.model.pages[region][n];
        let mut wanted = match page.slot {
            Slot::Empty => 0,
            Slot::Marked => SWAPPED | PROTECTED,
            Slot::Poisoned { protected: true } => SWAPPED | PROTECTED,
            Slot::Poisoned { protected: false } => SWAPPED,
            Slot::Present { protected: true } | Slot::Disarmed => PRESENT | PROTECTED,
            Slot::Present { protected: false } => PRESENT,
        };
        let mut shown = PRESENT | SWAPPED;
        match self.conditions.shows_wp {
            true => shown |= PROTECTED,
            false => wanted &= shown,
        }
        let span = Span {
            region,
            first: n,
            pages: 1,
        };
        if entry & shown != wanted {
            differ!(
                "{} is {}; in the model {}",
                span,
                entry_text(entry & shown),
                entry_text(wanted)
            );
        }
        // Reading a page that is protected from reading would wait.
        let hidden = page.modes & UFFDIO_REGISTER_MODE_RWP != 0 && wanted & PROTECTED != 0;
        if wanted & PRESENT == 0 || page.prot & libc::PROT_READ == 0 || hidden {
            return Ok(());
        }
        for (i, word) in self.model.words(region, n).iter().enumerate() {
            let found = self.world.word(region, n, i);
            if found != *word {
                differ!(
                    "word {} of {} is {:#x}; in the model {:#x}",
                    i,
                    span,
                    found,
                    word
                );
            }
        }
        Ok(())
    }
}
