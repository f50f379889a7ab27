//! A handler that loads a region from a mapped file: UFFDIO_COPY straight from the
//! mapping, a batch of pages for each fault. Several threads may run it at once.

use std::io;
use std::mem::size_of;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use libc::c_void;
use uffd_sys::*;

use crate::memory::Region;
use crate::uffd::{check, Uffd};

/// How much is loaded for a fault, in pages of 4 KiB.
#[derive(Clone, Copy)]
pub struct Batch {
    /// What is loaded at least, aligned.
    pub unit: usize,
    /// Faults that follow each other load twice as many units each time, up to this.
    pub most: usize,
    /// So many units of the rest are loaded at once while no fault waits.
    pub background: usize,
    /// A handler on each processor, and the reader on that of the first one.
    pub everywhere: bool,
    /// The source's pages are mapped at once, not by a fault of the kernel's copy each.
    pub populate: bool,
    /// Read into a fresh huge page, which is then moved: no copy of the kernel's.
    pub moves: bool,
}

impl Batch {
    pub const fn of(unit: usize) -> Batch {
        Batch {
            unit,
            most: 1,
            background: 0,
            everywhere: false,
            populate: false,
            moves: false,
        }
    }
}

/// What one handler loads for faults that follow each other.
#[derive(Default)]
struct ReadAhead {
    /// The unit behind the last one.
    expected: usize,
    /// How many units were loaded for it.
    window: usize,
}

pub struct Loader<'a> {
    pub uffd: &'a Uffd,
    pub region: &'a Region,
    /// The mapped file.
    pub source: u64,
    /// What is read from, instead of the mapping, by [`Batch::moves`].
    pub file: &'a std::fs::File,
    pub batch: Batch,
    claimed: Vec<AtomicBool>,
    /// Below it, the background found everything claimed.
    passed: AtomicUsize,
}

impl<'a> Loader<'a> {
    pub fn new(
        uffd: &'a Uffd,
        region: &'a Region,
        (source, file): (u64, &'a std::fs::File),
        batch: Batch,
    ) -> Loader<'a> {
        let units = (region.len() / 4096).div_ceil(batch.unit);
        Loader {
            uffd,
            region,
            source,
            file,
            batch,
            claimed: (0..units).map(|_| AtomicBool::new(false)).collect(),
            passed: AtomicUsize::new(0),
        }
    }

    /// Whoever claims a unit loads it, and its copy wakes all who wait in it.
    fn claim(&self, unit: usize) -> bool {
        self.claimed
            .get(unit)
            .is_some_and(|claimed| !claimed.swap(true, SeqCst))
    }

    fn load(&self, first: usize, units: usize) -> io::Result<()> {
        let (mut at, len) = (
            first * self.batch.unit * 4096,
            units * self.batch.unit * 4096,
        );
        let end = (at + len).min(self.region.len());
        if self.batch.moves {
            return self.move_in(at, end);
        }
        if self.batch.populate {
            let (start, advice) = (
                (self.source + at as u64) as *mut c_void,
                libc::MADV_POPULATE_READ,
            );
            // SAFETY: a part of the mapping, which is only read.
            let result = unsafe { libc::madvise(start, end - at, advice) };
            check(result, "MADV_POPULATE_READ")?;
        }
        while at < end {
            let mut copy = uffdio_copy {
                dst: self.region.address(0) + at as u64,
                src: self.source + at as u64,
                len: (end - at) as u64,
                ..Default::default()
            };
            // SAFETY: the source is mapped as long as this lives, and the pages are
            // missing: this thread alone claimed them.
            if unsafe { uffdio_copy(self.uffd.fd(), &mut copy) } == 0 {
                if self.batch.everywhere {
                    // The reader may have waited for it, on this processor.
                    std::thread::yield_now();
                }
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.raw_os_error() != Some(libc::EAGAIN) {
                return Err(error);
            }
            at += copy.copy.max(0) as usize;
        }
        Ok(())
    }

    fn move_in(&self, at: usize, end: usize) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        let staging = Region::map(crate::memory::Pages::Transparent, end - at)?;
        // SAFETY: fresh memory of this thread alone.
        let bytes = unsafe { std::slice::from_raw_parts_mut(staging.pointer(), end - at) };
        self.file.read_exact_at(bytes, at as u64)?;
        let mut arg = uffdio_move {
            dst: self.region.address(0) + at as u64,
            src: staging.address(0),
            len: (end - at) as u64,
            ..Default::default()
        };
        // SAFETY: nothing refers to the staging area any more.
        check(
            unsafe { uffdio_move(self.uffd.fd(), &mut arg) },
            "UFFDIO_MOVE",
        )
        .map(drop)
    }

