//! Snapshots of a region while its writers run.
//!
//! Between snapshots the kernel notes what is written (WP_ASYNC). For one, the
//! writers stop, and the notes are taken; this is the moment that the snapshot
//! shows. Few changed pages are copied at once, and the writers go on.
//!
//! To copy many would stop the writers for too long. So the region is protected
//! instead, and the writers go on, and run into a fault where they write for
//! the first time: the page is saved as it was, and its protection is lifted.
//! Meanwhile all other pages of the snapshot are saved in the background. What
//! was written meanwhile belongs to the next snapshot, together with what the
//! kernel notes afterwards.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use uffd_sys::*;

use super::bank::Bank;
use super::file::Writer;
use super::progress::Progress;
use super::support::{check, Uffd};

/// Pages saved in the background before the faults are looked at again: a
/// writer waits no longer than these take.
const CHUNK: usize = 32;

/// As many changed pages are copied while the writers stand. That takes about as
/// long as to protect a large region twice, and spares the writers their faults.
const FEW: usize = 4096;

pub struct Snapshots<'a> {
    bank: &'a Bank,
    folder: PathBuf,
    /// Stops writers; and the one that only notes. A region belongs to one
    /// userfaultfd at a time, and WP_ASYNC is a property of the whole of it.
    trap: Uffd,
    notes: Uffd,
    pagemap: File,
    /// Written since the last snapshot's moment, as far as is known.
    changed: Vec<bool>,
    /// The few pages of a snapshot. It is kept, because fresh memory costs faults.
    copies: Vec<u8>,
    sequence: u64,
    before: u64,
}

/// What a snapshot took.
pub struct Taken {
    pub pages: usize,
    pub faults: usize,
    /// The writers' stops, at the beginning and at the end.
    pub stops: [Duration; 2],
    pub time: Duration,
}

impl<'a> Snapshots<'a> {
    pub fn new(bank: &'a Bank, folder: PathBuf) -> io::Result<Self> {
        let wp = (
            UFFD_FEATURE_PAGEFAULT_FLAG_WP,
            "write-protection (since Linux 5.7)",
        );
        let wp_async = (
            UFFD_FEATURE_WP_ASYNC,
            "WP_ASYNC (since Linux 6.7), which the increments need",
        );
        Ok(Snapshots {
            trap: Uffd::open(libc::O_NONBLOCK, &[wp])?,
            notes: Uffd::open(0, &[wp_async])?,
            pagemap: File::open("/proc/self/pagemap")?,
            // The first snapshot has everything.
            changed: vec![true; bank.memory.pages()],
            copies: Vec::new(),
            bank,
            folder,
            sequence: 0,
            before: 0,
        })
    }

    /// Takes the next snapshot. `moment` is called while the writers stand.
    pub fn take(&mut self, moment: impl FnOnce()) -> Result<Taken, String> {
        let begin = Instant::now();
        let memory = &self.bank.memory;
        let all = memory.all();

        self.stop_writers()?;
        let stopped = Instant::now();
        if self.sequence > 0 {
            self.take_notes().map_err(|e| e.to_string())?;
            let changed = self.changed.iter().filter(|changed| **changed).count();
            if changed <= FEW {
                return self.take_few(begin, stopped, moment);
            }
            self.notes.unregister(all).map_err(|e| e.to_string())?;
        }
        self.protect_with(false).map_err(|e| e.to_string())?;
        moment();
        let first_stop = stopped.elapsed();
        self.bank.gate.open();

        let records = self.take_changed();
        let (pages, page_size) = (memory.pages(), memory.page_size());
        let writer = Writer::create(
            &self.folder,
            self.sequence,
            self.before,
            page_size,
            pages,
            &records,
        )?;
        let mut saving = Saving {
            record_of: vec![None; pages],
            buffer: vec![0; CHUNK * page_size],
            writer,
            faults: 0,
        };
        records
            .iter()
            .enumerate()
            .for_each(|(record, &page)| saving.record_of[page] = Some(record));
        let mut progress = Progress::new(format!("snapshot {}", self.sequence), records.len());
        let mut next = 0;
        while next < records.len() {
            self.handle_faults(&mut saving)?;
            // The next pages that are still to be saved and lie together.
            let Some(page) = saving.record_of[records[next]].map(|_| records[next]) else {
                next += 1;
                continue;
            };
            let wanted = |i: &usize| page + i < pages && saving.record_of[page + i].is_some();
            let count = (0..CHUNK).take_while(wanted).count();
            saving.save(self.bank, page, count)?;
            next += count;
            progress.at(next);
        }

        // A writer on its way to the gate may run into faults until it is there.
        self.bank.gate.close();
        while self.bank.gate.parked() < self.bank.writers {
            self.handle_faults(&mut saving)?;
        }
        let stopped = Instant::now();
        self.trap.unregister(all).map_err(|e| e.to_string())?;
        self.protect_with(true).map_err(|e| e.to_string())?;
        let last_stop = stopped.elapsed();
        self.bank.gate.open();

        progress.end();
        self.before = saving.writer.finish()?;
        self.sequence += 1;
        let stops = [first_stop, last_stop];
        Ok(Taken {
            pages: records.len(),
            faults: saving.faults,
            stops,
            time: begin.elapsed(),
        })
    }

