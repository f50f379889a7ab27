//! Lazy loading of a region from a file in the page cache, against what one would do
//! instead. It owns the file, the readers and the handlers; it may use the memory, the
//! rounds and the statistics beside it.

mod loader;
mod source;
mod usual;

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Instant;

use uffd_sys::*;

use crate::cpu;
use crate::experiment::{Plan, Sheet};
use crate::hugepages;
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::{median, quantile, sorted};
use crate::tracking::Pattern;
use crate::uffd::{kernel_features, Uffd};
use loader::{Batch, Loader};
use source::{word, Mapping, Source};

pub const READ: &str = "read(2) of the whole file";
pub const MMAP: &str = "mmap of the file";
pub const USUAL: &str = "userfaultfd 0.9, page at a time";
pub const BATCHES: [(&str, usize); 5] = [
    ("COPY, 4 KiB", 1),
    ("COPY, 16 KiB", 4),
    ("COPY, 64 KiB", 16),
    ("COPY, 256 KiB", 64),
    ("COPY, 2 MiB", 512),
];
pub const AHEAD: &str = "COPY, read-ahead to 2 MiB";
pub const BACKGROUND: &str = "COPY, 64 KiB, rest in the background";
pub const EVERYWHERE: &str = "COPY, 64 KiB, rest in the background, on each processor";
pub const POPULATED: &str = "COPY, 2 MiB, source populated";
/// The group with huge pages on both sides.
pub const HUGE: &str = "huge pages, sequential";

pub const FILE: &str = "the file";
pub const SIZE: &str = "size";

/// The group of readers of a pattern.
pub fn group(pattern: Pattern) -> String {
    format!("{} reader", pattern.name())
}

/// Nanoseconds; what takes longer is measured once in a process.
const SLOW: f64 = 0.3e9;

#[derive(Clone, Copy)]
enum Way {
    Read(Pages),
    Mmap,
    Usual,
    Load(Pages, Batch),
}

/// What a job took, in nanoseconds.
#[derive(Default)]
struct Took {
    first: f64,
    total: f64,
    /// Of each access, if they were timed.
    each: Vec<f64>,
}

/// Who reads: the pages in order, shared among threads, and handlers that load them.
struct Readers<'a> {
    order: &'a [usize],
    threads: usize,
    handlers: usize,
    timed: bool,
}

impl Readers<'_> {
    /// Reads a word of each page at `start`.
    fn read(&self, start: usize, begin: Instant) -> Took {
        let one = |first: usize| {
            let mut took = Took::default();
            for (i, &page) in self
                .order
                .iter()
                .skip(first)
                .step_by(self.threads)
                .enumerate()
            {
                let before = self.timed.then(Instant::now);
                // SAFETY: the page is inside the region, as the order has its pages.
                let value = unsafe { ((start + page * 4096) as *const u64).read_volatile() };
                if let Some(before) = before {
                    took.each.push(before.elapsed().as_nanos() as f64);
                }
                assert_eq!(value, word(page), "page {page}");
                if i == 0 {
                    took.first = begin.elapsed().as_nanos() as f64;
                }
            }
            took
        };
        let mut took = if self.threads == 1 {
            one(0)
        } else {
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..self.threads)
                    .map(|i| scope.spawn(move || one(i)))
                    .collect();
                let all = threads.into_iter().map(|t| t.join().expect("a reader"));
                all.reduce(|a, b| Took {
                    first: a.first.min(b.first),
                    ..a
                })
                .expect("a thread")
            })
        };
        took.total = begin.elapsed().as_nanos() as f64;
        took
    }
}

