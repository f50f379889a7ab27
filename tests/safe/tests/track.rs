//! The tracker finds exactly the pages that were written.

mod common;

use std::ops::Range;
use std::thread;

use common::{open, page};
use safe::{Mapping, Tracker};

/// The pages of an epoch, sorted, and how many ranges they came in.
fn pages(tracker: &mut Tracker<'_>) -> (Vec<usize>, usize) {
    let ranges: Vec<Range<usize>> = tracker.epoch().map(Result::unwrap).collect();
    let mut pages: Vec<usize> = ranges
        .iter()
        .flat_map(|r| (r.start..r.end).step_by(page(1)).map(|b| b / page(1)))
        .collect();
    pages.sort_unstable();
    (pages, ranges.len())
}

fn epochs(memory: &Mapping, features: u64) {
    let Some(uffd) = open(features) else { return };
    memory.write(page(3), 1); // Before it began: not dirty.
    let mut tracker = Tracker::new(&uffd, memory, 2).unwrap();
    assert_eq!(pages(&mut tracker), (vec![], 0));
    // More ranges than the buffer has room for, then fewer, then all.
    let all: Vec<usize> = (0..16).collect();
    let written: [&[usize]; 5] = [&[0, 2, 3, 5, 7, 9, 15], &[2], &[], &all, &[1, 14]];
    for written in written {
        for &n in written {
            memory.write(page(n) + n, n as u8); // Not trapped: this very thread.
        }
        let (found, ranges) = pages(&mut tracker);
        assert_eq!(found, written);
        assert!(
            written.len() != 7 || ranges == 6,
            "neighbours are one range"
        );
    }
    assert_eq!(memory.read(page(14) + 14), 14);
}

#[test]
fn exactly_the_written_pages_in_every_epoch() {
    epochs(&Mapping::anonymous(16).unwrap(), Tracker::FEATURES);
}

#[test]
fn exactly_the_written_pages_of_shared_memory() {
    epochs(&Mapping::shared(16).unwrap(), Tracker::FEATURES_SHARED);
}

#[test]
fn an_epoch_that_is_left_early_loses_nothing() {
    let memory = Mapping::anonymous(16).unwrap();
    let Some(uffd) = open(Tracker::FEATURES) else {
        return;
    };
    let mut tracker = Tracker::new(&uffd, &memory, 2).unwrap();
    for n in [1, 3, 5, 7] {
        memory.write(page(n), 1);
    }
    // Two were taken from the kernel, one was given out.
    assert_eq!(tracker.epoch().next().unwrap().unwrap(), page(1)..page(2));
    memory.write(page(0), 1);
    assert_eq!(pages(&mut tracker).0, [0, 3, 5, 7]);
    assert_eq!(pages(&mut tracker).0, []);
}

#[test]
fn writes_during_an_epoch_are_in_it_or_in_the_next() {
    let memory = Mapping::anonymous(64).unwrap();
    let Some(uffd) = open(Tracker::FEATURES) else {
        return;
    };
    let mut tracker = Tracker::new(&uffd, &memory, 2).unwrap();
    let mut seen = vec![0; 64];
    thread::scope(|scope| {
        let writer = scope.spawn(|| (0..64).for_each(|n| memory.write(page(n), 1)));
        while !writer.is_finished() {
            pages(&mut tracker).0.iter().for_each(|&n| seen[n] += 1);
        }
    });
    pages(&mut tracker).0.iter().for_each(|&n| seen[n] += 1);
    // The kernel notes a write before it lands: a page that is taken in between
    // is written, and reported, once more.
    assert!(seen.iter().all(|&times| times >= 1), "{seen:?}");
}

#[test]
fn without_the_feature_an_epoch_is_an_error_and_ends() {
    let memory = Mapping::anonymous(1).unwrap();
    if open(Tracker::FEATURES).is_none() {
        return; // An old kernel has no PAGEMAP_SCAN either.
    }
    let Some(uffd) = open(safe::raw::UFFD_FEATURE_PAGEFAULT_FLAG_WP) else {
        return;
    };
    let mut tracker = Tracker::new(&uffd, &memory, 1).unwrap();
    let mut epoch = tracker.epoch();
    let error = epoch.next().unwrap().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    assert!(epoch.next().is_none());
}
