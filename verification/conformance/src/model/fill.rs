//! The steps that fill pages: COPY, ZEROPAGE, CONTINUE, POISON and MOVE.

use libc::{c_int, EAGAIN, EEXIST, EFAULT, EINVAL, ENOENT};
use uffd_sys::*;

use crate::model::expect::Expect;
use crate::model::op::{Span, ANON, SHMEM};
use crate::model::page::{copied_words, Slot, WORDS};
use crate::model::state::{Model, RWP, WP};

impl Model {
    /// COPY, ZEROPAGE, CONTINUE and POISON: page by page until one fails.
    pub(super) fn fill(
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

    pub(super) fn copy(&mut self, span: Span, n: usize, tag: u64, wp: bool) -> c_int {
        let cached = span.region == SHMEM && self.cache[n].is_some();
        if cached || self.is_mapped(span.region, n) {
            return EEXIST;
        }
        *self.words_mut(span.region, n) = copied_words(tag, n);
        // Kernels before UFFD_FEATURE_WP_HUGETLBFS_SHMEM forget the protection
        // where the mapping is read-only for the moment.
        let forgets = !self.kernel_has(UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
        let page = &mut self.pages[span.region][n];
        let protected = wp && !(forgets && page.prot & libc::PROT_WRITE == 0);
        page.slot = Slot::Present { protected };
        0
    }

    pub(super) fn zeropage(&mut self, span: Span, n: usize) -> c_int {
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

    pub(super) fn poison(&mut self, span: Span, n: usize) -> c_int {
        // Not over any mark either.
        if self.pages[span.region][n].slot != Slot::Empty {
            return EEXIST;
        }
        self.pages[span.region][n].slot = Slot::Poisoned { protected: false };
        0
    }

    pub(super) fn minor(&mut self, span: Span, mode: u64) -> Expect {
        // CONTINUE_MODE_WP came with UFFD_FEATURE_WP_UNPOPULATED.
        let unknown_mode = mode & 2 != 0 && !self.kernel_has(UFFD_FEATURE_WP_UNPOPULATED);
        // Kernels that have no minor faults on this processor have CONTINUE
        // nevertheless; UFFD_FEATURE_EXACT_ADDRESS is younger than it.
        let since = UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_EXACT_ADDRESS;
        if unknown_mode || !self.kernel_has(since) {
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

    pub(super) fn move_(&mut self, dst: Span, from: usize, mode: u64) -> Expect {
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
}
