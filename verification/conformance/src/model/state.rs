//! The model: the state of each page, the waiting threads, and what each step
//! changes.
//!
//! Kernels are distinguished by feature bits, never by versions.

use libc::{c_int, EBUSY, EINVAL, ENOENT, ENOTTY, EPERM};
use uffd_sys::*;

use crate::model::expect::{Expect, Outcome};
use crate::model::op::{Access, Op, Span, Wanted, ANON, SHMEM};
use crate::model::page::{categories, unprotected, Page, Slot, Words, FILE_WORD, SCANNED, WORDS};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
pub(super) const WP: u64 = UFFDIO_REGISTER_MODE_WP;
const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;
pub(super) const RWP: u64 = UFFDIO_REGISTER_MODE_RWP;
const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

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
    /// that it accessed.
    pub around: bool,
    /// The last step woke several threads that race for one page of the memfd:
    /// the first to fault makes it, and one that finds it there before the first
    /// has mapped it sends a minor fault. The model cannot tell who does.
    pub races: bool,
    /// Until a repair (docs/errata.md), PAGEMAP_SCAN called a page that is not
    /// there written only when it was asked for written pages alone.
    pub hides_absent: bool,
    /// Pages at which a mapping begins although it is of the same kind as the
    /// one before; others are found by their kind.
    pub seams: [Vec<usize>; 2],
    pub(super) page_size: usize,
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
            races: false,
            hides_absent: false,
            seams: [vec![], vec![]],
            page_size,
        }
    }

    pub(super) fn kernel_has(&self, feature: u64) -> bool {
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

    pub(super) fn words_mut(&mut self, region: usize, page: usize) -> &mut Words {
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
            Op::Mprotect(span, _) => self.span(span).all(|p| p.slot != Slot::Disarmed),
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
    pub(super) fn one_mapping(&self, span: Span) -> bool {
        let first = &self.pages[span.region][span.first];
        let cut = |seam: &usize| (span.first + 1..span.first + span.pages).contains(seam);
        self.span(span)
            .all(|p| p.modes == first.modes && p.prot == first.prot)
            && !self.seams[span.region].iter().any(cut)
    }

    /// Makes the step in the model.
    pub fn step(&mut self, op: &Op) -> Expect {
        self.around = false;
        self.races = false;
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
                self.span_mut(span).for_each(|page| page.prot = prot);
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

    /// Wakes the threads waiting in the range: each tries again.
    pub(super) fn wake(&mut self, span: Span, mut expect: Expect) -> Expect {
        // The kernel wakes them in any order, so a reader may be the first.
        self.around |=
            span.region == SHMEM && self.waiting.iter().flatten().any(|a| a.write.is_none());
        self.races |= span.region == SHMEM
            && span.range().any(|n| {
                let here = |a: &&Access| a.region == SHMEM && a.page == n;
                let made_by_first = self.cache[n].is_none()
                    && self.pages[SHMEM][n].modes & (MISSING | MINOR) == MINOR;
                made_by_first && self.waiting.iter().flatten().filter(here).count() > 1
            });
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

    pub(super) fn is_mapped(&self, region: usize, n: usize) -> bool {
        matches!(
            self.pages[region][n].slot,
            Slot::Present { .. } | Slot::Disarmed
        )
    }

    /// WRITEPROTECT and RWPROTECT.
    fn protect(&mut self, span: Span, mode: u64, kind: u64) -> Expect {
        // A kernel that cannot protect on this processor has WRITEPROTECT
        // nevertheless, and finds nothing that is registered for it.
        if kind == RWP && !self.kernel_has(UFFD_FEATURE_RWP) {
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
                Slot::Present { .. } | Slot::Disarmed => Slot::Present { protected: on },
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
            Slot::Present { .. } | Slot::Disarmed => {}
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
        // What unregistering left behind stops nobody. A page that was never
        // written is the zero page, whose place a fresh one takes.
        if protected && write && modes & (WP | RWP) == 0 {
            self.pages[region][n].slot = match self.words(region, n) == [0; WORDS] {
                true => Slot::Present { protected: false },
                false => Slot::Disarmed,
            };
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
                // The pages before it stay protected, and are not reported.
                return Expect::error(EPERM);
            }
            // Memory that may not be protected is skipped.
            if !allowed && flags & PM_SCAN_WP_MATCHING != 0 {
                continue;
            }
            let mut categories = categories(page, span.region, allowed, strict);
            let hidden = self.hides_absent && page.slot == Slot::Empty && wanted != Wanted::Written;
            if hidden {
                categories &= !PAGE_IS_WRITTEN;
            }
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
            // What is not written is not protected either.
            if flags & PM_SCAN_WP_MATCHING != 0 && !hidden {
                page.slot = match page.slot {
                    Slot::Present { .. } | Slot::Disarmed => Slot::Present { protected: true },
                    Slot::Empty | Slot::Marked => Slot::Marked,
                    Slot::Poisoned { .. } => Slot::Poisoned { protected: true },
                };
            }
        }
        expect
    }
}
