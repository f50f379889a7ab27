//! The raw API of Linux `userfaultfd`, complete up to Linux 7.3: every
//! constant, every struct and one thin `unsafe` function for each call, at the
//! cost of the system call. For the authors of higher-level crates.
//!
//! With a userfaultfd a program handles page faults of its own memory, or of
//! another process's: it fills pages that are missing, and learns of writes to
//! pages that it has protected. Snapshots, live migration, lazy loading and
//! garbage collectors are made of that.
//!
//! # The life of a fault
//!
//! ```text
//!   a thread accesses       the kernel                    the handler
//!   a registered page
//!         |                     |                              |
//!         |---- page fault ---->|                              |
//!         |                     |---- uffd_msg: address, ----->| uffd_read()
//!         |  (waits)            |     flags, thread            |
//!         |                     |                              |
//!         |                     |<--- uffdio_copy(),  ---------| fills the page,
//!         |                     |     uffdio_writeprotect() …  | or unprotects it
//!         |<------ wakes -------|                              |
//!         |  accesses it again  |                              |
//! ```
//!
//! 1. [`userfaultfd()`] or [`userfaultfd_new()`] opens a descriptor.
//! 2. [`uffdio_api()`](fn@uffdio_api) performs the handshake and enables features.
//!    It can be done once for a descriptor; to see what there is before choosing,
//!    ask on another one with no features and close it.
//! 3. [`uffdio_register()`](fn@uffdio_register) names memory and the kinds of
//!    fault to handle.
//! 4. [`uffd_read()`] gives messages. Any thread may read them, or another
//!    process that was sent the descriptor.
//! 5. One of the calls below resolves the fault and wakes the thread.
//!
#![doc = include_str!("manual/faults.md")]
//!
//! To learn only which pages were written, without stopping the writers, enable
//! [`UFFD_FEATURE_WP_ASYNC`] and ask [`pagemap_scan()`]: the fastest way there
//! is.
//!
//! # Which one
//!
//! - **To fill memory when it is first accessed** (lazy loading, migration):
//!   MISSING, and [`uffdio_copy()`](fn@uffdio_copy) in one call for as many pages
//!   as are at hand.
//! - **The contents are in shared memory already**, and another process or a
//!   second mapping keeps them right: MINOR, and
//!   [`uffdio_continue()`](fn@uffdio_continue), which copies nothing.
//! - **To act before a page changes** (snapshots, a collector's barrier): WP. The
//!   writer waits for you, which costs a switch of threads each time.
//! - **To know afterwards what changed** (dirty tracking): WP with
//!   [`UFFD_FEATURE_WP_ASYNC`] and [`pagemap_scan()`]. Nobody waits, and it is
//!   faster by an order of magnitude: docs/performance.md has the figures.
//! - **To see reads, too** (working sets, cold memory): RWP, since Linux 7.3; with
//!   [`UFFD_FEATURE_RWP_ASYNC`] nobody waits.
//!
#![doc = include_str!("manual/features.md")]
//!
#![doc = include_str!("manual/handler.md")]
//!
#![doc = include_str!("manual/good_to_know.md")]
//!
//! # Example: catching a write
//!
//! ```
//! use std::{io, mem, ptr, thread};
//!
//! use uffd_sys::*;
//!
//! fn check(result: i32) -> io::Result<i32> {
//!     if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
//! }
//!
//! # fn main() -> io::Result<()> {
//! // SAFETY: each argument lives through its call; nobody but this program
//! // touches the page, and the main thread resolves what the writer runs into.
//! unsafe {
//!     // USER_MODE_ONLY needs no privilege.
//!     let uffd = check(userfaultfd(libc::O_CLOEXEC | UFFD_USER_MODE_ONLY))?;
//!     let mut api = uffdio_api {
//!         api: UFFD_API,
//!         features: UFFD_FEATURE_PAGEFAULT_FLAG_WP,
//!         ..Default::default()
//!     };
//!     check(uffdio_api(uffd, &mut api))?;
//!
//!     let size = libc::sysconf(libc::_SC_PAGESIZE) as usize;
//!     let access = libc::PROT_READ | libc::PROT_WRITE;
//!     let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
//!     let page = libc::mmap(ptr::null_mut(), size, access, flags, -1, 0).cast::<u8>();
//!     // A page that is not there yet would not be protected.
//!     page.write(1);
//!
//!     let range = uffdio_range { start: page as u64, len: size as u64 };
//!     let mode = UFFDIO_REGISTER_MODE_WP;
//!     let mut register = uffdio_register { range, mode, ..Default::default() };
//!     check(uffdio_register(uffd, &mut register))?;
//!     let mode = UFFDIO_WRITEPROTECT_MODE_WP;
//!     let mut protect = uffdio_writeprotect { range, mode, ..Default::default() };
//!     check(uffdio_writeprotect(uffd, &mut protect))?;
//!
//!     let address = page as usize;
//!     let writer = thread::spawn(move || (address as *mut u8).write_volatile(2));
//!
//!     let mut msgs = [uffd_msg_bytes::default(); 1];
//!     let bytes = uffd_read(uffd, msgs.as_mut_ptr().cast(), msgs.len());
//!     assert_eq!(bytes as usize, mem::size_of::<uffd_msg>());
//!     let fault = msgs[0].pagefault().expect("a fault");
//!     assert_eq!(fault.flags, UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
//!     assert_eq!(fault.address, page as u64);
//!     assert_eq!(page.read(), 1); // The writer waits.
//!
//!     protect.mode = 0; // Lifts the protection and wakes it.
//!     check(uffdio_writeprotect(uffd, &mut protect))?;
//!     writer.join().unwrap();
//!     assert_eq!(page.read(), 2);
//!     libc::close(uffd);
//! }
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("manual/opening.md")]
//!
//! # The contract of the functions
//!
//! That of ioctl(2): what the kernel returned, or -1 with `errno` set, which is
//! untouched on success. Exactly one system call each; no allocation, lock,
//! panic or retry. On x86_64, aarch64, riscv and arm the call is inlined to the
//! instruction; elsewhere, and with `--cfg uffd_sys_libc`, it goes through
//! libc. A system call clears vector registers of aarch64 above 128 bits: code
//! compiled with the target feature `sve` goes through libc, but a single function
//! with `#[target_feature(enable = "sve")]` must keep none over a call.
//!
//! # Safety
//!
//! Each function says what is particular to it. For all of them:
//!
//! - **The descriptor** is open, and the caller owns it or borrows it for the
//!   time of the call. The number of a closed one may name another file by now.
//! - **The argument** is valid for the whole call, and no other thread uses it
//!   meanwhile. It may have any alignment. It must not lie in memory whose faults
//!   the calling thread would have to resolve.
//! - **The range** belongs to the process that opened the descriptor, which need
//!   not be the caller's. The thread that resolves faults decides what that memory
//!   holds, so it is accessed as memory that is shared with others: through raw
//!   pointers, or through references that are taken after the contents are final.
//!
//! # What can grow
//!
//! The kernel may add members to a struct, events to the messages, and bits to
//! the flags. So write `..Default::default()` in a struct expression, keep an arm
//! for events that you do not know, and never require all bits of a mask: the
//! masks `UFFD_API_*` say what the *header* knew when this was built, not what the
//! running kernel has.
//!
//! A new name, or a new bit in a mask, is a minor release of this crate. A changed
//! type, a struct that grew, or a name that was taken away is a major release. Two
//! major versions can be in one program.
//!
//! # Names and types
//!
//! A call and its argument have one name, as in the manual pages: `use
//! uffd_sys::uffdio_copy` brings the function and the struct.
//!
//! Flags are plain integers: a bit that a newer kernel knows survives. The out
//! fields [`uffdio_copy::copy`] and its like are signed, because the kernel
//! puts a negated errno there.
//!
//! [`names`] has the constants in words: `UFFD_FEATURE_MOVE` from its bit and back.
//!
//! With the feature `zerocopy` the structs have zerocopy's traits `FromBytes`,
//! `Immutable` and `KnownLayout`, so that any bytes can be read as messages; and
//! `IntoBytes`, but for [`uffd_msg`] and its unions, whose bytes need not all be
//! initialised: [`uffd_msg_bytes`] has it.
//!
//! # The same names everywhere
//!
//! Which kernel headers are installed makes no difference to the names and types
//! here, nor to a value, except in two ways. A header newer than this crate adds
//! its new names, and its bits to the masks `UFFD_API_*`. And four request codes
//! differ between processors ([`UFFDIO_UNREGISTER`], [`UFFDIO_WAKE`],
//! [`UFFDIO_SET_MODE`] and [`USERFAULTFD_IOC_NEW`]; on powerpc, mips and sparc).
//!
//! A library should ask for `default-features = false`: the committed bindings,
//! one dependency, no libclang in its users' builds. With the feature `bindgen`,
//! which is on by default, the bindings are generated from the installed headers,
//! completed up to Linux 7.3 by this crate's own header `include/uffd_sys.h`;
//! where that is not possible, the committed ones are used. [`BINDINGS`] tells
//! which, because Cargo hides the warnings of dependencies. Ask the running kernel
//! what it has, with [`uffdio_api()`](fn@uffdio_api), and never go by its version.
//!
//! C sources of a dependent crate find the header in [`INCLUDE_DIR`].

