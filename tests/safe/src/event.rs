//! Reading messages, many at a time.

use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;
use std::{io, mem};

use uffd_sys::*;

use crate::{check, Pages, Region, Uffd};

/// What a message says.
#[derive(Debug)]
pub enum Event {
    /// A thread waits for a page.
    PageFault {
        /// The start of the page, or with `UFFD_FEATURE_EXACT_ADDRESS` the byte.
        address: usize,
        /// What it waits for.
        kind: Kind,
        /// Whether it writes.
        write: bool,
        /// Its id, with `UFFD_FEATURE_THREAD_ID`.
        thread: Option<u32>,
    },
    /// The process forked. The fork waits until this is read, and the C library's
    /// holds the locks of malloc meanwhile: make the [`Buffer`] beforehand, and
    /// allocate nothing between the fork and this.
    Fork(Child),
    /// Pages are somewhere else now.
    Remap {
        /// Where they were.
        from: usize,
        /// Where they are.
        to: usize,
        /// How many bytes.
        len: usize,
    },
    /// Pages were dropped.
    Remove(Range<usize>),
    /// A range is no longer mapped.
    Unmap(Range<usize>),
    /// An event that this crate does not know.
    Unknown(u8),
}

/// The kinds of page faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The page is not there.
    Missing,
    /// It is in the page cache, but not mapped.
    Minor,
    /// It is write-protected.
    WriteProtect,
    /// It is read-write-protected.
    ReadWriteProtect,
}

/// The userfaultfd of a forked child. It has the regions of its parent, and
/// none can be added: which addresses are mappings there is not known here.
#[derive(Debug)]
pub struct Child(OwnedFd);

/// Room for messages, to be used again and again.
#[derive(Debug)]
pub struct Buffer(Box<[uffd_msg_bytes]>);

/// The messages of one read.
#[derive(Debug)]
pub struct Events<'b>(std::slice::Iter<'b, uffd_msg_bytes>);

impl Buffer {
    /// Room for so many messages; at least one.
    pub fn new(messages: usize) -> Buffer {
        Buffer(vec![uffd_msg_bytes::default(); messages.max(1)].into())
    }

    // Private, because it must be a userfaultfd: the number of a child's
    // descriptor is believed.
    fn read(&mut self, fd: BorrowedFd<'_>) -> io::Result<Events<'_>> {
        // SAFETY: the buffer has room for as many messages as it is long.
        let read = unsafe { uffd_read(fd.as_raw_fd(), self.0.as_mut_ptr().cast(), self.0.len()) };
        let bytes = match check(read as i64) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            other => other? as usize,
        };
        Ok(Events(self.0[..bytes / mem::size_of::<uffd_msg>()].iter()))
    }
}

impl Uffd {
    /// Reads what messages there are; none if none is waiting.
    pub fn read<'b>(&self, buffer: &'b mut Buffer) -> io::Result<Events<'b>> {
        buffer.read(self.as_fd())
    }

    /// Waits for a message; false if none came in time.
    pub fn wait(&self, time: Duration) -> io::Result<bool> {
        wait(self.as_fd(), time)
    }
}

impl Child {
    /// Reads what messages of the child there are.
    pub fn read<'b>(&self, buffer: &'b mut Buffer) -> io::Result<Events<'b>> {
        buffer.read(self.0.as_fd())
    }

    /// Waits for a message of the child; false if none came in time.
    pub fn wait(&self, time: Duration) -> io::Result<bool> {
        wait(self.0.as_fd(), time)
    }

    /// The child's copy of a region.
    pub fn pages<'a>(&'a self, region: &'a Region<'_>) -> Pages<'a> {
        // If the child has something else there by now, it is not registered
        // and the kernel refuses.
        Pages::new(self.0.as_fd(), region.memory())
    }
}

fn wait(fd: BorrowedFd<'_>, time: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let time = time.as_millis().min(i32::MAX as u128) as i32;
    // SAFETY: `poll` is one entry of ours.
    Ok(check(unsafe { libc::poll(&mut poll, 1, time) })? == 1)
}

/// # Safety
///
/// A message of the kernel, read by this process and decoded once: it may own
/// a descriptor.
unsafe fn decode(message: uffd_msg_bytes) -> Event {
    let range = |r: uffd_msg_remove| r.start as usize..r.end as usize;
    if let Some(fault) = message.pagefault() {
        let has = |flag| fault.flags & flag != 0;
        let kind = if has(UFFD_PAGEFAULT_FLAG_RWP) {
            Kind::ReadWriteProtect
        } else if has(UFFD_PAGEFAULT_FLAG_WP) {
            Kind::WriteProtect
        } else if has(UFFD_PAGEFAULT_FLAG_MINOR) {
            Kind::Minor
        } else {
            Kind::Missing
        };
        return Event::PageFault {
            address: fault.address as usize,
            kind,
            write: has(UFFD_PAGEFAULT_FLAG_WRITE),
            thread: Some(fault.ptid()).filter(|&thread| thread != 0),
        };
    }
    if let Some(fork) = message.fork() {
        // SAFETY: the descriptor was made for who reads the message, and the
        // caller decodes it once: nobody else owns it.
        return Event::Fork(Child(unsafe { OwnedFd::from_raw_fd(fork.ufd as i32) }));
    }
    if let Some(remap) = message.remap() {
        return Event::Remap {
            from: remap.from as usize,
            to: remap.to as usize,
            len: remap.len as usize,
        };
    }
    match (message.remove(), message.unmap()) {
        (Some(removed), _) => Event::Remove(range(removed)),
        (_, Some(unmapped)) => Event::Unmap(range(unmapped)),
        _ => Event::Unknown(message.event()),
    }
}

impl Iterator for Events<'_> {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        // SAFETY: `Buffer::read` filled it, and the iterator gives it once.
        self.0.next().map(|message| unsafe { decode(*message) })
    }
}

/// Closes the descriptors of messages that were not looked at.
impl Drop for Events<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
