//! Small things of the system.

use std::time::{Duration, Instant};

use libc::c_int;

use crate::case::Stop;

/// How long to wait for what must happen. Generous, for emulated processors.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long to watch that something does not happen.
pub const MOMENT: Duration = Duration::from_millis(25);

/// `errno` of this thread.
pub fn errno() -> c_int {
    // SAFETY: the address is that of this thread's errno.
    unsafe { *libc::__errno_location() }
}

/// Sets `errno` of this thread.
pub fn set_errno(value: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = value }
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        /// The kernel's name of an error, or its number.
        pub fn errno_name(errno: c_int) -> String {
            match errno {
                0 => "success".to_owned(),
                $(libc::$name => stringify!($name).to_owned(),)*
                other => format!("errno {}", other),
            }
        }
    };
}
errno_names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST ENODEV
    EINVAL ENFILE EMFILE ENOTTY ENOSPC ESPIPE ENOSYS EOPNOTSUPP EHWPOISON
}

/// A call of libc that the case relies on: -1 is `Cannot`.
pub fn need(what: &str, result: impl Into<i64>) -> Result<i64, Stop> {
    match result.into() {
        -1 => Err(Stop::Cannot(format!("{}: {}", what, errno_name(errno())))),
        n => Ok(n),
    }
}

/// Waits until the condition holds; false if it did not for [`PATIENCE`].
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// The name of a signal.
pub fn signal_name(signal: c_int) -> String {
    match signal {
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGALRM => "SIGALRM".to_owned(),
        other => format!("signal {}", other),
    }
}

/// The page size.
pub fn page_size() -> usize {
    // SAFETY: no preconditions.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Takes all privileges from this process: user and group `nobody`, and no
/// capabilities. There is no way back.
pub fn become_nobody() -> Result<(), Stop> {
    // SAFETY: the calls take plain numbers, or an empty list.
    unsafe {
        need("setgroups", libc::setgroups(0, std::ptr::null()))?;
        need("setresgid", libc::setresgid(65534, 65534, 65534))?;
        need("setresuid", libc::setresuid(65534, 65534, 65534))?;
    }
    // A process that changed its user is not dumpable, and then cannot read
    // its own /proc/self/pagemap.
    // SAFETY: plain numbers.
    unsafe { need("prctl", libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0)) }.map(|_| ())
}

/// Writes to a file of /proc/sys and puts the old text back when dropped.
pub struct Sysctl {
    path: String,
    old: String,
}

impl Sysctl {
    /// Sets `/proc/sys/NAME`.
    pub fn set(name: &str, value: &str) -> Result<Sysctl, Stop> {
        let path = format!("/proc/sys/{}", name);
        let cannot = |error| Stop::Cannot(format!("{}: {}", name, error));
        let old = std::fs::read_to_string(&path).map_err(cannot)?;
        std::fs::write(&path, value).map_err(cannot)?;
        Ok(Sysctl { path, old })
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.path, &self.old);
    }
}

/// CAP_SYS_PTRACE, as a mask.
pub const CAP_SYS_PTRACE: u64 = 1 << 19;

/// Keeps only these capabilities of those that this process has. The user
/// stays root, which without capabilities is nobody special.
pub fn keep_capabilities(keep: u64) -> Result<(), Stop> {
    // linux/capability.h, version 3: two sets of 32 bits each.
    let header: [u32; 2] = [0x2008_0522, 0];
    let mut data = [[0_u32; 3]; 2];
    // SAFETY: header and data have the layout that capget(2) and capset(2)
    // document for version 3.
    unsafe {
        need(
            "capget",
            libc::syscall(libc::SYS_capget, header.as_ptr(), data.as_mut_ptr()) as i64,
        )?;
        for (half, sets) in data.iter_mut().enumerate() {
            let mask = (keep >> (32 * half)) as u32;
            *sets = [sets[0] & mask, sets[1] & mask, 0];
        }
        need(
            "capset",
            libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) as i64,
        )?;
    }
    Ok(())
}

/// fcntl(2) with a number.
pub fn fcntl(fd: c_int, command: c_int, value: c_int) -> Result<c_int, Stop> {
    // SAFETY: the commands used here take a number.
    need("fcntl", unsafe { libc::fcntl(fd, command, value) }).map(|n| n as c_int)
}
