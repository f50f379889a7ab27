//! The userfaultfd manual pages, executed: each claim of a page is a case that
//! runs against the kernel that this program finds itself on.
//!
//! | file | what it owns |
//! |---|---|
//! | `case` | what a case is, and how it ends |
//! | `machine` | what this kernel and processor are |
//! | `uffd`, `answer`, `event` | the calls of `uffd_sys`, what they answer, the messages |
//! | `region` | memory of every kind |
//! | `thread`, `child` | threads and processes that fault, wait, die |
//! | `cases/` | the cases, one file a subject |
//! | `run`, `report` | runs cases in processes of their own, prints KTAP |
//! | `errata` | where pages and kernels are known to disagree |
//! | `init` | being the first process of a virtual machine |
//! | `model/`, `stress/` | random programs against a model; lost writes |
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

#[macro_use]
pub mod case;

pub mod answer;
pub mod cases;
pub mod child;
pub mod errata;
pub mod event;
pub mod init;
pub mod layout;
pub mod machine;
pub mod model;
pub mod region;
pub mod report;
pub mod run;
pub mod stress;
pub mod sys;
pub mod thread;
pub mod uffd;

/// What nearly every case uses.
pub mod prelude {
    pub use crate::answer::{Answer, UNTOUCHED};
    pub use crate::case::{case, Case, Outcome, Stop};
    pub use crate::child::Child;
    pub use crate::event::Event;
    pub use crate::machine::Machine;
    pub use crate::region::{Memory, Region};
    pub use crate::sys::{self, errno_name, MOMENT, PATIENCE};
    pub use crate::thread::{Ending, Thread};
    pub use crate::uffd::Uffd;
    pub use crate::{ensure, fail};
    pub use libc::{
        EAGAIN, EBADF, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC, ENOTTY, EPERM,
        ESRCH, SIGBUS, SIGSEGV,
    };
    pub use uffd_sys::*;
}