    /// The pages of the snapshot, ascending; from now on others count as changed.
    fn take_changed(&mut self) -> Vec<usize> {
        let pages = 0..self.changed.len();
        pages
            .filter(|&page| std::mem::take(&mut self.changed[page]))
            .collect()
    }

    /// Copies the changed pages while the writers stand, then writes the copies.
    fn take_few(
        &mut self,
        begin: Instant,
        stopped: Instant,
        moment: impl FnOnce(),
    ) -> Result<Taken, String> {
        let records = self.take_changed();
        let memory = &self.bank.memory;
        let page_size = memory.page_size();
        self.copies.resize(records.len() * page_size, 0);
        for (&page, copy) in records.iter().zip(self.copies.chunks_exact_mut(page_size)) {
            memory.copy_to(&(page..page + 1), copy);
        }
        moment();
        let stop = stopped.elapsed();
        self.bank.gate.open();
        let mut writer = Writer::create(
            &self.folder,
            self.sequence,
            self.before,
            page_size,
            memory.pages(),
            &records,
        )?;
        writer.write(0, &self.copies)?;
        self.before = writer.finish()?;
        self.sequence += 1;
        Ok(Taken {
            pages: records.len(),
            faults: 0,
            stops: [stop, Duration::ZERO],
            time: begin.elapsed(),
        })
    }

    /// Between snapshots no fault stops a writer, so all come to the gate.
    fn stop_writers(&self) -> Result<(), String> {
        self.bank.gate.close();
        let begin = Instant::now();
        while self.bank.gate.parked() < self.bank.writers {
            if begin.elapsed() > Duration::from_secs(30) {
                return Err("the writers do not stop".to_string());
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Registers and protects the region, to note writes or to stop them.
    fn protect_with(&self, notes: bool) -> io::Result<()> {
        let (uffd, all) = (
            if notes { &self.notes } else { &self.trap },
            self.bank.memory.all(),
        );
        uffd.register(all, UFFDIO_REGISTER_MODE_WP)?;
        uffd.write_protect(all, UFFDIO_WRITEPROTECT_MODE_WP)
    }

    /// Adds what the kernel noted to `changed`; it notes these pages again when they
    /// are written again.
    fn take_notes(&mut self) -> io::Result<()> {
        let (memory, mut regions) = (&self.bank.memory, [page_region::default(); 512]);
        let all = memory.all();
        let mut arg = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
            start: all.start,
            end: all.start + all.len,
            vec: regions.as_mut_ptr() as u64,
            vec_len: regions.len() as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Default::default()
        };
        while arg.start < arg.end {
            // SAFETY: `vec` is as long as `vec_len` says.
            let n = check(
                unsafe { pagemap_scan(self.pagemap.as_raw_fd(), &mut arg) },
                "PAGEMAP_SCAN",
            )?;
            for region in &regions[..n as usize] {
                self.changed[memory.pages_of(region.start, region.end)].fill(true);
            }
            arg.start = arg.walk_end;
        }
        Ok(())
    }

    /// Saves the pages that writers wait for, and lets them go on.
    fn handle_faults(&mut self, saving: &mut Saving) -> Result<(), String> {
        let memory = &self.bank.memory;
        let mut msgs = [uffd_msg_bytes::default(); 64];
        for msg in self.trap.read(&mut msgs).map_err(|e| e.to_string())? {
            let Some(fault) = msg.pagefault() else {
                return Err(format!("an event that was not asked for: {msg:?}"));
            };
            let page = memory.pages_of(fault.address, fault.address).start;
            saving.save(self.bank, page, 1)?;
            saving.faults += 1;
            self.changed[page] = true;
            // Lifts the protection and wakes. No events are enabled, so no
            // EAGAIN can come.
            self.trap
                .write_protect(memory.range(&(page..page + 1)), 0)
                .map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// The snapshot that is being written.
struct Saving {
    writer: Writer,
    /// Of the pages that are still to be saved.
    record_of: Vec<Option<usize>>,
    buffer: Vec<u8>,
    faults: usize,
}

impl Saving {
    /// Saves pages that are protected, so they are as they were.
    fn save(&mut self, bank: &Bank, page: usize, count: usize) -> Result<(), String> {
        let Some(record) = self.record_of[page] else {
            return Ok(());
        };
        let buffer = &mut self.buffer[..count * bank.memory.page_size()];
        bank.memory.copy_to(&(page..page + count), buffer);
        self.writer.write(record, buffer)?;
        self.record_of[page..page + count].fill(None);
        Ok(())
    }
}