fn job(way: Way, source: &Source, readers: &Readers) -> io::Result<Took> {
    let begin = Instant::now();
    match way {
        Way::Mmap => {
            let mapping = source.map()?;
            Ok(readers.read(mapping.0, begin))
        }
        Way::Read(pages) => {
            let region = Region::map(pages, source.len)?;
            // SAFETY: fresh memory of ours.
            let bytes = unsafe { std::slice::from_raw_parts_mut(region.pointer(), region.len()) };
            let mut file = &source.file;
            file.seek(SeekFrom::Start(0))?;
            file.read_exact(bytes)?;
            let took = readers.read(region.pointer() as usize, begin);
            compare(source, &region)?;
            Ok(took)
        }
        Way::Usual => handled(
            Pages::Small,
            source,
            readers,
            begin,
            (0, &[None]),
            |uffd, region, bell, _| usual::serve(uffd, region, bell, &source.file),
        ),
        Way::Load(pages, batch) => {
            let flags = if batch.background > 0 {
                libc::O_NONBLOCK
            } else {
                0
            };
            let handlers = match batch.everywhere {
                true => cpu::from_here().into_iter().map(Some).collect(),
                false => vec![None; readers.handlers],
            };
            handled(
                pages,
                source,
                readers,
                begin,
                (flags, &handlers),
                |uffd, region, _, mapping| {
                    let from = (mapping.0 as u64, &source.file);
                    let loader = Loader::new(uffd, region, from, batch);
                    let room = if handlers.len() > 1 { 1 } else { 16 };
                    let serve = |cpu: &Option<usize>| {
                        cpu.iter().for_each(|&cpu| cpu::pin(&[cpu]));
                        loader.serve(room)
                    };
                    if batch.everywhere {
                        // What else is to begin waits.
                        loader.begin()?;
                    }
                    std::thread::scope(|scope| {
                        let more = handlers[1..].iter().map(|cpu| scope.spawn(|| serve(cpu)));
                        let more: Vec<_> = more.collect();
                        serve(&handlers[0])?;
                        more.into_iter()
                            .try_for_each(|t| t.join().expect("a handler"))
                    })
                },
            )
        }
    }
}

