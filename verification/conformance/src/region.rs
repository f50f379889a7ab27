//! Memory of every kind.

use std::ffi::CString;

use libc::{c_int, c_void};

use crate::case::{Outcome, Stop};
use crate::machine::Machine;
use crate::sys::{errno, errno_name, need};

/// The kinds of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Private and anonymous.
    Anon,
    /// The same, aligned for and advised to be transparent huge pages; its
    /// `page` is nevertheless the small one.
    Thp,
    /// A memfd, shared: shmem.
    Shmem,
    /// A memfd, private.
    PrivateShmem,
    /// Huge pages, private and anonymous.
    Hugetlb,
    /// A memfd of huge pages, shared.
    SharedHugetlb,
    /// A file of a file system that is not shmem (ramfs), shared.
    File,
}

impl Memory {
    fn is_huge(self) -> bool {
        matches!(self, Memory::Hugetlb | Memory::SharedHugetlb)
    }
}

/// A mapping, with inaccessible memory on both sides so that nothing joins it
/// with its neighbours. Nothing in it is populated.
#[derive(Debug)]
pub struct Region {
    /// Its address.
    pub addr: usize,
    /// Bytes.
    pub len: usize,
    /// Bytes of a page of its kind.
    pub page: usize,
    /// What it is made of.
    pub memory: Memory,
    /// The file behind it.
    pub fd: Option<c_int>,
}

const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;

impl Region {
    /// Maps so many pages, readable and writable.
    pub fn new(machine: &Machine, memory: Memory, pages: usize) -> Result<Region, Stop> {
        let page = if memory.is_huge() {
            machine.huge_page
        } else {
            machine.page
        };
        if page == 0 {
            return Err(Stop::Cannot("no huge pages on this kernel".to_owned()));
        }
        let (len, fd) = (page * pages, file(memory, page * pages)?);
        let align = if memory == Memory::Thp {
            machine.huge_page.max(page)
        } else {
            page
        };
        let flags = match memory {
            Memory::Anon | Memory::Thp => libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            Memory::Hugetlb => libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB,
            Memory::PrivateShmem => libc::MAP_PRIVATE,
            Memory::Shmem | Memory::SharedHugetlb | Memory::File => libc::MAP_SHARED,
        };
        let around_len = len + 2 * align;
        let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let around = map(0, around_len, libc::PROT_NONE, none, -1)?;
        let addr = (around + machine.page + align - 1) / align * align;
        map(addr, len, RW, flags | libc::MAP_FIXED, fd.unwrap_or(-1))?;
        if memory == Memory::Thp {
            // SAFETY: the range is the mapping just made.
            let result = unsafe { libc::madvise(addr as *mut c_void, len, libc::MADV_HUGEPAGE) };
            need("MADV_HUGEPAGE", result)?;
        }
        Ok(Region {
            addr,
            len,
            page,
            memory,
            fd,
        })
    }

    /// Pages of anonymous memory, page n filled with bytes of `first + n`.
    pub fn source(machine: &Machine, pages: usize, first: u8) -> Result<Region, Stop> {
        let region = Region::new(machine, Memory::Anon, pages)?;
        region.fill(first);
        Ok(region)
    }

    /// A second, shared mapping of the same file. Not registered, so it
    /// reaches the page cache without faults of the first.
    pub fn alias(&self, _: &Machine) -> Result<Region, Stop> {
        let fd = match self.fd {
            Some(fd) => fd,
            None => return Err(Stop::Cannot("no file behind this memory".to_owned())),
        };
        let addr = map(0, self.len, RW, libc::MAP_SHARED, fd)?;
        Ok(Region {
            addr,
            fd: None,
            ..*self
        })
    }

    /// The address of page `n`; of the end, or beyond, too.
    pub fn at(&self, n: usize) -> usize {
        self.addr + n * self.page
    }

    /// How many pages it has.
    pub fn pages(&self) -> usize {
        self.len / self.page
    }

    /// Writes to all of page n bytes of `first + n`.
    pub fn fill(&self, first: u8) {
        for n in 0..self.pages() {
            self.fill_page(n, first.wrapping_add(n as u8));
        }
    }

    /// Writes this byte to all of page `n`.
    pub fn fill_page(&self, n: usize, byte: u8) {
        // SAFETY: the page is part of this mapping, and nobody holds a
        // reference into it.
        unsafe { std::ptr::write_bytes(self.at(n) as *mut u8, byte, self.page) }
    }

    /// The first byte of page `n`.
    pub fn read(&self, n: usize) -> u8 {
        read(self.at(n))
    }

    /// Writes the first byte of page `n`.
    pub fn write(&self, n: usize, byte: u8) {
        write(self.at(n), byte)
    }

    /// Every byte of page `n` must be this.
    pub fn holds(&self, n: usize, byte: u8) -> Outcome {
        // In words, as emulated processors are slow.
        let wanted = u64::from_ne_bytes([byte; 8]);
        for offset in (0..self.page).step_by(8) {
            // SAFETY: the word is part of this mapping, and aligned.
            let found = unsafe { ((self.at(n) + offset) as *const u64).read_volatile() };
            if found != wanted {
                let other = found
                    .to_ne_bytes()
                    .iter()
                    .position(|b| *b != byte)
                    .unwrap_or(0);
                let found = found.to_ne_bytes()[other];
                fail!(
                    "byte {} of page {} is {:#x}, not {:#x}",
                    offset + other,
                    n,
                    found,
                    byte
                );
            }
        }
        Ok(())
    }

    /// Are the pages in memory and mapped here? From /proc/self/pagemap: bit
    /// 63 (present) or 62 (swapped).
    pub fn is_mapped(&self, n: usize) -> Result<bool, Stop> {
        Ok(self.pagemap(n)? >> 62 != 0)
    }

