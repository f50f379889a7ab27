//! Memory that one side writes and another tracks. It is touched through raw
//! pointers alone: nothing may assume that it stays as it is.

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_void;
use uffd_sys::uffdio_range;

use super::check;

/// The size of a page.
pub fn page_size() -> usize {
    // SAFETY: takes a number, touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// A region of whole pages.
pub struct Memory {
    start: *mut u8,
    /// Another mapping of the same memory, or the same one.
    view: *mut u8,
    len: usize,
    page: usize,
}

// SAFETY: plain memory; every access is volatile or atomic to the byte, and
// what a race reads is checked by whoever reads it.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Private anonymous memory, with no page in it yet.
    pub fn anonymous(pages: usize) -> io::Result<Memory> {
        let (page, flags) = (page_size(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let start = map(pages * page, flags, -1)?;
        Ok(Memory {
            start,
            view: start,
            len: pages * page,
            page,
        })
    }

    /// Memory with a second view, whose accesses the first one's protection
    /// does not see.
    pub fn shared(pages: usize) -> io::Result<Memory> {
        let (page, len) = (page_size(), pages * page_size());
        // SAFETY: the name is a C string; the descriptor is new, so ours.
        let file = unsafe {
            let fd = libc::memfd_create(c"region".as_ptr(), libc::MFD_CLOEXEC);
            OwnedFd::from_raw_fd(check(fd, "memfd_create")?)
        };
        // SAFETY: sizes a file of ours.
        let result = unsafe { libc::ftruncate(file.as_raw_fd(), len as libc::off_t) };
        check(result, "ftruncate")?;
        let start = map(len, libc::MAP_SHARED, file.as_raw_fd())?;
        let view = map(len, libc::MAP_SHARED, file.as_raw_fd())?;
        Ok(Memory {
            start,
            view,
            len,
            page,
        })
    }

    pub fn pages(&self) -> usize {
        self.len / self.page
    }

    pub fn page_size(&self) -> usize {
        self.page
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn start(&self) -> u64 {
        self.start as u64
    }

    /// All of it, as the ioctls name it.
    pub fn all(&self) -> uffdio_range {
        uffdio_range {
            start: self.start(),
            len: self.len as u64,
        }
    }

    pub fn range(&self, pages: &Range<usize>) -> uffdio_range {
        assert!(pages.start < pages.end && pages.end <= self.pages());
        let start = self.start() + (pages.start * self.page) as u64;
        uffdio_range {
            start,
            len: (pages.len() * self.page) as u64,
        }
    }

    /// The pages between two addresses of the region.
    pub fn pages_of(&self, start: u64, end: u64) -> Range<usize> {
        let page = |address: u64| (address - self.start()) as usize / self.page;
        page(start)..page(end)
    }

    fn word(&self, page: usize, word: usize) -> *mut u64 {
        assert!(page < self.pages() && word < self.page / 8);
        // SAFETY: inside the mapping, as was just checked.
        unsafe { self.start.add(page * self.page).cast::<u64>().add(word) }
    }

    /// Writes a word of a page. May fault, as reading may.
    pub fn write(&self, page: usize, word: usize, value: u64) {
        // SAFETY: aligned, and inside the mapping, which lives as `self` does.
        unsafe { self.word(page, word).write_volatile(value) }
    }

    pub fn read(&self, page: usize, word: usize) -> u64 {
        // SAFETY: as above.
        unsafe { self.word(page, word).read_volatile() }
    }

    /// Copies pages out, through the second view.
    pub fn copy_to(&self, pages: &Range<usize>, to: &mut [u8]) {
        assert!(pages.end <= self.pages() && to.len() == pages.len() * self.page);
        // SAFETY: both sides are as long, and apart. Writers may change the
        // source meanwhile: the copy then holds old or new bytes, and the
        // page is reported again.
        unsafe {
            let from = self.view.add(pages.start * self.page);
            std::ptr::copy_nonoverlapping(from, to.as_mut_ptr(), to.len());
        }
    }

    /// Brings in all pages.
    pub fn populate(&self) {
        (0..self.pages()).for_each(|page| self.write(page, 0, 0));
    }

    pub fn advise(&self, advice: libc::c_int) -> io::Result<()> {
        // SAFETY: the memory is ours, and nothing is kept in it by reference.
        check(
            unsafe { libc::madvise(self.start.cast(), self.len, advice) },
            "madvise",
        )
        .map(|_| ())
    }

    /// mprotect(2) of some pages.
    pub fn mprotect(&self, pages: &Range<usize>, access: libc::c_int) -> io::Result<()> {
        let range = self.range(pages);
        // SAFETY: the memory is ours.
        let result =
            unsafe { libc::mprotect(range.start as *mut c_void, range.len as usize, access) };
        check(result, "mprotect").map(|_| ())
    }
}

fn map(len: usize, flags: libc::c_int, fd: libc::c_int) -> io::Result<*mut u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the kernel chooses an address where nothing is.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, fd, 0) };
    if start == libc::MAP_FAILED {
        let error = io::Error::last_os_error();
        return Err(io::Error::new(
            error.kind(),
            format!("mmap of {len} bytes: {error}"),
        ));
    }
    Ok(start.cast())
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mappings are ours, and whoever used them borrowed us.
        unsafe {
            libc::munmap(self.start.cast(), self.len);
            if self.view != self.start {
                libc::munmap(self.view.cast(), self.len);
            }
        }
    }
}
