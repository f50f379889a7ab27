//! Cases: the two ways to open a userfaultfd.

use super::scene::*;
use crate::prelude::*;
use libc::{c_int, O_CLOEXEC, O_NONBLOCK};
use uffd_kit::verdict::need_file;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const SYSCTL: &str = "vm/unprivileged_userfaultfd";

/// Opening must answer this errno; 0 is success.
fn opens(flags: c_int, errno: c_int) -> Outcome {
    let got = Uffd::bare(flags).err().unwrap_or(0);
    let wanted = errno_name(errno);
    ensure!(
        got == errno,
        "userfaultfd(2) answered {}, not {}",
        errno_name(got),
        wanted
    );
    Ok(())
}

/// A child without any privileges opens with these flags; its errno.
fn nobody_opens(flags: c_int) -> Result<c_int, Verdict> {
    let mut child = Child::fork(|| match become_nobody() {
        Ok(()) => Uffd::bare(flags).err().unwrap_or(0),
        Err(_) => 255,
    })?;
    match child.ends()? {
        Exit::Status(255) => Err(Verdict::Cannot("cannot drop privileges".to_owned())),
        Exit::Status(errno) => Ok(errno),
        Exit::Signal(n) => fail!("killed by {}", signal_name(n)),
    }
}

fn device() -> Result<c_int, Verdict> {
    let path = b"/dev/userfaultfd\0";
    // SAFETY: the path ends in zero.
    let fd = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDWR | O_CLOEXEC) };
    need("/dev/userfaultfd", fd).map(|fd| fd as c_int)
}

/// `USERFAULTFD_IOC_NEW`; the errno of a failure.
fn through_device(device: c_int, flags: c_int) -> Result<Uffd, c_int> {
    // SAFETY: no memory is involved.
    match unsafe { userfaultfd_new(device, flags) } {
        -1 => Err(errno()),
        fd => Ok(Uffd { fd }),
    }
}

/// A thread's read(2) into a missing page of a registered region: the thread,
/// and the region.
fn kernel_touches(uffd: &Uffd) -> Result<(Thread, Region), Verdict> {
    let region = Region::new(Memory::Anon, 1)?;
    uffd.register(region.addr, region.len, MISSING).ok()?;
    let (pipe, _) = pipe_with(b"x")?;
    Ok((reads_pipe_into(pipe, region.addr), region))
}

