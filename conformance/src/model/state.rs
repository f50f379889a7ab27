//! The model: what each page is, who waits, and what every step changes.
//!
//! Differences between kernels are told by feature bits, never by versions.

use libc::{c_int, EAGAIN, EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOTTY, EPERM};
use uffd_sys::*;

use crate::answer::UNTOUCHED;
use crate::model::op::{Access, Op, Span, Wanted, ANON, SHMEM};

/// Words of a page that are modelled: one for each thread.
pub const WORDS: usize = 8;
/// The most workers: the main thread has a word, and so has write(2).
pub const MOST_WORKERS: usize = WORDS - 2;
/// The word that write(2) to the memfd changes.
pub const FILE_WORD: usize = WORDS - 1;

/// The modelled contents of a page.
pub type Words = [u64; WORDS];

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const WP: u64 = UFFDIO_REGISTER_MODE_WP;
const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;
const RWP: u64 = UFFDIO_REGISTER_MODE_RWP;
const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

/// What a mapping has at a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Nothing.
    Empty,
    /// A mark: protect the page when it comes.
    Marked,
    /// A mark: whoever touches it gets SIGBUS.
    Poisoned {
        /// PAGEMAP_SCAN protects this mark, too; to no effect.
        protected: bool,
    },
    /// A page; with write-protection, or read-write-protection where the
    /// range is registered for that, or without.
    Present {
        /// The protection.
        protected: bool,
    },
}

/// One page of a region.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How it is registered; 0 is not.
    pub modes: u64,
    /// The mapping's protection.
    pub prot: c_int,
    /// What is there.
    pub slot: Slot,
    /// For private memory, what the page holds.
    pub words: Words,
}

/// How an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is made; a read gave this (a write gives 0).
    Done(u64),
    /// The thread got this signal (a system call, EFAULT).
    Signal(c_int),
    /// It waits; a message with these flags came.
    Fault(u64),
}

/// What a step should answer.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// Zero for success.
    pub errno: c_int,
    /// The out field.
    pub out: i64,
    /// How it goes on for the threads that begin an access or were woken.
    pub threads: Vec<(usize, Outcome)>,
    /// For PAGEMAP_SCAN, the pages that it reports, and as what.
    pub scanned: Vec<(usize, u64)>,
}

/// The state of everything.
#[derive(Clone, Debug)]
pub struct Model {
    /// What the kernel has.
    pub kernel: u64,
    /// What was enabled.
    pub enabled: u64,
    /// The regions' pages.
    pub pages: [Vec<Page>; 2],
    /// The memfd's pages that exist.
    pub cache: Vec<Option<Words>>,
    /// For each thread, the access that waits.
    pub waiting: Vec<Option<Access>>,
    /// Pages of the memfd that the last step may have mapped beside the one
    /// that it touched.
    pub around: bool,
    /// Pages at which a mapping begins although it is of the same kind as the
    /// one before; others are found by their kind.
    pub seams: [Vec<usize>; 2],
    page_size: usize,
}

impl Model {
    /// Fresh, unregistered regions of so many pages.
    pub fn new(kernel: u64, enabled: u64, pages: usize, threads: usize, page_size: usize) -> Model {
        let fresh = Page {
            modes: 0,
            prot: RW,
            slot: Slot::Empty,
            words: [0; WORDS],
        };
        Model {
            kernel,
            enabled,
            pages: [vec![fresh; pages], vec![fresh; pages]],
            cache: vec![None; pages],
            waiting: vec![None; threads + 1],
            around: false,
            seams: [vec![], vec![]],
            page_size,
        }
    }

    fn kernel_has(&self, feature: u64) -> bool {
        self.kernel & feature != 0
    }

    fn enabled(&self, feature: u64) -> bool {
        self.enabled & feature != 0
    }

    /// What a mapped page holds.
    pub fn words(&self, region: usize, page: usize) -> Words {
        match region {
            ANON => self.pages[ANON][page].words,
            _ => self.cache[page].unwrap_or([0; WORDS]),
        }
    }

    fn words_mut(&mut self, region: usize, page: usize) -> &mut Words {
        match region {
            ANON => &mut self.pages[ANON][page].words,
            _ => self.cache[page].get_or_insert([0; WORDS]),
        }
    }

