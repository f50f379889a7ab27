//! A call of the program, read from its registers and memory.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;

use libc::seccomp_notif;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};
use uffd_sys as sys;

use super::filter::POLL;
use crate::inspect::process::is_userfaultfd;
use crate::inspect::texts;
use crate::memory::page_size;

/// The memory and the descriptors of the thread that made a call. It sleeps until
/// it is answered.
pub struct Caller {
    tid: u32,
    memory: File,
}

impl Caller {
    pub fn new(tid: u32) -> io::Result<Caller> {
        let file = format!("/proc/{tid}/mem");
        let memory = File::options().read(true).write(true).open(file)?;
        Ok(Caller { tid, memory })
    }

    pub fn read(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.memory.read_exact_at(buffer, at)
    }

    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.memory.write_all_at(bytes, at)
    }

    /// How many faults wait to be read from a userfaultfd.
    pub fn pending(&self, fd: u32) -> io::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/fdinfo/{fd}", self.tid))?;
        texts::fdinfo(&text)
            .map(|info| info.pending)
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// A descriptor of the caller, as one of ours.
    pub fn descriptor(&self, fd: u32) -> io::Result<OwnedFd> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.tid))?;
        let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
        let group = group.and_then(|id| Pid::from_raw(id.trim().parse().ok()?));
        let group = group.ok_or(io::ErrorKind::NotFound)?;
        let pidfd = rustix::process::pidfd_open(group, PidfdFlags::empty())?;
        let flags = PidfdGetfdFlags::empty();
        Ok(rustix::process::pidfd_getfd(pidfd, fd as i32, flags)?)
    }
}

/// Whether a descriptor of another process can be had here (Linux 5.6). A seccomp
/// profile may deny it: Docker's does, without CAP_SYS_PTRACE.
pub fn can_take_descriptors() -> bool {
    let me = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    me.and_then(|me| {
        let null = std::fs::File::open("/dev/null").map_err(|_| rustix::io::Errno::IO)?;
        rustix::process::pidfd_getfd(me, null.as_raw_fd(), PidfdGetfdFlags::empty())
    })
    .is_ok()
}

/// A call on a userfaultfd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    Fill(Fill),
    /// Another ioctl.
    Other {
        command: u32,
    },
    Read {
        fd: u32,
        buffer: u64,
        room: u64,
    },
    /// It may wait.
    Poll {
        fds: Vec<u32>,
    },
}

/// An ioctl that fills or protects pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub fd: u32,
    pub command: u32,
    /// Where the argument is.
    at: u64,
    words: Vec<u64>,
}

/// The words of each argument: all of them, and which is the length. The mode is
/// the next one, and the out field that behind it, where there is one.
const FILLS: [(u32, usize, usize); 7] = [
    (sys::UFFDIO_COPY, 5, 2),
    (sys::UFFDIO_MOVE, 5, 2),
    (sys::UFFDIO_ZEROPAGE, 4, 1),
    (sys::UFFDIO_CONTINUE, 4, 1),
    (sys::UFFDIO_POISON, 4, 1),
    (sys::UFFDIO_WRITEPROTECT, 3, 1),
    (sys::UFFDIO_RWPROTECT, 3, 1),
];

