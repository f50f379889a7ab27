//! mprotect(2) and a handler of SIGSEGV: the way without userfaultfd, for
//! comparison. Each page that is written becomes a mapping of its own, and the
//! kernel limits their number (vm.max_map_count).

use std::io;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering::SeqCst};
use std::sync::Arc;

use libc::{c_int, c_void};

use super::support::{check, Memory};
use super::trackers::{Bitmap, Dirty, Tracker};

/// What the handler needs.
struct Watched {
    memory: Arc<Memory>,
    dirty: Bitmap,
}

static WATCHED: AtomicPtr<Watched> = AtomicPtr::new(std::ptr::null_mut());
/// The errno of a failure in the handler.
static FAILED: AtomicI32 = AtomicI32::new(0);

pub struct Sigsegv {
    /// Kept for ever: a handler may run at any time.
    watched: &'static Watched,
}

extern "C" fn on_sigsegv(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo of SIGSEGV, which has an address;
    // the pointer is null or one that lives for ever; the calls are system
    // calls, and `errno` is put back, so the interrupted code sees nothing.
    unsafe {
        let errno = *libc::__errno_location();
        let watched = WATCHED.load(SeqCst).as_ref();
        let offset =
            |w: &Watched| ((*info).si_addr() as u64).wrapping_sub(w.memory.start()) as usize;
        match watched.filter(|w| offset(w) < w.memory.len()) {
            Some(w) => {
                let page = offset(w) / w.memory.page_size();
                let address = w.memory.start() as usize + page * w.memory.page_size();
                let access = libc::PROT_READ | libc::PROT_WRITE;
                if libc::mprotect(address as *mut c_void, w.memory.page_size(), access) != 0 {
                    FAILED.store(*libc::__errno_location(), SeqCst);
                    // Let the writer go on; the tracker reports the failure.
                    libc::mprotect(w.memory.start() as *mut c_void, w.memory.len(), access);
                }
                // After the protection is lifted: a tracker that took the bit
                // before would protect and copy the page too early, and the
                // write that is to come would be lost.
                w.dirty.set(page);
            }
            // Not ours: a bug, which shall end the process as usual.
            None => {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        *libc::__errno_location() = errno;
    }
}

impl Sigsegv {
    pub fn start(memory: Arc<Memory>) -> io::Result<Sigsegv> {
        let dirty = Bitmap::new(memory.pages());
        let watched: &'static Watched = Box::leak(Box::new(Watched { memory, dirty }));
        WATCHED.store(watched as *const Watched as *mut Watched, SeqCst);
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
        watched
            .memory
            .mprotect(&(0..watched.memory.pages()), libc::PROT_READ)?;
        Ok(Sigsegv { watched })
    }
}

impl Tracker for Sigsegv {
    fn collect(&mut self, dirty: &mut Dirty) -> io::Result<()> {
        let memory = &self.watched.memory;
        self.watched.dirty.take(memory, dirty);
        for pages in dirty.ranges(memory) {
            memory.mprotect(&pages, libc::PROT_READ)?;
        }
        match FAILED.load(SeqCst) {
            0 => Ok(()),
            libc::ENOMEM => Err(io::Error::other(
                "mprotect: too many mappings; raise vm.max_map_count, or use --method async",
            )),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}
