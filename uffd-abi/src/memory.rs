//! Memory of each kind that can or cannot be registered.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;

use rustix::fs;
use rustix::io::Errno;
use uffd_sys as sys;

use crate::uffd::{errno, errno_name};

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Private and anonymous.
    Anonymous,
    /// Shared and anonymous, which is shmem.
    SharedShmem,
    /// A private mapping of shmem.
    PrivateShmem,
    /// A shared mapping of a memfd.
    Memfd,
    /// hugetlbfs, private and anonymous.
    Hugetlb,
    /// A file of a real file system: this program's own.
    File,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [
        Kind::Anonymous,
        Kind::PrivateShmem,
        Kind::SharedShmem,
        Kind::Memfd,
        Kind::Hugetlb,
        Kind::File,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Anonymous => "anonymous",
            Kind::PrivateShmem => "shmem, private",
            Kind::SharedShmem => "shmem, shared",
            Kind::Memfd => "memfd",
            Kind::Hugetlb => "hugetlb",
            Kind::File => "file",
        }
    }

    /// Maps a page of it.
    ///
    /// # Errors
    ///
    /// Why there is none here.
    pub fn map(self) -> Result<Mapping, String> {
        let (private, shared) = (libc::MAP_PRIVATE, libc::MAP_SHARED);
        match self {
            Kind::Anonymous => Mapping::new(page_size(), private | libc::MAP_ANONYMOUS, None),
            Kind::SharedShmem => Mapping::new(page_size(), shared | libc::MAP_ANONYMOUS, None),
            Kind::PrivateShmem => Mapping::new(page_size(), private, Some(&memfd()?)),
            Kind::Memfd => Mapping::new(page_size(), shared, Some(&memfd()?)),
            // NORESERVE: registering needs the mapping, not a free huge page.
            Kind::Hugetlb => Mapping::new(
                huge_page_size()?,
                private | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | libc::MAP_NORESERVE,
                None,
            ),
            Kind::File => {
                let file = own_file()?;
                Mapping::new(page_size(), private, Some(&file.into()))
            }
        }
    }
}

/// Bytes of a page.
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// A message about a call that failed.
fn failed(call: &str) -> impl FnOnce(Errno) -> String + '_ {
    move |errno| format!("{call}: {}", errno_name(errno.raw_os_error()))
}

fn memfd() -> Result<OwnedFd, String> {
    let fd = fs::memfd_create(c"uffd-abi", fs::MemfdFlags::CLOEXEC)
        .map_err(failed("memfd_create(2)"))?;
    fs::ftruncate(&fd, page_size() as u64).map_err(failed("ftruncate(2)"))?;
    Ok(fd)
}

fn huge_page_size() -> Result<usize, String> {
    let meminfo = std::fs::read_to_string("/proc/meminfo")
        .map_err(|error| format!("/proc/meminfo, which has the size of huge pages: {error}"))?;
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("Hugepagesize:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<usize>().ok())
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| "this kernel has no hugetlbfs".to_owned())
}

/// This program's file, if it is on a file system with files of its own:
/// a file on tmpfs is shmem.
fn own_file() -> Result<File, String> {
    let path = std::env::current_exe().map_err(|error| format!("own file: {error}"))?;
    let file = File::open(&path).map_err(|error| format!("own file: {error}"))?;
    let info = fs::fstatfs(&file).map_err(failed("fstatfs(2)"))?;
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    match info.f_type as u64 & 0xffff_ffff {
        TMPFS => Err("own file is on tmpfs, which is shmem".to_owned()),
        RAMFS => Err("own file is on ramfs, not on a disk".to_owned()),
        _ => Ok(file),
    }
}

/// A mapping, unmapped when dropped.
#[derive(Debug)]
pub struct Mapping {
    start: *mut libc::c_void,
    len: usize,
}

impl Mapping {
    /// Readable and writable memory.
    ///
    /// # Errors
    ///
    /// That of mmap(2).
    pub fn new(len: usize, flags: i32, fd: Option<&OwnedFd>) -> Result<Mapping, String> {
        Mapping::with(len, libc::PROT_READ | libc::PROT_WRITE, flags, fd)
    }

    /// A page that may not be touched: a bad pointer for sure.
    ///
    /// # Errors
    ///
    /// That of mmap(2).
    pub fn forbidden() -> Result<Mapping, String> {
        Mapping::with(
            page_size(),
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            None,
        )
    }

    fn with(len: usize, prot: i32, flags: i32, fd: Option<&OwnedFd>) -> Result<Mapping, String> {
        let fd = fd.map_or(-1, AsRawFd::as_raw_fd);
        // SAFETY: a new mapping at an address that the kernel chooses.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, prot, flags, fd, 0) };
        if start == libc::MAP_FAILED {
            return Err(format!("mmap(2): {}", errno_name(errno())));
        }
        Ok(Mapping { start, len })
    }

    /// Its first byte.
    pub fn start(&self) -> *mut u8 {
        self.start.cast()
    }

    /// The whole, as ioctls want it.
    pub fn range(&self) -> sys::uffdio_range {
        sys::uffdio_range {
            start: self.start as u64,
            len: self.len as u64,
        }
    }

    /// Registers the whole and answers the ioctls that it has.
    ///
    /// # Errors
    ///
    /// The errno.
    pub fn register(&self, fd: &OwnedFd, mode: u64) -> Result<u64, i32> {
        let mut register = sys::uffdio_register {
            range: self.range(),
            mode,
            ioctls: 0,
        };
        // SAFETY: `register` may be read and written. The memory is our own
        // mapping, which no Rust value lives in.
        match unsafe { sys::uffdio_register(fd.as_raw_fd(), &mut register) } {
            0 => Ok(register.ioctls),
            _ => Err(errno()),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which nothing uses any more.
        unsafe { libc::munmap(self.start, self.len) };
    }
}
