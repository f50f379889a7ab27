//! Resolving faults.

use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::{error, fmt, io};

use libc::c_int;
use uffd_sys::*;

use crate::{check, page_size, Mapping};

/// The pages of a registered mapping, or of a forked child's copy of it. All
/// calls take offsets into it, which the kernel wants to be whole pages; those
/// that lie outside panic.
#[derive(Clone, Copy, Debug)]
pub struct Pages<'a> {
    fd: BorrowedFd<'a>,
    memory: &'a Mapping,
}

/// Not all pages could be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// So many bytes were, from the first.
    pub bytes: usize,
    /// What the next page met. `EAGAIN`: an event must be read first. `EEXIST`:
    /// it is there already; whoever waited for it has been woken.
    pub errno: c_int,
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, after {} bytes",
            io::Error::from_raw_os_error(self.errno),
            self.bytes
        )
    }
}

impl error::Error for Partial {}

impl<'a> Pages<'a> {
    // The descriptor must handle `memory`, here or in a child; of any other
    // the kernel does not know the range.
    pub(crate) fn new(fd: BorrowedFd<'a>, memory: &'a Mapping) -> Self {
        Pages { fd, memory }
    }

    fn fd(&self) -> c_int {
        self.fd.as_raw_fd()
    }

    /// Calls `step` for what is left until all is done or it fails without
    /// progress. It gives the call's result and out field.
    fn fill(
        &self,
        bytes: Range<usize>,
        mut step: impl FnMut(uffdio_range, usize) -> (c_int, i64),
    ) -> Result<usize, Partial> {
        let all = self.memory.range(bytes.clone());
        let mut done = 0;
        loop {
            let left = uffdio_range {
                start: all.start + done as u64,
                len: all.len - done as u64,
            };
            let (result, out) = step(left, done);
            let Err(error) = check(result) else {
                return Ok(bytes.len());
            };
            let errno = error.raw_os_error().unwrap_or(0);
            if errno == libc::EAGAIN && out > 0 {
                // The cause shows when the call is repeated behind it.
                done += out as usize;
                continue;
            }
            if errno == libc::EEXIST {
                let page = bytes.start + done;
                // Best effort: the error to tell of is the first.
                let _ = self.wake(page..page + page_size());
            }
            return Err(Partial { bytes: done, errno });
        }
    }

    /// Fills missing pages with `data`. Returns the bytes filled.
    pub fn copy(&self, offset: usize, data: &[u8]) -> Result<usize, Partial> {
        self.copy_mode(offset, data, 0)
    }

    /// As [`Pages::copy`], and write-protects the pages.
    pub fn copy_protected(&self, offset: usize, data: &[u8]) -> Result<usize, Partial> {
        self.copy_mode(offset, data, UFFDIO_COPY_MODE_WP)
    }

    fn copy_mode(&self, offset: usize, data: &[u8], mode: u64) -> Result<usize, Partial> {
        self.fill(offset..offset.saturating_add(data.len()), |to, done| {
            let src = data[done..].as_ptr() as u64;
            let mut arg = uffdio_copy {
                dst: to.start,
                src,
                len: to.len,
                mode,
                copy: 0,
            };
            // SAFETY: `arg` is ours, and `data` is as long as what is left; the
            // pages are a mapping's.
            (unsafe { uffdio_copy(self.fd(), &mut arg) }, arg.copy)
        })
    }

    /// Fills missing pages with zeros. Returns the bytes filled.
    pub fn zeropage(&self, bytes: Range<usize>) -> Result<usize, Partial> {
        self.fill(bytes, |range, _| {
            let mut arg = uffdio_zeropage {
                range,
                mode: 0,
                zeropage: 0,
            };
            // SAFETY: `arg` is ours; the pages are a mapping's.
            (
                unsafe { uffdio_zeropage(self.fd(), &mut arg) },
                arg.zeropage,
            )
        })
    }

    /// Maps what the page cache has, after a minor fault. Returns the bytes
    /// mapped.
    pub fn continue_(&self, bytes: Range<usize>) -> Result<usize, Partial> {
        self.fill(bytes, |range, _| {
            let mut arg = uffdio_continue {
                range,
                mode: 0,
                mapped: 0,
            };
            // SAFETY: `arg` is ours; the pages are a mapping's.
            (unsafe { uffdio_continue(self.fd(), &mut arg) }, arg.mapped)
        })
    }

    /// Poisons missing pages: who touches one gets SIGBUS. Returns the bytes
    /// poisoned.
    pub fn poison(&self, bytes: Range<usize>) -> Result<usize, Partial> {
        self.fill(bytes, |range, _| {
            let mut arg = uffdio_poison {
                range,
                mode: 0,
                updated: 0,
            };
            // SAFETY: `arg` is ours; the pages are a mapping's. A signal may end
            // the process, but reads nothing wrong.
            (unsafe { uffdio_poison(self.fd(), &mut arg) }, arg.updated)
        })
    }

    /// Fills missing pages with the pages of another mapping, which lack there
    /// afterwards. Returns the bytes moved.
    pub fn move_(
        &self,
        offset: usize,
        source: &Mapping,
        bytes: Range<usize>,
    ) -> Result<usize, Partial> {
        let src = source.range(bytes.clone()).start;
        self.fill(offset..offset.saturating_add(bytes.len()), |to, done| {
            let src = src + done as u64;
            let mut arg = uffdio_move {
                dst: to.start,
                src,
                len: to.len,
                mode: 0,
                move_: 0,
            };
            // SAFETY: `arg` is ours; source and destination are mappings, and
            // the bytes of both may change at any time.
            (unsafe { uffdio_move(self.fd(), &mut arg) }, arg.move_)
        })
    }

    /// Wakes who waits in a range, to touch it again.
    pub fn wake(&self, bytes: Range<usize>) -> io::Result<()> {
        let mut range = self.memory.range(bytes);
        // SAFETY: `range` is ours.
        check(unsafe { uffdio_wake(self.fd(), &mut range) }).map(|_| ())
    }

    /// Write-protects pages: who writes to one waits.
    pub fn write_protect(&self, bytes: Range<usize>) -> io::Result<()> {
        self.protection(bytes, UFFDIO_WRITEPROTECT_MODE_WP)
    }

    /// Lifts write-protection, and wakes who waits.
    pub fn lift(&self, bytes: Range<usize>) -> io::Result<()> {
        self.protection(bytes, 0)
    }

    fn protection(&self, bytes: Range<usize>, mode: u64) -> io::Result<()> {
        let mut arg = uffdio_writeprotect {
            range: self.memory.range(bytes),
            mode,
        };
        // SAFETY: `arg` is ours. Who writes to a mapping may have to wait.
        check(unsafe { uffdio_writeprotect(self.fd(), &mut arg) }).map(|_| ())
    }
}
