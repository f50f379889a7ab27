//! Catching SIGBUS in the thread that caused it.

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::Once;

use libc::{c_int, c_void, siginfo_t};

use super::memory::Region;

thread_local! {
    // Plain cells without destructors, so the handler may use them.
    static EXPECTED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    static CODE: Cell<Option<c_int>> = const { Cell::new(None) };
}

/// Runs `touch`, which touches page `page` of the region; returns the
/// `si_code` of the SIGBUS that it got. The page is then an empty one.
pub fn sigbus_code(region: &Region, page: usize, touch: impl FnOnce()) -> Option<c_int> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        // SAFETY: all zeros is a valid sigaction.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler only does what a handler may.
        let installed = unsafe { libc::sigaction(libc::SIGBUS, &action, null_mut()) };
        assert_eq!(installed, 0);
    });
    let range = region.page(page);
    EXPECTED.set((range.start as usize, range.len as usize));
    CODE.set(None);
    touch();
    EXPECTED.set((0, 0));
    CODE.take()
}

extern "C" fn handler(_signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    let (start, len) = EXPECTED.get();
    // SAFETY: the kernel gave a siginfo of SIGBUS, which has an address.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    if address < start || address >= start + len {
        // Not ours: the access is repeated and ends the process.
        // SAFETY: restoring the default action is async-signal-safe.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        return;
    }
    CODE.set(Some(code));
    // An empty page in its place lets the access succeed when it is repeated.
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page belongs to the region that the test holds; mmap is a
    // bare system call here.
    unsafe { libc::mmap(start as *mut c_void, len, prot, flags, -1, 0) };
}
