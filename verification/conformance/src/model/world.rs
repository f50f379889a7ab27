//! The real thing: regions, a userfaultfd, threads; the steps made by the
//! kernel, and what can be seen of the pages without touching them.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::io::AsRawFd;

use libc::c_int;
use uffd_kit::answer::{Answer, UNTOUCHED};
use uffd_kit::errno::errno;
use uffd_kit::file::memfd;
use uffd_kit::mapping::{self, map, reserve, ANONYMOUS, RW};
use uffd_kit::pagemap::{self, Pagemap};
use uffd_kit::uffd::Uffd;
use uffd_kit::verdict::{need_file, Verdict};
use uffd_sys::*;

use crate::model::op::{Op, Span, Wanted, ANON, SHMEM};
use crate::model::page::{copied_words, FILE_WORD, SCANNED, WORDS};
use crate::model::worker::{Accessor, Worker};

/// Mistakes made on purpose, to see that they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// COPY forgets that it should not wake.
    DropDontwake,
    /// COPY forgets that it should protect.
    DropCopyWp,
    /// EEXIST is taken for success.
    IgnoreEexist,
    /// WRITEPROTECT leaves out the last of several pages.
    ShortProtect,
    /// A worker's write is not made.
    LoseWrite,
    /// MADV_DONTNEED is not made.
    SkipDontneed,
}

impl Mistake {
    /// All of them, by the names that `--inject` takes.
    pub const ALL: [(&'static str, Mistake); 6] = [
        ("drop-dontwake", Mistake::DropDontwake),
        ("drop-copy-wp", Mistake::DropCopyWp),
        ("ignore-eexist", Mistake::IgnoreEexist),
        ("short-protect", Mistake::ShortProtect),
        ("lose-write", Mistake::LoseWrite),
        ("skip-dontneed", Mistake::SkipDontneed),
    ];
}

/// What the kernel answered to a step.
pub struct Answered {
    /// Zero for success.
    pub errno: c_int,
    /// The out field.
    pub out: i64,
    /// PAGEMAP_SCAN: pages and their categories.
    pub scanned: Vec<(usize, u64)>,
}

/// What lives as long as the process.
pub struct World {
    /// Bytes.
    pub page: usize,
    /// Pages of a region.
    pub pages: usize,
    /// How the main thread accesses memory.
    pub accessor: Accessor,
    /// The threads; worker n is at n - 1.
    pub workers: Vec<Worker>,
    /// The userfaultfd of the program that runs.
    pub uffd: Option<Uffd>,
    /// The mistake that is made on purpose.
    pub inject: Option<Mistake>,
    bases: [usize; 2],
    memfd: File,
    alias: usize,
    source: usize,
    pagemap: Pagemap,
}

/// Pages between the starts of the regions, a multiple of what the kernel maps
/// around a fault.
const APART: usize = 64;

impl World {
    /// Sets up what all programs share.
    pub fn new(
        page: usize,
        pages: usize,
        threads: usize,
        inject: Option<Mistake>,
    ) -> Result<World, Verdict> {
        let len = page * pages;
        let memfd = memfd(0, len)?;

        // One page table holds both regions. Pages beside them keep it in
        // being: without a table some calls find another answer.
        let table = page * (page / 8);
        let reserved = reserve(2 * table)?;
        let base = (reserved + table - 1) / table * table;
        let keeper = map(base, page, RW, ANONYMOUS | libc::MAP_FIXED, -1)?;
        mapping::write(keeper, 1);
        let source = map(0, len, RW, ANONYMOUS | libc::MAP_POPULATE, -1)?;
        let alias = map(0, len, RW, libc::MAP_SHARED, memfd.as_raw_fd())?;

        Ok(World {
            page,
            pages,
            accessor: Accessor::open(),
            workers: (0..threads).map(|_| Worker::start()).collect(),
            uffd: None,
            inject,
            bases: [base + APART * page, base + 2 * APART * page],
            memfd,
            alias,
            source,
            pagemap: Pagemap::open()?,
        })
    }

