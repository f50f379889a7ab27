//! The userfaultfd manual pages, executed: each claim of a page is a case that
//! runs on the running kernel.
//!
//! It owns the cases, the model and the stress, and how they are run and
//! reported. It may use `uffd_sys`, its pinned table, and `uffd_kit`, by
//! which it reaches the system.
//!
//! | file | what it owns |
//! |---|---|
//! | `machine` | the kernel and the processor |
//! | `case` | what a case is |
//! | `cases/` | the cases, one file a subject |
//! | `run`, `report` | runs cases in processes of their own, prints KTAP |
//! | `errata` | where pages and kernels are known to disagree |
//! | `init` | being the first process of a virtual machine |
//! | `model/`, `stress/` | random programs against a model; lost writes |
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

pub mod case;
pub mod cases;
pub mod errata;
pub mod init;
pub mod layout;
pub mod machine;
pub mod model;
pub mod report;
pub mod run;
pub mod stress;

/// What nearly every case uses.
pub mod prelude {
    pub use crate::case::{case, Case};
    pub use crate::kinds;
    pub use crate::machine::Machine;
    pub use libc::{
        EAGAIN, EBADF, EBUSY, EEXIST, EFAULT, EINTR, EINVAL, EIO, ENOENT, ENOMEM, ENOSPC, ENOTTY,
        EPERM, ESRCH, SIGBUS, SIGSEGV,
    };
    pub use uffd_kit::answer::{Answer, UNTOUCHED};
    pub use uffd_kit::child::{Child, Exit};
    pub use uffd_kit::errno::{errno, errno_name, set_errno};
    pub use uffd_kit::mapping::{self, map};
    pub use uffd_kit::message::Event;
    pub use uffd_kit::pages::page_size;
    pub use uffd_kit::privilege::{become_nobody, keep_capabilities, CAP_SYS_PTRACE};
    pub use uffd_kit::region::{Memory, Region};
    pub use uffd_kit::signal::signal_name;
    pub use uffd_kit::sysctl::Sysctl;
    pub use uffd_kit::thread::{Ending, Thread};
    pub use uffd_kit::uffd::Uffd;
    pub use uffd_kit::verdict::{need, Outcome, Verdict};
    pub use uffd_kit::wait::{eventually, MOMENT, PATIENCE};
    pub use uffd_kit::{ensure, fail};
    pub use uffd_sys::*;
}
