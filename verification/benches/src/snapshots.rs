//! Incremental snapshots of a process that goes on writing: the example's, against
//! copying the same pages with memcpy and writing them to a file; and the writer's
//! throughput and longest pause.

#[allow(dead_code)] // The writers here are others.
#[path = "../../../examples/snapshot/bank.rs"]
mod bank;
#[allow(dead_code)]
#[path = "../../../examples/snapshot/file.rs"]
mod file;
#[path = "../../../examples/snapshot/progress.rs"]
mod progress;
#[allow(dead_code)]
#[path = "../../../examples/snapshot/save.rs"]
mod save;
#[path = "../../../examples/support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uffd_kit::random::Random;
use uffd_sys::*;

use crate::experiment::{scratch, Plan};
use crate::round::{rounds, Effort};
use crate::stats::median;
use crate::tracking::Pattern;
use crate::uffd::kernel_features;
use bank::Bank;
use save::Snapshots;
use support::Memory;

/// A snapshot of 10 % random pages, ns for each of them.
pub const TAKE: &str = "a snapshot, a page";
/// A thread that writes to 10 % random pages as fast as it can.
pub const WRITER: &str = "a writer";
pub const EXAMPLE: &str = "examples/snapshot";
pub const MEMCPY: &str = "memcpy and write";
pub const UNTRACKED: &str = "untracked";
pub const EPOCHS: &str = "a snapshot every 100 ms";

/// Removed with all its files.
struct Folder(PathBuf);

