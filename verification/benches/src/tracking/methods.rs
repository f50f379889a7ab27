//! The ways to learn which pages were written. Each is what a program would
//! do, with its own memory for the answer.

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use libc::{c_int, c_void};
use uffd_sys::*;

use super::others::{Compare, Rwp};
use super::scan::{scan_all, ROOM};
use super::sigsegv::Sigsegv;
use super::soft_dirty::SoftDirty;
use super::tracker::{Bitmap, Tracker};
use crate::memory::{Pages, Region};
use crate::uffd::{check, Uffd};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Sigsegv,
    Sync,
    Async,
    AsyncInC,
    /// The control.
    AsyncInCCopy,
    Rwp,
    SoftDirty,
    Compare,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Sigsegv => "mprotect + SIGSEGV",
            Method::Sync => "WP, handler thread",
            Method::Async => "WP_ASYNC + PAGEMAP_SCAN",
            Method::AsyncInC => "WP_ASYNC + PAGEMAP_SCAN, in C",
            Method::AsyncInCCopy => "WP_ASYNC + PAGEMAP_SCAN, in C, a copy",
            Method::Rwp => "RWP_ASYNC + PAGEMAP_SCAN",
            Method::SoftDirty => "soft-dirty",
            Method::Compare => "copy and compare",
        }
    }

    /// The features of userfaultfd that it needs.
    pub fn features(self, pages: Pages) -> u64 {
        let wp = UFFD_FEATURE_PAGEFAULT_FLAG_WP
            | if matches!(pages, Pages::Hugetlb | Pages::Shared) {
                UFFD_FEATURE_WP_HUGETLBFS_SHMEM
            } else {
                0
            };
        match self {
            Method::Sigsegv | Method::SoftDirty | Method::Compare => 0,
            Method::Sync => wp,
            Method::Async | Method::AsyncInC | Method::AsyncInCCopy => wp | UFFD_FEATURE_WP_ASYNC,
            Method::Rwp => UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC,
        }
    }

    /// Starts to track a region that is populated.
    pub fn start(self, region: &Arc<Region>, pages: Pages) -> io::Result<Box<dyn Tracker>> {
        let features = self.features(pages);
        Ok(match self {
            Method::Sigsegv => Box::new(Sigsegv::start(region)?),
            Method::SoftDirty => Box::new(SoftDirty::start(region)?),
            Method::Compare => Box::new(Compare::start(region)),
            Method::Sync => Box::new(Sync::start(region, features)?),
            Method::Async => Box::new(Async::start(region, features, true)?),
            Method::AsyncInC | Method::AsyncInCCopy => Box::new(AsyncInC {
                same: Async::start(region, features, false)?,
                armed: false,
                copy: self == Method::AsyncInCCopy,
            }),
            Method::Rwp => Box::new(Rwp::start(region, features)?),
        })
    }
}

/// A thread reads messages, notes the page and lifts its protection.
struct Sync {
    uffd: Arc<Uffd>,
    region: Arc<Region>,
    dirty: Arc<Bitmap>,
    /// A page of its own; the fault of a write to it ends the thread.
    bell: Region,
    handler: Option<JoinHandle<()>>,
}

impl Sync {
    fn start(region: &Arc<Region>, features: u64) -> io::Result<Sync> {
        let uffd = Arc::new(Uffd::with(0, features)?);
        let bell = Region::map(Pages::Small, 4096)?;
        bell.populate();
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
        uffd.register(bell.all(), UFFDIO_REGISTER_MODE_WP)?;
        uffd.write_protect(bell.all(), UFFDIO_WRITEPROTECT_MODE_WP)?;
        let dirty = Arc::new(Bitmap::new(region.pages()));
        let handler = {
            let (uffd, region, dirty) = (uffd.clone(), region.clone(), dirty.clone());
            std::thread::spawn(move || handle(&uffd, &region, &dirty))
        };
        Ok(Sync {
            uffd,
            region: region.clone(),
            dirty,
            bell,
            handler: Some(handler),
        })
    }
}

/// Answers until a fault outside of `region`, which is the bell's: a flag
/// could be seen before that fault came, and nobody would answer it.
fn handle(uffd: &Uffd, region: &Region, dirty: &Bitmap) {
    let mut msgs = [uffd_msg_bytes::default(); 64];
    let mut rung = false;
    while !rung {
        // SAFETY: room for 64 messages.
        let bytes = unsafe { uffd_read(uffd.fd(), msgs.as_mut_ptr().cast(), 64) };
        assert!(bytes > 0, "read: {}", io::Error::last_os_error());
        for msg in &msgs[..bytes as usize / size_of::<uffd_msg>()] {
            let address = msg.pagefault().expect("a fault").address;
            let offset = address.wrapping_sub(region.address(0)) as usize;
            let mut start = address & !4095;
            let mut len = 4096;
            if offset < region.len() {
                dirty.set(offset / region.page());
                start = region.address(offset / region.page());
                len = region.page() as u64;
            } else {
                rung = true;
            }
            let mut arg = uffdio_writeprotect {
                range: uffdio_range { start, len },
                mode: 0,
            };
            // SAFETY: `arg` is ours.
            let result = unsafe { uffdio_writeprotect(uffd.fd(), &mut arg) };
            assert_eq!(
                result,
                0,
                "UFFDIO_WRITEPROTECT: {}",
                io::Error::last_os_error()
            );
        }
    }
}

