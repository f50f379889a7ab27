//! Starts a command whose calls are shown to this process, and which ends with it.
//!
//! Three forks deep: a process that makes a PID namespace, the namespace's first
//! process, and the command. Each has the next one killed when it dies, and with
//! the namespace's first process the kernel ends every descendant, also when this
//! process was killed with SIGKILL.

use std::ffi::{CString, OsString};
use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use rustix::net::{self, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::filter::{self, Listener};
use crate::uffd::errno_name;

/// A command that runs.
pub struct Running {
    /// The process that made the namespace, a child of this one.
    keeper: Pid,
    /// The first process of the namespace.
    init: Pid,
    /// The same: readable when it has ended, and so all others.
    pub ended: OwnedFd,
    /// Its standard output and error.
    pub output: OwnedFd,
    status: OwnedFd,
    pub listener: Listener,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Code(i32),
    Signal(i32),
    /// It was ended from here, or its namespace was.
    Killed,
}

/// What the new processes say over the socket, first: the step and the errno.
const INIT: u8 = 1;
const LISTENER: u8 = 2;
const NAMESPACE: u8 = 3;
const FILTER: u8 = 4;
const EXEC: u8 = 5;

/// Runs a command with its input empty and its output in a pipe.
///
/// # Errors
///
/// A sentence that says what is wrong and what to do.
pub fn launch(command: &[OsString], killable: bool) -> Result<Running, String> {
    let strings: Result<Vec<CString>, _> = command
        .iter()
        .map(|word| CString::new(word.clone().into_vec()))
        .collect();
    let command = strings.map_err(|_| "the command has a zero byte in it".to_owned())?;
    let failed = |what: &str, error: rustix::io::Errno| format!("{what}: {error}");
    let (ours, theirs) = net::socketpair(
        net::AddressFamily::UNIX,
        net::SocketType::SEQPACKET,
        net::SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| failed("socketpair(2)", error))?;
    let pipe = || {
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
            .map_err(|error| failed("pipe(2)", error))
    };
    let ((output, output_in), (status, status_in)) = (pipe()?, pipe()?);
    let me = rustix::process::getpid();
    // SAFETY: this process has one thread, so the child may do anything.
    let keeper = match unsafe { libc::fork() } {
        -1 => return Err(format!("fork(2): {}", io::Error::last_os_error())),
        0 => {
            drop((ours, output, status));
            let code = keep(me, &command, &theirs, output_in, status_in, killable);
            exit(code)
        }
        pid => Pid::from_raw(pid).expect("fork(2) returns no other"),
    };
    drop((theirs, output_in, status_in));
    let mut running = Unborn { keeper, init: None };
    let listener = receive(&ours, &mut running, &command[0].to_string_lossy())?;
    let (init, ended) = running
        .init
        .take()
        .ok_or("the command's first process is not known")?;
    std::mem::forget(running);
    Ok(Running {
        keeper,
        init,
        ended,
        output,
        status,
        listener,
    })
}

/// Ends what was begun, if it comes to nothing.
struct Unborn {
    keeper: Pid,
    init: Option<(Pid, OwnedFd)>,
}

impl Drop for Unborn {
    fn drop(&mut self) {
        end(self.keeper, self.init.as_ref().map(|(_, init)| init));
    }
}

fn end(keeper: Pid, init: Option<&OwnedFd>) {
    // Its keeper waits for it: then all of the namespace has ended. By a pidfd, as
    // the keeper may have seen its end already.
    let _ = match init {
        Some(init) => rustix::process::pidfd_send_signal(init, Signal::KILL),
        None => rustix::process::kill_process(keeper, Signal::KILL),
    };
    let _ = rustix::process::waitpid(Some(keeper), WaitOptions::empty());
}

/// Takes the listener, lets the command begin, and sees whether it did.
fn receive(socket: &OwnedFd, unborn: &mut Unborn, name: &str) -> Result<Listener, String> {
    let mut listener = None;
    loop {
        let mut bytes = [0; 5];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let read = net::recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
        .map_err(|error| format!("recvmsg(2): {error}"))?
        .bytes;
        let number = i32::from_ne_bytes(bytes[1..].try_into().expect("four bytes"));
        let error = || errno_name(number);
        match (read, bytes[0]) {
            // The descriptor is closed by exec.
            (0, _) => {
                return listener.ok_or_else(|| "the command's first process was killed".to_owned())
            }
            (_, INIT) => {
                let pid = Pid::from_raw(number).ok_or("the command's first process is odd")?;
                let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
                    Ok(pidfd) => pidfd,
                    // It failed, and its keeper has seen its end: why, comes next.
                    Err(rustix::io::Errno::SRCH) => continue,
                    Err(error) => {
                        return Err(format!(
                            "pidfd_open(2): {error}: it came with Linux 5.3, and a container's \
                             profile must allow it"
                        ))
                    }
                };
                unborn.init = Some((pid, pidfd));
            }
            (_, LISTENER) => {
                let fds = control.drain().filter_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                    _ => None,
                });
                listener = fds.flatten().next().map(Listener::new);
                let _ = net::send(socket, &[1], SendFlags::NOSIGNAL);
            }
            (_, NAMESPACE) => {
                return Err(format!(
                    "no PID namespace can be made ({}): run it as root, or allow user \
                     namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces)",
                    error()
                ))
            }
            (_, FILTER) if number == libc::EBUSY => {
                return Err("a seccomp listener is on this process already, as in some \
                     containers and under another supervisor: run it outside of that"
                    .to_owned())
            }
            (_, FILTER) => {
                return Err(format!(
                    "seccomp(2): {}: the kernel needs CONFIG_SECCOMP_FILTER, and a container's \
                     profile must allow seccomp",
                    error()
                ))
            }
            (_, EXEC) if number == libc::ENOENT => {
                return Err(format!("{name}: there is no such command"))
            }
            (_, EXEC) => return Err(format!("{name}: cannot be run: {}", error())),
            _ => return Err("the command's first process said something odd".to_owned()),
        }
    }
}

