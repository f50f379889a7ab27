//! How far a long work is: a line that changes, where there is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

pub struct Progress {
    what: String,
    of: usize,
    live: bool,
    said: Option<Instant>,
}

impl Progress {
    pub fn new(what: String, of: usize) -> Progress {
        Progress {
            what,
            of,
            live: io::stderr().is_terminal(),
            said: None,
        }
    }

    pub fn at(&mut self, done: usize) {
        let due = self
            .said
            .map_or(true, |said| said.elapsed() > Duration::from_millis(100));
        if self.live && due {
            self.said = Some(Instant::now());
            let percent = done * 100 / self.of.max(1);
            eprint!(
                "\r{}: {done} of {} pages, {percent} %   ",
                self.what, self.of
            );
            let _ = io::stderr().flush();
        }
    }

    pub fn end(&self) {
        if self.said.is_some() {
            eprint!("\r{:60}\r", "");
        }
    }
}
