//! What the model knows of one page.

use libc::c_int;
use uffd_sys::*;

use crate::model::op::SHMEM;

/// Words of a page that are modelled: one for each thread.
pub const WORDS: usize = 8;
/// The most workers: the main thread has a word, and so has write(2).
pub const MOST_WORKERS: usize = WORDS - 2;
/// The word that write(2) to the memfd changes.
pub const FILE_WORD: usize = WORDS - 1;

/// The modelled contents of a page.
pub type Words = [u64; WORDS];

/// What a mapping has at a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Nothing.
    Empty,
    /// A mark: protect the page when it comes.
    Marked,
    /// A mark: an access to it gets SIGBUS.
    Poisoned {
        /// PAGEMAP_SCAN protects this mark, too; to no effect.
        protected: bool,
    },
    /// A page whose protection was left behind by unregistering, in kernels
    /// before UFFD_FEATURE_WP_HUGETLBFS_SHMEM, and then written. If the kernel
    /// copied the page for that, the mark is gone; if not, it stops nobody until
    /// mprotect(2) makes later writes look at it again. Which it was cannot be
    /// seen, so the model has no such mprotect(2).
    Disarmed,
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

/// The categories that are modelled.
pub const SCANNED: u64 =
    PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_FILE | PAGE_IS_PRESENT | PAGE_IS_SWAPPED;

pub(super) fn categories(page: &Page, region: usize, allowed: bool, strict: bool) -> u64 {
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
        // Older than PAGEMAP_SCAN.
        Slot::Disarmed => (false, PAGE_IS_PRESENT),
    };
    categories |= place;
    // Since UFFD_FEATURE_RWP only in mappings registered for WP.
    if !protected && (!strict || page.modes & UFFDIO_REGISTER_MODE_WP != 0) {
        categories |= PAGE_IS_WRITTEN;
    }
    categories
}

pub(super) fn unprotected(slot: Slot) -> Slot {
    match slot {
        Slot::Present { .. } | Slot::Disarmed => Slot::Present { protected: false },
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
