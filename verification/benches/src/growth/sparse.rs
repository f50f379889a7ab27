//! A mapping that is far larger than memory, with a page here and there.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::time::Instant;

use uffd_kit::random::Random;
use uffd_sys::*;

use crate::memory::Pages;
use crate::tracking::methods::Method;
use crate::tracking::scan::ROOM;
use crate::uffd::{check, Uffd};

/// Bytes that one table of the lowest level maps.
const TABLE: usize = 2 << 20;

/// Memory that need not be there.
struct Reserved(uffdio_range);

impl Reserved {
    fn map(len: usize) -> io::Result<Reserved> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, where the kernel finds room.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let region = Reserved(uffdio_range {
            start: start as u64,
            len: len as u64,
        });
        let advice = libc::MADV_NOHUGEPAGE;
        // SAFETY: our mapping.
        check(unsafe { libc::madvise(start, len, advice) }, "madvise").map(|_| region)
    }

    fn write(&self, page: usize, value: u8) {
        assert!((page as u64) < self.0.len / 4096);
        // SAFETY: inside the mapping, as was just checked.
        unsafe { ((self.0.start + page as u64 * 4096) as *mut u8).write_volatile(value) }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.0.start as *mut libc::c_void, self.0.len as usize) };
    }
}

/// The memory of this process's page tables, in bytes.
fn page_tables() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// Collects the changes of a mapping with one page in every so many tables: what had to
/// be done, and the nanoseconds that it took, when nothing was written and when a tenth.
///
/// For PAGE_IS_WRITTEN alone, a page that is not there counts as written, and protecting
/// it takes a marker: 2 GiB of page tables for 1 TiB. So this asks for written pages that
/// are present or swapped.
pub fn collect(bytes: usize, every: usize) -> io::Result<Vec<(String, [f64; 4], f64)>> {
    let region = Reserved::map(bytes)?;
    let mut random = Random::new(bytes as u64);
    let start = region.0.start.next_multiple_of(TABLE as u64) as usize / 4096;
    let first = start - region.0.start as usize / 4096;
    let pages: Vec<usize> = (0..bytes / TABLE - 1)
        .step_by(every)
        .map(|table| first + table * 512 + random.below(512))
        .collect();
    let uffd = Uffd::with(0, Method::Async.features(Pages::Small))?;
    uffd.register(region.0, UFFDIO_REGISTER_MODE_WP)?;
    let pagemap = std::fs::File::open("/proc/self/pagemap")?;
    let mut buffer = vec![page_region::default(); ROOM];
    let before = page_tables();
    let mut points = Vec::new();
    for (epoch, step) in [1, usize::MAX, 10, usize::MAX, 10, 10]
        .into_iter()
        .enumerate()
    {
        let skipped = if step == usize::MAX {
            pages.len()
        } else {
            epoch
        };
        let skipped = if epoch == 0 { 0 } else { skipped };
        let written: Vec<usize> = pages.iter().copied().skip(skipped).step_by(step).collect();
        written
            .iter()
            .for_each(|&page| region.write(page, epoch as u8 + 1));
        let (mut found, begin) = (Vec::new(), Instant::now());
        let mut arg = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
            start: region.0.start,
            end: region.0.start + region.0.len,
            vec: buffer.as_mut_ptr() as u64,
            vec_len: buffer.len() as u64,
            category_mask: PAGE_IS_WRITTEN,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            return_mask: PAGE_IS_WRITTEN,
            ..Default::default()
        };
        while arg.start < arg.end {
            // SAFETY: `vec` is as long as `vec_len` says.
            let n = unsafe { pagemap_scan(pagemap.as_raw_fd(), &mut arg) };
            let n = check(n, "PAGEMAP_SCAN")? as usize;
            found.extend_from_slice(&buffer[..n]);
            arg.start = arg.walk_end;
        }
        let time = begin.elapsed().as_nanos() as f64;
        let starts = written
            .iter()
            .map(|&page| region.0.start + page as u64 * 4096);
        let exactly = found.iter().map(|r| r.start).eq(starts)
            && found.iter().all(|r| r.end - r.start == 4096);
        assert!(
            exactly,
            "{} pages were written, {} found",
            written.len(),
            found.len()
        );
        let count = written.len() as f64;
        let (entries, empty) = (pages.len() * 512, bytes / TABLE - pages.len());
        let terms = [1.0, entries as f64, count, empty as f64];
        // The first two of each kind warmed up.
        if epoch > 2 {
            let what = if written.is_empty() {
                "idle"
            } else {
                "10 % written"
            };
            points.push((what.to_string(), terms, time));
        }
    }
    let tables = page_tables().saturating_sub(before);
    let expected = (pages.len() * 4096 + bytes / (TABLE * 512) * 4096 + (1 << 20)) as u64;
    assert!(
        tables <= 2 * expected,
        "page tables of {tables} bytes: markers"
    );
    points.pop();
    Ok(points)
}