    /// Fresh memory and a fresh userfaultfd.
    pub fn begin(&mut self, features: u64) -> Result<(), Verdict> {
        self.uffd = None;
        let len = self.page * self.pages;
        let fixed = libc::MAP_FIXED;
        map(self.bases[ANON], len, RW, ANONYMOUS | fixed, -1)?;
        // Dropped from the file, all pages leave the other mapping, too.
        for size in [0, len] {
            need_file("ftruncate", self.memfd.set_len(size as u64))?;
        }
        let fd = self.memfd.as_raw_fd();
        map(self.bases[SHMEM], len, RW, libc::MAP_SHARED | fixed, fd)?;
        for base in self.bases {
            // Kernels without huge pages refuse this advice.
            let _ = mapping::madvise(base, len, libc::MADV_NOHUGEPAGE);
        }
        // A page is written and dropped so that the mapping, split later, can
        // be merged again.
        mapping::write(self.bases[ANON], 1);
        mapping::madvise(self.bases[ANON], len, libc::MADV_DONTNEED)?;
        self.uffd = Some(Uffd::open(features)?);
        Ok(())
    }

    /// Lets everybody go, whatever they wait for.
    pub fn abandon(&mut self) {
        self.uffd = None;
        for base in self.bases {
            mapping::mprotect(base, self.page * self.pages, RW).expect("mprotect");
        }
    }

    /// The address of a word.
    pub fn address(&self, region: usize, page: usize, word: usize) -> usize {
        self.bases[region] + page * self.page + word * (self.page / WORDS)
    }

    fn bounds(&self, span: Span) -> (usize, usize) {
        (
            self.address(span.region, span.first, 0),
            span.pages * self.page,
        )
    }

    /// Makes any step but an access.
    pub fn perform(&self, op: &Op) -> Answered {
        let uffd = self.uffd.as_ref().expect("a program runs");
        let answer = match *op {
            Op::Register(span, mode) => {
                let (start, len) = self.bounds(span);
                // Which calls a range has is the conformance cases' subject.
                Answer {
                    out: UNTOUCHED,
                    ..uffd.register(start, len, mode)
                }
            }
            Op::Unregister(span) => {
                let (start, len) = self.bounds(span);
                uffd.unregister(start, len)
            }
            Op::Wake(span) => {
                let (start, len) = self.bounds(span);
                uffd.wake(start, len)
            }
            Op::Copy(span, mode, tag) => self.copy(uffd, span, mode, tag),
            Op::Zeropage(span, mode) => {
                let (start, len) = self.bounds(span);
                uffd.zeropage(start, len, mode)
            }
            Op::Continue(span, mode) => {
                let (start, len) = self.bounds(span);
                uffd.continue_(start, len, mode)
            }
            Op::Poison(span, mode) => {
                let (start, len) = self.bounds(span);
                uffd.poison(start, len, mode)
            }
            Op::Writeprotect(mut span, mode) => {
                if self.inject == Some(Mistake::ShortProtect) && span.pages > 1 {
                    span.pages -= 1;
                }
                let (start, len) = self.bounds(span);
                uffd.writeprotect(start, len, mode)
            }
            Op::Rwprotect(span, mode) => {
                let (start, len) = self.bounds(span);
                uffd.rwprotect(start, len, mode)
            }
            Op::Move(dst, from, mode) => {
                let (start, len) = self.bounds(dst);
                uffd.move_(start, self.address(ANON, from, 0), len, mode)
            }
            Op::Dontneed(_) if self.inject == Some(Mistake::SkipDontneed) => of(true),
            Op::Dontneed(span) => {
                let (start, len) = self.bounds(span);
                of(mapping::madvise(start, len, libc::MADV_DONTNEED).is_ok())
            }
            Op::Punch(span) => self.punch(span),
            Op::FileWrite(page, value) => {
                let offset = page * self.page + FILE_WORD * (self.page / WORDS);
                let wrote = self.memfd.write_all_at(&value.to_ne_bytes(), offset as u64);
                of(wrote.is_ok())
            }
            Op::Mprotect(span, prot) => {
                let (start, len) = self.bounds(span);
                of(mapping::mprotect(start, len, prot).is_ok())
            }
            Op::Scan(span, wanted, flags) => return self.scan(span, wanted, flags),
            Op::Access(..) => unreachable!("accesses are made by threads"),
        };
        Answered {
            errno: answer.errno,
            out: answer.out,
            scanned: vec![],
        }
    }

