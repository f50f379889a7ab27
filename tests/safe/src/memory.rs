//! Memory that a userfaultfd can handle.

use std::ffi::c_void;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use uffd_sys::uffdio_range;

use crate::check;

/// Mapped memory of whole pages, unmapped when it is dropped.
///
/// Its contents may change at any time, so they can only be had by the byte.
/// To touch a byte of a registered page may wait until a handler resolves the
/// fault, or raise SIGBUS if it was poisoned.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<AtomicU8>,
    len: usize,
    memfd: Option<OwnedFd>,
    /// A second registration would end with the first one's.
    pub(crate) registered: AtomicBool,
}

// SAFETY: the mapping is the process's, not a thread's.
unsafe impl Send for Mapping {}
// SAFETY: through a shared reference its bytes are only touched as atomics.
unsafe impl Sync for Mapping {}

/// The size of a page.
pub fn page_size() -> usize {
    // SAFETY: takes a number and touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

fn bytes(pages: usize) -> io::Result<usize> {
    pages
        .checked_mul(page_size())
        .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
}

impl Mapping {
    /// Private anonymous memory, with no page in it yet.
    pub fn anonymous(pages: usize) -> io::Result<Mapping> {
        Mapping::map(bytes(pages)?, None)
    }

    /// Shared memory of a new memfd, with no page in it yet.
    pub fn shared(pages: usize) -> io::Result<Mapping> {
        let len = bytes(pages)?;
        // SAFETY: the name is a C string; the call makes a new descriptor.
        let fd = check(unsafe { libc::memfd_create(c"safe".as_ptr(), libc::MFD_CLOEXEC) })?;
        // SAFETY: the descriptor is new, so nobody else owns it.
        let memfd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: takes numbers and touches no memory: the file is still empty.
        check(unsafe { libc::ftruncate(memfd.as_raw_fd(), len as libc::off_t) })?;
        Mapping::map(len, Some(memfd))
    }

    /// The same shared memory once more, with a registration of its own.
    pub fn again(&self) -> io::Result<Mapping> {
        match &self.memfd {
            Some(memfd) => Mapping::map(self.len, Some(memfd.try_clone()?)),
            None => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn map(len: usize, memfd: Option<OwnedFd>) -> io::Result<Mapping> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (flags, fd) = match &memfd {
            Some(memfd) => (libc::MAP_SHARED, memfd.as_raw_fd()),
            None => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1),
        };
        // SAFETY: the kernel chooses an address where nothing is.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, fd, 0) };
        Mapping::new(start, len, memfd)
    }

    fn new(start: *mut c_void, len: usize, memfd: Option<OwnedFd>) -> io::Result<Mapping> {
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("nothing is mapped at zero");
        Ok(Mapping {
            start,
            len,
            memfd,
            registered: AtomicBool::new(false),
        })
    }

    /// Moves all pages into a new mapping, as mremap(2) does; this one is then
    /// empty. With `UFFD_FEATURE_EVENT_REMAP` it waits until the event is read.
    pub fn evacuate(&self) -> io::Result<Mapping> {
        let memfd = self.memfd.as_ref().map(OwnedFd::try_clone).transpose()?;
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_DONTUNMAP;
        let (old, anywhere) = (self.start.as_ptr().cast(), ptr::null_mut::<c_void>());
        // SAFETY: the mapping stays, with bytes that are zero or missing, and
        // the kernel chooses a free address for the new one. glibc reads the
        // last argument with this flag too, where the manual page has none.
        let start = unsafe { libc::mremap(old, self.len, self.len, flags, anywhere) };
        Mapping::new(start, self.len, memfd)
    }

    /// Drops pages, as MADV_DONTNEED does: private ones are missing again;
    /// shared ones stay in the page cache.
    pub fn discard(&self, bytes: Range<usize>) -> io::Result<()> {
        let range = self.range(bytes);
        let (start, len) = (range.start as *mut c_void, range.len as usize);
        // SAFETY: the kernel rounds `len` up to a page, and the mapping ends
        // with one; the bytes are then zero or missing.
        check(unsafe { libc::madvise(start, len, libc::MADV_DONTNEED) }).map(|_| ())
    }

    /// Its length in bytes.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The address of its first byte.
    pub fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// Some of its bytes, as the kernel names them. Panics if they lie outside.
    pub(crate) fn range(&self, bytes: Range<usize>) -> uffdio_range {
        assert!(
            bytes.start <= bytes.end && bytes.end <= self.len,
            "{bytes:?} of {}",
            self.len
        );
        let start = (self.address() + bytes.start) as u64;
        uffdio_range {
            start,
            len: bytes.len() as u64,
        }
    }

    fn byte(&self, offset: usize) -> &AtomicU8 {
        assert!(offset < self.len, "byte {offset} of {}", self.len);
        // SAFETY: inside the mapping, which lives as long as `self`; any bits
        // are a byte, and nobody touches it but as an atomic.
        unsafe { &*self.start.as_ptr().add(offset) }
    }

    /// The byte at `offset`. Panics if it lies outside.
    pub fn read(&self, offset: usize) -> u8 {
        self.byte(offset).load(Ordering::Relaxed)
    }

    /// Sets the byte at `offset`. Panics if it lies outside.
    pub fn write(&self, offset: usize, value: u8) {
        self.byte(offset).store(value, Ordering::Relaxed);
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is this value's own, and whatever borrowed it is gone.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
