//! What the tests share.
//!
//! A thread that waits for a fault cannot be stopped, and a scope waits for its
//! threads even when a test fails. So the tests open the userfaultfd inside the
//! scope: what a failing test drops lets the threads go.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use safe::{Buffer, Event, Kind, OpenError, Uffd};

/// How long a test waits for something that must happen.
pub const WAIT: Duration = Duration::from_secs(10);

/// Where page `n` begins.
pub fn page(n: usize) -> usize {
    n * safe::page_size()
}

#[path = "../../../support/skip_log.rs"]
mod skip_log;

/// Opens one; if this machine does not let it, says so and gives none. Where
/// `UFFD_SYS_EXPECT` is set, only features that it does not name may be lacking.
#[track_caller]
pub fn open(features: u64) -> Option<Uffd> {
    let error = match Uffd::open(features) {
        Ok(uffd) => return Some(uffd),
        Err(error) => error,
    };
    if let Ok(text) = std::env::var("UFFD_SYS_EXPECT") {
        let expected = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        let expected = expected.expect("UFFD_SYS_EXPECT is a number");
        assert!(
            matches!(error, OpenError::Lacks(bits) if bits & expected == 0),
            "{error}"
        );
    }
    let test = thread::current().name().unwrap_or_default().to_string();
    skip_log::not_run(&format!("safe: {test}"), &error.to_string());
    None
}

/// Waits until `done` is true.
#[track_caller]
pub fn soon(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < WAIT, "it takes too long");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a thread returned, if it ends in time.
#[track_caller]
pub fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    soon(|| thread.is_finished());
    thread.join().unwrap()
}

/// The next event; there must be one alone.
#[track_caller]
pub fn next(uffd: &Uffd) -> Event {
    assert!(uffd.wait(WAIT).unwrap(), "no message came");
    let mut buffer = Buffer::new(2);
    let mut events = uffd.read(&mut buffer).unwrap();
    let event = events.next().unwrap();
    assert!(events.next().is_none());
    event
}

/// The next event, which must be a fault: its address, kind, whether it writes,
/// and the thread.
#[track_caller]
pub fn next_fault(uffd: &Uffd) -> (usize, Kind, bool, Option<u32>) {
    let event = next(uffd);
    let Event::PageFault {
        address,
        kind,
        write,
        thread,
    } = event
    else {
        panic!("{event:?}")
    };
    (address, kind, write, thread)
}
