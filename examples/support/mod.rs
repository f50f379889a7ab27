//! What the examples need: memory, a userfaultfd, and errors that say what
//! to do. It may use `uffd_sys`, libc and std alone, because people copy it.
#![allow(dead_code)] // Each example uses a part.

mod memory;
pub mod socket;
mod uffd;

#[allow(unused_imports)] // As above.
pub use memory::{page_size, Memory};
#[allow(unused_imports)] // As above.
pub use uffd::{check, kernel_features, Pause, Uffd};

use std::fmt::Display;
use std::process::ExitCode;

/// Takes the value of an option off the arguments.
pub fn value<T: std::str::FromStr>(name: &str, given: Option<String>) -> Result<T, String> {
    let text = given.ok_or(format!("{name} needs a value"))?;
    text.parse()
        .map_err(|_| format!("{name} {text}: not a value for this option"))
}

/// Ends an example: bad arguments are 2, everything else that fails is 1.
pub fn end(name: &str, usage: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(what)) => {
            eprintln!("{name}: {what}\n\n{usage}");
            ExitCode::from(2)
        }
        Err(Failure::Run(what)) => {
            eprintln!("{name}: {what}");
            ExitCode::FAILURE
        }
    }
}

/// Why an example ended.
#[derive(Debug)]
pub enum Failure {
    Usage(String),
    Run(String),
}

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Run(error.to_string())
    }
}