    /// The entry of page `n` in /proc/self/pagemap.
    pub fn pagemap(&self, n: usize) -> Result<u64, Stop> {
        use std::os::unix::fs::FileExt;
        let cannot = |error| Stop::Cannot(format!("/proc/self/pagemap: {}", error));
        let file = std::fs::File::open("/proc/self/pagemap").map_err(cannot)?;
        let mut entry = [0; 8];
        let index = self.at(n) / crate::sys::page_size();
        file.read_exact_at(&mut entry, index as u64 * 8)
            .map_err(cannot)?;
        Ok(u64::from_ne_bytes(entry))
    }

    /// madvise(2) of whole pages.
    pub fn madvise(&self, n: usize, pages: usize, advice: c_int) -> Outcome {
        // SAFETY: the range is part of this mapping; nobody holds a reference
        // into it.
        let result = unsafe { libc::madvise(self.at(n) as *mut c_void, pages * self.page, advice) };
        need("madvise", result).map(|_| ())
    }

    /// mprotect(2) of whole pages.
    pub fn mprotect(&self, n: usize, pages: usize, protection: c_int) -> Outcome {
        // SAFETY: as in `madvise`.
        let result =
            unsafe { libc::mprotect(self.at(n) as *mut c_void, pages * self.page, protection) };
        need("mprotect", result).map(|_| ())
    }

    /// munmap(2) of whole pages: leaves a hole. May wait for a reader of the
    /// unmap event.
    pub fn munmap(&self, n: usize, pages: usize) -> Outcome {
        // SAFETY: as in `madvise`.
        let result = unsafe { libc::munmap(self.at(n) as *mut c_void, pages * self.page) };
        need("munmap", result).map(|_| ())
    }
}

/// The mapping goes with the case's process: unmapping here could wait for a
/// reader of events. Only the file is closed.
impl Drop for Region {
    fn drop(&mut self) {
        if let Some(fd) = self.fd {
            // SAFETY: the descriptor is this object's own.
            unsafe { libc::close(fd) };
        }
    }
}

/// Reads a byte. May wait for the fault to be resolved, or raise a signal.
pub fn read(addr: usize) -> u8 {
    // SAFETY: the cases pass addresses of mapped memory that holds no Rust
    // object, or expect the signal.
    unsafe { (addr as *const u8).read_volatile() }
}

/// Writes a byte. May wait for the fault to be resolved, or raise a signal.
pub fn write(addr: usize, byte: u8) {
    // SAFETY: as in `read`.
    unsafe { (addr as *mut u8).write_volatile(byte) }
}

/// mmap(2). With MAP_FIXED in `flags` the range must be the caller's own.
pub fn map(addr: usize, len: usize, prot: c_int, flags: c_int, fd: c_int) -> Result<usize, Stop> {
    // SAFETY: without MAP_FIXED the kernel chooses free memory; with it, the
    // callers pass ranges that they reserved.
    let result = unsafe { libc::mmap(addr as *mut c_void, len, prot, flags, fd, 0) };
    if result == libc::MAP_FAILED {
        let huge = if flags & libc::MAP_HUGETLB != 0 {
            " of huge pages"
        } else {
            ""
        };
        return Err(Stop::Cannot(format!(
            "mmap{}: {}",
            huge,
            errno_name(errno())
        )));
    }
    Ok(result as usize)
}

/// The file behind memory of this kind.
fn file(memory: Memory, len: usize) -> Result<Option<c_int>, Stop> {
    let fd = match memory {
        Memory::Anon | Memory::Thp | Memory::Hugetlb => return Ok(None),
        Memory::Shmem | Memory::PrivateShmem => memfd(libc::MFD_CLOEXEC)?,
        Memory::SharedHugetlb => memfd(libc::MFD_CLOEXEC | libc::MFD_HUGETLB)?,
        Memory::File => ramfs_file()?,
    };
    // SAFETY: plain numbers.
    need("ftruncate", unsafe {
        libc::ftruncate(fd, len as libc::off_t)
    })?;
    Ok(Some(fd))
}

fn memfd(flags: libc::c_uint) -> Result<c_int, Stop> {
    let name = b"uffd-conformance\0";
    // SAFETY: the name ends in zero. Not libc's function: old C libraries
    // lack it.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) };
    need("memfd_create", fd as i64).map(|fd| fd as c_int)
}

/// A nameless file on a ramfs that only this process sees.
fn ramfs_file() -> Result<c_int, Stop> {
    let c = |text: &str| CString::new(text).expect("no zero byte");
    let (ramfs, root, at, path) = (c("ramfs"), c("/"), c("/mnt"), c("/mnt/file"));
    let _ = std::fs::create_dir("/mnt");
    // SAFETY: every string ends in zero and lives through the calls.
    unsafe {
        need("unshare", libc::unshare(libc::CLONE_NEWNS))?;
        // In the initial file system of a virtual machine this answers
        // EINVAL, where nothing is shared anyway.
        let private = libc::MS_REC | libc::MS_PRIVATE;
        libc::mount(
            ramfs.as_ptr(),
            root.as_ptr(),
            ramfs.as_ptr(),
            private,
            std::ptr::null(),
        );
        need(
            "mounting a ramfs",
            libc::mount(
                ramfs.as_ptr(),
                at.as_ptr(),
                ramfs.as_ptr(),
                0,
                std::ptr::null(),
            ),
        )?;
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        let fd = need("a file on a ramfs", libc::open(path.as_ptr(), flags, 0o600))?;
        libc::unlink(path.as_ptr());
        libc::umount2(at.as_ptr(), libc::MNT_DETACH);
        Ok(fd as c_int)
    }
}