/// Reads a region that handlers fill. A handler may have a processor; the reader has
/// the first one's then.
fn handled(
    pages: Pages,
    source: &Source,
    readers: &Readers,
    begin: Instant,
    (flags, handlers): (libc::c_int, &[Option<usize>]),
    serve: impl FnOnce(&Uffd, &Region, &Region, &Mapping) -> io::Result<()> + Send,
) -> io::Result<Took> {
    let mapping = source.map()?;
    let region = Region::map(pages, source.len)?;
    let bell = Region::map(Pages::Small, handlers.len() * 4096)?;
    let features = match pages {
        Pages::Hugetlb => UFFD_FEATURE_MISSING_HUGETLBFS,
        _ => 0,
    };
    let uffd = Uffd::with(flags, features)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    uffd.register(bell.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let all = cpu::processors();
    // The first handler inherits it, and begins there.
    handlers[0].iter().for_each(|&cpu| cpu::pin(&[cpu]));
    let took = std::thread::scope(|scope| {
        let (uffd, region, bell, mapping) = (&uffd, &region, &bell, &mapping);
        let handler = scope.spawn(move || {
            // Readers would wait for ever for a handler that failed.
            serve(uffd, region, bell, mapping).unwrap_or_else(|error| {
                eprintln!("a handler: {error}");
                std::process::exit(1)
            })
        });
        let took = readers.read(region.pointer() as usize, begin);
        Loader::ring(bell, handlers.len());
        handler.join().expect("the handler");
        took
    });
    cpu::pin(&all);
    compare(source, &region)?;
    Ok(took)
}

/// Every byte is the file's.
fn compare(source: &Source, region: &Region) -> io::Result<()> {
    let mapping = source.map()?;
    // SAFETY: nobody writes to it any more.
    let loaded = unsafe { std::slice::from_raw_parts(region.pointer(), region.len()) };
    assert!(
        loaded == mapping.bytes(),
        "the memory is not what is in the file"
    );
    Ok(())
}

/// Measures ways with the same readers.
fn compete(
    sheet: &mut Sheet,
    group: &str,
    ways: &[(&str, Way)],
    (source, readers): (&Source, &Readers),
    effort: Effort,
) -> io::Result<()> {
    let mut firsts = vec![Vec::new(); ways.len()];
    let mut failed = None;
    let mut last = vec![0.0; ways.len()];
    let totals = rounds(ways.len(), effort, |i| {
        // One turn after that which warms up: the others get more rounds so.
        if last[i] > SLOW && firsts[i].len() > 1 {
            return last[i];
        }
        match job(ways[i].1, source, readers) {
            Ok(took) => {
                firsts[i].push(took.first);
                last[i] = took.total;
                took.total
            }
            Err(error) => {
                failed.get_or_insert(io::Error::other(format!("{group}, {}: {error}", ways[i].0)));
                1.0
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    for (i, &(name, way)) in ways.iter().enumerate() {
        sheet.put(group, name, "total", median(&totals[i]));
        if readers.threads > 1 || readers.handlers > 1 {
            continue;
        }
        sheet.put(group, name, "first", median(&firsts[i]));
        // Looking at the clock takes time, so these accesses are others.
        let timed = Readers {
            timed: true,
            ..*readers
        };
        let each = sorted(&job(way, source, &timed)?.each);
        sheet.put(group, name, "p99", quantile(&each, 0.99));
        sheet.put(group, name, "longest", *each.last().expect("an access"));
    }
    Ok(())
}

pub fn threads_group(threads: usize, handlers: usize) -> String {
    format!("{threads} faulting, {handlers} handling")
}

pub const THREADS: [usize; 4] = [1, 2, 4, 8];
pub const HANDLERS: [usize; 3] = [1, 2, 4];

pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let (bytes, effort) = if plan.short {
        (4 << 20, Effort::ms(10, 1))
    } else {
        (128 << 20, Effort::ms(3_000, 3))
    };
    let source = &Source::create(plan.folder, bytes)?;
    let quarter = &source.quarter()?;
    let sheet = &mut plan.sheet;
    sheet.put(FILE, SIZE, "MiB", (bytes >> 20) as f64);
    let small = Pages::Small;
    let batch = |unit| Way::Load(small, Batch::of(unit));
    let mut ways = vec![
        (READ, Way::Read(small)),
        (MMAP, Way::Mmap),
        (USUAL, Way::Usual),
    ];
    ways.extend(BATCHES.map(|(name, unit)| (name, batch(unit))));
    let (ahead, populated, background) = (
        Batch {
            most: 32,
            ..Batch::of(16)
        },
        Batch {
            populate: true,
            ..Batch::of(512)
        },
        Batch {
            background: 1,
            ..Batch::of(16)
        },
    );
    ways.push((AHEAD, Way::Load(small, ahead)));
    ways.push((POPULATED, Way::Load(small, populated)));
    let everywhere = Batch {
        everywhere: true,
        background: 4,
        ..background
    };
    ways.push((BACKGROUND, Way::Load(small, background)));
    ways.push((EVERYWHERE, Way::Load(small, everywhere)));
    for pattern in Pattern::ALL {
        // A reader that jumps about takes several times as long.
        let source = match pattern {
            Pattern::Sequential => source,
            Pattern::Random | Pattern::Clustered => quarter,
        };
        let pages = source.len / 4096;
        let readers = Readers {
            order: &pattern.choose(pages, pages),
            threads: 1,
            handlers: 1,
            timed: false,
        };
        compete(sheet, &group(pattern), &ways, (source, &readers), effort)?;
    }
    let pages = quarter.len / 4096;
    let order = &Pattern::Random.choose(pages, pages);
    for (threads, handlers) in THREADS.into_iter().flat_map(|t| HANDLERS.map(|h| (t, h))) {
        let readers = Readers {
            order,
            threads,
            handlers,
            timed: false,
        };
        let ways = [BATCHES[2], BATCHES[4]].map(|(name, unit)| (name, batch(unit)));
        // There are many of these.
        let few = Effort {
            time: effort.time / 15,
            ..effort
        };
        compete(
            sheet,
            &threads_group(threads, handlers),
            &ways,
            (quarter, &readers),
            few,
        )?;
    }
    huge(sheet, source, effort)
}

fn huge(sheet: &mut Sheet, source: &Source, effort: Effort) -> io::Result<()> {
    let order: Vec<usize> = (0..source.len / 4096).collect();
    let readers = Readers {
        order: &order,
        threads: 1,
        handlers: 1,
        timed: false,
    };
    let unit = Batch::of(512);
    let mut ways = vec![
        (READ, Way::Read(Pages::Small)),
        ("COPY, 2 MiB", Way::Load(Pages::Small, unit)),
        (
            "read(2) into transparent huge pages",
            Way::Read(Pages::Transparent),
        ),
    ];
    if kernel_features()? & UFFD_FEATURE_MOVE != 0 {
        let moves = Batch {
            moves: true,
            ..unit
        };
        let way = Way::Load(Pages::Transparent, moves);
        ways.push(("read(2) into a huge page, MOVE", way));
    }
    let reserved = hugepages::reserve(2 * source.len / (2 << 20));
    match &reserved {
        Ok(_) => ways.extend([
            ("read(2) into hugetlb", Way::Read(Pages::Hugetlb)),
            ("COPY into hugetlb, 2 MiB", Way::Load(Pages::Hugetlb, unit)),
        ]),
        Err(why) => sheet.note(format!("{HUGE}, hugetlb: {why}")),
    }
    compete(sheet, HUGE, &ways, (source, &readers), effort)
}