impl Tracker for Sync {
    fn arm(&mut self) -> io::Result<()> {
        self.uffd
            .write_protect(self.region.all(), UFFDIO_WRITEPROTECT_MODE_WP)
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        self.dirty.take(&self.region, found);
        Ok(())
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.bell.write(0, 2);
        self.handler.take().unwrap().join().unwrap();
    }
}

/// The kernel notes the writes; one call takes them and protects again.
pub struct Async {
    uffd: Uffd,
    region: Arc<Region>,
    pagemap: File,
    buffer: Vec<page_region>,
}

impl Async {
    pub fn start(region: &Arc<Region>, features: u64, arm: bool) -> io::Result<Async> {
        let uffd = Uffd::with(0, features)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
        if arm {
            uffd.write_protect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP)?;
        }
        let buffer = vec![page_region::default(); ROOM];
        Ok(Async {
            uffd,
            region: region.clone(),
            pagemap: File::open("/proc/self/pagemap")?,
            buffer,
        })
    }
}

/// How many bytes of a region are mapped by huge pages.
pub fn huge_bytes(region: &Region) -> io::Result<u64> {
    let (pagemap, mut buffer, mut bytes) = (
        File::open("/proc/self/pagemap")?,
        vec![page_region::default(); 512],
        0,
    );
    scan_all(
        &pagemap,
        region.all(),
        &mut buffer,
        0,
        PAGE_IS_HUGE,
        |regions| {
            bytes += regions.iter().map(|r| r.end - r.start).sum::<u64>();
            Ok(())
        },
    )?;
    Ok(bytes)
}

impl Tracker for Async {
    fn arm(&mut self) -> io::Result<()> {
        Ok(()) // Collecting protected them again.
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        let flags = PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC;
        scan_all(
            &self.pagemap,
            self.region.all(),
            &mut self.buffer,
            flags,
            PAGE_IS_WRITTEN,
            |regions| {
                found.extend_from_slice(regions);
                Ok(())
            },
        )
    }
}

type Found = extern "C" fn(*mut c_void, *const page_region, u64);

extern "C" {
    fn c_async_arm(fd: c_int, start: u64, len: u64) -> c_int;
    fn c_async_arm_copy(fd: c_int, start: u64, len: u64) -> c_int;
    fn c_async_collect(
        pagemap: c_int,
        start: u64,
        len: u64,
        regions: *mut page_region,
        room: u64,
        found: Found,
        context: *mut c_void,
    ) -> i64;
    fn c_async_collect_copy(
        pagemap: c_int,
        start: u64,
        len: u64,
        regions: *mut page_region,
        room: u64,
        found: Found,
        context: *mut c_void,
    ) -> i64;
}

extern "C" fn append(found: *mut c_void, regions: *const page_region, n: u64) {
    // SAFETY: `found` is the vector that `collect` passed, and C passes as
    // many regions as it says.
    unsafe {
        let found = &mut *found.cast::<Vec<page_region>>();
        found.extend_from_slice(std::slice::from_raw_parts(regions, n as usize));
    }
}

struct AsyncInC {
    same: Async,
    armed: bool,
    copy: bool,
}

impl Tracker for AsyncInC {
    fn arm(&mut self) -> io::Result<()> {
        // The first time; afterwards collecting does it.
        if !std::mem::replace(&mut self.armed, true) {
            let all = self.same.region.all();
            let arm = if self.copy {
                c_async_arm_copy
            } else {
                c_async_arm
            };
            // SAFETY: the range is the region's.
            let result = unsafe { arm(self.same.uffd.fd(), all.start, all.len) };
            check(result, "UFFDIO_WRITEPROTECT in C")?;
        }
        Ok(())
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        let (all, buffer) = (self.same.region.all(), &mut self.same.buffer);
        let context: *mut Vec<page_region> = found;
        let collect = if self.copy {
            c_async_collect_copy
        } else {
            c_async_collect
        };
        // SAFETY: the buffer is as long as it says; `append` gets its vector.
        let total = unsafe {
            collect(
                self.same.pagemap.as_raw_fd(),
                all.start,
                all.len,
                buffer.as_mut_ptr(),
                buffer.len() as u64,
                append,
                context.cast(),
            )
        };
        check(total.min(0) as c_int, "PAGEMAP_SCAN in C").map(|_| ())
    }
}