    fn copy(&self, uffd: &Uffd, span: Span, mut mode: u64, tag: u64) -> Answer {
        for i in 0..span.pages {
            for (word, value) in copied_words(tag, span.first + i).iter().enumerate() {
                let at = self.source + i * self.page + word * (self.page / WORDS);
                mapping::write_word(at, *value);
            }
        }
        match self.inject {
            Some(Mistake::DropDontwake) => mode &= !UFFDIO_COPY_MODE_DONTWAKE,
            Some(Mistake::DropCopyWp) => mode &= !UFFDIO_COPY_MODE_WP,
            _ => {}
        }
        let (start, len) = self.bounds(span);
        let answer = uffd.copy(start, self.source, len, mode);
        if self.inject == Some(Mistake::IgnoreEexist) && answer.errno == libc::EEXIST {
            return Answer {
                errno: 0,
                out: len as i64,
                ..answer
            };
        }
        answer
    }

    fn punch(&self, span: Span) -> Answer {
        let fd = self.memfd.as_raw_fd();
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let (offset, len) = (span.first * self.page, span.pages * self.page);
        // SAFETY: plain numbers.
        of(unsafe { libc::fallocate(fd, mode, offset as libc::off_t, len as libc::off_t) } == 0)
    }

    fn scan(&self, span: Span, wanted: Wanted, flags: u64) -> Answered {
        let (start, len) = self.bounds(span);
        let (category_mask, return_mask) = match wanted {
            Wanted::All => (0, SCANNED),
            Wanted::Written => (PAGE_IS_WRITTEN, PAGE_IS_WRITTEN),
            Wanted::Present => (PAGE_IS_PRESENT, SCANNED),
        };
        let mut arg = pm_scan_arg {
            flags,
            category_mask,
            ..pagemap::wanting(start, len, return_mask)
        };
        let (runs, errno) = match self.pagemap.runs(&mut arg, 64) {
            Ok(runs) => (runs, 0),
            Err(errno) => (vec![], errno),
        };
        let mut scanned = vec![];
        for run in runs {
            for at in (run.start..run.end).step_by(self.page) {
                let page = (at as usize - self.address(span.region, 0, 0)) / self.page;
                scanned.push((page, run.categories));
            }
        }
        Answered {
            errno,
            out: UNTOUCHED,
            scanned,
        }
    }

    /// The entries of /proc/self/pagemap of a region.
    pub fn pagemap(&self, region: usize) -> Vec<u64> {
        let entries = self.pagemap.entries(self.bases[region], self.pages);
        entries.expect("/proc/self/pagemap can be read")
    }

    /// The pages at which a mapping begins inside a region.
    pub fn seams(&self) -> [Vec<usize>; 2] {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc/self/maps can be read");
        let starts = maps
            .lines()
            .filter_map(|l| usize::from_str_radix(l.split('-').next()?, 16).ok());
        let mut seams = [vec![], vec![]];
        for start in starts {
            for region in [ANON, SHMEM] {
                let offset = start.wrapping_sub(self.bases[region]);
                if offset > 0 && offset < self.pages * self.page {
                    seams[region].push(offset / self.page);
                }
            }
        }
        seams
    }

    /// How many pages the memfd has.
    pub fn cached(&self) -> usize {
        let blocks = self.memfd.metadata().expect("fstat of a memfd").blocks();
        (blocks * 512) as usize / self.page
    }

    /// A word, read where it lies; only for pages that are there.
    pub fn word(&self, region: usize, page: usize, word: usize) -> u64 {
        mapping::read_word(self.address(region, page, word))
    }

    /// A word of the memfd through its other mapping; only for pages that are
    /// in the memfd, others would come into being.
    pub fn alias_word(&self, page: usize, word: usize) -> u64 {
        mapping::read_word(self.alias + page * self.page + word * (self.page / WORDS))
    }
}

fn of(success: bool) -> Answer {
    let errno = if success { 0 } else { errno() };
    Answer {
        call: "",
        errno,
        out: UNTOUCHED,
    }
}
