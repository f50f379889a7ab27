//! /proc/self/pagemap: what is mapped at an address, and PAGEMAP_SCAN.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::io::AsRawFd;

use libc::c_int;
use uffd_sys::{page_region, pagemap_scan, pm_scan_arg};

use crate::errno::errno;
use crate::pages::page_size;
use crate::verdict::{need_file, Verdict};

pub use uffd_sys::{
    PAGEMAP_FILE as FILE, PAGEMAP_PRESENT as PRESENT, PAGEMAP_SOFT_DIRTY as SOFT_DIRTY,
    PAGEMAP_SWAPPED as SWAPPED, PAGEMAP_UFFD_WP as PROTECTED,
};

/// This process's page map.
#[derive(Debug)]
pub struct Pagemap(File);

impl Pagemap {
    /// Opens it.
    pub fn open() -> Result<Pagemap, Verdict> {
        let file = File::open("/proc/self/pagemap");
        need_file("/proc/self/pagemap", file).map(Pagemap)
    }

    /// The descriptor.
    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    /// The entries of so many ordinary pages from an address on.
    pub fn entries(&self, addr: usize, pages: usize) -> Result<Vec<u64>, Verdict> {
        let mut bytes = vec![0; pages * 8];
        let offset = (addr / page_size()) as u64 * 8;
        let read = self.0.read_exact_at(&mut bytes, offset);
        need_file("/proc/self/pagemap", read)?;
        let entry = |b: &[u8]| u64::from_ne_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
        Ok(bytes.chunks(8).map(entry).collect())
    }

    /// PAGEMAP_SCAN as the argument says: what it returned, or the errno.
    /// `vec` must have room for `vec_len`, or be none, or be one that the
    /// kernel is to refuse.
    pub fn scan(&self, arg: &mut pm_scan_arg) -> Result<usize, c_int> {
        // SAFETY: `arg` lives through the call; of its `vec` see above.
        match unsafe { pagemap_scan(self.fd(), arg) } {
            -1 => Err(errno()),
            n => Ok(n as usize),
        }
    }

    /// PAGEMAP_SCAN with room for so many runs, without `vec` for none: the
    /// runs it reported, or the errno.
    pub fn runs(&self, arg: &mut pm_scan_arg, room: usize) -> Result<Vec<page_region>, c_int> {
        let mut vec = vec![page_region::default(); room];
        arg.vec = if room > 0 { vec.as_mut_ptr() as u64 } else { 0 };
        arg.vec_len = room as u64;
        let found = self.scan(arg);
        arg.vec = 0;
        vec.truncate(found?);
        Ok(vec)
    }
}

/// The argument for a range of addresses: pages with all of `mask` are wanted,
/// and those of `mask` that each has are reported.
pub fn wanting(start: usize, len: usize, mask: u64) -> pm_scan_arg {
    pm_scan_arg {
        size: std::mem::size_of::<pm_scan_arg>() as u64,
        start: start as u64,
        end: (start + len) as u64,
        category_mask: mask,
        return_mask: mask,
        ..pm_scan_arg::default()
    }
}