impl Folder {
    fn create(path: PathBuf) -> io::Result<Folder> {
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The same pages as the snapshot's, in the same order, through a buffer that is kept.
fn memcpy_and_write(
    memory: &Memory,
    pages: &[usize],
    buffer: &mut Vec<u8>,
    path: &Path,
) -> io::Result<f64> {
    // To free the last one's memory is no part of writing.
    let _ = fs::remove_file(path);
    let begin = Instant::now();
    let (file, page_size) = (File::create(path)?, memory.page_size());
    buffer.resize(pages.len() * page_size, 0);
    for (&page, copy) in pages.iter().zip(buffer.chunks_exact_mut(page_size)) {
        memory.copy_to(&(page..page + 1), copy);
    }
    file.write_all_at(buffer, 0)?;
    file.sync_all()?;
    Ok(begin.elapsed().as_nanos() as f64)
}

/// The newest snapshot, loaded again, is what is in memory now.
fn check_newest(folder: &Path, memory: &Memory) -> io::Result<()> {
    let newest = file::newest(folder).map_err(io::Error::other)?;
    let chain = file::Chain::open(folder, newest).map_err(io::Error::other)?;
    let mut saved = vec![0; 64 * memory.page_size()];
    let (mut page, mut now) = (0, saved.clone());
    while page < chain.pages() {
        let count = chain.load(page, &mut saved).map_err(io::Error::other)?;
        let len = count * memory.page_size();
        memory.copy_to(&(page..page + count), &mut now[..len]);
        assert!(
            saved[..len] == now[..len],
            "page {page} was not saved as it is"
        );
        page += count;
    }
    Ok(())
}

fn memory(pages: usize) -> io::Result<Arc<Memory>> {
    let memory = Memory::anonymous(pages)?;
    memory.advise(libc::MADV_NOHUGEPAGE)?;
    Ok(Arc::new(memory))
}

fn take(plan: &mut Plan, pages: usize) -> io::Result<()> {
    let effort = if plan.short {
        Effort::ms(10, 2)
    } else {
        Effort {
            most: 12,
            ..Effort::ms(1_500, 5)
        }
    };
    let folder = Folder::create(scratch(plan.folder, std::process::id()))?;
    let bank = Bank::found(memory(pages)?, 0);
    let dirty = Pattern::Random.choose(pages, pages / 10);
    let mut sorted = dirty.clone();
    sorted.sort_unstable();
    let mut snapshots = Snapshots::new(&bank, folder.0.clone())?;
    let whole = snapshots.take(|| ()).map_err(io::Error::other)?;
    assert_eq!(whole.pages, pages);
    let (mut value, mut failed, mut buffer) = (0, None, Vec::new());
    let samples = rounds(2, effort, |who| {
        value += 1;
        dirty
            .iter()
            .for_each(|&page| bank.memory.write(page, 5, value));
        let result = if who == 0 {
            let begin = Instant::now();
            snapshots
                .take(|| ())
                .map_err(io::Error::other)
                .map(|taken| {
                    let time = begin.elapsed().as_nanos() as f64;
                    // What was written for the other's turn is in it too: the same pages.
                    assert_eq!(taken.pages, dirty.len(), "exactly the written pages");
                    time
                })
        } else {
            memcpy_and_write(&bank.memory, &sorted, &mut buffer, &folder.0.join("copy"))
        };
        result.unwrap_or_else(|error| {
            failed.get_or_insert(error);
            1.0
        }) / dirty.len() as f64
    });
    if let Some(error) = failed {
        return Err(error);
    }
    // The last turn may have been the copy's.
    snapshots.take(|| ()).map_err(io::Error::other)?;
    check_newest(&folder.0, &bank.memory)?;
    // So many that the example does not copy them at once.
    (0..pages).for_each(|page| bank.memory.write(page, 6, value));
    let many = snapshots.take(|| ()).map_err(io::Error::other)?;
    assert_eq!(many.pages, pages);
    check_newest(&folder.0, &bank.memory)?;
    for (name, samples) in [EXAMPLE, MEMCPY].iter().zip(&samples) {
        plan.sheet.put(TAKE, name, "time", median(samples));
    }
    Ok(())
}

/// What the writer did.
#[derive(Default)]
struct Written {
    writes: AtomicU64,
    /// The longest time between two looks at the clock, in nanoseconds.
    longest: AtomicU64,
}

impl Written {
    /// Writes to random pages of the set until the gate ends it.
    fn work(&self, bank: &Bank, set: &[usize]) {
        let mut random = Random::new(1);
        let mut last = Instant::now();
        while bank.gate.pass() {
            for _ in 0..16 {
                let number = random.number();
                let page = set[number as usize % set.len()];
                bank.memory
                    .write(page, (number >> 32) as usize % 512, number);
            }
            let now = Instant::now();
            let gap = now.duration_since(last).as_nanos() as u64;
            self.longest.fetch_max(gap, Relaxed);
            self.writes.fetch_add(16, Relaxed);
            last = now;
        }
    }

    /// Writes a second, and the longest pause, while something else happens.
    fn during(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<[f64; 2]> {
        let (before, begin) = (self.writes.load(Relaxed), Instant::now());
        self.longest.store(0, Relaxed);
        work()?;
        let rate = (self.writes.load(Relaxed) - before) as f64 / begin.elapsed().as_secs_f64();
        Ok([rate, self.longest.load(Relaxed) as f64])
    }
}

fn writer(plan: &mut Plan, pages: usize) -> io::Result<()> {
    let epochs = if plan.short { 2 } else { 8 };
    let epoch = Duration::from_millis(100);
    let folder = Folder::create(scratch(plan.folder, std::process::id()))?;
    let bank = Bank::found(memory(pages)?, 1);
    let set = Pattern::Random.choose(pages, pages / 10);
    let written = Written::default();
    let mut snapshots = Snapshots::new(&bank, folder.0.clone())?;
    let mut stops = Vec::new();
    let (untracked, tracked) = std::thread::scope(|scope| {
        scope.spawn(|| written.work(&bank, &set));
        let result = (|| {
            std::thread::sleep(epoch / 10);
            let untracked = written.during(|| {
                std::thread::sleep(epoch * epochs / 2);
                Ok(())
            })?;
            // All pages: the only one that is no increment.
            snapshots.take(|| ()).map_err(io::Error::other)?;
            let tracked = written.during(|| {
                for _ in 0..epochs {
                    let begin = Instant::now();
                    let taken = snapshots.take(|| ()).map_err(io::Error::other)?;
                    stops.push(taken.stops.iter().sum::<Duration>().as_nanos() as f64);
                    std::thread::sleep(epoch.saturating_sub(begin.elapsed()));
                }
                Ok(())
            })?;
            io::Result::Ok((untracked, tracked))
        })();
        // After a failure too, or the writer would never end.
        bank.gate.end();
        result
    })?;
    for (name, [rate, longest]) in [(UNTRACKED, untracked), (EPOCHS, tracked)] {
        plan.sheet.put(WRITER, name, "writes a second", rate);
        plan.sheet.put(WRITER, name, "longest pause", longest);
    }
    plan.sheet.put(WRITER, EPOCHS, "stops", median(&stops));
    Ok(())
}

pub fn measure(plan: &mut Plan) -> io::Result<()> {
    if kernel_features()? & UFFD_FEATURE_WP_ASYNC == 0 {
        plan.sheet
            .note(format!("{EXAMPLE}: this kernel lacks WP_ASYNC"));
        return Ok(());
    }
    let pages = if plan.short { 8 << 10 } else { 16 << 10 };
    take(plan, pages)?;
    writer(plan, pages)
}