    /// May this step be run? Some would leave states that the model does not
    /// follow.
    pub fn allows(&self, op: &Op) -> bool {
        match *op {
            // A second registration without WP leaves protected pages that no
            // mode speaks of, in kernels before read-write-protection came
            // (UFFD_FEATURE_RWP), which refuse it.
            Op::Register(span, mode) => {
                self.kernel_has(UFFD_FEATURE_RWP)
                    || mode & WP != 0
                    || self
                        .span(span)
                        .all(|p| p.slot != Slot::Present { protected: true })
            }
            // A page moved onto itself, or pages that overlap, are nobody's
            // use; kernels that move several at once may take another order.
            Op::Move(dst, from, _) => {
                from + dst.pages <= dst.first || dst.first + dst.pages <= from
            }
            Op::Access(who, _) => self.waiting[who].is_none(),
            _ => true,
        }
    }

    fn span(&self, span: Span) -> impl Iterator<Item = &Page> {
        self.pages[span.region][span.range()].iter()
    }

    fn span_mut(&mut self, span: Span) -> impl Iterator<Item = &mut Page> {
        self.pages[span.region][span.range()].iter_mut()
    }

    /// Is the range one mapping? Neighbours of the same kind are merged.
    fn one_mapping(&self, span: Span) -> bool {
        let first = &self.pages[span.region][span.first];
        let cut = |seam: &usize| (span.first + 1..span.first + span.pages).contains(seam);
        self.span(span)
            .all(|p| p.modes == first.modes && p.prot == first.prot)
            && !self.seams[span.region].iter().any(cut)
    }

    /// Makes the step in the model.
    pub fn step(&mut self, op: &Op) -> Expect {
        self.around = false;
        match *op {
            Op::Register(span, mode) => self.register(span, mode),
            Op::Unregister(span) => self.unregister(span),
            Op::Wake(span) => self.wake(span, Expect::good()),
            Op::Copy(span, mode, tag) => {
                self.fill(span, mode & 1 == 0, mode & 2 != 0, |m, n, wp| {
                    m.copy(span, n, tag, wp)
                })
            }
            Op::Zeropage(span, mode) => {
                self.fill(span, mode & 1 == 0, false, |m, n, _| m.zeropage(span, n))
            }
            Op::Continue(span, mode) => self.minor(span, mode),
            Op::Poison(span, mode) if self.kernel_has(UFFD_FEATURE_POISON) => {
                self.fill(span, mode & 1 == 0, false, |m, n, _| m.poison(span, n))
            }
            Op::Poison(..) => Expect::error(EINVAL),
            Op::Writeprotect(span, mode) => self.protect(span, mode, WP),
            Op::Rwprotect(span, mode) => self.protect(span, mode, RWP),
            Op::Move(dst, from, mode) => self.move_(dst, from, mode),
            Op::Access(who, access) => {
                let outcome = self.access(who, access);
                Expect {
                    threads: vec![(who, outcome)],
                    ..Expect::good()
                }
            }
            Op::Dontneed(span) => {
                self.drop_pages(span, false);
                Expect::good()
            }
            Op::Punch(span) => {
                self.drop_pages(span, true);
                for n in span.range() {
                    self.cache[n] = None;
                }
                Expect::good()
            }
            Op::FileWrite(page, value) => {
                self.words_mut(SHMEM, page)[FILE_WORD] = value;
                Expect::good()
            }
            Op::Mprotect(span, prot) => {
                self.span_mut(span).for_each(|p| p.prot = prot);
                Expect::good()
            }
            Op::Scan(span, wanted, flags) => self.scan(span, wanted, flags),
        }
    }

