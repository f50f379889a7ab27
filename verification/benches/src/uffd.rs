//! Opening a userfaultfd, and the calls that are not measured, with errors that
//! say what was tried.

use std::io;

use libc::c_int;
use uffd_kit::answer::Answer;
use uffd_kit::uffd::Uffd as Calls;
use uffd_sys::*;

/// -1 becomes an error that says what was tried.
pub fn check(result: c_int, what: &str) -> io::Result<c_int> {
    match result {
        -1 => Err(failed(what, io::Error::last_os_error())),
        other => Ok(other),
    }
}

fn failed(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn succeeded(answer: Answer) -> io::Result<()> {
    match answer.errno {
        0 => Ok(()),
        errno => Err(failed(answer.call, io::Error::from_raw_os_error(errno))),
    }
}

/// Opens one for the faults of user mode, which needs no privilege.
fn open(flags: c_int) -> io::Result<Calls> {
    let uffd = Calls::bare(flags | libc::O_CLOEXEC | UFFD_USER_MODE_ONLY);
    uffd.map_err(|errno| failed("userfaultfd", io::Error::from_raw_os_error(errno)))
}

/// The features that the running kernel has.
pub fn kernel_features() -> io::Result<u64> {
    let (answer, api) = open(0)?.api(0);
    succeeded(answer).map(|()| api.features)
}

/// A userfaultfd after its handshake.
pub struct Uffd(Calls);

impl Uffd {
    /// With features that the kernel is known to have.
    pub fn with(flags: c_int, features: u64) -> io::Result<Uffd> {
        let uffd = open(flags)?;
        succeeded(uffd.api(features).0)?;
        Ok(Uffd(uffd))
    }

    pub fn fd(&self) -> c_int {
        self.0.fd
    }

    pub fn register(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let (start, len) = (range.start as usize, range.len as usize);
        succeeded(self.0.register(start, len, mode))
    }

    /// Protects or lifts, by `mode`.
    pub fn write_protect(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let (start, len) = (range.start as usize, range.len as usize);
        succeeded(self.0.writeprotect(start, len, mode))
    }

    pub fn wake(&self, range: uffdio_range) -> io::Result<()> {
        succeeded(self.0.wake(range.start as usize, range.len as usize))
    }
}

/// How many faults wait to be read.
pub fn pending(uffd: &Uffd) -> usize {
    let path = format!("/proc/self/fdinfo/{}", uffd.fd());
    let text = std::fs::read_to_string(path).expect("fdinfo");
    let line = text.lines().find_map(|line| line.strip_prefix("pending:"));
    line.expect("pending:").trim().parse().expect("a number")
}
