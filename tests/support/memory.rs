//! Memory to watch. It is only ever touched through raw pointers, one byte at
//! a time, so nothing assumes that it stays as it is.

use std::fs::File;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::{Arc, Mutex, PoisonError};

use libc::{c_int, c_void};
use uffd_sys::*;

use super::background::{in_background, Background};
use super::call::{call, Errno};
use super::hugepages::HugePages;
use super::skip::Skip;

const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

/// The kinds of memory that userfaultfd handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Private and anonymous: heap and stacks.
    Anonymous,
    /// A shared mapping of a memfd.
    Shmem,
    /// A shared mapping of a memfd of huge pages.
    Hugetlb,
}

impl Memory {
    /// The features that write-protection of this kind needs.
    pub fn wp_features(self) -> u64 {
        match self {
            Memory::Anonymous => UFFD_FEATURE_PAGEFAULT_FLAG_WP,
            _ => UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
        }
    }

    /// The features that missing faults of this kind need.
    pub fn missing_features(self) -> u64 {
        match self {
            Memory::Anonymous => 0,
            Memory::Shmem => UFFD_FEATURE_MISSING_SHMEM,
            Memory::Hugetlb => UFFD_FEATURE_MISSING_HUGETLBFS,
        }
    }
}

static MAPPING: Mutex<()> = Mutex::new(());

/// The size of an ordinary page.
pub fn page_size() -> usize {
    // SAFETY: takes a number, touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

struct Mapping {
    start: usize,
    len: usize,
    page: usize,
    /// What is mapped, if it is not anonymous.
    file: Option<File>,
    /// After the mapping, so that the pages are free when they are given back.
    _huge: Option<HugePages>,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this struct's own, and nobody holds it now.
        unsafe { libc::munmap(self.start as *mut c_void, self.len) };
    }
}

/// A mapped range of whole pages. Clones share it; the last one unmaps it, so
/// a thread that still waits in it is safe.
#[derive(Clone)]
pub struct Region(Arc<Mapping>);

impl Region {
    /// Maps new memory, with no page in it yet. Forked children do not inherit
    /// it: one test's fork must not disturb another test.
    pub fn map(memory: Memory, pages: usize) -> Result<Region, Skip> {
        let region = Region::map_inherited(memory, pages)?;
        region
            .advise(0..pages, libc::MADV_DONTFORK)
            .expect("MADV_DONTFORK");
        Ok(region)
    }

    /// Maps new memory that a forked child has too.
    pub fn map_inherited(memory: Memory, pages: usize) -> Result<Region, Skip> {
        // Between seeing that huge pages are free and mapping them, no other
        // test may take them.
        let _one_at_a_time = MAPPING.lock().unwrap_or_else(PoisonError::into_inner);
        let (page, flags, huge) = match memory {
            Memory::Anonymous => {
                let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
                return Ok(Region::new(page_size(), pages, RW, anonymous, None, None));
            }
            Memory::Shmem => (page_size(), 0, None),
            Memory::Hugetlb => {
                let huge = HugePages::reserve(pages)?;
                (HugePages::size()?, libc::MFD_HUGETLB, Some(huge))
            }
        };
        let flags = flags | libc::MFD_CLOEXEC;
        // SAFETY: the name is a C string; the call makes a new descriptor.
        let fd = call(|| unsafe { libc::memfd_create(c"uffd-sys".as_ptr(), flags) });
        // SAFETY: the descriptor is new, so nobody else owns it.
        let file = unsafe { File::from_raw_fd(fd.expect("memfd_create")) };
        file.set_len((page * pages) as u64).expect("ftruncate");
        Ok(Region::new(
            page,
            pages,
            RW,
            libc::MAP_SHARED,
            Some(file),
            huge,
        ))
    }

    /// Maps one page of a file that exists, privately.
    pub fn map_file(file: File) -> Region {
        Region::new(page_size(), 1, RW, libc::MAP_PRIVATE, Some(file), None)
    }

    /// Maps one page of a file that was opened for reading, shared.
    pub fn map_read_only(file: File) -> Region {
        Region::new(
            page_size(),
            1,
            libc::PROT_READ,
            libc::MAP_SHARED,
            Some(file),
            None,
        )
    }

    /// A second mapping of the same memfd: the same memory, elsewhere.
    pub fn map_again(&self) -> Region {
        let file = self.file().try_clone().expect("dup");
        let again = Region::new(
            self.0.page,
            self.pages(),
            RW,
            libc::MAP_SHARED,
            Some(file),
            None,
        );
        again
            .advise(0..self.pages(), libc::MADV_DONTFORK)
            .expect("MADV_DONTFORK");
        again
    }

    fn new(
        page: usize,
        pages: usize,
        prot: c_int,
        flags: c_int,
        file: Option<File>,
        huge: Option<HugePages>,
    ) -> Region {
        let len = page * pages;
        let fd = file.as_ref().map_or(-1, |file| file.as_raw_fd());
        // SAFETY: the kernel chooses an address where nothing is.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, flags, fd, 0) };
        assert_ne!(
            start,
            libc::MAP_FAILED,
            "mmap: {}",
            std::io::Error::last_os_error()
        );
        Region(Arc::new(Mapping {
            start: start as usize,
            len,
            page,
            file,
            _huge: huge,
        }))
    }

