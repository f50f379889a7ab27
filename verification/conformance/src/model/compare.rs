//! What the kernel did against what the model says, in words.

use std::fmt;

use uffd_kit::answer::amount;
use uffd_kit::errno::errno_name;
pub(super) use uffd_kit::pagemap::{PRESENT, PROTECTED, SWAPPED};
use uffd_kit::signal::signal_name;

use crate::model::expect::Outcome;
use crate::model::op::{Access, MAIN};
use crate::model::worker::Accessed;
use crate::model::world::Answered;

/// The same, or what differs.
pub(super) type Same = Result<(), String>;

macro_rules! differ {
    ($($text:tt)*) => { return Err(format!($($text)*)) };
}
pub(super) use differ;

pub(super) fn entry_text(entry: u64) -> &'static str {
    match (
        entry & PRESENT != 0,
        entry & SWAPPED != 0,
        entry & PROTECTED != 0,
    ) {
        (false, false, false) => "not there",
        (false, false, true) => "not there but protected",
        (false, true, true) => "marked, protected",
        (false, true, false) => "marked",
        (true, _, true) => "there and protected",
        (true, _, false) => "there",
    }
}

pub(super) fn scan_text(pages: &[(usize, u64)]) -> String {
    let text: Vec<String> = pages
        .iter()
        .map(|(n, c)| format!("{}:{:#x}", n, c))
        .collect();
    if text.is_empty() {
        return "nothing".to_owned();
    }
    text.join(" ")
}

pub(super) fn compare_answer(answered: &Answered, errno: i32, out: i64) -> Same {
    if answered.errno != errno {
        differ!(
            "the kernel answered {}, the model {}",
            errno_name(answered.errno),
            errno_name(errno)
        );
    }
    if answered.out != out {
        differ!(
            "the kernel's {}, the model's {}",
            amount(answered.out),
            amount(out)
        );
    }
    Ok(())
}

pub(super) fn compare_access(
    who: usize,
    access: Access,
    accessed: Accessed,
    outcome: Outcome,
) -> Same {
    let who = Who(who);
    let instruction = crate::model::worker::BY_INSTRUCTION && !access.by_kernel;
    match (accessed, outcome) {
        (Ok(found), Outcome::Done(value)) if found == value => Ok(()),
        (Ok(found), Outcome::Done(value)) => {
            differ!("{} read {:#x}, in the model {:#x}", who, found, value)
        }
        // A system call's EFAULT does not say which signal it stands for.
        (Err(got), Outcome::Signal(signal)) if got == signal || !instruction => Ok(()),
        (Err(got), Outcome::Signal(signal)) => {
            differ!(
                "{} got {}, in the model {}",
                who,
                signal_name(got),
                signal_name(signal)
            )
        }
        (Ok(_), _) => differ!("{}'s access was made; in the model {:?}", who, outcome),
        (Err(signal), _) => differ!(
            "{} got {}; in the model {:?}",
            who,
            signal_name(signal),
            outcome
        ),
    }
}

/// A thread's name.
struct Who(usize);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            MAIN => write!(f, "the main thread"),
            n => write!(f, "worker {}", n),
        }
    }
}
