//! Threads that are expected to wait: for a fault to be resolved, or for an
//! event to be read.

use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a test waits for something that must happen.
pub const WAIT: Duration = Duration::from_secs(10);
/// How long a test watches for something that must not happen.
const WATCH: Duration = Duration::from_millis(40);

/// A thread, its id, and what it will return.
pub struct Background<T> {
    /// As `UFFD_FEATURE_THREAD_ID` reports it.
    pub tid: u32,
    result: Receiver<T>,
}

/// Starts a thread. It is never joined on a failure: it may wait for ever, or
/// until the userfaultfd is closed.
pub fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Background<T> {
    let (send_tid, tid) = channel();
    let (send, result) = channel();
    thread::spawn(move || {
        let _ = send_tid.send(uffd_kit::asleep::tid());
        let _ = send.send(work());
    });
    let tid = tid.recv().expect("the thread says its id first");
    Background { tid, result }
}

impl<T> Background<T> {
    /// What the thread returned; fails the test if it does not end.
    #[track_caller]
    pub fn join(self) -> T {
        match self.result.recv_timeout(WAIT) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => panic!("the thread still waits; nobody woke it"),
            Err(RecvTimeoutError::Disconnected) => panic!("the thread panicked"),
        }
    }

    /// Fails the test if the thread went on.
    #[track_caller]
    pub fn assert_waiting(&self) {
        let ended = !matches!(
            self.result.recv_timeout(WATCH),
            Err(RecvTimeoutError::Timeout)
        );
        assert!(!ended, "the thread went on; it should have waited");
    }
}
