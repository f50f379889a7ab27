//! A userfaultfd: opened as one may, its calls with errors that say what was
//! tried.

use std::io;
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use libc::c_int;
use uffd_sys::*;

/// -1 becomes an error that says what was tried.
pub fn check(result: c_int, what: &str) -> io::Result<c_int> {
    if result == -1 {
        let error = io::Error::last_os_error();
        return Err(io::Error::new(error.kind(), format!("{what}: {error}")));
    }
    Ok(result)
}

pub struct Uffd(OwnedFd);

/// Opens one for the faults of user mode, which needs no privilege.
fn open(flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor handles no memory yet.
    let fd = unsafe { userfaultfd(flags | libc::O_CLOEXEC | UFFD_USER_MODE_ONLY) };
    if fd == -1 {
        let error = io::Error::last_os_error();
        let remedy = match error.raw_os_error() {
            Some(libc::EPERM) => {
                "a seccomp filter forbids it: in a container, allow the system call userfaultfd \
                 in its profile"
            }
            Some(libc::EINVAL) => "UFFD_USER_MODE_ONLY needs Linux 5.11",
            Some(libc::ENOSYS) => "this kernel was built without CONFIG_USERFAULTFD",
            _ => "see userfaultfd(2)",
        };
        return Err(io::Error::new(
            error.kind(),
            format!("userfaultfd: {error}; {remedy}"),
        ));
    }
    // SAFETY: the descriptor is new, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Shakes hands, once for a descriptor; the features that the kernel has.
fn select_api(fd: &OwnedFd, features: u64) -> io::Result<u64> {
    let mut api = uffdio_api {
        api: UFFD_API,
        features,
        ..Default::default()
    };
    // SAFETY: `api` is ours.
    let result = unsafe { uffdio_api(fd.as_raw_fd(), &mut api) };
    check(result, &format!("UFFDIO_API with features {features:#x}"))?;
    Ok(api.features)
}

/// The features that the running kernel has.
pub fn kernel_features() -> io::Result<u64> {
    select_api(&open(0)?, 0)
}

/// How long to sleep before a call that answered EAGAIN is tried again. It
/// passes when the thread that changes the mappings runs again, so to yield is
/// not enough: a real-time thread would keep that one off its processor.
pub struct Pause(Duration);

impl Pause {
    pub fn new() -> Pause {
        Pause(Duration::from_micros(50))
    }

    /// Sleeps, longer each time, up to 3 ms.
    pub fn sleep(&mut self) {
        std::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(Duration::from_millis(3));
    }
}

impl Uffd {
    /// With these features, each with the words for its absence.
    pub fn open(flags: c_int, features: &[(u64, &str)]) -> io::Result<Uffd> {
        let has = kernel_features()?;
        for (bits, what) in features {
            if has & bits != *bits {
                let message = format!("this kernel lacks {what}");
                return Err(io::Error::new(io::ErrorKind::Unsupported, message));
            }
        }
        Uffd::with(flags, features.iter().fold(0, |all, (bits, _)| all | bits))
    }

    /// With features that the kernel is known to have.
    pub fn with(flags: c_int, features: u64) -> io::Result<Uffd> {
        let fd = open(flags)?;
        select_api(&fd, features)?;
        Ok(Uffd(fd))
    }

    /// One that another process opened and shook hands with.
    pub fn received(fd: OwnedFd) -> Uffd {
        Uffd(fd)
    }

    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    pub fn register(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let mut arg = uffdio_register {
            range,
            mode,
            ..Default::default()
        };
        // SAFETY: `arg` is ours, and the range is memory made to be tracked.
        check(
            unsafe { uffdio_register(self.fd(), &mut arg) },
            "UFFDIO_REGISTER",
        )
        .map(|_| ())
    }

    pub fn unregister(&self, mut range: uffdio_range) -> io::Result<()> {
        // SAFETY: `range` is ours.
        check(
            unsafe { uffdio_unregister(self.fd(), &mut range) },
            "UFFDIO_UNREGISTER",
        )
        .map(|_| ())
    }

    /// Protects or lifts, by `mode`. EAGAIN is passed on: the caller reads the
    /// messages that are there, sleeps for a [`Pause`] and tries again.
    pub fn write_protect(&self, range: uffdio_range, mode: u64) -> io::Result<()> {
        let mut arg = uffdio_writeprotect {
            range,
            mode,
            ..Default::default()
        };
        // SAFETY: `arg` is ours.
        check(
            unsafe { uffdio_writeprotect(self.fd(), &mut arg) },
            "UFFDIO_WRITEPROTECT",
        )
        .map(|_| ())
    }

    pub fn wake(&self, mut range: uffdio_range) -> io::Result<()> {
        // SAFETY: `range` is ours.
        check(unsafe { uffdio_wake(self.fd(), &mut range) }, "UFFDIO_WAKE").map(|_| ())
    }

    /// The messages that wait, as many as fit; none if there is none.
    pub fn read<'a>(&self, msgs: &'a mut [uffd_msg_bytes]) -> io::Result<&'a [uffd_msg_bytes]> {
        // SAFETY: room for as many messages as the slice has.
        let bytes = unsafe { uffd_read(self.fd(), msgs.as_mut_ptr().cast(), msgs.len()) };
        if bytes >= 0 {
            return Ok(&msgs[..bytes as usize / std::mem::size_of::<uffd_msg>()]);
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(&[]),
            _ => Err(io::Error::new(
                error.kind(),
                format!("read of messages: {error}"),
            )),
        }
    }
}
