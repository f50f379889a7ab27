//! What this user may not do. Only the errno of the very call counts as a
//! refusal: any other failure is for the test to meet.

use std::fs::File;
use std::path::Path;

use super::skip_log::not_run;

use libc::c_int;
use uffd_kit::errno::{errno, errno_name};
use uffd_kit::privilege::remedy;
use uffd_sys::{uffdio_api, userfaultfd, UFFD_API, UFFD_FEATURE_EVENT_FORK};

const DEVICE: &str = "/dev/userfaultfd";

/// What a test needs to be allowed.
#[allow(dead_code)] // Each test program uses a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// A userfaultfd for the faults of the kernel too.
    AllFaults,
    /// UFFD_FEATURE_EVENT_FORK.
    EventFork,
    /// `/dev/userfaultfd` where there is one, else as `AllFaults`: how the crate
    /// `userfaultfd` opens one.
    Device,
}

/// Whether this user may. If not, the test that asks is reported as not run, as
/// one of `part`; where `UFFD_SYS_EXPECT` is set, as in CI, that is a failure.
pub fn may(right: Right, part: &str) -> bool {
    let thread = std::thread::current();
    // The harness gives each test's thread its name.
    let test = format!("{}: {}", part, thread.name().unwrap_or_default());
    let device = File::options().read(true).write(true).open(DEVICE);
    let why = match (refused(), right) {
        (_, Right::Device) if device.is_ok() => return true,
        (_, Right::Device) if Path::new(DEVICE).exists() => {
            format!("{} cannot be opened. Remedy: run as root", DEVICE)
        }
        (Some(errno), _) => {
            let name = errno_name(errno);
            format!("userfaultfd(2): {}. Remedy: {}", name, remedy(errno))
        }
        (None, Right::EventFork) if !may_watch_forks() => {
            "UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE. Remedy: run as root".to_owned()
        }
        _ => return true,
    };
    let expected = std::env::var_os("UFFD_SYS_EXPECT").is_some();
    assert!(
        !expected,
        "UFFD_SYS_EXPECT is set, so {} must not be skipped. {}",
        test, why
    );
    not_run(&test, &why);
    false
}

/// The errno with which userfaultfd(2) is refused, if it is.
fn refused() -> Option<c_int> {
    // SAFETY: makes a descriptor and touches no memory.
    let fd = unsafe { userfaultfd(libc::O_CLOEXEC) };
    if fd < 0 {
        let errno = errno();
        return Some(errno).filter(|errno| [libc::EPERM, libc::ENOSYS].contains(errno));
    }
    // SAFETY: the descriptor is ours, and used by nobody else.
    unsafe { libc::close(fd) };
    None
}

fn may_watch_forks() -> bool {
    // SAFETY: makes a descriptor and touches no memory.
    let fd = unsafe { userfaultfd(libc::O_CLOEXEC) };
    if fd < 0 {
        return true;
    }
    let mut api = uffdio_api {
        api: UFFD_API,
        features: UFFD_FEATURE_EVENT_FORK,
        ..Default::default()
    };
    // SAFETY: `api` is ours, and nothing is registered with the descriptor.
    let refused = unsafe { uffd_sys::uffdio_api(fd, &mut api) } < 0 && errno() == libc::EPERM;
    // SAFETY: the descriptor is ours, and used by nobody else.
    unsafe { libc::close(fd) };
    !refused
}