    fn register(&mut self, span: Span, mode: u64) -> Expect {
        let known = |bit, feature| mode & bit == 0 || self.kernel_has(feature);
        let possible = mode != 0
            && known(WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP)
            // Shared memory has no write-protection before
            // UFFD_FEATURE_WP_HUGETLBFS_SHMEM, and nothing but shared memory
            // (here) has minor faults.
            && (span.region == ANON || known(WP, UFFD_FEATURE_WP_HUGETLBFS_SHMEM))
            && (mode & MINOR == 0 || span.region == SHMEM && self.kernel_has(UFFD_FEATURE_MINOR_SHMEM))
            && (mode & RWP == 0 || self.enabled(UFFD_FEATURE_RWP))
            && mode & (WP | RWP) != WP | RWP;
        if !possible {
            return Expect::error(EINVAL);
        }
        for page in self.span(span) {
            // Memory without any access cannot be read-write-protected.
            if mode & RWP != 0 && page.prot == libc::PROT_NONE {
                return Expect::error(EINVAL);
            }
            // With UFFD_FEATURE_RWP the kernel refuses to take protection
            // away from a mapping by registering it anew; before, it did so
            // and left the marks.
            if self.kernel_has(UFFD_FEATURE_RWP) && page.modes & (WP | RWP) & !mode != 0 {
                return Expect::error(EBUSY);
            }
        }
        for page in self.span_mut(span) {
            // A mapping that has all these modes already is left as it is,
            // even if it has more.
            if page.modes & mode != mode {
                page.modes = mode;
            }
        }
        Expect::good()
    }

