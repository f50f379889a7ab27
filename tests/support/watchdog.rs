//! Ends the whole run if a test hangs: a thread that waits for a fault which
//! nobody resolves cannot be stopped from inside the process.

use std::io::Write;
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// While it lives, the time of the test runs.
pub struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    pub fn start(test: &'static str) -> Self {
        let (alive, ended) = channel();
        thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                let text = format!(
                    "\nTIMEOUT {test}\n  has not ended after {} s. A thread probably waits for a \
                     fault\n  that nobody resolves. The whole run is aborted.\n",
                    LIMIT.as_secs()
                );
                // Not eprintln!: the harness would capture it.
                let _ = std::io::stderr().write_all(text.as_bytes());
                uffd_kit::hugepages::give_back_all();
                std::process::abort();
            }
        });
        Watchdog { _alive: alive }
    }
}
