//! Opening a userfaultfd by the first way that works.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{error, fmt, io};

use uffd_sys::*;

use crate::check;

/// A userfaultfd of this process. Non-blocking; closed when it is dropped.
#[derive(Debug)]
pub struct Uffd {
    fd: OwnedFd,
    way: Way,
}

/// A way to open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The system call.
    Call,
    /// `/dev/userfaultfd`.
    Device,
    /// The system call, for faults of user mode alone: a system call that is
    /// given registered memory fails.
    UserModeOnly,
}

/// A way that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// Which.
    pub way: Way,
    /// What the kernel answered.
    pub error: io::Error,
}

/// Why there is no userfaultfd.
#[derive(Debug)]
pub enum OpenError {
    /// None of the ways was open.
    Refused(Vec<Attempt>),
    /// The kernel lacks these `UFFD_FEATURE_*` bits.
    Lacks(u64),
    /// The kernel has these features, but would not enable them.
    Handshake(u64, io::Error),
}

impl Way {
    /// All, the least capable last.
    pub const ALL: [Way; 3] = [Way::Call, Way::Device, Way::UserModeOnly];

    fn open(self) -> io::Result<OwnedFd> {
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        let fd = match self {
            // SAFETY: a new descriptor handles no memory yet, here and below.
            Way::Call => check(unsafe { userfaultfd(flags) })?,
            // SAFETY: as above.
            Way::UserModeOnly => check(unsafe { userfaultfd(flags | UFFD_USER_MODE_ONLY) })?,
            Way::Device => {
                let device = File::options()
                    .read(true)
                    .write(true)
                    .open("/dev/userfaultfd")?;
                // SAFETY: as above.
                check(unsafe { userfaultfd_new(device.as_raw_fd(), flags) })?
            }
        };
        // SAFETY: the descriptor is new, so nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn remedy(self) -> &'static str {
        match self {
            Way::Call => "CAP_SYS_PTRACE, or sysctl vm.unprivileged_userfaultfd=1",
            Way::Device => "Linux 6.1 or newer, and permission to open the device",
            Way::UserModeOnly => "Linux 5.11 or newer, and a seccomp filter that lets it pass",
        }
    }
}

/// The handshake: all features that the kernel has.
fn shake(fd: &OwnedFd, features: u64) -> io::Result<u64> {
    let mut api = uffdio_api {
        api: UFFD_API,
        features,
        ioctls: 0,
    };
    // SAFETY: `api` is ours. UFFD_FEATURE_SIGBUS makes an access to a mapping
    // raise a signal, which may end the process but reads nothing wrong.
    check(unsafe { uffdio_api(fd.as_raw_fd(), &mut api) })?;
    Ok(api.features)
}

impl Uffd {
    /// Opens one by the first [`Way`] that works, with these `UFFD_FEATURE_*`
    /// bits enabled.
    pub fn open(features: u64) -> Result<Uffd, OpenError> {
        Uffd::open_by(&Way::ALL, features)
    }

    /// Opens one by the first of these ways that works.
    pub fn open_by(ways: &[Way], features: u64) -> Result<Uffd, OpenError> {
        let mut refused = Vec::new();
        for &way in ways {
            let fd = match way.open() {
                Ok(fd) => fd,
                Err(error) => {
                    refused.push(Attempt { way, error });
                    continue;
                }
            };
            // The handshake is possible once, and a refusal does not say what
            // was wrong: ask on another descriptor first.
            let other = way.open().and_then(|other| shake(&other, 0));
            let has = other.map_err(|error| OpenError::Handshake(0, error))?;
            if features & !has != 0 {
                return Err(OpenError::Lacks(features & !has));
            }
            shake(&fd, features).map_err(|error| OpenError::Handshake(features, error))?;
            return Ok(Uffd { fd, way });
        }
        Err(OpenError::Refused(refused))
    }

    /// How it was opened.
    pub fn way(&self) -> Way {
        self.way
    }
}

/// For poll(2). Who reads from it takes messages away, but nothing unsound.
impl AsFd for Uffd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

macro_rules! named {
    ($($bit:ident)*) => { &[$( ($bit, stringify!($bit)) ),*] };
}

const NAMES: &[(u64, &str)] = named! {
    UFFD_FEATURE_PAGEFAULT_FLAG_WP UFFD_FEATURE_EVENT_FORK UFFD_FEATURE_EVENT_REMAP
    UFFD_FEATURE_EVENT_REMOVE UFFD_FEATURE_MISSING_HUGETLBFS UFFD_FEATURE_MISSING_SHMEM
    UFFD_FEATURE_EVENT_UNMAP UFFD_FEATURE_SIGBUS UFFD_FEATURE_THREAD_ID
    UFFD_FEATURE_MINOR_HUGETLBFS UFFD_FEATURE_MINOR_SHMEM UFFD_FEATURE_EXACT_ADDRESS
    UFFD_FEATURE_WP_HUGETLBFS_SHMEM UFFD_FEATURE_WP_UNPOPULATED UFFD_FEATURE_POISON
    UFFD_FEATURE_WP_ASYNC UFFD_FEATURE_MOVE UFFD_FEATURE_RWP UFFD_FEATURE_RWP_ASYNC
};

fn write_names(f: &mut fmt::Formatter<'_>, mut bits: u64) -> fmt::Result {
    for (bit, name) in NAMES {
        if bits & bit != 0 {
            write!(f, " {name}")?;
            bits &= !bit;
        }
    }
    if bits != 0 {
        write!(f, " {bits:#x}")?; // Newer than this crate.
    }
    Ok(())
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Refused(attempts) => {
                f.write_str("userfaultfd cannot be opened")?;
                for Attempt { way, error } in attempts {
                    write!(f, "\n  {way:?}: {error}; needs {}", way.remedy())?;
                }
                Ok(())
            }
            OpenError::Lacks(bits) => {
                f.write_str("this kernel lacks")?;
                write_names(f, *bits)
            }
            OpenError::Handshake(bits, error) => {
                f.write_str("UFFDIO_API with")?;
                write_names(f, *bits)?;
                write!(f, ": {error}")?;
                if bits & UFFD_FEATURE_EVENT_FORK != 0 {
                    f.write_str("; UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE")?;
                }
                Ok(())
            }
        }
    }
}

impl error::Error for OpenError {}
