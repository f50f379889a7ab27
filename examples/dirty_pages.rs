//! A live picture of the pages that a workload writes, by four methods.
//!
//! `cargo run --release --example dirty_pages -- --help`
//!
//! It is also the reference for how to track at full speed:
//! - `dirty_pages/wp_async.rs`: one call takes the written regions and
//!   protects them again; the writer never waits.
//! - `dirty_pages/wp_sync.rs`: messages read in batches, neighbours resolved
//!   together, EAGAIN answered by reading the event that causes it.
//! - Nothing is allocated while tracking.

#[path = "dirty_pages/picture.rs"]
mod picture;
#[path = "dirty_pages/rwp.rs"]
mod rwp;
#[path = "dirty_pages/sigsegv.rs"]
mod sigsegv;
mod support;
#[path = "dirty_pages/trackers.rs"]
mod trackers;
#[path = "dirty_pages/workload.rs"]
mod workload;
#[path = "dirty_pages/wp_async.rs"]
mod wp_async;
#[path = "dirty_pages/wp_sync.rs"]
mod wp_sync;

use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use picture::{HeatMap, Terminal};
use support::{end, page_size, value, Failure, Memory};
use trackers::{Dirty, Tracker};
use workload::{Pattern, Workload};

const USAGE: &str = "\
usage: dirty_pages [OPTIONS]
  --method METHOD   async (default), sync, sigsegv or rwp
  --epochs N        how many pictures (default 50)
  --epoch-ms N      how long each epoch is (default 100)
  --pages N         pages of the region (default 16384)
  --pattern PATTERN mixed (default), sequential, random or clustered
  --rate N          pages written each second (default 20000)
  --out FILE.svg    draw all epochs over time
  --check           check the tracker: that a copy, made of the reported pages
                    alone, is equal to the memory in the end
  --lockstep N      the writer writes N pages an epoch and stops while they are
                    collected; with --check, each epoch must be exact
  --events          method sync: another thread causes events all the while";

struct Options {
    method: String,
    epochs: usize,
    epoch_ms: u64,
    pages: usize,
    pattern: Pattern,
    rate: u64,
    out: Option<String>,
    check: bool,
    lockstep: Option<usize>,
    events: bool,
}

fn options() -> Result<Option<Options>, String> {
    let mut o = Options {
        method: "async".to_string(),
        epochs: 50,
        epoch_ms: 100,
        pages: 16384,
        pattern: Pattern::Mixed,
        rate: 20_000,
        out: None,
        check: false,
        lockstep: None,
        events: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--method" => o.method = value(&arg, args.next())?,
            "--epochs" => o.epochs = value(&arg, args.next())?,
            "--epoch-ms" => o.epoch_ms = value(&arg, args.next())?,
            "--pages" => o.pages = value(&arg, args.next())?,
            "--pattern" => o.pattern = value(&arg, args.next())?,
            "--rate" => o.rate = value(&arg, args.next())?,
            "--out" => o.out = Some(value(&arg, args.next())?),
            "--check" => o.check = true,
            "--lockstep" => o.lockstep = Some(value(&arg, args.next())?),
            "--events" => o.events = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("{arg}: no such option")),
        }
    }
    if !["async", "sync", "sigsegv", "rwp"].contains(&o.method.as_str()) {
        return Err(format!(
            "--method {}: async, sync, sigsegv or rwp",
            o.method
        ));
    }
    if o.events && o.method != "sync" {
        return Err("--events needs --method sync: the others read no events".to_string());
    }
    if o.pages < 16 || o.epochs == 0 || o.rate == 0 || o.lockstep == Some(0) {
        return Err("--pages must be 16 or more; --epochs, --rate, --lockstep not 0".to_string());
    }
    Ok(Some(o))
}

fn main() -> ExitCode {
    let result = match options() {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{USAGE}");
            Ok(())
        }
        Err(what) => Err(Failure::Usage(what)),
    };
    end("dirty_pages", USAGE, result)
}

fn run(o: &Options) -> Result<(), Failure> {
    // What RWP protects must be read through another mapping.
    let memory = Arc::new(if o.method == "rwp" {
        Memory::shared(o.pages)?
    } else {
        Memory::anonymous(o.pages)?
    });
    // Huge pages would be split at the first write to one of their parts.
    let _ = memory.advise(libc::MADV_NOHUGEPAGE);
    memory.populate();
    let noise = if o.events {
        Some(Memory::anonymous(1)?)
    } else {
        None
    };
    let mut tracker: Box<dyn Tracker> = match o.method.as_str() {
        "async" => Box::new(wp_async::WpAsync::start(memory.clone())?),
        "sync" => Box::new(wp_sync::WpSync::start(memory.clone(), noise.as_ref())?),
        "sigsegv" => Box::new(sigsegv::Sigsegv::start(memory.clone())?),
        _ => Box::new(rwp::Rwp::start(memory.clone())?),
    };
    let workload = Workload::new(memory.clone(), o.pattern, o.rate, o.lockstep);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| workload.run());
        if let Some(noise) = &noise {
            // Each time the kernel sends an event and waits until it is read.
            scope.spawn(|| {
                while !over.load(SeqCst) {
                    noise.write(0, 0, 1);
                    let _ = noise.advise(libc::MADV_DONTNEED);
                    // Without a pause there would be an event at any moment,
                    // and the tracker would never get through.
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
        }
        let result = track(o, &memory, &workload, tracker.as_mut());
        // Whatever happened, the threads must end. In lockstep the writer may
        // stand at the barrier: its turn begins, and ends at once.
        workload.stop.store(true, SeqCst);
        over.store(true, SeqCst);
        result
    })
}

