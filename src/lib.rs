//! Raw userfaultfd.
#![cfg_attr(not(feature = "abi"), no_std)]

#[cfg(not(any(target_os = "linux", target_os = "android")))]
compile_error!("uffd-sys: userfaultfd exists on Linux alone. Depend on this crate under [target.'cfg(target_os = \"linux\")'.dependencies].");

#[cfg(feature = "abi")]
pub mod abi;
mod bindings;
mod compat;
mod ioctl;
mod message;
mod request;
mod syscall;

pub use bindings::*;
pub use compat::*;
pub use ioctl::{
    pagemap_scan, uffdio_api, uffdio_continue, uffdio_copy, uffdio_move, uffdio_poison,
    uffdio_register, uffdio_rwprotect, uffdio_set_mode, uffdio_unregister, uffdio_wake,
    uffdio_writeprotect, uffdio_zeropage, userfaultfd, userfaultfd_new,
};
pub use message::uffd_read;

/// x
pub const BINDINGS: &str = env!("UFFD_SYS_BINDINGS");
