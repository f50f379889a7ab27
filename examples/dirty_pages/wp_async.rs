//! WP_ASYNC and PAGEMAP_SCAN: the kernel lifts the protection itself when a
//! page is written, and tells later. The writer never waits for us.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use uffd_sys::*;

use super::support::{check, Memory, Uffd};
use super::trackers::{Dirty, Tracker};

pub struct WpAsync {
    memory: Arc<Memory>,
    pagemap: File,
    /// The tracking ends when it is closed.
    _uffd: Uffd,
}

impl WpAsync {
    pub fn start(memory: Arc<Memory>) -> io::Result<WpAsync> {
        let features = [(
            UFFD_FEATURE_WP_ASYNC,
            "WP_ASYNC (since Linux 6.7): use --method sync",
        )];
        let uffd = Uffd::open(0, &features)?;
        uffd.register(memory.all(), UFFDIO_REGISTER_MODE_WP)?;
        // With WP_ASYNC, pages that are not there yet are protected too.
        uffd.write_protect(memory.all(), UFFDIO_WRITEPROTECT_MODE_WP)?;
        Ok(WpAsync {
            memory,
            pagemap: File::open("/proc/self/pagemap")?,
            _uffd: uffd,
        })
    }
}

impl Tracker for WpAsync {
    fn collect(&mut self, dirty: &mut Dirty) -> io::Result<()> {
        let all = self.memory.all();
        let mut arg = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            // Protects what it reports, atomically for each page; and refuses
            // memory whose writes are not tracked.
            flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
            start: all.start,
            end: all.start + all.len,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            // No `max_pages`: within a huge page of hugetlbfs it loses pages.
            ..Default::default()
        };
        // The regions are written where they stay: into the vector's room. A
        // full array ends the scan early; it goes on where it stopped.
        while arg.start < arg.end {
            let room = dirty.regions.spare_capacity_mut();
            assert!(!room.is_empty(), "more regions than every other page");
            (arg.vec, arg.vec_len) = (room.as_mut_ptr() as u64, room.len() as u64);
            // SAFETY: the room is as long as `vec_len` says.
            let n = check(
                unsafe { pagemap_scan(self.pagemap.as_raw_fd(), &mut arg) },
                "PAGEMAP_SCAN",
            )?;
            // SAFETY: the kernel filled so many more.
            unsafe { dirty.regions.set_len(dirty.regions.len() + n as usize) };
            arg.start = arg.walk_end;
        }
        Ok(())
    }
}
