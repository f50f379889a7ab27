//! mmap(2) and its relatives by plain addresses.

use libc::{c_int, c_void};

use crate::verdict::{need, Outcome, Verdict};

/// Readable and writable.
pub const RW: c_int = libc::PROT_READ | libc::PROT_WRITE;
/// Private, anonymous memory.
pub const ANONYMOUS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// mmap(2). With MAP_FIXED in `flags` the range must be the caller's own.
pub fn map(
    addr: usize,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
) -> Result<usize, Verdict> {
    map_at(addr, len, prot, flags, fd, 0)
}

/// As [`map`], from an offset of the file on.
pub fn map_at(
    addr: usize,
    len: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: usize,
) -> Result<usize, Verdict> {
    let offset = offset as libc::off_t;
    // SAFETY: without MAP_FIXED the kernel chooses free memory; with it, the
    // callers pass ranges that they reserved.
    let result = unsafe { libc::mmap(addr as *mut c_void, len, prot, flags, fd, offset) };
    let what = match flags & libc::MAP_HUGETLB {
        0 => "mmap",
        _ => "mmap of huge pages",
    };
    let failed = result == libc::MAP_FAILED;
    need(what, if failed { -1 } else { 0 })?;
    Ok(result as usize)
}

/// Addresses that nothing else will be mapped at, without access.
pub fn reserve(len: usize) -> Result<usize, Verdict> {
    map(0, len, libc::PROT_NONE, ANONYMOUS | libc::MAP_NORESERVE, -1)
}

/// Takes access and contents from a range that the caller owns, and keeps the
/// addresses reserved.
pub fn vacate(addr: usize, len: usize) -> Outcome {
    let flags = ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    map(addr, len, libc::PROT_NONE, flags, -1).map(|_| ())
}

/// madvise(2) of memory that the caller mapped.
pub fn madvise(addr: usize, len: usize, advice: c_int) -> Outcome {
    // SAFETY: the callers pass memory of their own, in which no Rust object lies.
    need("madvise", unsafe {
        libc::madvise(addr as *mut c_void, len, advice)
    })
    .map(|_| ())
}

/// mprotect(2) of memory that the caller mapped.
pub fn mprotect(addr: usize, len: usize, prot: c_int) -> Outcome {
    // SAFETY: as in `madvise`.
    need("mprotect", unsafe {
        libc::mprotect(addr as *mut c_void, len, prot)
    })
    .map(|_| ())
}

/// munmap(2) of memory that the caller mapped. May wait for a reader of the
/// unmap event.
pub fn munmap(addr: usize, len: usize) -> Outcome {
    // SAFETY: as in `madvise`.
    need("munmap", unsafe { libc::munmap(addr as *mut c_void, len) }).map(|_| ())
}

/// mremap(2) of one range of the caller's onto another.
pub fn mremap_onto(from: usize, len: usize, to: usize) -> Outcome {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: as in `madvise`.
    let at = unsafe { libc::mremap(from as *mut c_void, len, len, flags, to as *mut c_void) };
    need("mremap", if at == libc::MAP_FAILED { -1 } else { 0 }).map(|_| ())
}

/// Reads a byte. May wait for the fault to be resolved, or raise a signal.
pub fn read(addr: usize) -> u8 {
    // SAFETY: the callers pass addresses of mapped memory that holds no Rust
    // object, or expect the signal.
    unsafe { (addr as *const u8).read_volatile() }
}

/// Writes a byte. May wait for the fault to be resolved, or raise a signal.
pub fn write(addr: usize, byte: u8) {
    // SAFETY: as in `read`.
    unsafe { (addr as *mut u8).write_volatile(byte) }
}

/// Reads an aligned word, as [`read()`].
pub fn read_word(addr: usize) -> u64 {
    // SAFETY: as in `read`.
    unsafe { (addr as *const u64).read_volatile() }
}

/// Writes an aligned word, as [`write()`].
pub fn write_word(addr: usize, word: u64) {
    // SAFETY: as in `read`.
    unsafe { (addr as *mut u64).write_volatile(word) }
}