    pub fn page_size(&self) -> u64 {
        self.0.page as u64
    }

    pub fn pages(&self) -> usize {
        self.0.len / self.0.page
    }

    /// The memfd behind it.
    pub fn file(&self) -> &File {
        self.0.file.as_ref().expect("anonymous memory has no file")
    }

    /// Where page `page` begins.
    pub fn address(&self, page: usize) -> u64 {
        (self.0.start + page * self.0.page) as u64
    }

    /// Some pages, as the ioctls name them.
    pub fn range(&self, pages: Range<usize>) -> uffdio_range {
        assert!(pages.start <= pages.end && pages.end <= self.pages());
        let start = self.address(pages.start);
        uffdio_range {
            start,
            len: self.address(pages.end) - start,
        }
    }

    /// One page.
    pub fn page(&self, page: usize) -> uffdio_range {
        self.range(page..page + 1)
    }

    /// All pages.
    pub fn all(&self) -> uffdio_range {
        self.range(0..self.pages())
    }

    fn pointer(&self, page: usize, offset: usize) -> *mut u8 {
        assert!(page < self.pages() && offset < self.0.page);
        (self.0.start + page * self.0.page + offset) as *mut u8
    }

    /// The first byte of a page. May fault, as all of the following may.
    pub fn read(&self, page: usize) -> u8 {
        // SAFETY: inside the mapping, which lives as long as `self`.
        unsafe { self.pointer(page, 0).read_volatile() }
    }

    /// Sets the first byte of a page.
    pub fn write(&self, page: usize, value: u8) {
        self.write_at(page, 0, value);
    }

    /// Sets one byte of a page.
    pub fn write_at(&self, page: usize, offset: usize, value: u8) {
        // SAFETY: inside the mapping, which lives as long as `self`.
        unsafe { self.pointer(page, offset).write_volatile(value) }
    }

    /// Brings in all pages; the first byte of page n is n + 1.
    pub fn populate(&self) {
        for page in 0..self.pages() {
            self.write(page, page as u8 + 1);
        }
    }

    /// [`Region::read`] in a thread of its own.
    pub fn read_in_background(&self, page: usize) -> Background<u8> {
        let region = self.clone();
        in_background(move || region.read(page))
    }

    /// [`Region::write`] in a thread of its own.
    pub fn write_in_background(&self, page: usize, value: u8) -> Background<()> {
        let region = self.clone();
        in_background(move || region.write(page, value))
    }

    /// madvise(2).
    pub fn advise(&self, pages: Range<usize>, advice: c_int) -> Result<(), Errno> {
        let range = self.range(pages);
        // SAFETY: the memory is this region's own, and only touched by the byte.
        call(|| unsafe { libc::madvise(range.start as *mut c_void, range.len as usize, advice) })
            .map(|_| ())
    }

    /// mprotect(2) of the whole.
    pub fn mprotect(&self, prot: c_int) {
        // SAFETY: the memory is this region's own.
        let result =
            call(|| unsafe { libc::mprotect(self.0.start as *mut c_void, self.0.len, prot) });
        result.expect("mprotect");
    }

    /// mmap(2) with MAP_FIXED over the whole: fresh anonymous memory.
    pub fn replace(&self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let start = self.0.start as *mut c_void;
        // SAFETY: what is replaced is this region's own.
        let mapped = unsafe { libc::mmap(start, self.0.len, RW, flags, -1, 0) };
        assert_eq!(mapped, start, "mmap with MAP_FIXED");
    }

    /// mremap(2) onto `target`, which must be as long: the pages are then
    /// found there.
    pub fn move_onto(self, target: Region) -> Region {
        assert_eq!(self.0.len, target.0.len);
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let (from, to) = (self.0.start as *mut c_void, target.0.start as *mut c_void);
        // SAFETY: both ranges are regions of this test.
        let moved = unsafe { libc::mremap(from, self.0.len, self.0.len, flags, to) };
        assert_eq!(moved, to, "mremap: {}", std::io::Error::last_os_error());
        // The kernel unmapped the old place; somebody else may be there by now.
        std::mem::forget(self);
        target
    }
}

/// A page with nothing mapped. It is the lowest of a large hole that the kernel
/// fills from the top, so other threads do not map there meanwhile.
pub fn unmapped_page() -> uffdio_range {
    let hole: usize = if usize::BITS == 64 {
        64 << 30
    } else {
        256 << 20
    };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: the kernel chooses an address where nothing is.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), hole, libc::PROT_NONE, flags, -1, 0) };
    assert_ne!(
        start,
        libc::MAP_FAILED,
        "mmap: {}",
        std::io::Error::last_os_error()
    );
    // SAFETY: the mapping was made above and nobody knows it.
    assert_eq!(unsafe { libc::munmap(start, hole) }, 0);
    uffdio_range {
        start: start as u64,
        len: page_size() as u64,
    }
}
