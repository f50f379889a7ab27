//! The steps of a program: what they are, how they are drawn, how they read.

use std::fmt;

use uffd_kit::random::Random;
use uffd_sys::*;

/// The region of private anonymous memory.
pub const ANON: usize = 0;
/// The region of shared memory: a memfd.
pub const SHMEM: usize = 1;
/// Accesses are made by the main thread ([`MAIN`]) and by workers, 1 and up.
pub const MAIN: usize = 0;

/// Pages of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// [`ANON`] or [`SHMEM`].
    pub region: usize,
    /// The first page.
    pub first: usize,
    /// How many.
    pub pages: usize,
}

impl Span {
    /// The numbers of its pages.
    pub fn range(self) -> std::ops::Range<usize> {
        self.first..self.first + self.pages
    }
}

/// A read or write of one word. Every thread has a word of its own in each
/// page, so that what threads do at the same moment has one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The region.
    pub region: usize,
    /// The page.
    pub page: usize,
    /// What to write; `None` is a read.
    pub write: Option<u64>,
    /// By a system call that copies from or to the word, not by an
    /// instruction.
    pub by_kernel: bool,
}

/// What PAGEMAP_SCAN is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All pages, with all that is modelled of them.
    All,
    /// The written pages.
    Written,
    /// The pages that are there, with all that is modelled of them.
    Present,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Register(Span, u64),
    Unregister(Span),
    Wake(Span),
    Copy(Span, u64, u64),
    Zeropage(Span, u64),
    Continue(Span, u64),
    Poison(Span, u64),
    Writeprotect(Span, u64),
    Rwprotect(Span, u64),
    /// To this span, from this page on, with this mode.
    Move(Span, usize, u64),
    Access(usize, Access),
    Dontneed(Span),
    /// Drops the pages from the memfd, and so from every mapping.
    Punch(Span),
    /// write(2) to the memfd: page and value.
    FileWrite(usize, u64),
    Mprotect(Span, i32),
    Scan(Span, Wanted, u64),
}

/// Draws one step for regions of so many pages, with so many workers.
pub fn draw(random: &mut Random, pages: usize, threads: usize) -> Op {
    let region = random.below(2);
    let first = random.below(pages);
    // Single pages mostly: short ranges reach more states than long ones.
    let count = if random.one_in(2) {
        1
    } else {
        1 + random.below(pages - first)
    };
    let span = Span {
        region,
        first,
        pages: count,
    };
    let shmem = Span {
        region: SHMEM,
        ..span
    };
    let bits = random.number();
    let fresh = random.number() >> 16;
    match random.below(100) {
        0..=5 => Op::Register(span, register_mode(bits)),
        6..=7 => Op::Unregister(span),
        8..=10 => Op::Wake(span),
        11..=21 => Op::Copy(span, bits & 3, fresh),
        22..=26 => Op::Zeropage(span, bits & 1),
        27..=30 => Op::Continue(shmem, bits & 3),
        31 => Op::Continue(span, bits & 3),
        32..=33 => Op::Poison(span, bits & 1),
        34..=45 => Op::Writeprotect(span, [0, 0, 1, 1, 1, 2][random.below(6)]),
        46..=48 => Op::Rwprotect(span, [0, 1, 1, 2][random.below(4)]),
        49..=53 => {
            let dst = Span {
                region: ANON,
                ..span
            };
            Op::Move(dst, random.below(pages - count + 1), bits & 3)
        }
        54..=84 => {
            let who = if random.one_in(2) {
                MAIN
            } else {
                1 + random.below(threads)
            };
            let write = if bits & 1 == 0 { Some(fresh | 1) } else { None };
            let by_kernel = random.one_in(10);
            Op::Access(
                who,
                Access {
                    region,
                    page: first,
                    write,
                    by_kernel,
                },
            )
        }
        85..=89 => Op::Dontneed(span),
        90..=91 => Op::Punch(shmem),
        92..=93 => Op::FileWrite(first, fresh | 1),
        94 => Op::Mprotect(span, libc::PROT_READ),
        95 => Op::Mprotect(span, libc::PROT_NONE),
        96..=97 => Op::Mprotect(span, libc::PROT_READ | libc::PROT_WRITE),
        _ => {
            let wanted = [Wanted::All, Wanted::Written, Wanted::Present][random.below(3)];
            Op::Scan(
                span,
                wanted,
                bits & (PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC),
            )
        }
    }
}

