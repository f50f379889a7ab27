//! Mapped memory, as a range for the ioctls.

use std::ptr::null_mut;

use libc::c_int;
use uffd_sys::uffdio_range;

/// How many pages a [`Memory`] has.
pub const PAGES: usize = 8;

/// Memory of this test's own.
pub struct Memory {
    pub start: u64,
    pub page: u64,
}

impl Memory {
    pub fn new(flags: c_int) -> Memory {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, wherever the kernel has room.
        let start = unsafe {
            libc::mmap(
                null_mut(),
                PAGES * page,
                access,
                flags | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED);
        Memory {
            start: start as u64,
            page: page as u64,
        }
    }

    pub fn pages(&self, first: u64, count: u64) -> uffdio_range {
        assert!(first + count <= PAGES as u64);
        uffdio_range {
            start: self.start + first * self.page,
            len: count * self.page,
        }
    }

    pub fn all(&self) -> uffdio_range {
        self.pages(0, PAGES as u64)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nothing refers to any more.
        unsafe { libc::munmap(self.start as *mut _, PAGES * self.page as usize) };
    }
}
