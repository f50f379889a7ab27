//! The seccomp filter that shows a program's calls to its supervisor, and the
//! listener at its other end.
//!
//! A filter sees numbers, not files: it lets pass what cannot concern a
//! userfaultfd, and the supervisor does the rest. With raw `libc`, as a crate for
//! seccomp would bring more than these few lines.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_ulong, seccomp_notif, seccomp_notif_addfd, seccomp_notif_resp, sock_filter};

/// AUDIT_ARCH_* of this processor; calls of another mode (32 bits) pass unseen.
const ARCH: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else if cfg!(target_arch = "riscv64") {
    Some(0xc000_00f3)
} else if cfg!(target_arch = "loongarch64") {
    Some(0xc000_0102)
} else if cfg!(target_arch = "s390x") {
    Some(0x8000_0016)
} else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
    Some(0xc000_0015)
} else {
    None
};

/// Whether there is a filter for this processor.
pub fn is_supported() -> bool {
    ARCH.is_some()
}

/// Whether the kernel can keep a call that the supervisor has taken from being
/// restarted by a signal (Linux 5.19).
pub fn can_wait_killable() -> bool {
    // A filter that cannot be read is EFAULT where the flags are known, and
    // EINVAL where they are not; nothing is installed.
    let error = install(std::ptr::null(), FLAGS | KILLABLE).err();
    error.and_then(|error| error.raw_os_error()) == Some(libc::EFAULT)
}

/// Whether the kernel has user notification at all (Linux 5.0).
pub fn can_listen() -> bool {
    let error = install(std::ptr::null(), FLAGS).err();
    error.and_then(|error| error.raw_os_error()) == Some(libc::EFAULT)
}

const FLAGS: c_ulong = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
const KILLABLE: c_ulong = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

fn install(program: *const libc::sock_fprog, flags: c_ulong) -> io::Result<RawFd> {
    // SAFETY: the kernel reads the program and copies it, or answers EFAULT; it
    // changes nothing but which calls of this thread it lets pass.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            program,
        )
    };
    match fd {
        -1 => Err(io::Error::last_os_error()),
        fd => Ok(fd as RawFd),
    }
}

