//! The process whose memory is filled: it looks at every page, and has pages
//! discarded, moved, unmapped, and a child that sees the same.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use libc::c_void;
use uffd_sys::*;

use super::support::{check, page_size, socket, Memory, Uffd};

/// The word of the source at this offset.
pub fn number(at: u64) -> u64 {
    at.wrapping_add(8).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What a part of the memory must hold.
#[derive(Clone, Copy)]
enum Holds {
    /// The source from here on.
    Source(u64),
    Zeros,
}

pub fn run(pages: &str) -> Result<(), String> {
    let pages: usize = pages.parse().map_err(|_| "target is started by handler")?;
    work(pages).map_err(|e| e.to_string())
}

fn work(pages: usize) -> io::Result<()> {
    let memory = Memory::anonymous(pages)?;
    let (start, quarter) = (memory.start(), (pages / 4 * page_size()) as u64);
    let (uffd, told_of_forks) = open()?;
    uffd.register(memory.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    // This process keeps its own descriptor: if the handler dies, accesses wait
    // for ever instead of finding zeros.
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket::send(&socket, [start, memory.len() as u64], uffd.fd())?;

    // Four threads look at the first half, at the same pages.
    std::thread::scope(|scope| {
        let look = || holds(start, 2 * quarter, Holds::Source(0));
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(look)).collect();
        let mut results = threads.into_iter().map(|t| t.join().expect("no panic"));
        results.try_for_each(|result| result)
    })?;
    // Discarded pages are zeros; those that were never filled as well.
    // SAFETY: here and below: the memory is ours, and held by addresses alone.
    let discard = |at, len| unsafe { libc::madvise(at as *mut c_void, len, libc::MADV_DONTNEED) };
    check(
        discard(start + quarter, (quarter + quarter / 2) as usize),
        "madvise",
    )?;
    holds(start + quarter, quarter + quarter / 2, Holds::Zeros)?;
    // A moved page brings its contents along, those to be filled as well.
    let to = Memory::anonymous(pages / 4)?;
    let (from, flags) = (
        start + 3 * quarter,
        libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
    );
    // SAFETY: as above.
    let moved = unsafe {
        let (from, to) = (from as *mut c_void, to.start() as *mut c_void);
        libc::mremap(from, quarter as usize, quarter as usize, flags, to)
    };
    check(if moved == libc::MAP_FAILED { -1 } else { 0 }, "mremap")?;
    let half = quarter / 2;
    holds(to.start(), half, Holds::Source(3 * quarter))?;
    // SAFETY: as above.
    let unmapped = unsafe { libc::munmap(start as *mut c_void, half as usize) };
    check(unmapped, "munmap")?;
    if told_of_forks {
        // The first half of it is the parent's, the rest is filled for the child.
        in_child(|| holds(to.start(), quarter, Holds::Source(3 * quarter)))?;
    } else {
        println!("no fork: UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE");
    }
    holds(to.start(), quarter, Holds::Source(3 * quarter))?;
    // It has holes by now, in which others may have mapped something.
    std::mem::forget(memory);
    println!("every page held what it should");
    Ok(())
}

/// With the event of forks, which needs a privilege, or without; and which.
fn open() -> io::Result<(Uffd, bool)> {
    let events = UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP;
    match Uffd::with(libc::O_NONBLOCK, events | UFFD_FEATURE_EVENT_FORK) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let what = "the events (since Linux 4.11)";
            Ok((Uffd::open(libc::O_NONBLOCK, &[(events, what)])?, false))
        }
        opened => Ok((opened?, true)),
    }
}

/// Each word must be the right one.
fn holds(start: u64, len: u64, holds: Holds) -> io::Result<()> {
    for offset in (0..len).step_by(8) {
        // SAFETY: the caller passes memory of this process.
        let word = unsafe { ((start + offset) as *const u64).read_volatile() };
        let right = match holds {
            Holds::Source(at) => number(at + offset),
            Holds::Zeros => 0,
        };
        if word != right {
            let what = format!("a wrong page: {word:#x} at {offset:#x}, not {right:#x}");
            return Err(io::Error::other(what));
        }
    }
    Ok(())
}

/// Has a child process do something, which must succeed.
fn in_child(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: no other thread is left, and the child leaves by _exit.
    unsafe {
        match check(libc::fork(), "fork")? {
            0 => libc::_exit(i32::from(work().is_err())),
            child => {
                let mut status = 0;
                check(libc::waitpid(child, &mut status, 0), "waitpid")?;
                if status == 0 {
                    return Ok(());
                }
                Err(io::Error::other(format!("the child failed: {status:#x}")))
            }
        }
    }
}
