//! mprotect(2) and a handler of SIGSEGV: the way without userfaultfd.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};
use std::sync::Arc;

use libc::{c_int, c_void};
use uffd_sys::page_region;

use super::tracker::{Bitmap, Tracker};
use crate::memory::Region;
use crate::uffd::check;

/// What the handler needs; one at a time.
struct Watched {
    region: Arc<Region>,
    dirty: Bitmap,
}

static WATCHED: AtomicPtr<Watched> = AtomicPtr::new(std::ptr::null_mut());
/// The errno of the handler's failure.
static FAILED: AtomicI32 = AtomicI32::new(0);

pub struct Sigsegv(Arc<Watched>);

extern "C" fn on_sigsegv(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the pointer is null or what a living `Sigsegv` holds; the kernel
    // passes a siginfo of SIGSEGV, which has an address. mprotect(2) is
    // async-signal-safe in practice, and abort(3) is by definition.
    unsafe {
        let Some(watched) = WATCHED.load(SeqCst).as_ref() else {
            libc::abort()
        };
        let region = &watched.region;
        let offset = ((*info).si_addr() as usize).wrapping_sub(region.pointer() as usize);
        if offset >= region.len() {
            libc::abort();
        }
        let page = offset / region.page();
        watched.dirty.set(page);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        if libc::mprotect(region.address(page) as *mut c_void, region.page(), access) != 0 {
            // Each protected island is a mapping, and their number is limited.
            FAILED.store(*libc::__errno_location(), SeqCst);
            libc::mprotect(region.pointer().cast(), region.len(), access);
        }
    }
}

impl Sigsegv {
    pub fn start(region: &Arc<Region>) -> io::Result<Sigsegv> {
        let watched = Arc::new(Watched {
            region: region.clone(),
            dirty: Bitmap::new(region.pages()),
        });
        let old = WATCHED.swap(Arc::as_ptr(&watched).cast_mut(), SeqCst);
        assert!(old.is_null(), "one at a time");
        FAILED.store(0, SeqCst);
        // SAFETY: an all-zero sigaction is valid; the handler is for SA_SIGINFO.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigsegv as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            check(
                libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut()),
                "sigaction",
            )?;
        }
        Ok(Sigsegv(watched))
    }

    fn protect(&self, access: c_int) -> io::Result<()> {
        let region = &self.0.region;
        // SAFETY: the memory is the region's own, and the handler lifts it.
        check(
            unsafe { libc::mprotect(region.pointer().cast(), region.len(), access) },
            "mprotect",
        )
        .map(|_| ())
    }
}

impl Tracker for Sigsegv {
    fn arm(&mut self) -> io::Result<()> {
        self.protect(libc::PROT_READ)
    }

    fn collect(&mut self, found: &mut Vec<page_region>) -> io::Result<()> {
        self.0.dirty.take(&self.0.region, found);
        match FAILED.load(SeqCst) {
            0 => Ok(()),
            libc::ENOMEM => Err(io::Error::other(
                "mprotect: ENOMEM, the written pages split the region into more mappings than vm.max_map_count allows",
            )),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Sigsegv {
    fn drop(&mut self) {
        let _ = self.protect(libc::PROT_READ | libc::PROT_WRITE);
        WATCHED.store(std::ptr::null_mut(), SeqCst);
        // SAFETY: back to the default action.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    }
}