/// Ends a forked process without what the parent's exit would do.
fn exit(code: i32) -> ! {
    // SAFETY: ends this process.
    unsafe { libc::_exit(code) }
}

fn tell(socket: &OwnedFd, step: u8, number: i32) {
    let mut bytes = [step, 0, 0, 0, 0];
    bytes[1..].copy_from_slice(&number.to_ne_bytes());
    let _ = net::send(socket, &bytes, SendFlags::NOSIGNAL);
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

/// The keeper: makes the namespace, and waits for it to end.
fn keep(
    parent: Pid,
    command: &[CString],
    socket: &OwnedFd,
    output: OwnedFd,
    status: OwnedFd,
    killable: bool,
) -> i32 {
    die_with_parent();
    if rustix::process::getppid() != Some(parent) {
        return 1; // It had ended before.
    }
    if let Err(error) = new_namespace() {
        tell(socket, NAMESPACE, errno(&error));
        return 1;
    }
    // SAFETY: this process has one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => {
            tell(socket, NAMESPACE, errno(&io::Error::last_os_error()));
            1
        }
        0 => exit(init(command, socket, output, &status, killable)),
        pid => {
            tell(socket, INIT, pid);
            // Nobody but the first process shall keep these open. The caller of
            // this function owns the socket: close what it refers to.
            drop((output, status));
            close(socket.as_fd());
            let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty());
            0
        }
    }
}

/// Closes a descriptor of an owner that will not come back.
fn close(fd: BorrowedFd<'_>) {
    use std::os::fd::AsRawFd;
    // SAFETY: this forked process leaves by _exit, so the owner never closes it, and
    // nothing uses it any more.
    unsafe { rustix::io::close(fd.as_raw_fd()) };
}

