//! What each page of a process shall hold, kept up to date by the events.

use std::collections::BTreeMap;

/// What missing pages are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// The bytes of the source from here on.
    Source(u64),
    /// Zeros: what was there was discarded.
    Zeros,
}

/// A run of pages with contents that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    len: u64,
    contents: Contents,
}

/// Addresses of a process, and what belongs there.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// By their first address; none overlaps another.
    runs: BTreeMap<u64, Run>,
}

impl Pages {
    /// So many bytes at `start` are to hold these contents.
    pub fn set(&mut self, start: u64, len: u64, contents: Contents) {
        self.cut(start, start + len);
        self.runs.insert(start, Run { len, contents });
    }

    /// What belongs at an address, and how many bytes from it on follow it.
    pub fn at(&self, address: u64) -> Option<(Contents, u64)> {
        let (&start, run) = self.runs.range(..=address).next_back()?;
        let before = address - start;
        (before < run.len).then(|| (from(run.contents, before), run.len - before))
    }

    /// UFFD_EVENT_UNMAP: nothing belongs there any more.
    pub fn unmap(&mut self, start: u64, end: u64) {
        self.cut(start, end);
    }

    /// UFFD_EVENT_REMOVE: what we know of there is zeros from now on.
    pub fn remove(&mut self, start: u64, end: u64) {
        for (start, run) in self.cut(start, end) {
            let contents = Contents::Zeros;
            self.runs.insert(start, Run { contents, ..run });
        }
    }

    /// UFFD_EVENT_REMAP: what belonged at `from` belongs at `to`.
    pub fn remap(&mut self, from: u64, to: u64, len: u64) {
        let moved = self.cut(from, from + len);
        self.cut(to, to + len);
        for (start, run) in moved {
            self.runs.insert(start - from + to, run);
        }
    }

    /// Takes out what lies between two addresses, and returns it.
    fn cut(&mut self, start: u64, end: u64) -> Vec<(u64, Run)> {
        let touched: Vec<(u64, Run)> = self
            .runs
            .range(..end)
            .rev()
            .take_while(|(&at, run)| at + run.len > start)
            .map(|(&at, &run)| (at, run))
            .collect();
        let mut inside = Vec::new();
        for (at, run) in touched {
            self.runs.remove(&at);
            let (first, last) = (at.max(start), (at + run.len).min(end));
            let part = |from_: u64, to: u64| Run {
                len: to - from_,
                contents: from(run.contents, from_ - at),
            };
            if at < first {
                self.runs.insert(at, part(at, first));
            }
            if last < at + run.len {
                self.runs.insert(last, part(last, at + run.len));
            }
            inside.push((first, part(first, last)));
        }
        inside
    }
}

/// The contents so many bytes further on.
fn from(contents: Contents, bytes: u64) -> Contents {
    match contents {
        Contents::Source(at) => Contents::Source(at + bytes),
        Contents::Zeros => Contents::Zeros,
    }
}
