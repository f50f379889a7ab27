//! Opening a userfaultfd in each way there is, and asking it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use uffd_sys as sys;

/// A way to open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// userfaultfd(2), for faults of user and kernel mode.
    SystemCall,
    /// userfaultfd(2) with UFFD_USER_MODE_ONLY.
    UserModeOnly,
    /// USERFAULTFD_IOC_NEW on the device.
    Device,
}

/// The device's path.
pub const DEVICE: &str = "/dev/userfaultfd";

/// Why a way is closed: which call failed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `userfaultfd(2)`, `open(2)` or `USERFAULTFD_IOC_NEW`.
    pub call: &'static str,
    /// The errno.
    pub errno: i32,
}

impl Way {
    /// All, the most powerful first.
    pub const ALL: [Way; 3] = [Way::SystemCall, Way::UserModeOnly, Way::Device];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Way::SystemCall => "system call",
            Way::UserModeOnly => "system call, USER_MODE_ONLY",
            Way::Device => DEVICE,
        }
    }

    /// Opens one, close-on-exec and with further `flags`.
    ///
    /// # Errors
    ///
    /// The call that failed.
    pub fn open(self, flags: i32) -> Result<OwnedFd, Refusal> {
        let flags = flags | libc::O_CLOEXEC;
        match self {
            Way::SystemCall => system_call(flags),
            Way::UserModeOnly => system_call(flags | sys::UFFD_USER_MODE_ONLY),
            Way::Device => {
                let device = open_device()?;
                // SAFETY: makes a descriptor and touches no memory.
                let fd = unsafe { sys::userfaultfd_new(device.as_raw_fd(), flags) };
                owned(fd, "USERFAULTFD_IOC_NEW")
            }
        }
    }
}

/// Opens `/dev/userfaultfd` itself.
///
/// # Errors
///
/// That of open(2).
pub fn open_device() -> Result<OwnedFd, Refusal> {
    let device = File::options().read(true).write(true).open(DEVICE);
    device.map(OwnedFd::from).map_err(|error| Refusal {
        call: "open(2)",
        errno: error.raw_os_error().unwrap_or(0),
    })
}

fn system_call(flags: i32) -> Result<OwnedFd, Refusal> {
    // SAFETY: makes a descriptor and touches no memory.
    owned(unsafe { sys::userfaultfd(flags) }, "userfaultfd(2)")
}

fn owned(fd: i32, call: &'static str) -> Result<OwnedFd, Refusal> {
    if fd < 0 {
        return Err(Refusal {
            call,
            errno: errno(),
        });
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens one in the first way that works.
///
/// # Errors
///
/// Each way with its refusal.
pub fn open_any(flags: i32) -> Result<(Way, OwnedFd), Vec<(Way, Refusal)>> {
    let mut refusals = vec![];
    for way in Way::ALL {
        match way.open(flags) {
            Ok(fd) => return Ok((way, fd)),
            Err(refusal) => refusals.push((way, refusal)),
        }
    }
    Err(refusals)
}

/// The handshake: what the kernel has.
///
/// # Errors
///
/// The errno.
pub fn api(fd: &OwnedFd, features: u64) -> Result<sys::uffdio_api, i32> {
    let mut api = sys::uffdio_api {
        api: sys::UFFD_API,
        features,
        ioctls: 0,
    };
    // SAFETY: `api` may be read and written; with UFFD_FEATURE_SIGBUS nothing
    // happens before a range is registered.
    match unsafe { sys::uffdio_api(fd.as_raw_fd(), &mut api) } {
        0 => Ok(api),
        _ => Err(errno()),
    }
}

/// The errno of the call that just failed.
pub fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// `EPERM` for 1.
pub fn errno_name(errno: i32) -> String {
    let names = [
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::ENXIO, "ENXIO"),
        (libc::EBADF, "EBADF"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EEXIST, "EEXIST"),
        (libc::ENODEV, "ENODEV"),
        (libc::EINVAL, "EINVAL"),
        (libc::ENFILE, "ENFILE"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
    ];
    match names.iter().find(|(number, _)| *number == errno) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("errno {errno}"),
    }
}

/// The running kernel's release, `6.18.44-…`, and the version in it.
pub fn kernel_release() -> (String, Option<(u32, u32)>) {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let version = match (numbers.next(), numbers.next()) {
        (Some(Ok(x)), Some(Ok(y))) => Some((x, y)),
        _ => None,
    };
    (release, version)
}
