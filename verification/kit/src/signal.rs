//! The names of signals.

use libc::c_int;

/// The name of a signal, or its number.
pub fn signal_name(signal: c_int) -> String {
    match signal {
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGALRM => "SIGALRM".to_owned(),
        other => format!("signal {}", other),
    }
}