fn die_with_parent() {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

/// As root at once; anybody else needs a user namespace, too.
fn new_namespace() -> io::Result<()> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    // SAFETY: changes what the next child is born into, and this process has one
    // thread and shares nothing.
    let unshare = |flags| match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let first = unshare(libc::CLONE_NEWPID);
    if !first
        .as_ref()
        .is_err_and(|error| errno(error) == libc::EPERM)
    {
        return first;
    }
    unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID)?;
    // Everybody stays who they are.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{0} {0} 1", user.as_raw()))?;
    fs::write("/proc/self/gid_map", format!("{0} {0} 1", group.as_raw()))
}

/// The first process of the namespace: starts the command, and reaps everybody
/// until it ends.
fn init(
    command: &[CString],
    socket: &OwnedFd,
    output: OwnedFd,
    status: &OwnedFd,
    killable: bool,
) -> i32 {
    die_with_parent();
    // SAFETY: this process has one thread, so the child may do anything.
    let child = match unsafe { libc::fork() } {
        -1 => {
            tell(socket, EXEC, errno(&io::Error::last_os_error()));
            return 1;
        }
        0 => {
            let (step, error) = execute(command, socket, &output, killable);
            tell(socket, step, errno(&error));
            exit(127)
        }
        pid => Pid::from_raw(pid),
    };
    drop(output);
    close(socket.as_fd());
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, ending))) if Some(pid) == child => {
                let signal = ending.terminating_signal().map(|signal| -signal);
                let code = ending.exit_status().or(signal).unwrap_or(-1);
                let _ = rustix::io::write(status, &code.to_ne_bytes());
                return 0;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 1,
        }
    }
}

/// Becomes the command; returns what failed.
fn execute(
    command: &[CString],
    socket: &OwnedFd,
    output: &OwnedFd,
    killable: bool,
) -> (u8, io::Error) {
    let streams = || -> io::Result<()> {
        let null = fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(null)?;
        rustix::stdio::dup2_stdout(output)?;
        rustix::stdio::dup2_stderr(output)?;
        Ok(())
    };
    if let Err(error) = streams() {
        return (EXEC, error);
    }
    // Rust ignores it, which a command would inherit.
    // SAFETY: the default action is no function of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let listener = match filter::listen(killable) {
        Ok(listener) => listener,
        Err(error) => return (FILTER, error),
    };
    let fds = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let bytes = [LISTENER, 0, 0, 0, 0];
    let sent = net::sendmsg(
        socket,
        &[IoSlice::new(&bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    );
    if let Err(error) = sent {
        return (FILTER, error.into());
    }
    // A supervisor that has ended meanwhile closes its end, and nothing begins.
    // recv(2), as read(2) would wait for the supervisor.
    let mut go = [0; 1];
    if !matches!(net::recv(socket, &mut go, RecvFlags::empty()), Ok((1, _))) {
        exit(1);
    }
    let mut words: Vec<*const libc::c_char> = command.iter().map(|word| word.as_ptr()).collect();
    words.push(std::ptr::null());
    // SAFETY: strings that live through the call, and a null behind them.
    unsafe { libc::execvp(words[0], words.as_ptr()) };
    (EXEC, io::Error::last_os_error())
}

impl Running {
    /// The process whose descendants are the command's processes.
    pub fn root(&self) -> u32 {
        self.init.as_raw_nonzero().get() as u32
    }

    /// How the command ended, once it has.
    pub fn ending(&self) -> Ending {
        let mut bytes = [0; 4];
        match rustix::io::read(&self.status, &mut bytes) {
            Ok(4) => {}
            _ => return Ending::Killed,
        }
        match i32::from_ne_bytes(bytes) {
            signal @ ..=-1 => Ending::Signal(-signal),
            code => Ending::Code(code),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(self.keeper, Some(&self.ended));
    }
}
