//! Waiting with a limit.

use std::time::{Duration, Instant};

/// How long to wait for what must happen. Generous, for emulated processors.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long to watch that something does not happen.
pub const MOMENT: Duration = Duration::from_millis(25);

/// Waits until the condition holds; false if it did not for [`PATIENCE`].
#[must_use]
pub fn eventually(mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
