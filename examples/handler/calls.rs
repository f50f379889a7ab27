//! The calls of a handler, and what it does about each answer.

use std::io;
use std::os::unix::io::RawFd;

use libc::c_int;
use uffd_sys::*;

/// What a call that fills pages answered, in the handler's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The pages are filled, and the threads waiting on them are woken.
    Done,
    /// EAGAIN with a part done: go on behind so many bytes. The next call says
    /// what was in the way.
    Part(usize),
    /// EAGAIN with nothing done: the mappings of the process are changing. Read
    /// the messages that are there without blocking, sleep for a bounded time,
    /// decide anew what the page shall hold, and try again.
    Changing,
    /// EEXIST: a page came already, or there is another entry that is no page.
    /// The waiters are still asleep: wake them, and see whether the page faults
    /// again.
    Exists,
    /// ENOENT: unmapped or unregistered meanwhile, or the range is more than one
    /// mapping. Try one page alone; if that is the answer still, wake the
    /// waiters, who will see what is there now.
    Gone,
    /// ENOMEM, ENOSPC: no memory for the page. It can pass.
    NoMemory,
    /// ESRCH: the process has exited. Close the descriptor.
    Exited,
}

/// Takes what a call with an out field returned. Errors that no other program
/// can cause stay errors: they are mistakes of the handler.
fn answer(result: c_int, out: i64, call: &str) -> io::Result<Answer> {
    if result == 0 {
        return Ok(Answer::Done);
    }
    let error = io::Error::last_os_error();
    Ok(match error.raw_os_error() {
        Some(libc::EAGAIN) if out > 0 => Answer::Part(out as usize),
        Some(libc::EAGAIN) => Answer::Changing,
        Some(libc::EEXIST) => Answer::Exists,
        Some(libc::ENOENT) => Answer::Gone,
        Some(libc::ENOMEM | libc::ENOSPC) => Answer::NoMemory,
        Some(libc::ESRCH) => Answer::Exited,
        // EFAULT: our buffer cannot be read. EINVAL: a wrong range or mode.
        _ => return Err(io::Error::new(error.kind(), format!("{call}: {error}"))),
    })
}

/// How much was filled, and the answer for the byte behind that.
pub type Filled = (usize, Answer);

/// Repeats a call while it does a part: each time it does more.
fn all_of(len: usize, mut call: impl FnMut(usize) -> io::Result<Answer>) -> io::Result<Filled> {
    let mut done = 0;
    loop {
        match call(done)? {
            Answer::Part(bytes) => done += bytes,
            Answer::Done => return Ok((len, Answer::Done)),
            other => return Ok((done, other)),
        }
    }
}

/// Fills missing pages with a copy of `data`.
pub fn copy(fd: RawFd, dst: u64, data: &[u8]) -> io::Result<Filled> {
    all_of(data.len(), |done| {
        // The out field starts at 0: some kernels leave it alone.
        let mut arg = uffdio_copy {
            dst: dst + done as u64,
            src: data[done..].as_ptr() as u64,
            len: (data.len() - done) as u64,
            ..Default::default()
        };
        // SAFETY: the source is `data`, and the destination is memory that its
        // process gave us to fill. A page that is there is never overwritten.
        let result = unsafe { uffdio_copy(fd, &mut arg) };
        answer(result, arg.copy, "UFFDIO_COPY")
    })
}

/// Fills missing pages with zeros. Not for huge pages, which do not have this
/// call; nor for memory with write-protect markers, where it answers EEXIST
/// although there is no page. [`copy`] of a buffer of zeros does it there.
pub fn zero(fd: RawFd, start: u64, len: usize) -> io::Result<Filled> {
    all_of(len, |done| {
        let mut arg = uffdio_zeropage {
            range: range(start + done as u64, len - done),
            ..Default::default()
        };
        // SAFETY: as in `copy`.
        let result = unsafe { uffdio_zeropage(fd, &mut arg) };
        answer(result, arg.zeropage, "UFFDIO_ZEROPAGE")
    })
}

/// Wakes the threads waiting in a range: they access it again. It succeeds
/// whatever is mapped there, and also when the process has exited.
pub fn wake(fd: RawFd, start: u64, len: usize) -> io::Result<()> {
    let mut arg = range(start, len);
    // SAFETY: `arg` lives through the call.
    match unsafe { uffdio_wake(fd, &mut arg) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the process has exited. Nothing tells a handler so: poll(2) stays
/// silent. A pidfd is better; this is for a process whose id one never learns,
/// the child of a fork event. It takes write-protection away from a page that
/// never had it, which changes nothing and answers ENOENT.
pub fn has_exited(fd: RawFd, page: u64, len: usize) -> bool {
    let mut arg = uffdio_writeprotect {
        range: range(page, len),
        ..Default::default()
    };
    // SAFETY: `arg` lives through the call; without a mode bit it protects
    // nothing.
    let result = unsafe { uffdio_writeprotect(fd, &mut arg) };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH)
}

fn range(start: u64, len: usize) -> uffdio_range {
    uffdio_range {
        start,
        len: len as u64,
    }
}
