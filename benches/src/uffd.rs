//! Opening a userfaultfd, and the calls that are not measured.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::c_int;
use uffd_sys::*;

use crate::memory::check;

pub struct Uffd(OwnedFd);

/// The features that the running kernel has.
pub fn kernel_features() -> io::Result<u64> {
    let fd = open(0)?;
    let mut api = uffdio_api {
        api: UFFD_API,
        ..Default::default()
    };
    // SAFETY: `api` is ours.
    let result = unsafe { uffdio_api(fd.as_raw_fd(), &mut api) };
    check(result, "UFFDIO_API")?;
    Ok(api.features)
}

fn open(flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: the new descriptor handles no memory yet, and is ours.
    unsafe {
        let fd = userfaultfd(flags | UFFD_USER_MODE_ONLY);
        Ok(OwnedFd::from_raw_fd(check(fd, "userfaultfd(2)")?))
    }
}

impl Uffd {
    /// Opens one of user mode: nothing here faults in the kernel.
    pub fn open(features: u64, flags: c_int) -> io::Result<Uffd> {
        let fd = open(flags)?;
        let mut api = uffdio_api {
            api: UFFD_API,
            features,
            ioctls: 0,
        };
        let what = format!("UFFDIO_API with features {features:#x}");
        // SAFETY: `api` is ours.
        check(unsafe { uffdio_api(fd.as_raw_fd(), &mut api) }, &what)?;
        Ok(Uffd(fd))
    }

    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    pub fn register(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let mut arg = uffdio_register {
            range,
            mode,
            ioctls: 0,
        };
        // SAFETY: `arg` is ours; the range is a region's, made to be watched.
        check(
            unsafe { uffdio_register(self.fd(), &mut arg) },
            "UFFDIO_REGISTER",
        )
        .map(|_| ())
    }

    pub fn protect(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let mut arg = uffdio_writeprotect { range, mode };
        // SAFETY: `arg` is ours.
        check(
            unsafe { uffdio_writeprotect(self.fd(), &mut arg) },
            "UFFDIO_WRITEPROTECT",
        )
        .map(|_| ())
    }

    pub fn wake(&self, mut range: uffdio_range) {
        // SAFETY: `range` is ours.
        check(unsafe { uffdio_wake(self.fd(), &mut range) }, "UFFDIO_WAKE").unwrap();
    }

    /// How many faults wait to be read.
    pub fn pending(&self) -> usize {
        let path = format!("/proc/self/fdinfo/{}", self.fd());
        let text = std::fs::read_to_string(path).expect("fdinfo");
        let line = text.lines().find_map(|line| line.strip_prefix("pending:"));
        line.expect("pending:").trim().parse().expect("a number")
    }
}