    /// Handles faults until the bell rings. `room`: messages taken at once.
    pub fn serve(&self, room: usize) -> io::Result<()> {
        let mut ahead = ReadAhead::default();
        while !self.answer(room, &mut ahead)? {}
        Ok(())
    }

    /// Handles the first fault.
    pub fn begin(&self) -> io::Result<()> {
        self.wait()?;
        self.answer(1, &mut ReadAhead::default()).map(drop)
    }

    /// Handles the faults that wait, or loads something else; whether the bell rang.
    fn answer(&self, room: usize, ahead: &mut ReadAhead) -> io::Result<bool> {
        let mut msgs = [uffd_msg_bytes::default(); 16];
        // SAFETY: room for 16 messages, and `room` is not more.
        let bytes = unsafe { uffd_read(self.uffd.fd(), msgs.as_mut_ptr().cast(), room.min(16)) };
        if bytes < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => self.idle().map(|()| false),
                _ => Err(error),
            };
        }
        let mut rung = false;
        for msg in &msgs[..bytes as usize / size_of::<uffd_msg>()] {
            let address = msg.pagefault().expect("a fault").address;
            let offset = address.wrapping_sub(self.region.address(0)) as usize;
            if offset >= self.region.len() {
                rung = true;
                self.answer_bell(address)?;
                continue;
            }
            let unit = offset / 4096 / self.batch.unit;
            if !self.claim(unit) {
                continue;
            }
            ahead.window = if unit == ahead.expected {
                (ahead.window * 2).clamp(1, self.batch.most)
            } else {
                1
            };
            let more = 1..ahead.window;
            let more = more.take_while(|i| self.claim(unit + i)).count();
            self.load(unit, 1 + more)?;
            ahead.expected = unit + 1 + more;
        }
        Ok(rung)
    }

    /// No fault waits: loads some more, or sleeps until there is one.
    fn idle(&self) -> io::Result<()> {
        let from = self.passed.load(SeqCst);
        if let Some(unit) = (from..self.claimed.len()).find(|&unit| self.claim(unit)) {
            let more = 1..self.batch.background;
            let more = more.take_while(|i| self.claim(unit + i)).count();
            self.passed.store(unit + 1 + more, SeqCst);
            return self.load(unit, 1 + more);
        }
        self.passed.store(self.claimed.len(), SeqCst);
        self.wait()
    }

    fn wait(&self) -> io::Result<()> {
        let mut ready = libc::pollfd {
            fd: self.uffd.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd of ours.
        check(unsafe { libc::poll(&mut ready, 1, -1) }, "poll").map(drop)
    }

    fn answer_bell(&self, address: u64) -> io::Result<()> {
        let mut zero = uffdio_zeropage {
            range: uffdio_range {
                start: address & !4095,
                len: 4096,
            },
            ..Default::default()
        };
        // SAFETY: a page of the bell.
        check(
            unsafe { uffdio_zeropage(self.uffd.fd(), &mut zero) },
            "UFFDIO_ZEROPAGE",
        )
        .map(drop)
    }

    /// Ends so many handlers: each faults in a page of its own.
    pub fn ring(bell: &Region, handlers: usize) {
        (0..handlers).for_each(|page| assert_eq!(bell.read(page), 0));
    }
}
