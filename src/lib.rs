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
//! | registered with | a fault is | resolved by |
//! |---|---|---|
//! | [`UFFDIO_REGISTER_MODE_MISSING`] | an access to a missing page | [`uffdio_copy()`](fn@uffdio_copy), [`uffdio_zeropage()`](fn@uffdio_zeropage), [`uffdio_move()`](fn@uffdio_move), [`uffdio_poison()`](fn@uffdio_poison) |
//! | [`UFFDIO_REGISTER_MODE_MINOR`] | an access to a page of shared memory that is in the page cache, but not mapped | [`uffdio_continue()`](fn@uffdio_continue), [`uffdio_poison()`](fn@uffdio_poison) |
//! | [`UFFDIO_REGISTER_MODE_WP`] | a write to a page that [`uffdio_writeprotect()`](fn@uffdio_writeprotect) protected | the same, without [`UFFDIO_WRITEPROTECT_MODE_WP`] |
//! | [`UFFDIO_REGISTER_MODE_RWP`] | an access to a page that [`uffdio_rwprotect()`](fn@uffdio_rwprotect) protected | the same, without [`UFFDIO_RWPROTECT_MODE_RWP`] |
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
//! # The handshake, once and twice
//!
//! The manual pages speak of a handshake in two steps, asking first and enabling
//! then. No kernel takes a second UFFDIO_API on one descriptor: it is EINVAL, and
//! the struct is zeroed. So ask on a descriptor of its own, close it, and enable on
//! a fresh one what you need and the answer has. To enable a bit that the kernel
//! lacks fails as a whole.
//!
//! These features change what the kernel does, so they must be enabled: `EVENT_*`,
//! `SIGBUS`, `THREAD_ID`, `EXACT_ADDRESS`, `WP_UNPOPULATED`, `WP_ASYNC`, `RWP` and
//! `RWP_ASYNC`. The others only say what the kernel has, and work without being
//! enabled: `MISSING_*`, `MINOR_*`, `PAGEFAULT_FLAG_WP`, `WP_HUGETLBFS_SHMEM`, `POISON`
//! and `MOVE`.
//!
//! # The rules of a handler
//!
//! COPY, ZEROPAGE, CONTINUE, POISON and MOVE have an out field: the bytes done, or a
//! negated errno. Set it to zero before the call. WRITEPROTECT and RWPROTECT have none:
//! after an error of WRITEPROTECT a part may be protected, and it is safe to repeat the
//! call for the whole range. examples/handler.rs is a handler that follows these rules.
//!
//! | call | answer | what to do |
//! |---|---|---|
//! | those with an out field | success | the pages are there and the waiters are woken. A page can be dropped afterwards, so serve each fault, also of a page that you filled before |
//! | | EAGAIN, out field above 0 | go on behind those bytes: the next call says what was in the way |
//! | | EAGAIN otherwise | [read, sleep, decide anew, and try again](#after-eagain) |
//! | | EEXIST | [`uffdio_wake()`](fn@uffdio_wake): the waiters stay blocked. If the page faults again, [it is not there](#after-eexist) |
//! | | ENOENT | try one page alone: the range may be more than one mapping. If that is ENOENT too, the page is unmapped or unregistered: wake it, and forget the fault |
//! | | ENOMEM | sleep and try again. Give up after some seconds |
//! | WRITEPROTECT, RWPROTECT | EAGAIN | the same as after EAGAIN above |
//! | MOVE | EINVAL | a mistake of yours, or the process has exited |
//! | REGISTER, UNREGISTER | ENOMEM | too many mappings, or the process has exited |
//! | any other | ESRCH | the process has exited: close the descriptor |
//! | WAKE | success | says nothing: it succeeds with no waiter, with nothing mapped, and when the process has exited |
//! | read(2) | EAGAIN | no message: go to poll(2), unless a fault is still to be resolved |
//! | | EINTR | read again |
//! | | EMFILE, ENFILE | a fork event needs a descriptor. It stays in the queue, and poll(2) stays ready: close the descriptors of processes that have exited, sleep, and read again |
//! | | EFAULT | a message is lost. [`uffdio_wake()`](fn@uffdio_wake) makes waiting threads fault again; another event never comes again |
//! | poll(2) | nothing | says nothing about the process: watch a pidfd for its exit. For a forked child, whose id no message has, ask now and then: [`uffdio_writeprotect()`](fn@uffdio_writeprotect) with mode 0 on a page that was never protected is ENOENT while it lives, and ESRCH afterwards |
//!
//! | event | what to do |
//! |---|---|
//! | fault | fill the page. The thread need not wait any more: a signal makes it fault again, so one access can send two messages |
//! | REMOVE | fill missing pages there with zeros from now on. The pages are dropped only after you read this: a COPY that succeeds in between can be dropped by the same madvise(2), and the thread then faults again |
//! | REMAP, UNMAP | change what you know of the addresses. Wake threads that wait at the old ones: they fault again or get SIGSEGV |
//! | FORK | serve the child through its descriptor, too. Its memory starts as what you know of the parent's |
//!
//! Messages do not come in the order in which things happened: faults are read before
//! other events, so a fault at an address that you do not know can come before the event
//! that moved memory there. Let one thread read the messages and fill the pages: with
//! two, one can fill a page with what it decided before the other read REMOVE.
//!
//! Closing the last descriptor while threads wait lets them go on with zeros: end the
//! process first. An unread event is flushed; fork(2) with an unread fork event still
//! waits, so read it before.
//!
//! ## After EAGAIN
//!
//! EAGAIN with nothing done says that the mappings of the process are changing: a
//! fork, mremap, munmap or madvise is under way whose event you enabled. It ends
//! when the thread that caused the event runs again, which is some time *after* you
//! read the event. EAGAIN also comes when the kernel could not take a lock at once,
//! and then passes by itself (read, not run: mm/userfaultfd.c, Linux 7.3).
//!
//! Read the messages that are there without blocking. Sleep for 50 µs, longer each time.
//! Decide anew what the page holds: the messages may have changed it. Then try again. A
//! handler that goes back to sleep in [`uffd_read()`] can sleep for ever, and one that
//! only yields can keep that thread off its processor.
//!
//! ## After EEXIST
//!
//! EEXIST does not always say that the page is there. If the same fault comes again
//! after the wake, sleep longer each time, and
//!
//! - the page is missing and write-protected: POISON and MOVE answer EEXIST there each
//!   time, and so does ZEROPAGE on anonymous memory. Use
//!   [`uffdio_copy()`](fn@uffdio_copy);
//! - or it is a huge page of hugetlbfs, and none is free (since Linux 6.18; before, it
//!   was ENOMEM). Copy again when there is one.
//!
//! # Good to know
//!
//! - A request code that is another call's is executed: with MOVE's code, COPY's
//!   argument moves the pages.
//! - Faults of a KVM guest are faults of the kernel, so a userfaultfd with
//!   [`UFFD_USER_MODE_ONLY`] cannot serve a guest (read, not run: virt/kvm/kvm_main.c,
//!   Linux 7.3).
//! - Faults of a thread that dumps core are not served; the dump goes on without the
//!   page.
//! - riscv has write-protection where the processor has Svrsw60t59b (read, not run:
//!   arch/riscv/Kconfig, Linux 7.3). loongarch has minor faults (read, not run:
//!   arch/loongarch/Kconfig, Linux 7.3).
//! - `/proc/PID/fdinfo/FD` shows how many threads wait (`total`), and how many of their
//!   messages were not read (`pending`). VmFlags in `/proc/PID/smaps` shows what a
//!   range is registered for: `um` MISSING, `uw` WP, `ui` MINOR, `ur` RWP.
//! - An entry of `/proc/PID/pagemap` has bit 63 for a page that is there, 62 for
//!   [`PAGE_IS_SWAPPED`], 61 for a page of a file, and 57 (since Linux 5.14) for one
//!   that is protected.
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
//! # Opening one without privileges
//!
//! | way | who can use it | what it cannot do |
//! |---|---|---|
//! | [`userfaultfd()`] with [`UFFD_USER_MODE_ONLY`] (Linux 5.11) | everybody | a system call that accesses such a page fails with EFAULT |
//! | [`userfaultfd_new()`] on `/dev/userfaultfd` (Linux 6.1) | anyone who can open the device | |
//! | [`userfaultfd()`] | `CAP_SYS_PTRACE`, or everybody where `vm.unprivileged_userfaultfd` is 1 | |
//!
//! A container's seccomp filter may forbid the system call with the same EPERM.
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
#[allow(dead_code)] // For src/check.rs, which wants the macros alone.
mod table;

mod bindings;
mod check;
mod ioctl;
mod message;
mod open;
mod pagemap;
mod syscall;

pub use bindings::*;
pub use ioctl::{
    uffdio_api, uffdio_continue, uffdio_copy, uffdio_move, uffdio_poison, uffdio_register,
    uffdio_rwprotect, uffdio_set_mode, uffdio_unregister, uffdio_wake, uffdio_writeprotect,
    uffdio_zeropage,
};
pub use message::{uffd_msg_bytes, uffd_read};
pub use open::{userfaultfd, userfaultfd_new};
pub use pagemap::pagemap_scan;

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
