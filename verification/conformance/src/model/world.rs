//! The real thing: regions, a userfaultfd, threads; the steps made by the
//! kernel, and what can be seen of the pages without touching them.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::io::FromRawFd;

use libc::{c_int, c_void};
use uffd_sys::*;

use crate::answer::{Answer, UNTOUCHED};
use crate::case::Stop;
use crate::model::op::{Op, Span, Wanted, ANON, SHMEM};
use crate::model::page::{copied_words, FILE_WORD, SCANNED, WORDS};
use crate::model::worker::{Toucher, Worker};
use crate::region::map;
use crate::sys::{errno, need};
use crate::uffd::Uffd;

/// Mistakes made on purpose, to see that they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
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

impl Fault {
    /// All of them, by the names that `--inject` takes.
    pub const ALL: [(&'static str, Fault); 6] = [
        ("drop-dontwake", Fault::DropDontwake),
        ("drop-copy-wp", Fault::DropCopyWp),
        ("ignore-eexist", Fault::IgnoreEexist),
        ("short-protect", Fault::ShortProtect),
        ("lose-write", Fault::LoseWrite),
        ("skip-dontneed", Fault::SkipDontneed),
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
    /// The main thread's way to touch memory.
    pub toucher: Toucher,
    /// The threads; worker n is at n - 1.
    pub workers: Vec<Worker>,
    /// The userfaultfd of the program that runs.
    pub uffd: Option<Uffd>,
    /// The mistake that is made on purpose.
    pub inject: Option<Fault>,
    bases: [usize; 2],
    memfd: File,
    alias: usize,
    source: usize,
    pagemap: File,
}

const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

/// Pages between the starts of the regions, a multiple of what the kernel maps
/// around a fault.
const APART: usize = 64;

impl World {
    /// Sets up what all programs share.
    pub fn new(
        page: usize,
        pages: usize,
        threads: usize,
        inject: Option<Fault>,
    ) -> Result<World, Stop> {
        let name = b"uffd-conformance model\0";
        // SAFETY: the name ends in zero.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), libc::MFD_CLOEXEC) };
        let fd = need("memfd_create", fd as i64)? as c_int;
        // SAFETY: the descriptor was just made and is nobody else's.
        let memfd = unsafe { File::from_raw_fd(fd) };
        let len = page * pages;
        need(
            "ftruncate",
            if memfd.set_len(len as u64).is_ok() {
                0
            } else {
                -1
            },
        )?;
        let pagemap = File::open("/proc/self/pagemap")
            .map_err(|e| Stop::Cannot(format!("/proc/self/pagemap: {}", e)))?;

        // One page table holds both regions. Pages beside them keep it in
        // being: without a table some calls find another answer.
        let table = page * (page / 8);
        let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let reserved = map(0, 2 * table, libc::PROT_NONE, none, -1)?;
        let base = (reserved + table - 1) / table * table;
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let keeper = map(base, page, RW, anonymous | libc::MAP_FIXED, -1)?;
        let source = map(0, len, RW, anonymous | libc::MAP_POPULATE, -1)?;
        let alias = map(0, len, RW, libc::MAP_SHARED, fd)?;
        // SAFETY: the page was just mapped.
        unsafe { (keeper as *mut u8).write_volatile(1) };

        Ok(World {
            page,
            pages,
            toucher: Toucher::open(),
            workers: (0..threads).map(|_| Worker::start()).collect(),
            uffd: None,
            inject,
            bases: [base + APART * page, base + 2 * APART * page],
            memfd,
            alias,
            source,
            pagemap,
        })
    }

    /// Fresh memory and a fresh userfaultfd.
    pub fn begin(&mut self, features: u64) -> Result<(), Stop> {
        self.uffd = None;
        let len = self.page * self.pages;
        let fixed = libc::MAP_FIXED;
        map(
            self.bases[ANON],
            len,
            RW,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed,
            -1,
        )?;
        // Dropped from the file, all pages leave the other mapping, too.
        for size in [0, len] {
            need(
                "ftruncate",
                if self.memfd.set_len(size as u64).is_ok() {
                    0
                } else {
                    -1
                },
            )?;
        }
        let fd = std::os::unix::io::AsRawFd::as_raw_fd(&self.memfd);
        map(self.bases[SHMEM], len, RW, libc::MAP_SHARED | fixed, fd)?;
        let anon = self.bases[ANON] as *mut c_void;
        // SAFETY: all is memory of this object, in which no Rust object lies.
        // A page is written and dropped so that the mapping, split later,
        // can be merged again. Kernels without huge pages refuse that advice.
        unsafe {
            libc::madvise(anon, len, libc::MADV_NOHUGEPAGE);
            libc::madvise(self.bases[SHMEM] as *mut c_void, len, libc::MADV_NOHUGEPAGE);
            (anon as *mut u8).write_volatile(1);
            libc::madvise(anon, len, libc::MADV_DONTNEED);
        }
        self.uffd = Some(Uffd::open(features)?);
        Ok(())
    }

    /// Lets everybody go, whatever they wait for.
    pub fn abandon(&mut self) {
        self.uffd = None;
        for base in self.bases {
            // SAFETY: the regions are this object's.
            unsafe { libc::mprotect(base as *mut c_void, self.page * self.pages, RW) };
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
                if self.inject == Some(Fault::ShortProtect) && span.pages > 1 {
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
            Op::Dontneed(_) if self.inject == Some(Fault::SkipDontneed) => of(0),
            Op::Dontneed(span) => {
                let (start, len) = self.bounds(span);
                // SAFETY: the pages are of this object's regions.
                of(unsafe { libc::madvise(start as *mut c_void, len, libc::MADV_DONTNEED) })
            }
            Op::Punch(span) => self.punch(span),
            Op::FileWrite(page, value) => {
                let offset = page * self.page + FILE_WORD * (self.page / WORDS);
                match self.memfd.write_all_at(&value.to_ne_bytes(), offset as u64) {
                    Ok(()) => of(0),
                    Err(_) => of(-1),
                }
            }
            Op::Mprotect(span, prot) => {
                let (start, len) = self.bounds(span);
                // SAFETY: as above.
                of(unsafe { libc::mprotect(start as *mut c_void, len, prot) })
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
                // SAFETY: a word of the source, whose pages are as many as a
                // region's.
                unsafe { (at as *mut u64).write_volatile(*value) };
            }
        }
        match self.inject {
            Some(Fault::DropDontwake) => mode &= !UFFDIO_COPY_MODE_DONTWAKE,
            Some(Fault::DropCopyWp) => mode &= !UFFDIO_COPY_MODE_WP,
            _ => {}
        }
        let (start, len) = self.bounds(span);
        let answer = uffd.copy(start, self.source, len, mode);
        if self.inject == Some(Fault::IgnoreEexist) && answer.errno == libc::EEXIST {
            return Answer {
                errno: 0,
                out: len as i64,
                ..answer
            };
        }
        answer
    }

    fn punch(&self, span: Span) -> Answer {
        let fd = std::os::unix::io::AsRawFd::as_raw_fd(&self.memfd);
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        let (offset, len) = (span.first * self.page, span.pages * self.page);
        // SAFETY: plain numbers.
        of(unsafe { libc::fallocate(fd, mode, offset as libc::off_t, len as libc::off_t) })
    }

    fn scan(&self, span: Span, wanted: Wanted, flags: u64) -> Answered {
        let (start, len) = self.bounds(span);
        let mut found = [page_region::default(); 64];
        let (category_mask, return_mask) = match wanted {
            Wanted::All => (0, SCANNED),
            Wanted::Written => (PAGE_IS_WRITTEN, PAGE_IS_WRITTEN),
            Wanted::Present => (PAGE_IS_PRESENT, SCANNED),
        };
        let mut arg = pm_scan_arg {
            size: std::mem::size_of::<pm_scan_arg>() as u64,
            flags,
            start: start as u64,
            end: (start + len) as u64,
            vec: found.as_mut_ptr() as u64,
            vec_len: found.len() as u64,
            category_mask,
            return_mask,
            ..pm_scan_arg::default()
        };
        let fd = std::os::unix::io::AsRawFd::as_raw_fd(&self.pagemap);
        // SAFETY: `arg` and the array live through the call.
        let result = unsafe { pagemap_scan(fd, &mut arg) };
        let mut scanned = vec![];
        for region in found.iter().take(result.max(0) as usize) {
            let mut at = region.start as usize;
            while at < region.end as usize {
                let page = (at - self.address(span.region, 0, 0)) / self.page;
                scanned.push((page, region.categories));
                at += self.page;
            }
        }
        let errno = if result < 0 { errno() } else { 0 };
        Answered {
            errno,
            out: UNTOUCHED,
            scanned,
        }
    }

    /// The entries of /proc/self/pagemap of a region.
    pub fn pagemap(&self, region: usize) -> Vec<u64> {
        let mut bytes = vec![0u8; self.pages * 8];
        let offset = self.bases[region] / self.page * 8;
        let read = self.pagemap.read_exact_at(&mut bytes, offset as u64);
        read.expect("/proc/self/pagemap can be read");
        let entry = |b: &[u8]| u64::from_ne_bytes(b.try_into().expect("eight bytes"));
        bytes.chunks(8).map(entry).collect()
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
        // SAFETY: the caller knows that the page is there and readable.
        unsafe { (self.address(region, page, word) as *const u64).read_volatile() }
    }

    /// A word of the memfd through its other mapping; only for pages that are
    /// in the memfd, others would come into being.
    pub fn alias_word(&self, page: usize, word: usize) -> u64 {
        let at = self.alias + page * self.page + word * (self.page / WORDS);
        // SAFETY: the mapping is as long as the memfd.
        unsafe { (at as *const u64).read_volatile() }
    }
}

fn of(result: c_int) -> Answer {
    let errno = if result < 0 { errno() } else { 0 };
    Answer {
        call: "",
        errno,
        out: UNTOUCHED,
    }
}
