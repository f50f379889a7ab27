//! PAGEMAP_SCAN of a whole range.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

use uffd_sys::{page_region, pagemap_scan, pm_scan_arg, uffdio_range};

use crate::uffd::check;

/// How many regions one PAGEMAP_SCAN may report.
pub const ROOM: usize = 4096;

/// Scans a range, through a buffer.
pub fn scan_all(
    pagemap: &File,
    range: uffdio_range,
    buffer: &mut [page_region],
    flags: u64,
    category: u64,
    mut each: impl FnMut(&[page_region]) -> io::Result<()>,
) -> io::Result<()> {
    let mut arg = pm_scan_arg {
        size: size_of::<pm_scan_arg>() as u64,
        flags,
        start: range.start,
        end: range.start + range.len,
        vec: buffer.as_mut_ptr() as u64,
        vec_len: buffer.len() as u64,
        category_mask: category,
        return_mask: category,
        ..Default::default()
    };
    while arg.start < arg.end {
        // SAFETY: `vec` is as long as `vec_len` says.
        let n = check(
            unsafe { pagemap_scan(pagemap.as_raw_fd(), &mut arg) },
            "PAGEMAP_SCAN",
        )?;
        each(&buffer[..n as usize])?;
        arg.start = arg.walk_end;
    }
    Ok(())
}
