//! Child processes of a case.

use libc::c_int;

use crate::signal::signal_name;
use crate::verdict::{need, Outcome, Verdict};
use crate::wait::eventually;

/// A child process; killed when dropped.
pub struct Child {
    /// Its id.
    pub pid: libc::pid_t,
    reaped: bool,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// exit(2) with this status.
    Status(c_int),
    /// This signal killed it.
    Signal(c_int),
}

impl Child {
    /// fork(2): the child does `work` and exits with its status.
    ///
    /// May wait for a reader of the fork event, so call it from a
    /// [`Thread`](crate::thread::Thread) where that is enabled.
    pub fn fork(work: impl FnOnce() -> c_int) -> Result<Child, Verdict> {
        // SAFETY: the child does what the case wants of it and leaves by
        // _exit(2). The cases keep to memory access and system calls in it,
        // as other threads may have held locks.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            crate::thread::leave_thread();
            let status = work();
            // SAFETY: plain number.
            unsafe { libc::_exit(status) }
        }
        need("fork", pid)?;
        Ok(Child { pid, reaped: false })
    }

    /// It must end; how it did.
    pub fn ends(&mut self) -> Result<Exit, Verdict> {
        let mut status = 0;
        let pid = self.pid;
        let ended = eventually(|| {
            // SAFETY: `status` may be written.
            unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) == pid }
        });
        ensure!(ended, "the child still waits");
        self.reaped = true;
        if libc::WIFSIGNALED(status) {
            return Ok(Exit::Signal(libc::WTERMSIG(status)));
        }
        Ok(Exit::Status(libc::WEXITSTATUS(status)))
    }

    /// It must exit with status 0. `work` returns others for what went wrong.
    pub fn succeeds(&mut self) -> Outcome {
        match self.ends()? {
            Exit::Status(0) => Ok(()),
            Exit::Status(status) => fail!("the child ended with status {}", status),
            Exit::Signal(signal) => fail!("the child was killed by {}", signal_name(signal)),
        }
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: `info` may be written; all zeroes is valid.
        unsafe {
            libc::waitid(
                libc::P_PID,
                self.pid as libc::id_t,
                info.as_mut_ptr(),
                flags,
            );
            (*info.as_ptr()).si_signo == 0
        }
    }

    /// Sends a signal.
    pub fn kill(&self, signal: c_int) {
        // SAFETY: plain numbers; the child is not reaped, so the id is its own.
        unsafe { libc::kill(self.pid, signal) };
    }
}

/// clone(2) without a stack of its own: fork(2), but for what `flags` share,
/// and without the C library, whose allocator would be locked until a fork
/// event is read.
///
/// # Safety
///
/// The child may make system calls only: other threads may have held locks.
pub unsafe fn clone(flags: c_int) -> Result<libc::pid_t, Verdict> {
    let (mut first, mut second) = ((flags | libc::SIGCHLD) as libc::c_long, 0);
    if cfg!(target_arch = "s390x") {
        std::mem::swap(&mut first, &mut second);
    }
    // SAFETY: no new stack, and nothing to store an id in.
    let pid = unsafe { libc::syscall(libc::SYS_clone, first, second, 0, 0, 0) };
    need("clone", pid as i64).map(|pid| pid as libc::pid_t)
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill(libc::SIGKILL);
            // SAFETY: no status is asked for.
            unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
        }
    }
}
