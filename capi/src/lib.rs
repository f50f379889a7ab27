//! `libuffd_sys`: the functions of `include/uffd_sys.h` for programs that do
//! not want them as `static inline`, and for languages other than C. Each is
//! the function of `uffd-sys` of nearly the same name; see there for errors
//! and safety.
//!
//! This package owns the C names, the build and installation of the library, and
//! the tests of both it and the header. It may use `uffd_sys` alone; its tests also
//! the pinned table, the kit and the made-up headers of `tests/tomorrow`.

#![no_std]

// The library as it is installed is built with `-C panic=abort` and needs no
// std. An ordinary `cargo build` of the workspace unwinds, which takes std.
#[cfg(not(panic = "abort"))]
extern crate std;

/// Nothing here panics. If it did, C could not catch it.
#[cfg(panic = "abort")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: takes nothing and does not return.
    unsafe { libc::abort() }
}

use libc::{c_int, size_t, ssize_t};

/// Exports functions of `uffd-sys` under their names in C.
macro_rules! export {
    ($($c:ident = $rust:ident($($arg:ident: $ty:ty),*) -> $result:ty;)*) => {$(
        #[doc = concat!("[`", stringify!($rust), "`](fn@uffd_sys::", stringify!($rust), ") for C.")]
        ///
        /// # Safety
        ///
        /// As for the Rust function.
        #[no_mangle]
        pub unsafe extern "C" fn $c($($arg: $ty),*) -> $result {
            // SAFETY: the caller's promise is the same.
            unsafe { uffd_sys::$rust($($arg),*) }
        }
    )*};
}

export! {
    uffd_sys_userfaultfd = userfaultfd(flags: c_int) -> c_int;
    uffd_sys_userfaultfd_new = userfaultfd_new(devfd: c_int, flags: c_int) -> c_int;
    uffd_sys_api = uffdio_api(fd: c_int, arg: *mut uffd_sys::uffdio_api) -> c_int;
    uffd_sys_register = uffdio_register(fd: c_int, arg: *mut uffd_sys::uffdio_register) -> c_int;
    uffd_sys_unregister = uffdio_unregister(fd: c_int, arg: *mut uffd_sys::uffdio_range) -> c_int;
    uffd_sys_wake = uffdio_wake(fd: c_int, arg: *mut uffd_sys::uffdio_range) -> c_int;
    uffd_sys_copy = uffdio_copy(fd: c_int, arg: *mut uffd_sys::uffdio_copy) -> c_int;
    uffd_sys_zeropage = uffdio_zeropage(fd: c_int, arg: *mut uffd_sys::uffdio_zeropage) -> c_int;
    uffd_sys_move = uffdio_move(fd: c_int, arg: *mut uffd_sys::uffdio_move) -> c_int;
    uffd_sys_continue = uffdio_continue(fd: c_int, arg: *mut uffd_sys::uffdio_continue) -> c_int;
    uffd_sys_poison = uffdio_poison(fd: c_int, arg: *mut uffd_sys::uffdio_poison) -> c_int;
    uffd_sys_writeprotect =
        uffdio_writeprotect(fd: c_int, arg: *mut uffd_sys::uffdio_writeprotect) -> c_int;
    uffd_sys_rwprotect = uffdio_rwprotect(fd: c_int, arg: *mut uffd_sys::uffdio_rwprotect) -> c_int;
    uffd_sys_set_mode = uffdio_set_mode(fd: c_int, arg: *mut uffd_sys::uffdio_set_mode) -> c_int;
    uffd_sys_read = uffd_read(fd: c_int, msgs: *mut uffd_sys::uffd_msg, n: size_t) -> ssize_t;
    uffd_sys_pagemap_scan = pagemap_scan(fd: c_int, arg: *mut uffd_sys::pm_scan_arg) -> c_int;
}
