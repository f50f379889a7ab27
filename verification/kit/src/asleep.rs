//! Whether a thread sleeps.

use std::io::Write;

/// The id of the calling thread.
pub fn tid() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// Does this thread of the process sleep, or is it gone? Allocates nothing: see
/// `thread::Thread::spawn`.
///
/// proc(5) calls a thread asleep as soon as it means to sleep, which in a fault
/// is before it looks at the page for the last time. Only the file `syscall` waits
/// until the processor has left it.
pub fn sleeps(tid: u32) -> bool {
    let (mut path, mut text) = ([0_u8; 64], [0_u8; 8]);
    // The rest of the path is the zero that ends it; it fits by far.
    let _ = write!(&mut path[..], "/proc/self/task/{}/syscall", tid);
    // SAFETY: the path ends in zero, and there is so much room.
    unsafe {
        let fd = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
    }
    text != *b"running\n"
}
