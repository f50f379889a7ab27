//! A userfaultfd after the handshake, and its calls with checked results.

use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::sync::OnceLock;

use libc::c_int;
use uffd_kit::privilege::remedy;
use uffd_sys::*;

use super::background::WAIT;
use super::call::*;
use super::memory::Region;
use super::skip::Skip;

/// A userfaultfd after UFFDIO_API. Non-blocking, so that a message that does
/// not come fails a test instead of stopping it.
#[derive(Debug)]
pub struct Uffd(uffd_kit::uffd::Uffd);

/// What a message of a fault says.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub flags: u64,
    pub address: u64,
    /// 0 without `UFFD_FEATURE_THREAD_ID`.
    pub thread: u32,
}

/// What the calls by plain addresses take.
fn bounds(range: uffdio_range) -> (usize, usize) {
    (range.start as usize, range.len as usize)
}

/// Opens a userfaultfd without the handshake.
pub fn open_fd(flags: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the new descriptor handles no memory yet.
    let fd = call(|| unsafe { userfaultfd(flags | libc::O_CLOEXEC) })?;
    // SAFETY: the descriptor is new, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Opens one with UFFD_USER_MODE_ONLY, which everybody may; skips the test on
/// a kernel that does not know it.
pub fn open_user_mode_only(flags: c_int) -> Result<OwnedFd, Skip> {
    kernel_features()?;
    open_fd(flags | UFFD_USER_MODE_ONLY).map_err(|errno| match errno {
        EINVAL => Skip::machine("UFFD_USER_MODE_ONLY is unknown here", "Linux 5.11"),
        other => panic!("userfaultfd(UFFD_USER_MODE_ONLY): {other:?}"),
    })
}

/// Opens one as the caller is allowed to: for all faults, else for those of
/// user mode.
fn open_allowed(flags: c_int) -> Result<OwnedFd, Skip> {
    let opened = match open_fd(flags) {
        Err(EPERM) => open_fd(flags | UFFD_USER_MODE_ONLY),
        other => other,
    };
    opened.map_err(|errno| refused("userfaultfd(2)", errno, &[EPERM, ENOSYS]))
}

/// A skip, if it is one of these errnos; any other is a failure.
#[track_caller]
fn refused(call: &str, errno: Errno, known: &[Errno]) -> Skip {
    assert!(known.contains(&errno), "{call}: {errno:?}");
    Skip::machine(format!("{call}: {errno:?}"), remedy(errno.0))
}

/// The features that this kernel answers.
pub fn kernel_features() -> Result<u64, Skip> {
    static FEATURES: OnceLock<u64> = OnceLock::new();
    if let Some(features) = FEATURES.get() {
        return Ok(*features);
    }
    let mut api = uffdio_api {
        api: UFFD_API,
        ..Default::default()
    };
    let fd = open_allowed(0)?;
    // SAFETY: `api` is a struct of ours.
    call0(|| unsafe { uffdio_api(fd.as_raw_fd(), &mut api) }).expect("UFFDIO_API");
    Ok(*FEATURES.get_or_init(|| api.features))
}

/// Skips the test if this kernel lacks one of these features.
pub fn require(features: u64) -> Result<(), Skip> {
    match features & !kernel_features()? {
        0 => Ok(()),
        missing => Err(Skip::features(missing)),
    }
}

impl Uffd {
    /// Opens one with these features enabled; skips the test if the kernel
    /// lacks one.
    pub fn open(features: u64) -> Result<Self, Skip> {
        Self::with_fd(open_allowed(libc::O_NONBLOCK)?, features)
    }

    /// Opens one that handles the faults of system calls too.
    pub fn open_for_kernel_faults(features: u64) -> Result<Self, Skip> {
        let fd = open_fd(libc::O_NONBLOCK);
        let fd =
            fd.map_err(|errno| refused("userfaultfd(2) for all faults", errno, &[EPERM, ENOSYS]))?;
        Self::with_fd(fd, features)
    }

    /// The handshake on a fresh descriptor.
    pub fn with_fd(fd: OwnedFd, features: u64) -> Result<Self, Skip> {
        require(features)?;
        let mut api = uffdio_api {
            api: UFFD_API,
            features,
            ioctls: 0,
        };
        // SAFETY: `api` is a struct of ours.
        match call0(|| unsafe { uffdio_api(fd.as_raw_fd(), &mut api) }) {
            Ok(()) => Ok(Self::ready(fd)),
            Err(EPERM) if features & UFFD_FEATURE_EVENT_FORK != 0 => Err(Skip::machine(
                "UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE",
                "run as root",
            )),
            Err(errno) => panic!("UFFDIO_API with features {features:#x}: {errno:?}"),
        }
    }

    /// One whose handshake was done elsewhere.
    pub fn ready(fd: OwnedFd) -> Self {
        let fd = fd.into_raw_fd();
        Uffd(uffd_kit::uffd::Uffd { fd })
    }

    pub fn fd(&self) -> c_int {
        self.0.fd
    }

    /// Registers, and returns the ioctls that the range has.
    pub fn register(&self, range: uffdio_range, mode: u64) -> Result<u64, Errno> {
        let (start, len) = bounds(range);
        let answer = self.0.register(start, len, mode);
        result(answer).map(|()| answer.out as u64)
    }

    pub fn unregister(&self, range: uffdio_range) -> Result<(), Errno> {
        let (start, len) = bounds(range);
        result(self.0.unregister(start, len))
    }

    pub fn wake(&self, range: uffdio_range) -> Result<(), Errno> {
        let (start, len) = bounds(range);
        result(self.0.wake(start, len))
    }

    /// Protects (`mode` UFFDIO_WRITEPROTECT_MODE_WP) or lifts (0).
    pub fn writeprotect(&self, range: uffdio_range, mode: u64) -> Result<(), Errno> {
        let (start, len) = bounds(range);
        result(self.0.writeprotect(start, len, mode))
    }

    pub fn rwprotect(&self, range: uffdio_range, mode: u64) -> Result<(), Errno> {
        let (start, len) = bounds(range);
        result(self.0.rwprotect(start, len, mode))
    }

    pub fn set_mode(&self, enable: u64, disable: u64) -> Result<(), Errno> {
        result(self.0.set_mode(enable, disable))
    }

    /// Fills `dst` with copies of one page, whose bytes are all `value`.
    pub fn copy(&self, dst: uffdio_range, value: u8, mode: u64) -> Filled {
        let data = vec![value; dst.len.min(64 << 20) as usize];
        self.copy_from(dst, data.as_ptr() as u64, mode)
    }

    /// Fills `dst` from `src`; the kernel checks whether that can be read.
    pub fn copy_from(&self, dst: uffdio_range, src: u64, mode: u64) -> Filled {
        let (start, len) = bounds(dst);
        filled(self.0.copy(start, src as usize, len, mode))
    }

    pub fn zeropage(&self, range: uffdio_range, mode: u64) -> Filled {
        let (start, len) = bounds(range);
        filled(self.0.zeropage(start, len, mode))
    }

    /// UFFDIO_CONTINUE; `continue` is a word of Rust.
    pub fn map_cached(&self, range: uffdio_range, mode: u64) -> Filled {
        let (start, len) = bounds(range);
        filled(self.0.continue_(start, len, mode))
    }

    pub fn poison(&self, range: uffdio_range, mode: u64) -> Filled {
        let (start, len) = bounds(range);
        filled(self.0.poison(start, len, mode))
    }

    /// UFFDIO_MOVE of as many bytes as `dst` has; `move` is a word of Rust.
    pub fn move_pages(&self, dst: uffdio_range, src: u64, mode: u64) -> Filled {
        let (start, len) = bounds(dst);
        filled(self.0.move_(start, src as usize, len, mode))
    }

    /// One uffd_read() with room for `room` messages.
    pub fn read(&self, room: usize) -> Result<Vec<uffd_msg_bytes>, Errno> {
        // One more than said, to see that the call does not use it.
        let mut messages = vec![uffd_msg_bytes::default(); room + 1];
        let to = messages.as_mut_ptr().cast();
        // SAFETY: there is room for `room` messages.
        let bytes = call(|| unsafe { uffd_read(self.fd(), to, room) as i64 })?;
        assert_eq!(
            bytes % size_of::<uffd_msg>() as i64,
            0,
            "read(2) gives whole messages"
        );
        assert_eq!(
            messages[room],
            uffd_msg_bytes::default(),
            "uffd_read wrote behind its room"
        );
        messages.truncate(bytes as usize / size_of::<uffd_msg>());
        Ok(messages)
    }

    /// Waits until there is something to read; fails the test if nothing comes.
    #[track_caller]
    pub fn wait_readable(&self) {
        assert_eq!(self.0.poll(WAIT), libc::POLLIN, "no message came");
    }

    /// The next message, whatever it is.
    #[track_caller]
    pub fn next_message(&self) -> uffd_msg_bytes {
        self.wait_readable();
        self.read(1).expect("uffd_read")[0]
    }

    /// The next message, which must be one of a fault.
    #[track_caller]
    pub fn next_fault(&self) -> Fault {
        Fault::from(self.next_message())
    }

    /// Fails the test if there is a message.
    #[track_caller]
    pub fn assert_no_message(&self) {
        assert_eq!(
            self.read(1).map(|messages| format!("{messages:?}")),
            Err(EAGAIN)
        );
    }

    /// The next message, which must be one of a fork: the child's userfaultfd.
    #[track_caller]
    pub fn next_fork(&self) -> Uffd {
        let message = self.next_message();
        let Some(fork) = message.fork() else {
            panic!("not a fork: {message:?}")
        };
        let fd = fork.ufd as c_int;
        // SAFETY: the kernel made the descriptor for the reader of the message.
        Self::ready(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Registers `region` for write-protection, fills and protects it.
    #[track_caller]
    pub fn protect_populated(&self, region: &Region) {
        self.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .expect("UFFDIO_REGISTER");
        region.populate();
        self.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP)
            .expect("UFFDIO_WRITEPROTECT");
    }

    /// Fails the test unless a write to the page is trapped; lifts it then.
    #[track_caller]
    pub fn assert_protected(&self, region: &Region, page: usize) {
        let writer = region.write_in_background(page, 0xaa);
        let fault = self.next_fault();
        assert_eq!(
            fault.flags,
            UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE
        );
        assert_eq!(fault.address, region.address(page));
        self.writeprotect(region.page(page), 0).expect("lifting");
        writer.join();
        assert_eq!(region.read(page), 0xaa);
    }

    /// Fails the test if a write to the page is trapped.
    #[track_caller]
    pub fn assert_not_protected(&self, region: &Region, page: usize) {
        region.write_in_background(page, 0xbb).join();
        assert_eq!(region.read(page), 0xbb);
        self.assert_no_message();
    }
}

impl From<uffd_msg_bytes> for Fault {
    #[track_caller]
    fn from(message: uffd_msg_bytes) -> Self {
        let Some(fault) = message.pagefault() else {
            panic!("not a fault: {message:?}")
        };
        Fault {
            flags: fault.flags,
            address: fault.address,
            thread: fault.ptid(),
        }
    }
}