/// Installs the filter in this process, which shall be single-threaded.
///
/// # Errors
///
/// That of seccomp(2).
pub fn listen(killable: bool) -> io::Result<OwnedFd> {
    let arch = ARCH.ok_or(io::ErrorKind::Unsupported)?;
    let mut filter = program(arch);
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    let flags = FLAGS | if killable { KILLABLE } else { 0 };
    let fd = install(&program, flags).or_else(|error| {
        if error.raw_os_error() != Some(libc::EACCES) {
            return Err(error);
        }
        // Not root: it must give up what set-user-id programs would bring.
        rustix::thread::set_no_new_privs(true)?;
        install(&program, flags)
    })?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Offsets into `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The low and the high half of an argument.
const fn argument(n: u32) -> (u32, u32) {
    let at = 16 + 8 * n;
    if cfg!(target_endian = "little") {
        (at, at + 4)
    } else {
        (at + 4, at)
    }
}

/// Where processors have it: the others have ppoll(2) alone.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "powerpc64",
    target_arch = "s390x"
))]
pub const POLL: libc::c_long = libc::SYS_poll;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "powerpc64",
    target_arch = "s390x"
)))]
pub const POLL: libc::c_long = libc::SYS_ppoll;

/// Shows ioctls of type 0xaa, reads with room for a message, and polls.
fn program(arch: u32) -> [sock_filter; 16] {
    const READ: u8 = 10;
    const ALLOW: u8 = 14;
    const NOTIFY: u8 = 15;
    let load = |at| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at);
    let number = |call: libc::c_long| call as u32;
    let (command, _) = argument(1);
    let (room, room_high) = argument(2);
    // (the statement, where to go if it holds, and if not)
    let equal = |value, yes, no| jump(libc::BPF_JEQ, value, yes, no);
    let mut code = [
        load(ARCHITECTURE),
        equal(arch, 2, ALLOW),
        load(NUMBER),
        equal(number(libc::SYS_ppoll), NOTIFY, 4),
        equal(number(POLL), NOTIFY, 5),
        equal(number(libc::SYS_read), READ, 6),
        equal(number(libc::SYS_ioctl), 7, ALLOW),
        load(command),
        // Bits 8 to 15 of a request are its type, on every processor.
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0xff00),
        equal(u32::from(uffd_sys::UFFDIO) << 8, NOTIFY, ALLOW),
        load(room_high),
        equal(0, 12, NOTIFY),
        load(room),
        jump(libc::BPF_JGE, 32, NOTIFY, ALLOW),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW),
        statement(libc::BPF_RET, libc::SECCOMP_RET_USER_NOTIF),
    ];
    for (next, statement) in (1..).zip(&mut code) {
        if u32::from(statement.code) & 7 == libc::BPF_JMP {
            // Jumps count from the next statement.
            statement.jt -= next;
            statement.jf -= next;
        }
    }
    code
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn jump(condition: u32, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter {
        jt: yes,
        jf: no,
        ..statement(libc::BPF_JMP | condition | libc::BPF_K, k)
    }
}

/// The supervisor's end.
pub struct Listener(OwnedFd);

impl Listener {
    pub fn new(fd: OwnedFd) -> Listener {
        Listener(fd)
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.0
    }

    /// The next call that waits for an answer; none if it has gone.
    ///
    /// # Errors
    ///
    /// That of ioctl(2).
    pub fn next(&self) -> io::Result<Option<seccomp_notif>> {
        // SAFETY: all-zero is a valid value, and what the kernel asks for.
        let mut call: seccomp_notif = unsafe { mem::zeroed() };
        // SAFETY: `call` is the struct of this request, and lives through it.
        match unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_RECV, &mut call) } {
            Ok(_) => Ok(Some(call)),
            // ENOENT: its thread was killed.
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOENT | libc::EINTR) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Lets the kernel do the call.
    pub fn go_on(&self, id: u64) {
        self.send(seccomp_notif_resp {
            id,
            val: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        });
    }

    /// Answers the call with an errno.
    pub fn fails(&self, id: u64, errno: i32) {
        self.send(seccomp_notif_resp {
            id,
            val: 0,
            error: -errno,
            flags: 0,
        });
    }

    /// Answers the call with a value.
    pub fn returns(&self, id: u64, value: i64) {
        self.send(seccomp_notif_resp {
            id,
            val: value,
            error: 0,
            flags: 0,
        });
    }

    fn send(&self, mut answer: seccomp_notif_resp) {
        // A thread that was killed needs no answer.
        // SAFETY: `answer` is the struct of this request, and lives through it.
        let _ = unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_SEND, &mut answer) };
    }

    /// Puts a descriptor into the process of a call; its number there.
    ///
    /// # Errors
    ///
    /// That of ioctl(2).
    pub fn give(&self, id: u64, fd: &OwnedFd, flags: i32) -> io::Result<u32> {
        let mut arg = seccomp_notif_addfd {
            id,
            flags: 0,
            srcfd: fd.as_raw_fd() as u32,
            newfd: 0,
            newfd_flags: flags as u32,
        };
        // SAFETY: `arg` is the struct of this request, and lives through it.
        let number = unsafe { self.ioctl(libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut arg) };
        number.map(|number| number as u32)
    }

    /// # Safety
    ///
    /// `arg` must be the struct of this request.
    unsafe fn ioctl<T>(&self, request: libc::Ioctl, arg: &mut T) -> io::Result<i32> {
        // SAFETY: as the caller promises.
        match unsafe { libc::ioctl(self.0.as_raw_fd(), request, std::ptr::from_mut(arg)) } {
            -1 => Err(io::Error::last_os_error()),
            result => Ok(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn shows(arch: u32, number: libc::c_long, args: [u64; 3]) -> bool {
        let word = |at: u32| match at {
            NUMBER => number as u32,
            ARCHITECTURE => arch,
            at => {
                let arg = args[(at as usize - 16) / 8];
                let low = argument((at - 16) / 8).0 == at;
                if low {
                    arg as u32
                } else {
                    (arg >> 32) as u32
                }
            }
        };
        let code = program(ARCH.unwrap());
        let (mut at, mut value) = (0, 0);
        loop {
            let s = code[at];
            at += 1;
            let holds = match u32::from(s.code) & 0xf0 {
                libc::BPF_JGE => value >= s.k,
                _ => value == s.k,
            };
            match u32::from(s.code) & 7 {
                libc::BPF_LD => value = word(s.k),
                libc::BPF_ALU => value &= s.k,
                libc::BPF_JMP => at += usize::from(if holds { s.jt } else { s.jf }),
                _ => return s.k == libc::SECCOMP_RET_USER_NOTIF,
            }
        }
    }

    #[test]
    fn the_filter_shows_what_may_be_a_userfaultfds_alone() {
        let arch = ARCH.unwrap();
        let read = libc::SYS_read;
        assert!(shows(arch, read, [3, 0, 32]));
        assert!(shows(arch, read, [3, 0, 1 << 32]));
        assert!(!shows(arch, read, [3, 0, 31]));
        let ioctl = libc::SYS_ioctl;
        assert!(shows(arch, ioctl, [3, uffd_sys::UFFDIO_COPY.into(), 0]));
        assert!(!shows(arch, ioctl, [3, 0x5413, 0]));
        assert!(shows(arch, libc::SYS_ppoll, [0; 3]));
        assert!(shows(arch, POLL, [0; 3]));
        assert!(!shows(arch, libc::SYS_write, [3, 0, 64]));
        assert!(!shows(0x4000_0003, read, [3, 0, 32]));
    }
}