impl Call {
    /// None if it is not on a userfaultfd, or cannot be read.
    pub fn of(notif: &seccomp_notif, caller: &Caller) -> Option<Call> {
        let (number, args) = (libc::c_long::from(notif.data.nr), &notif.data.args);
        let fd = args[0] as u32;
        let ours = |fd| is_userfaultfd(caller.tid, u64::from(fd));
        match number {
            libc::SYS_ioctl => {
                let command = args[1] as u32;
                let Some((_, count, _)) = FILLS.iter().find(|(known, ..)| *known == command) else {
                    return Some(Call::Other { command });
                };
                let mut bytes = vec![0; 8 * count];
                caller.read(args[2], &mut bytes).ok()?;
                let words = bytes.chunks_exact(8);
                let words = words.map(|word| u64::from_ne_bytes(word.try_into().expect("eight")));
                ours(fd).then(|| {
                    Call::Fill(Fill {
                        fd,
                        command,
                        at: args[2],
                        words: words.collect(),
                    })
                })
            }
            libc::SYS_read => ours(fd).then_some(Call::Read {
                fd,
                buffer: args[1],
                room: args[2],
            }),
            _ if number == libc::SYS_ppoll || number == POLL => {
                let waits = number == libc::SYS_ppoll || args[2] as i32 != 0;
                // More than anybody polls at once.
                let mut bytes = vec![0; 8 * args[1].min(1024) as usize];
                caller.read(args[0], &mut bytes).ok()?;
                let fds = bytes.chunks_exact(8);
                let fds = fds.map(|entry| i32::from_ne_bytes(entry[..4].try_into().expect("four")));
                let fds: Vec<u32> = fds.filter_map(|fd| u32::try_from(fd).ok()).collect();
                (waits && fds.iter().any(|fd| ours(*fd))).then_some(Call::Poll { fds })
            }
            _ => None,
        }
    }

    /// The name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Fill(fill) => request_name(fill.command),
            Call::Other { command } => request_name(*command),
            Call::Read { .. } => "read",
            Call::Poll { .. } => "poll",
        }
    }
}

fn request_name(command: u32) -> &'static str {
    let name = sys::names::REQUESTS.name(command);
    name.unwrap_or("another ioctl")
}

impl Fill {
    fn length_at(&self) -> usize {
        let known = FILLS.iter().find(|(command, ..)| *command == self.command);
        known.expect("made of one of these").2
    }

    /// Where it begins in the program's memory.
    pub fn start(&self) -> u64 {
        self.words[0]
    }

    pub fn len(&self) -> u64 {
        self.words[self.length_at()]
    }

    /// Whether the tool can do it in the program's stead. MOVE works from the
    /// process itself alone; the protecting ones have no out field.
    pub fn can_be_done(&self) -> bool {
        self.has_out_field() && self.command != sys::UFFDIO_MOVE
    }

    pub fn has_out_field(&self) -> bool {
        self.words.len() > self.length_at() + 2
    }

    /// Does the first page of it; how much was done. With `quiet` no thread is
    /// woken.
    pub fn do_a_page(&self, caller: &Caller, quiet: bool) -> io::Result<u64> {
        let uffd = caller.descriptor(self.fd)?;
        let (length_at, len) = (self.length_at(), page_size() as u64);
        if self.len() < len {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut words = self.words.clone();
        words[length_at] = len;
        // DONTWAKE is the lowest bit of each mode.
        words[length_at + 1] |= u64::from(quiet);
        words[length_at + 2] = 0;
        let mut data = vec![0; page_size()];
        if self.command == sys::UFFDIO_COPY {
            // The source is the caller's, and here it would be ours.
            caller.read(words[1], &mut data)?;
            words[1] = data.as_ptr() as u64;
        }
        // SAFETY: as many words as the request's struct has, which live through the
        // call, as the source does. It fills a page of the program that the program
        // was about to fill.
        let result = unsafe {
            libc::ioctl(
                uffd.as_raw_fd(),
                self.command as libc::Ioctl,
                words.as_mut_ptr(),
            )
        };
        match result {
            0 => Ok(len),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Writes the out field, if there is one, as the kernel would.
    pub fn set_out(&self, caller: &Caller, value: i64) -> io::Result<()> {
        if !self.has_out_field() {
            return Ok(());
        }
        let at = self.at + 8 * (self.length_at() as u64 + 2);
        caller.write(at, &value.to_ne_bytes())
    }
}

const _: () = {
    assert!(size_of::<sys::uffdio_copy>() == 40 && size_of::<sys::uffdio_move>() == 40);
    assert!(size_of::<sys::uffdio_zeropage>() == 32 && size_of::<sys::uffdio_continue>() == 32);
    assert!(size_of::<sys::uffdio_poison>() == 32);
    assert!(size_of::<sys::uffdio_writeprotect>() == 24);
    assert!(size_of::<sys::uffdio_rwprotect>() == 24);
};