/// Missing and write-protect mostly, the others now and then.
fn register_mode(bits: u64) -> u64 {
    let mut mode = bits & (UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    if bits & 0x300 == 0 {
        mode |= UFFDIO_REGISTER_MODE_MINOR;
    }
    if bits & 0x3000 == 0 {
        mode |= UFFDIO_REGISTER_MODE_RWP;
    }
    if mode == 0 && bits & 0x3_0000 != 0 {
        mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    }
    mode
}

/// `A|B`, or `0`.
pub fn flag_names(value: u64, names: &[(u64, &str)]) -> String {
    let set: Vec<&str> = names
        .iter()
        .filter(|n| value & n.0 != 0)
        .map(|n| n.1)
        .collect();
    if set.is_empty() {
        return "0".to_owned();
    }
    set.join("|")
}

/// The modes of registration by name.
pub fn register_names(mode: u64) -> String {
    let names = [
        (UFFDIO_REGISTER_MODE_MISSING, "MISSING"),
        (UFFDIO_REGISTER_MODE_WP, "WP"),
        (UFFDIO_REGISTER_MODE_MINOR, "MINOR"),
        (UFFDIO_REGISTER_MODE_RWP, "RWP"),
    ];
    flag_names(mode, &names)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = ["anon", "shmem"][self.region];
        match self.pages {
            1 => write!(f, "{} page {}", region, self.first),
            n => write!(
                f,
                "{} pages {} to {}",
                region,
                self.first,
                self.first + n - 1
            ),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = Span {
            region: self.region,
            first: self.page,
            pages: 1,
        };
        match self.write {
            Some(value) => write!(f, "writes {:#x} to {}", value, span)?,
            None => write!(f, "reads {}", span)?,
        }
        if self.by_kernel {
            write!(f, " by a system call")?;
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bit 0 does not wake in each of these; in the protecting calls bit 0
        // protects and bit 1 does not wake.
        let fill = |mode| flag_names(mode, &[(1, "DONTWAKE"), (2, "WP")]);
        let protect = |mode, what| flag_names(mode, &[(1, what), (2, "DONTWAKE")]);
        match *self {
            Op::Register(span, mode) => write!(f, "REGISTER {} {}", span, register_names(mode)),
            Op::Unregister(span) => write!(f, "UNREGISTER {}", span),
            Op::Wake(span) => write!(f, "WAKE {}", span),
            Op::Copy(span, mode, tag) => write!(f, "COPY {:#x} to {}, {}", tag, span, fill(mode)),
            Op::Zeropage(span, mode) => write!(f, "ZEROPAGE {}, {}", span, fill(mode)),
            Op::Continue(span, mode) => write!(f, "CONTINUE {}, {}", span, fill(mode)),
            Op::Poison(span, mode) => write!(f, "POISON {}, {}", span, fill(mode)),
            Op::Writeprotect(span, mode) => {
                write!(f, "WRITEPROTECT {}, {}", span, protect(mode, "WP"))
            }
            Op::Rwprotect(span, mode) => write!(f, "RWPROTECT {}, {}", span, protect(mode, "RWP")),
            Op::Move(dst, from, mode) => {
                let src = Span { first: from, ..dst };
                let mode = flag_names(mode, &[(1, "DONTWAKE"), (2, "ALLOW_SRC_HOLES")]);
                write!(f, "MOVE {} to {}, {}", src, dst, mode)
            }
            Op::Access(MAIN, access) => write!(f, "the main thread {}", access),
            Op::Access(who, access) => write!(f, "worker {} {}", who, access),
            Op::Dontneed(span) => write!(f, "MADV_DONTNEED {}", span),
            Op::Punch(span) => write!(f, "punch {} out of the memfd", span),
            Op::FileWrite(page, value) => {
                write!(f, "write(2) {:#x} to page {} of the memfd", value, page)
            }
            Op::Mprotect(span, prot) => {
                let prot = flag_names(prot as u64, &[(1, "READ"), (2, "WRITE")]);
                write!(f, "mprotect {} to {}", span, prot)
            }
            Op::Scan(span, wanted, flags) => {
                let flags = flag_names(flags, &[(1, "WP_MATCHING"), (2, "CHECK_WPASYNC")]);
                write!(f, "PAGEMAP_SCAN {} for {:?}, {}", span, wanted, flags)
            }
        }
    }
}