    fn unregister(&mut self, span: Span) -> Expect {
        let mut woken = vec![];
        for n in span.range() {
            let clears = self.kernel_has(UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
            let page = &mut self.pages[span.region][n];
            if page.modes & MISSING != 0 {
                woken.push(n);
            }
            if page.modes & (WP | RWP) != 0 && clears {
                page.slot = unprotected(page.slot);
            }
            page.modes = 0;
        }
        // Only mappings registered for missing pages have their threads woken.
        let mut expect = Expect::good();
        for n in woken {
            expect = self.wake(
                Span {
                    first: n,
                    pages: 1,
                    ..span
                },
                expect,
            );
        }
        expect
    }

    /// Wakes those who wait in the range: each tries again.
    fn wake(&mut self, span: Span, mut expect: Expect) -> Expect {
        // Whoever is first, a reader may be.
        self.around |=
            span.region == SHMEM && self.waiting.iter().flatten().any(|a| a.write.is_none());
        for who in 0..self.waiting.len() {
            match self.waiting[who] {
                Some(a) if a.region == span.region && span.range().contains(&a.page) => {
                    let outcome = self.access(who, a);
                    expect.threads.push((who, outcome));
                }
                _ => {}
            }
        }
        expect
    }

    /// COPY, ZEROPAGE, CONTINUE and POISON: page by page until one fails.
    fn fill(
        &mut self,
        span: Span,
        wakes: bool,
        wp: bool,
        one: impl Fn(&mut Model, usize, bool) -> c_int,
    ) -> Expect {
        let modes = self.pages[span.region][span.first].modes;
        if modes == 0 || !self.one_mapping(span) {
            return Expect::failed(ENOENT);
        }
        if wp && modes & WP == 0 {
            return Expect::failed(EINVAL);
        }
        let mut filled = 0;
        let mut errno = 0;
        for n in span.range() {
            errno = one(self, n, wp);
            if errno != 0 {
                break;
            }
            filled += 1;
        }
        self.partly(span, filled, errno, wakes)
    }

    /// The answer after `filled` pages of the span.
    fn partly(&mut self, span: Span, filled: usize, errno: c_int, wakes: bool) -> Expect {
        if filled == 0 {
            return Expect::failed(errno);
        }
        let expect = Expect {
            errno: if errno == 0 { 0 } else { EAGAIN },
            out: (filled * self.page_size) as i64,
            ..Expect::default()
        };
        match wakes {
            true => self.wake(
                Span {
                    pages: filled,
                    ..span
                },
                expect,
            ),
            false => expect,
        }
    }

    fn copy(&mut self, span: Span, n: usize, tag: u64, wp: bool) -> c_int {
        let cached = span.region == SHMEM && self.cache[n].is_some();
        if cached || self.is_mapped(span.region, n) {
            return EEXIST;
        }
        *self.words_mut(span.region, n) = copied_words(tag, n);
        self.pages[span.region][n].slot = Slot::Present { protected: wp };
        0
    }

    fn zeropage(&mut self, span: Span, n: usize) -> c_int {
        let taken = match span.region {
            // The zero page does not replace a mark, which COPY does.
            ANON => self.pages[ANON][n].slot != Slot::Empty,
            _ => self.cache[n].is_some() || self.is_mapped(SHMEM, n),
        };
        if taken {
            return EEXIST;
        }
        *self.words_mut(span.region, n) = [0; WORDS];
        self.pages[span.region][n].slot = Slot::Present { protected: false };
        0
    }

    fn poison(&mut self, span: Span, n: usize) -> c_int {
        // Not over any mark either.
        if self.pages[span.region][n].slot != Slot::Empty {
            return EEXIST;
        }
        self.pages[span.region][n].slot = Slot::Poisoned { protected: false };
        0
    }

    fn minor(&mut self, span: Span, mode: u64) -> Expect {
        // CONTINUE_MODE_WP came with UFFD_FEATURE_WP_UNPOPULATED.
        let unknown_mode = mode & 2 != 0 && !self.kernel_has(UFFD_FEATURE_WP_UNPOPULATED);
        let minor = UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_MINOR_HUGETLBFS;
        if unknown_mode || !self.kernel_has(minor) {
            return Expect::error(EINVAL);
        }
        let region = span.region;
        self.fill(span, mode & 1 == 0, mode & 2 != 0, |m, n, wp| {
            if region == ANON {
                return EINVAL;
            }
            if m.cache[n].is_none() {
                return EFAULT;
            }
            if m.is_mapped(region, n) {
                return EEXIST;
            }
            m.pages[region][n].slot = Slot::Present { protected: wp };
            0
        })
    }

    fn is_mapped(&self, region: usize, n: usize) -> bool {
        matches!(self.pages[region][n].slot, Slot::Present { .. })
    }

    /// WRITEPROTECT and RWPROTECT.
    fn protect(&mut self, span: Span, mode: u64, kind: u64) -> Expect {
        let feature = if kind == WP {
            UFFD_FEATURE_PAGEFAULT_FLAG_WP
        } else {
            UFFD_FEATURE_RWP
        };
        if !self.kernel_has(feature) {
            return Expect::error(EINVAL);
        }
        // Several mappings in one call came with UFFD_FEATURE_WP_UNPOPULATED.
        if !self.kernel_has(UFFD_FEATURE_WP_UNPOPULATED) && !self.one_mapping(span) {
            return Expect::error(ENOENT);
        }
        // RWPROTECT looks at the whole range first.
        if kind == RWP && self.span(span).any(|p| p.modes & RWP == 0) {
            return Expect::error(ENOENT);
        }
        let on = mode & 1 != 0;
        let marks = kind == WP
            && (span.region == SHMEM
                || self.enabled(UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC));
        for page in self.span_mut(span) {
            if page.modes & kind == 0 {
                // What came before is protected all the same, nobody woken.
                return Expect::error(ENOENT);
            }
            page.slot = match page.slot {
                Slot::Present { .. } => Slot::Present { protected: on },
                Slot::Empty if on && marks => Slot::Marked,
                Slot::Marked if !on => Slot::Empty,
                other => other,
            };
        }
        match on || mode & 2 != 0 {
            true => Expect::good(),
            false => self.wake(span, Expect::good()),
        }
    }

    fn move_(&mut self, dst: Span, from: usize, mode: u64) -> Expect {
        if !self.kernel_has(UFFD_FEATURE_MOVE) {
            return Expect::error(EINVAL);
        }
        let src = Span { first: from, ..dst };
        let (to, source) = (self.pages[ANON][dst.first], self.pages[ANON][from]);
        let matching = self.one_mapping(src)
            && self.one_mapping(dst)
            && to.modes != 0
            && to.prot == source.prot
            && to.prot & libc::PROT_WRITE != 0;
        if !matching {
            return Expect::failed(EINVAL);
        }
        let holes = mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES != 0;
        let (mut moved, mut errno) = (0, 0);
        for i in 0..dst.pages {
            let (to, source) = (self.pages[ANON][dst.first + i], self.pages[ANON][from + i]);
            errno = match (to.slot, source.slot) {
                (Slot::Empty, Slot::Present { .. }) => 0,
                (Slot::Empty, Slot::Empty) if holes => 0,
                (Slot::Empty, Slot::Empty) => ENOENT,
                (Slot::Empty, _) => EFAULT,
                _ => EEXIST,
            };
            if errno != 0 {
                break;
            }
            if source.slot != Slot::Empty {
                // The protection does not travel; but with UFFD_FEATURE_RWP a
                // page comes protected into a range registered for that.
                let protected = to.modes & RWP != 0;
                self.pages[ANON][dst.first + i].slot = Slot::Present { protected };
                self.pages[ANON][dst.first + i].words = source.words;
                self.pages[ANON][from + i].slot = Slot::Empty;
            }
            moved += 1;
        }
        self.partly(dst, moved, errno, mode & UFFDIO_MOVE_MODE_DONTWAKE == 0)
    }

    /// What MADV_DONTNEED and punching a hole leave in the mapping.
    fn drop_pages(&mut self, span: Span, punched: bool) {
        for page in self.span_mut(span) {
            page.slot = match page.slot {
                // Shared memory keeps its write-protection as a mark.
                Slot::Present { protected: true }
                    if span.region == SHMEM && page.modes & WP != 0 =>
                {
                    Slot::Marked
                }
                Slot::Marked if span.region == SHMEM => Slot::Marked,
                poisoned @ Slot::Poisoned { .. } if punched => poisoned,
                Slot::Poisoned { protected: true }
                    if span.region == SHMEM && page.modes & WP != 0 =>
                {
                    Slot::Marked
                }
                _ => Slot::Empty,
            };
        }
    }

    /// An access, as far as it gets; remembers that the thread waits.
    fn access(&mut self, who: usize, access: Access) -> Outcome {
        self.waiting[who] = None;
        let outcome = self.try_access(who, access);
        if let Outcome::Fault(_) = outcome {
            self.waiting[who] = Some(access);
        }
        outcome
    }

    fn try_access(&mut self, who: usize, access: Access) -> Outcome {
        let Access {
            region, page: n, ..
        } = access;
        let write = access.write.is_some();
        let written = if write { UFFD_PAGEFAULT_FLAG_WRITE } else { 0 };
        let page = &mut self.pages[region][n];
        let need = if write {
            libc::PROT_WRITE
        } else {
            libc::PROT_READ
        };
        if page.prot & need == 0 {
            return Outcome::Signal(libc::SIGSEGV);
        }
        if page.slot == Slot::Marked && page.modes & WP == 0 {
            page.slot = Slot::Empty;
        }
        let modes = page.modes;
        match page.slot {
            Slot::Poisoned { .. } => return Outcome::Signal(libc::SIGBUS),
            Slot::Present { .. } => {}
            Slot::Empty | Slot::Marked => {
                let protected = page.slot == Slot::Marked;
                // Before it looks for this page.
                self.around |= region == SHMEM && !write;
                let cached = region == SHMEM && self.cache[n].is_some();
                if cached && modes & MINOR != 0 {
                    return Outcome::Fault(written | UFFD_PAGEFAULT_FLAG_MINOR);
                }
                if !cached && modes & MISSING != 0 {
                    return Outcome::Fault(written);
                }
                if !cached {
                    *self.words_mut(region, n) = [0; WORDS];
                }
                self.pages[region][n].slot = Slot::Present { protected };
            }
        }
        let protected = self.pages[region][n].slot == Slot::Present { protected: true };
        if protected && modes & RWP != 0 {
            if !self.enabled(UFFD_FEATURE_RWP_ASYNC) {
                return Outcome::Fault(written | UFFD_PAGEFAULT_FLAG_RWP);
            }
            self.pages[region][n].slot = Slot::Present { protected: false };
        }
        if protected && write && modes & WP != 0 {
            if !self.enabled(UFFD_FEATURE_WP_ASYNC) {
                return Outcome::Fault(written | UFFD_PAGEFAULT_FLAG_WP);
            }
            self.pages[region][n].slot = Slot::Present { protected: false };
        }
        // Protection that a kernel before UFFD_FEATURE_WP_HUGETLBFS_SHMEM left
        // behind on unregistering stops nobody, and the write ends it.
        if protected && write && modes & (WP | RWP) == 0 {
            self.pages[region][n].slot = Slot::Present { protected: false };
        }
        match access.write {
            Some(value) => {
                self.words_mut(region, n)[who] = value;
                Outcome::Done(0)
            }
            None => Outcome::Done(self.words(region, n)[who]),
        }
    }

    fn scan(&mut self, span: Span, wanted: Wanted, flags: u64) -> Expect {
        // PAGEMAP_SCAN came with UFFD_FEATURE_WP_ASYNC.
        if !self.kernel_has(UFFD_FEATURE_WP_ASYNC) {
            return Expect::error(ENOTTY);
        }
        let mut expect = Expect::good();
        let is_async = self.enabled(UFFD_FEATURE_WP_ASYNC);
        let strict = self.kernel_has(UFFD_FEATURE_RWP);
        for n in span.range() {
            let page = &mut self.pages[span.region][n];
            let allowed = is_async && page.modes & WP != 0;
            if !allowed && flags & PM_SCAN_CHECK_WPASYNC != 0 {
                // What came before is protected all the same, nothing told.
                return Expect::error(EPERM);
            }
            // Where nothing may be protected, such a scan finds nothing.
            if !allowed && flags & PM_SCAN_WP_MATCHING != 0 {
                continue;
            }
            let categories = categories(page, span.region, allowed, strict);
            let need = match wanted {
                Wanted::All => 0,
                Wanted::Written => PAGE_IS_WRITTEN,
                Wanted::Present => PAGE_IS_PRESENT,
            };
            if categories & need != need {
                continue;
            }
            let reported = if wanted == Wanted::Written {
                PAGE_IS_WRITTEN
            } else {
                SCANNED
            };
            expect.scanned.push((n, categories & reported));
            if flags & PM_SCAN_WP_MATCHING != 0 {
                page.slot = match page.slot {
                    Slot::Present { .. } => Slot::Present { protected: true },
                    Slot::Empty | Slot::Marked => Slot::Marked,
                    Slot::Poisoned { .. } => Slot::Poisoned { protected: true },
                };
            }
        }
        expect
    }
}

/// The categories that are modelled.
pub const SCANNED: u64 =
    PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_FILE | PAGE_IS_PRESENT | PAGE_IS_SWAPPED;

fn categories(page: &Page, region: usize, allowed: bool, strict: bool) -> u64 {
    let mut categories = if allowed { PAGE_IS_WPALLOWED } else { 0 };
    let (protected, place) = match page.slot {
        Slot::Present { protected } => {
            let file = if region == SHMEM { PAGE_IS_FILE } else { 0 };
            (protected, PAGE_IS_PRESENT | file)
        }
        // A mark counts as swapped.
        Slot::Marked => (true, PAGE_IS_SWAPPED),
        Slot::Poisoned { protected } => (protected, PAGE_IS_SWAPPED),
        // What is not there counts as written.
        Slot::Empty => (false, 0),
    };
    categories |= place;
    // Since UFFD_FEATURE_RWP only in mappings registered for WP.
    if !protected && (!strict || page.modes & WP != 0) {
        categories |= PAGE_IS_WRITTEN;
    }
    categories
}

fn unprotected(slot: Slot) -> Slot {
    match slot {
        Slot::Present { .. } => Slot::Present { protected: false },
        Slot::Marked => Slot::Empty,
        other => other,
    }
}

/// What COPY of this tag puts into page `n`.
pub fn copied_words(tag: u64, n: usize) -> Words {
    let mut words = [0; WORDS];
    for (i, word) in words.iter_mut().enumerate() {
        *word = (tag << 8) + (n * WORDS + i) as u64;
    }
    words
}

impl Expect {
    fn good() -> Expect {
        Expect {
            out: UNTOUCHED,
            ..Expect::default()
        }
    }

    /// Refused before the out field.
    fn error(errno: c_int) -> Expect {
        Expect {
            errno,
            ..Expect::good()
        }
    }

    /// Refused with the error in the out field.
    fn failed(errno: c_int) -> Expect {
        Expect {
            errno,
            out: -errno as i64,
            ..Expect::default()
        }
    }
}