/// The kernel's own access must be handled like any other.
fn serves_kernel(uffd: &Uffd) -> Outcome {
    let (reader, region) = kernel_touches(uffd)?;
    uffd.expect_fault(region.addr, UFFD_PAGEFAULT_FLAG_WRITE)?;
    uffd.zeropage(region.addr, region.len, 0)
        .gives(region.len)?;
    reader.returns_value(0)?;
    ensure!(region.read(0) == b'x', "the byte did not arrive");
    Ok(())
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "opening-new-descriptor",
        "userfaultfd(2), RETURN VALUE",
        "returns a new descriptor that refers to a userfaultfd",
        |_| {
            let (one, two) = (Uffd::bare(0), Uffd::bare(0));
            let (one, two) = match (one, two) {
                (Ok(one), Ok(two)) => (one, two),
                _ => fail!("userfaultfd(2) failed"),
            };
            ensure!(one.fd != two.fd, "the same descriptor twice");
            let link = std::fs::read_link(format!("/proc/self/fd/{}", one.fd));
            let link = link.map_err(|e| Verdict::Cannot(e.to_string()))?;
            let link = link.to_string_lossy();
            ensure!(link == "anon_inode:[userfaultfd]", "the descriptor is of {}", link);
            Ok(())
        },
    ),
    case(
        "opening-cloexec",
        "userfaultfd(2), DESCRIPTION: O_CLOEXEC",
        "O_CLOEXEC sets the close-on-exec flag, which is clear without it",
        |_| {
            let with = Uffd::open_with(O_CLOEXEC, 0)?;
            let without = Uffd::open_with(0, 0)?;
            ensure!(fcntl(with.fd, libc::F_GETFD, 0)? == libc::FD_CLOEXEC, "the flag is clear");
            ensure!(fcntl(without.fd, libc::F_GETFD, 0)? == 0, "the flag is set without it");
            Ok(())
        },
    ),
    case(
        "opening-nonblock",
        "userfaultfd(2), DESCRIPTION: O_NONBLOCK",
        "with O_NONBLOCK a read without a message does not wait",
        |_| {
            let uffd = Uffd::open_with(O_NONBLOCK, 0)?;
            ensure!(uffd.read(1).err() == Some(EAGAIN), "the read did not answer EAGAIN");
            Ok(())
        },
    ),
    case(
        "opening-blocking",
        "userfaultfd(2), DESCRIPTION",
        "without O_NONBLOCK a read waits until there is a message",
        |_| {
            let uffd = Uffd::open_with(0, 0)?;
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let fd = uffd.fd;
            let handler = Thread::spawn("the handler", move || {
                let mut msg = uffd_msg::default();
                // SAFETY: room for one message.
                unsafe { uffd_read(fd, &mut msg, 1) as i64 }
            });
            handler.still_waits()?;
            let reader = Thread::reads(region.addr);
            handler.returns_value(32)?;
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "opening-fcntl-nonblock",
        "userfaultfd(2), DESCRIPTION: O_NONBLOCK",
        "fcntl(2) switches a descriptor to non-blocking afterwards",
        |_| {
            let uffd = Uffd::open_with(O_CLOEXEC, 0)?;
            fcntl(uffd.fd, libc::F_SETFL, O_NONBLOCK)?;
            ensure!(uffd.read(1).err() == Some(EAGAIN), "the read did not answer EAGAIN");
            ensure!(uffd.poll(MOMENT) == 0, "poll(2) does not take it for non-blocking");
            Ok(())
        },
    ),
    case(
        "opening-einval-unknown-flag",
        "userfaultfd(2), ERRORS: EINVAL",
        "any bit in flags but the documented ones is EINVAL",
        |_| {
            let known = O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY;
            for bit in (0..31).map(|n| 1 << n).filter(|bit| bit & known == 0) {
                opens(bit, EINVAL)?;
                opens(bit | O_CLOEXEC, EINVAL)?;
            }
            opens(c_int::MIN, EINVAL)
        },
    ),
    case(
        "opening-emfile",
        "userfaultfd(2), ERRORS: EMFILE",
        "EMFILE when the process may open no more descriptors",
        |_| {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: the limit lives through the call.
            need("setrlimit", unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &none) })?;
            opens(0, libc::EMFILE)
        },
    ),
    case(
        "opening-enfile",
        "userfaultfd(2), ERRORS: ENFILE",
        "ENFILE when the system has no more open files for the unprivileged",
        |m| {
            if !m.alone {
                let why = "set fs.file-max to 0: other programs run on this machine";
                return Err(Verdict::Cannot(why.to_owned()));
            }
            let _allowed = if m.release >= (5, 2) { Some(Sysctl::set(SYSCTL, "1")?) } else { None };
            let _files = Sysctl::set("fs/file-max", "0")?;
            let errno = nobody_opens(0)?;
            ensure!(errno == libc::ENFILE, "answered {}, not ENFILE", errno_name(errno));
            Ok(())
        },
    ),
    case(
        "opening-eperm-unprivileged",
        "userfaultfd(2), ERRORS: EPERM",
        "EPERM without CAP_SYS_PTRACE while vm.unprivileged_userfaultfd is 0",
        |_| {
            let _zero = Sysctl::set(SYSCTL, "0")?;
            keep_capabilities(!CAP_SYS_PTRACE)?;
            opens(0, EPERM)
        },
    )
    .since(5, 2),
    case(
        "opening-cap-sys-ptrace",
        "userfaultfd(2), ERRORS: EPERM",
        "CAP_SYS_PTRACE alone suffices while vm.unprivileged_userfaultfd is 0",
        |_| {
            let _zero = Sysctl::set(SYSCTL, "0")?;
            keep_capabilities(CAP_SYS_PTRACE)?;
            opens(0, 0)
        },
    )
    .since(5, 2),
    case(
        "opening-eperm-user-namespace",
        "userfaultfd(2), ERRORS: EPERM",
        "CAP_SYS_PTRACE in another than the initial user namespace does not count",
        |_| {
            let _zero = Sysctl::set(SYSCTL, "0")?;
            // SAFETY: plain number.
            need("unshare", unsafe { libc::unshare(libc::CLONE_NEWUSER) })?;
            opens(0, EPERM)
        },
    )
    .since(5, 2),
    case(
        "opening-unprivileged-allowed",
        "userfaultfd(2), ERRORS: EPERM",
        "vm.unprivileged_userfaultfd 1 allows it to everybody",
        |_| {
            let _one = Sysctl::set(SYSCTL, "1")?;
            let errno = nobody_opens(0)?;
            ensure!(errno == 0, "answered {}", errno_name(errno));
            Ok(())
        },
    )
    .since(5, 2),
    case(
        "opening-sysctl-default",
        "measured",
        "vm.unprivileged_userfaultfd is 0 by default since Linux 5.11, and 1 before",
        |m| {
            // SAFETY: takes nothing.
            if unsafe { libc::getppid() } != 1 {
                return Err(Verdict::Cannot("this system may have changed it".to_owned()));
            }
            let path = format!("/proc/sys/{}", SYSCTL);
            let text = need_file(SYSCTL, std::fs::read_to_string(path))?;
            let wanted = if m.release >= (5, 11) { "0" } else { "1" };
            ensure!(text.trim() == wanted, "it is {}", text.trim());
            Ok(())
        },
    )
    .since(5, 2),
    case(
        "opening-user-mode-only-since",
        "userfaultfd(2), DESCRIPTION: UFFD_USER_MODE_ONLY",
        "UFFD_USER_MODE_ONLY is there since Linux 5.11, and EINVAL before",
        |m| opens(UFFD_USER_MODE_ONLY, if m.release >= (5, 11) { 0 } else { EINVAL }),
    ),
    case(
        "opening-user-mode-only-unprivileged",
        "userfaultfd.rst, Creating a userfaultfd: UFFD_USER_MODE_ONLY",
        "UFFD_USER_MODE_ONLY needs no privileges, whatever the sysctl says",
        |_| {
            let _zero = Sysctl::set(SYSCTL, "0")?;
            let errno = nobody_opens(UFFD_USER_MODE_ONLY | O_CLOEXEC)?;
            ensure!(errno == 0, "answered {}", errno_name(errno));
            Ok(())
        },
    )
    .since(5, 11),
    case(
        "opening-user-mode-only-user-fault",
        "userfaultfd(2), DESCRIPTION: UFFD_USER_MODE_ONLY",
        "faults of user space are handled as ever",
        |_| {
            let uffd = Uffd::open_with(UFFD_USER_MODE_ONLY | O_NONBLOCK, 0)?;
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            let writer = Thread::writes(region.addr, 7);
            uffd.expect_fault(region.addr, UFFD_PAGEFAULT_FLAG_WRITE)?;
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            writer.returns()?;
            ensure!(region.read(0) == 7, "the write was lost");
            Ok(())
        },
    )
    .since(5, 11),
    case(
        "opening-user-mode-only-kernel-fault-efault",
        "measured",
        "a system call that touches a missing page answers EFAULT, without a message",
        |_| {
            let uffd = Uffd::open_with(UFFD_USER_MODE_ONLY | O_NONBLOCK, 0)?;
            let (reader, _region) = kernel_touches(&uffd)?;
            reader.returns_value(i64::from(EFAULT))?;
            uffd.expect_silence()
        },
    )
    .since(5, 11),
    case(
        "opening-kernel-fault",
        "userfaultfd.rst, Creating a userfaultfd",
        "without UFFD_USER_MODE_ONLY a fault that the kernel takes is handled, too",
        |_| serves_kernel(&Uffd::open(0)?),
    ),
    case(
        "opening-device",
        "userfaultfd.rst, Creating a userfaultfd",
        "USERFAULTFD_IOC_NEW on /dev/userfaultfd makes a userfaultfd",
        |_| {
            let uffd = match through_device(device()?, O_NONBLOCK | O_CLOEXEC) {
                Ok(uffd) => uffd,
                Err(errno) => fail!("USERFAULTFD_IOC_NEW answered {}", errno_name(errno)),
            };
            ensure!(fcntl(uffd.fd, libc::F_GETFD, 0)? == libc::FD_CLOEXEC, "O_CLOEXEC was lost");
            uffd.api(0).0.ok()?;
            serves_kernel(&uffd)
        },
    )
    .since(6, 1),
    case(
        "opening-device-flags",
        "userfaultfd.rst, Creating a userfaultfd: UFFD_USER_MODE_ONLY",
        "it takes the flags of userfaultfd(2), as its argument itself",
        |_| {
            let device = device()?;
            let plain = through_device(device, 0).map_err(|_| Verdict::Fail("refused 0".to_owned()))?;
            ensure!(fcntl(plain.fd, libc::F_GETFD, 0)? == 0, "close-on-exec without being asked");
            ensure!(fcntl(plain.fd, libc::F_GETFL, 0)? & O_NONBLOCK == 0, "non-blocking");
            let user = match through_device(device, UFFD_USER_MODE_ONLY | O_NONBLOCK) {
                Ok(uffd) => uffd,
                Err(errno) => fail!("UFFD_USER_MODE_ONLY answered {}", errno_name(errno)),
            };
            user.api(0).0.ok()?;
            let (reader, _region) = kernel_touches(&user)?;
            reader.returns_value(i64::from(EFAULT))
        },
    )
    .since(6, 1),
    case(
        "opening-device-einval-unknown-flag",
        "measured",
        "USERFAULTFD_IOC_NEW with an unknown flag is EINVAL",
        |_| {
            let errno = through_device(device()?, 2).err().unwrap_or(0);
            ensure!(errno == EINVAL, "answered {}, not EINVAL", errno_name(errno));
            Ok(())
        },
    )
    .since(6, 1),
    case(
        "opening-device-unprivileged",
        "userfaultfd.rst, Creating a userfaultfd",
        "who has the device open needs neither capability nor sysctl, and serves the kernel's faults",
        |_| {
            let _zero = Sysctl::set(SYSCTL, "0")?;
            let device = device()?;
            let mut child = Child::fork(move || {
                let work = || -> Outcome {
                    become_nobody()?;
                    let uffd = through_device(device, O_NONBLOCK)
                        .map_err(|errno| Verdict::Fail(errno_name(errno)))?;
                    uffd.api(0).0.ok()?;
                    serves_kernel(&uffd)
                };
                work().is_err() as c_int
            })?;
            child.succeeds()
        },
    )
    .since(6, 1),
    case(
        "opening-device-enotty",
        "measured",
        "USERFAULTFD_IOC_NEW on another descriptor is ENOTTY, on none EBADF",
        |_| {
            let (pipe, _) = pipe_with(b"x")?;
            for (fd, wanted) in [(pipe, ENOTTY), (-1, EBADF)] {
                let errno = through_device(fd, 0).err().unwrap_or(0);
                let wanted = errno_name(wanted);
                ensure!(errno_name(errno) == wanted, "{}, not {}", errno_name(errno), wanted);
            }
            Ok(())
        },
    ),
    case(
        "opening-independent",
        "userfaultfd(2), DESCRIPTION",
        "each call makes an object of its own: a range of one says nothing to the other",
        |m| {
            let (one, two) = (Scene::empty(Memory::Anon, 1, 0, MISSING)?, Uffd::open(0)?);
            let reader = Thread::reads(one.at(0));
            one.uffd.expect_fault(one.at(0), 0)?;
            two.expect_silence()?;
            one.uffd.zeropage(one.at(0), m.page, 0).ok()?;
            reader.returns_value(0)
        },
    ),
];