// `abi` is a checker for development; the API itself needs no std.
#![cfg_attr(not(feature = "abi"), no_std)]

#[cfg(not(any(target_os = "linux", target_os = "android")))]
compile_error!(
    "uffd-sys: userfaultfd exists on Linux alone. Depend on this crate under \
     [target.'cfg(any(target_os = \"linux\", target_os = \"android\"))'.dependencies]."
);

#[cfg(feature = "abi")]
#[macro_use]
pub mod abi;
#[cfg(not(feature = "abi"))]
#[macro_use]
#[path = "abi/table.rs"]
#[allow(dead_code)] // For src/check.rs and src/names.rs, which want the macros alone.
mod table;

mod bindings;
mod check;
mod ioctl;
mod message;
pub mod names;
mod open;
mod pagemap;
mod syscall;

/// Where kernels differ from the manual pages, and from each other: each claim that
/// does not hold everywhere is a case that was run on every kernel named.
#[cfg(doc)]
#[doc = include_str!("../docs/errata.md")]
pub mod errata {}

pub use bindings::*;
pub use ioctl::{
    uffdio_api, uffdio_continue, uffdio_copy, uffdio_move, uffdio_poison, uffdio_register,
    uffdio_rwprotect, uffdio_set_mode, uffdio_unregister, uffdio_wake, uffdio_writeprotect,
    uffdio_zeropage,
};
pub use message::{uffd_msg_bytes, uffd_read};
pub use open::{userfaultfd, userfaultfd_new};
pub use pagemap::{
    pagemap_scan, PAGEMAP_FILE, PAGEMAP_PRESENT, PAGEMAP_SOFT_DIRTY, PAGEMAP_SWAPPED,
    PAGEMAP_UFFD_WP,
};

/// Where this build's bindings came from:
///
/// - `"bindgen, FILE"`: generated, and FILE is the header that was read, such as
///   `/usr/include/linux/userfaultfd.h`;
/// - `"bindgen, include/uffd_sys.h alone"`: generated with
///   `UFFD_SYS_HEADERS=none`, from this crate's own definitions;
/// - `"committed, Linux 7.3"`: not generated. Cargo hides a dependency's
///   warnings, so this is where a program sees that bindgen could not be used.
pub const BINDINGS: &str = env!("UFFD_SYS_BINDINGS");

/// The folder of the C header `uffd_sys.h`, for build scripts that compile C.
///
/// Name this crate under `[build-dependencies]`, without default features, and
/// give the folder to the compiler: `cc::Build::new().include(uffd_sys::INCLUDE_DIR)`.
pub const INCLUDE_DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include");

/// The README's examples are compiled, and run, with the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
