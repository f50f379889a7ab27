//! RWP_ASYNC and PAGEMAP_SCAN (Linux 7.3): finds the pages that were touched
//! at all, read or written. With a workload that only writes, these are the
//! dirty ones. Our own reads must go through another mapping.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use uffd_sys::*;

use super::support::{check, Memory, Uffd};
use super::trackers::{Dirty, Tracker};

pub struct Rwp {
    memory: Arc<Memory>,
    pagemap: File,
    uffd: Uffd,
}

impl Rwp {
    pub fn start(memory: Arc<Memory>) -> io::Result<Rwp> {
        let features = [(
            UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC,
            "RWP_ASYNC (since Linux 7.3): use --method async or sync",
        )];
        let uffd = Uffd::open(0, &features)?;
        uffd.register(memory.all(), UFFDIO_REGISTER_MODE_RWP)?;
        let rwp = Rwp {
            memory,
            pagemap: File::open("/proc/self/pagemap")?,
            uffd,
        };
        rwp.protect(rwp.memory.all())?;
        Ok(rwp)
    }

    fn protect(&self, range: uffdio_range) -> io::Result<()> {
        let mut arg = uffdio_rwprotect {
            range,
            mode: UFFDIO_RWPROTECT_MODE_RWP,
            ..Default::default()
        };
        // SAFETY: `arg` is ours.
        check(
            unsafe { uffdio_rwprotect(self.uffd.fd(), &mut arg) },
            "UFFDIO_RWPROTECT",
        )
        .map(|_| ())
    }
}

impl Tracker for Rwp {
    fn collect(&mut self, dirty: &mut Dirty) -> io::Result<()> {
        let all = self.memory.all();
        let mut arg = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            start: all.start,
            end: all.start + all.len,
            category_mask: PAGE_IS_ACCESSED,
            return_mask: PAGE_IS_ACCESSED,
            ..Default::default()
        };
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
        // A scan cannot protect with RWP. What is touched between the two
        // calls is in a page that is reported already, or stays for the next.
        for region in &dirty.regions {
            self.protect(uffdio_range {
                start: region.start,
                len: region.end - region.start,
            })?;
        }
        Ok(())
    }
}
