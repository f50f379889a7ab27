//! A userfaultfd: opened, handshaken, and its calls with checked results.

use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;

use libc::c_int;
use uffd_sys::*;

use super::background::WAIT;
use super::call::*;
use super::memory::Region;
use super::skip::Skip;

const REMEDY: &str = "run as root, or sysctl vm.unprivileged_userfaultfd=1";

/// A userfaultfd after UFFDIO_API. Non-blocking, so that a message that does
/// not come fails a test instead of stopping it.
#[derive(Debug)]
pub struct Uffd(OwnedFd);

/// What a message of a fault says.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub flags: u64,
    pub address: u64,
    /// 0 without `UFFD_FEATURE_THREAD_ID`.
    pub thread: u32,
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
    Skip::machine(format!("{call}: {errno:?}"), REMEDY)
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
        let fd = fd.map_err(|errno| refused("userfaultfd(2) for all faults", errno, &[EPERM]))?;
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
            Ok(()) => Ok(Uffd(fd)),
            Err(EPERM) if features & UFFD_FEATURE_EVENT_FORK != 0 => Err(Skip::machine(
                "UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE",
                "run as root",
            )),
            Err(errno) => panic!("UFFDIO_API with features {features:#x}: {errno:?}"),
        }
    }

    /// One that went through the handshake elsewhere.
    pub fn shaken(fd: OwnedFd) -> Self {
        Uffd(fd)
    }

    pub fn fd(&self) -> c_int {
        self.0.as_raw_fd()
    }

    /// Registers, and returns the ioctls that the range has.
    pub fn register(&self, range: uffdio_range, mode: u64) -> Result<u64, Errno> {
        let mut arg = uffdio_register {
            range,
            mode,
            ioctls: 0,
        };
        // SAFETY: `arg` is ours; tests register memory of regions alone.
        call0(|| unsafe { uffdio_register(self.fd(), &mut arg) }).map(|()| arg.ioctls)
    }

    pub fn unregister(&self, mut range: uffdio_range) -> Result<(), Errno> {
        // SAFETY: `range` is ours.
        call0(|| unsafe { uffdio_unregister(self.fd(), &mut range) })
    }

    pub fn wake(&self, mut range: uffdio_range) -> Result<(), Errno> {
        // SAFETY: `range` is ours.
        call0(|| unsafe { uffdio_wake(self.fd(), &mut range) })
    }

    /// Protects (`mode` UFFDIO_WRITEPROTECT_MODE_WP) or lifts (0).
    pub fn writeprotect(&self, range: uffdio_range, mode: u64) -> Result<(), Errno> {
        let mut arg = uffdio_writeprotect { range, mode };
        // SAFETY: `arg` is ours; tests protect memory of regions alone.
        call0(|| unsafe { uffdio_writeprotect(self.fd(), &mut arg) })
    }

    pub fn rwprotect(&self, range: uffdio_range, mode: u64) -> Result<(), Errno> {
        let mut arg = uffdio_rwprotect { range, mode };
        // SAFETY: `arg` is ours; tests protect memory of regions alone.
        call0(|| unsafe { uffdio_rwprotect(self.fd(), &mut arg) })
    }

    pub fn set_mode(&self, enable: u64, disable: u64) -> Result<(), Errno> {
        let mut arg = uffdio_set_mode { enable, disable };
        // SAFETY: `arg` is ours.
        call0(|| unsafe { uffdio_set_mode(self.fd(), &mut arg) })
    }

    /// Fills `dst` with copies of one page, whose bytes are all `value`.
    pub fn copy(&self, dst: uffdio_range, value: u8, mode: u64) -> Filled {
        let data = vec![value; dst.len.min(64 << 20) as usize];
        self.copy_from(dst, data.as_ptr() as u64, mode)
    }

    /// Fills `dst` from `src`; the kernel checks whether that can be read.
    pub fn copy_from(&self, dst: uffdio_range, src: u64, mode: u64) -> Filled {
        let mut arg = uffdio_copy {
            dst: dst.start,
            src,
            len: dst.len,
            mode,
            copy: UNTOUCHED,
        };
        // SAFETY: `arg` is ours; what is filled is memory of a region.
        let result = call0(|| unsafe { uffdio_copy(self.fd(), &mut arg) });
        (result, arg.copy)
    }

    pub fn zeropage(&self, range: uffdio_range, mode: u64) -> Filled {
        let mut arg = uffdio_zeropage {
            range,
            mode,
            zeropage: UNTOUCHED,
        };
        // SAFETY: `arg` is ours; what is filled is memory of a region.
        let result = call0(|| unsafe { uffdio_zeropage(self.fd(), &mut arg) });
        (result, arg.zeropage)
    }

    /// UFFDIO_CONTINUE; `continue` is a word of Rust.
    pub fn map_cached(&self, range: uffdio_range, mode: u64) -> Filled {
        let mut arg = uffdio_continue {
            range,
            mode,
            mapped: UNTOUCHED,
        };
        // SAFETY: `arg` is ours; what is mapped is memory of a region.
        let result = call0(|| unsafe { uffdio_continue(self.fd(), &mut arg) });
        (result, arg.mapped)
    }

    pub fn poison(&self, range: uffdio_range, mode: u64) -> Filled {
        let mut arg = uffdio_poison {
            range,
            mode,
            updated: UNTOUCHED,
        };
        // SAFETY: `arg` is ours; what is poisoned is memory of a region.
        let result = call0(|| unsafe { uffdio_poison(self.fd(), &mut arg) });
        (result, arg.updated)
    }

    /// UFFDIO_MOVE of as many bytes as `dst` has; `move` is a word of Rust.
    pub fn move_pages(&self, dst: uffdio_range, src: u64, mode: u64) -> Filled {
        let mut arg = uffdio_move {
            dst: dst.start,
            src,
            len: dst.len,
            mode,
            move_: UNTOUCHED,
        };
        // SAFETY: `arg` is ours; both ranges are memory of regions.
        let result = call0(|| unsafe { uffdio_move(self.fd(), &mut arg) });
        (result, arg.move_)
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
        let mut poll = libc::pollfd {
            fd: self.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: `poll` is one entry of ours.
        let ready = call(|| unsafe { libc::poll(&mut poll, 1, WAIT.as_millis() as c_int) });
        assert_eq!(ready, Ok(1), "no message came");
        assert_eq!(poll.revents, libc::POLLIN);
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
        Uffd(unsafe { OwnedFd::from_raw_fd(fd) })
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
