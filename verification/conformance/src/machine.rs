//! The kernel and the processor that the cases run on.

use uffd_sys::abi::table::CONSTANTS;
use uffd_sys::UFFD_FEATURE_EVENT_FORK;

use uffd_kit::errno::errno_name;
use uffd_kit::pages::{huge_page_size, page_size};
use uffd_kit::privilege::remedy;
use uffd_kit::uffd::Uffd;

use crate::init::is_init;

/// What the cases run on.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Such as `6.1.0-50-amd64`.
    pub release_text: String,
    /// What the kernel says of its build.
    pub version: String,
    /// Such as (6, 1).
    pub release: (u32, u32),
    /// The release's third number; zero where the release does not have one,
    /// as in older kernels of Debian.
    pub patch: u32,
    /// The kernel's word for the processor, such as `x86_64`.
    pub kernel_arch: String,
    /// The program's, such as `x86` for a 32-bit one.
    pub arch: &'static str,
    /// Bytes.
    pub page: usize,
    /// Bytes of the usual huge page; zero if there are none.
    pub huge_page: usize,
    /// Is this the first process of a virtual machine, so that no other
    /// program suffers from what a case takes away?
    pub alone: bool,
    /// What UFFDIO_API answers when nothing is enabled.
    pub features: u64,
    /// Likewise.
    pub ioctls: u64,
}

impl Machine {
    /// Asks the kernel. An error is a sentence that says what to do.
    pub fn detect() -> Result<Machine, String> {
        let release_text = read("/proc/sys/kernel/osrelease")?;
        let mut numbers = release_text.split(|c: char| !c.is_ascii_digit());
        let mut number = || numbers.next().and_then(|n| n.parse::<u32>().ok());
        let release = match (number(), number()) {
            (Some(major), Some(minor)) => (major, minor),
            _ => return Err(format!("cannot read the release {:?}", release_text)),
        };
        let uffd = Uffd::bare(libc::O_CLOEXEC | libc::O_NONBLOCK).map_err(|errno| {
            let remedy = remedy(errno);
            format!("userfaultfd(2) answered {}; {}", errno_name(errno), remedy)
        })?;
        let (answer, api) = uffd.api(0);
        if answer.errno != 0 {
            return Err(format!("the handshake failed: {}", answer));
        }
        let patch = patch(&release_text);
        Ok(Machine {
            release,
            patch,
            kernel_arch: kernel_arch(),
            release_text,
            version: read("/proc/sys/kernel/version")?,
            arch: std::env::consts::ARCH,
            page: page_size(),
            huge_page: huge_page_size(),
            alone: is_init(),
            features: api.features,
            ioctls: api.ioctls,
        })
    }

    /// Refuses a user who may not enable UFFD_FEATURE_EVENT_FORK, before anything
    /// runs: EPERM would be taken for a claim that does not hold.
    pub fn with_fork_events(self) -> Result<Machine, String> {
        let refused = |uffd: Uffd| uffd.api(UFFD_FEATURE_EVENT_FORK).0.errno == libc::EPERM;
        match Uffd::bare(libc::O_CLOEXEC | libc::O_NONBLOCK).map(refused) {
            Ok(true) => Err(
                "UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE: UFFDIO_API answered EPERM; \
                             run this as root"
                    .to_owned(),
            ),
            _ => Ok(self),
        }
    }

    /// Does the kernel answer all of these features?
    pub fn has(&self, features: u64) -> bool {
        self.features & features == features
    }
}

/// 44 of `6.18.44-fc`; 0 of `6.1.0-50-amd64`, and of `7.3`.
fn patch(release: &str) -> u32 {
    let third = release.split('.').nth(2).unwrap_or("");
    let digits = third.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|d| d.parse().ok()).unwrap_or(0)
}

fn read(path: &str) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(format!("{}: {}; is /proc mounted?", path, error)),
    }
}

fn kernel_arch() -> String {
    // SAFETY: all zeroes is a valid `utsname`, which uname(2) then fills with
    // strings that end in zero.
    unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&mut name);
        let text = std::ffi::CStr::from_ptr(name.machine.as_ptr());
        text.to_string_lossy().into_owned()
    }
}

/// `UFFD_FEATURE_SIGBUS|UFFD_FEATURE_MOVE`; the names are those of the pinned
/// table, a bit without a name is a number.
pub fn feature_names(mut bits: u64) -> String {
    let mut names = vec![];
    for constant in CONSTANTS {
        if constant.name.starts_with("UFFD_FEATURE_") && constant.generic & bits != 0 {
            names.push(constant.name.to_owned());
            bits &= !constant.generic;
        }
    }
    if bits != 0 || names.is_empty() {
        names.push(format!("{:#x}", bits));
    }
    names.join("|")
}
