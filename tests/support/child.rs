//! Forked children. This process has many threads, so a child may only do
//! what a signal handler may, and ends with _exit(2).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use libc::{c_int, pid_t};

use uffd_kit::child::clone;

use super::background::{in_background, Background, WAIT};

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Exit(c_int),
    Signal(c_int),
}

/// The right to fork. A fork is an event to every userfaultfd of the process
/// that has EVENT_FORK on, and waits until it is read, so tests that fork and
/// tests that enable EVENT_FORK run one at a time.
pub struct Forks {
    _one: MutexGuard<'static, ()>,
}

impl Forks {
    pub fn lock() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        Forks {
            _one: ONE.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Forks and waits. The child's exit status is what `body` returns.
    ///
    /// # Safety
    ///
    /// `body` must be async-signal-safe: no allocation, no lock, no panic.
    #[track_caller]
    pub unsafe fn run(&self, body: impl FnOnce() -> c_int) -> Ended {
        // SAFETY: the caller's promise.
        wait(unsafe { start(body) })
    }

    /// As [`Forks::run`], in a thread: with EVENT_FORK on, the fork itself waits.
    ///
    /// # Safety
    ///
    /// As [`Forks::run`].
    pub unsafe fn run_in_background(
        &self,
        body: impl FnOnce() -> c_int + Send + 'static,
    ) -> Background<Ended> {
        // SAFETY: the caller's promise.
        in_background(|| wait(unsafe { start(body) }))
    }
}

/// # Safety
///
/// As [`Forks::run`].
unsafe fn start(body: impl FnOnce() -> c_int) -> pid_t {
    // SAFETY: the caller's promise.
    let pid = unsafe { clone(0) }.expect("fork");
    if pid == 0 {
        // A child that waits for ever is ended by SIGALRM.
        // SAFETY: both are async-signal-safe.
        unsafe {
            libc::alarm(5);
            libc::_exit(body());
        }
    }
    pid
}

#[track_caller]
fn wait(pid: pid_t) -> Ended {
    let (started, mut status) = (Instant::now(), 0);
    loop {
        // SAFETY: the child is ours, and `status` may be written.
        match unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } {
            0 if started.elapsed() > WAIT => panic!("child {pid} does not end"),
            0 => std::thread::sleep(std::time::Duration::from_millis(1)),
            -1 => panic!("waitpid: {}", std::io::Error::last_os_error()),
            _ if libc::WIFEXITED(status) => return Ended::Exit(libc::WEXITSTATUS(status)),
            _ => return Ended::Signal(libc::WTERMSIG(status)),
        }
    }
}

/// For the body of a child: 0 if the call succeeded, else its errno.
pub fn exit_with_errno(returned: c_int) -> c_int {
    if returned >= 0 {
        return 0;
    }
    uffd_kit::errno::errno()
}
