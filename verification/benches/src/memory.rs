//! Memory to measure on: mapped, touched by volatile accesses alone.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void};
use uffd_sys::uffdio_range;

use crate::uffd::check;

/// The kind of page behind a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// 4 KiB pages, and no others.
    Small,
    /// Anonymous memory that the kernel may back with huge pages.
    Transparent,
    /// hugetlbfs.
    Hugetlb,
    /// Shared memory of 4 KiB pages, in a memfd.
    Shared,
}

pub struct Region {
    start: *mut u8,
    len: usize,
    page: usize,
    kind: Pages,
    _file: Option<OwnedFd>,
}

// SAFETY: it is plain memory, and all accesses are volatile and by the byte.
unsafe impl Send for Region {}
// SAFETY: as above; a race between threads yields one byte or the other.
unsafe impl Sync for Region {}

impl Region {
    pub fn map(pages: Pages, len: usize) -> io::Result<Region> {
        let (mut flags, mut page, mut file) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, 4096, None);
        if pages == Pages::Hugetlb {
            (flags, page) = (flags | libc::MAP_HUGETLB, 2 << 20);
        }
        if pages == Pages::Shared {
            flags = libc::MAP_SHARED;
            // SAFETY: the name is a C string; the descriptor is new and ours.
            let memfd = unsafe {
                let fd = libc::memfd_create(c"uffd-bench".as_ptr(), libc::MFD_CLOEXEC);
                OwnedFd::from_raw_fd(check(fd, "memfd_create")?)
            };
            // SAFETY: sizes a file of ours.
            let result = unsafe { libc::ftruncate(memfd.as_raw_fd(), len as i64) };
            check(result, "ftruncate")?;
            file = Some(memfd);
        }
        let fd = file.as_ref().map_or(-1, |file: &OwnedFd| file.as_raw_fd());
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // Aligned for huge pages: map more, and give the ends back.
        let align = 2 << 20;
        let room = len + align;
        // SAFETY: the kernel chooses a free place; then only parts of that
        // very place are unmapped or mapped anew.
        let start = unsafe {
            let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let place = libc::mmap(std::ptr::null_mut(), room, libc::PROT_NONE, none, -1, 0);
            if place == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let start = (place as usize).next_multiple_of(align);
            let head = start - place as usize;
            if head > 0 {
                libc::munmap(place, head);
            }
            libc::munmap((start + len) as *mut c_void, room - head - len);
            let fixed = flags | libc::MAP_FIXED;
            libc::mmap(start as *mut c_void, len, access, fixed, fd, 0)
        };
        if start == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            return Err(io::Error::new(
                error.kind(),
                format!("mmap of {len} bytes: {error}"),
            ));
        }
        let region = Region {
            start: start.cast(),
            len,
            page,
            kind: pages,
            _file: file,
        };
        match pages {
            Pages::Small => region.advise(libc::MADV_NOHUGEPAGE)?,
            Pages::Transparent => region.advise(libc::MADV_HUGEPAGE)?,
            Pages::Hugetlb | Pages::Shared => {}
        }
        Ok(region)
    }

    pub fn page(&self) -> usize {
        self.page
    }

    pub fn kind(&self) -> Pages {
        self.kind
    }

    pub fn pages(&self) -> usize {
        self.len / self.page
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn address(&self, page: usize) -> u64 {
        self.start as u64 + (page * self.page) as u64
    }

    pub fn all(&self) -> uffdio_range {
        uffdio_range {
            start: self.start as u64,
            len: self.len as u64,
        }
    }

    pub fn range(&self, page: usize, count: usize) -> uffdio_range {
        assert!(page + count <= self.pages());
        uffdio_range {
            start: self.address(page),
            len: (count * self.page) as u64,
        }
    }

    pub fn advise(&self, advice: c_int) -> io::Result<()> {
        // SAFETY: the memory is this region's own, and nothing is kept in it.
        check(
            unsafe { libc::madvise(self.start.cast(), self.len, advice) },
            "madvise",
        )
        .map(|_| ())
    }

    /// Drops all pages.
    pub fn discard(&self) {
        self.advise(libc::MADV_DONTNEED).expect("MADV_DONTNEED");
    }

    pub fn write(&self, page: usize, value: u8) {
        assert!(page < self.pages());
        // SAFETY: inside the mapping, which lives as long as `self`.
        unsafe { self.start.add(page * self.page).write_volatile(value) }
    }

    pub fn read(&self, page: usize) -> u8 {
        assert!(page < self.pages());
        // SAFETY: inside the mapping, which lives as long as `self`.
        unsafe { self.start.add(page * self.page).read_volatile() }
    }

    pub fn pointer(&self) -> *mut u8 {
        self.start
    }

    /// Brings in all pages.
    pub fn populate(&self) {
        (0..self.pages()).for_each(|page| self.write(page, 1));
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping is this region's own, and nobody holds it now.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}