/// A copy that is made of the reported pages alone.
struct Check {
    copy: Vec<u8>,
    reported: Vec<bool>,
}

impl Check {
    fn epoch(&mut self, memory: &Memory, dirty: &[Range<usize>]) {
        let page = memory.page_size();
        for pages in dirty {
            memory.copy_to(pages, &mut self.copy[pages.start * page..pages.end * page]);
            self.reported[pages.clone()]
                .iter_mut()
                .for_each(|reported| *reported = true);
        }
    }

    fn end(&self, memory: &Memory, workload: &Workload) -> Result<(), String> {
        let page = memory.page_size();
        let mut now = vec![0; page];
        for i in 0..memory.pages() {
            memory.copy_to(&(i..i + 1), &mut now);
            if now != self.copy[i * page..(i + 1) * page] {
                return Err(format!("page {i}: a write was lost"));
            }
            if workload.wrote(i) != self.reported[i] {
                return Err(format!(
                    "page {i}: written {}, reported {}",
                    workload.wrote(i),
                    self.reported[i]
                ));
            }
        }
        Ok(())
    }
}

fn exact(pages: usize, dirty: &[Range<usize>], workload: &Workload) -> Result<(), String> {
    let mut reported = vec![false; pages];
    dirty.iter().for_each(|pages| {
        reported[pages.clone()]
            .iter_mut()
            .for_each(|page| *page = true)
    });
    match (0..pages).find(|&page| reported[page] != workload.wrote(page)) {
        None => Ok(()),
        Some(page) => Err(format!(
            "page {page}: written {}, reported {}",
            workload.wrote(page),
            reported[page]
        )),
    }
}

fn track(
    o: &Options,
    memory: &Memory,
    workload: &Workload,
    tracker: &mut dyn Tracker,
) -> Result<(), Failure> {
    let mut dirty = Dirty::for_pages(o.pages);
    let mut ranges: Vec<Range<usize>> = Vec::with_capacity(o.pages / 2 + 1);
    let mut terminal = Terminal::detect();
    let mut heat_map = HeatMap::new(o.pages, page_size());
    let mut check = Check {
        copy: vec![0; if o.check { memory.len() } else { 0 }],
        reported: vec![false; o.pages],
    };
    let (mut pages_reported, mut checked, begin) = (0, 0, Instant::now());
    for epoch in 1..=o.epochs {
        let before = (workload.written.load(SeqCst), Instant::now());
        match o.lockstep {
            Some(_) => drop(workload.turns.wait()),
            None => std::thread::sleep(Duration::from_millis(o.epoch_ms)),
        }
        let (written, lasted) = (workload.written.load(SeqCst) - before.0, before.1.elapsed());
        if o.lockstep.is_none() && epoch == o.epochs {
            // What it writes until it sees this is still part of this epoch.
            workload.stop.store(true, SeqCst);
            while !workload.finished.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        dirty.regions.clear();
        let collecting = Instant::now();
        let collected = tracker.collect(&mut dirty);
        let collecting = collecting.elapsed();
        ranges.clear();
        ranges.extend(dirty.ranges(memory));
        let checks = || -> Result<(), Failure> {
            collected?;
            if o.check {
                check.epoch(memory, &ranges);
            }
            if o.check && o.lockstep.is_some() {
                exact(o.pages, &ranges, workload)?;
                checked += 1;
                workload.clear_account();
            }
            Ok(())
        };
        let result = checks();
        if o.lockstep.is_some() {
            // Its next turn; after the last one, its end.
            workload
                .stop
                .store(result.is_err() || epoch == o.epochs, SeqCst);
            workload.turns.wait();
        }
        result?;
        let count: usize = ranges.iter().map(Range::len).sum();
        pages_reported += count;
        heat_map.add(&ranges);
        let seconds = lasted.as_secs_f64();
        let lines = [
            format!(
                "epoch {epoch} of {}  {}  {count} dirty pages ({:.1} %) in {} regions",
                o.epochs,
                o.method,
                100.0 * count as f64 / o.pages as f64,
                ranges.len()
            ),
            format!(
                "writes {:.0}/s   collected in {:.2} ms, {:.0} ns a page of the region",
                written as f64 / seconds,
                collecting.as_secs_f64() * 1e3,
                collecting.as_nanos() as f64 / o.pages as f64
            ),
        ];
        terminal.show(&lines, o.pages, &ranges)?;
    }
    println!(
        "{pages_reported} dirty pages in {} epochs, {:.1} s",
        o.epochs,
        begin.elapsed().as_secs_f64()
    );
    if let Some(remarks) = tracker.remarks() {
        println!("{remarks}");
    }
    if o.check && o.lockstep.is_none() {
        check.end(memory, workload)?;
        println!("checked: the copy of the reported pages is equal to the memory");
    } else if o.check {
        println!("checked: {checked} epochs, exactly the pages that were written");
    }
    if let Some(file) = &o.out {
        std::fs::write(file, heat_map.svg(&o.method, o.epoch_ms))
            .map_err(|e| format!("{file}: {e}"))?;
        println!("wrote {file}");
    }
    Ok(())
}
