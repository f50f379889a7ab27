//! The ways to make a call. Each is a loop over arguments, compiled like code
//! that a user would write: the call, and a test of its result.

use std::mem::{size_of, ManuallyDrop};
use std::os::fd::FromRawFd;

use libc::{c_int, c_void};
use uffd_sys::*;
use userfaultfd::Uffd;

/// Makes a call for each of `n` arguments, and returns how many failed.
pub type Loop<A> = unsafe extern "C" fn(c_int, *mut A, usize) -> usize;

/// Room for 64 messages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Messages(pub [uffd_msg; 64]);

pub const OURS: &str = "uffd-sys";
pub const ASM: &str = "hand-written asm!";
/// The control: the same function once more.
pub const ASM_AGAIN: &str = "hand-written asm!, again";
pub const LIBC: &str = "libc::ioctl";
pub const SAFE: &str = "userfaultfd 0.9";
pub const C_LIBC: &str = "C, libc";
pub const C_HEADER: &str = "C, uffd_sys.h";

macro_rules! call_loop {
    ($(#[$attribute:meta])* $name:ident, $arg:ty, |$fd:ident, $a:ident| $failed:expr) => {
        $(#[$attribute])*
        /// # Safety
        ///
        /// `args` points to `n` arguments that the call may use.
        #[inline(never)]
        pub unsafe extern "C" fn $name($fd: c_int, args: *mut $arg, n: usize) -> usize {
            let mut failures = 0;
            for i in 0..n {
                // SAFETY: the caller's promise.
                unsafe {
                    let $a = args.add(i);
                    if $failed {
                        failures += 1;
                    }
                }
            }
            failures
        }
    };
}

pub mod ours {
    use super::*;
    call_loop!(
        #[no_mangle]
        wake_uffd_sys,
        uffdio_range,
        |fd, a| uffdio_wake(fd, a) < 0
    );
    call_loop!(
        #[no_mangle]
        writeprotect_uffd_sys,
        uffdio_writeprotect,
        |fd, a| uffdio_writeprotect(fd, a) < 0
    );
    call_loop!(copy, uffdio_copy, |fd, a| uffdio_copy(fd, a) < 0);
    call_loop!(continue_, uffdio_continue, |fd, a| uffdio_continue(fd, a)
        < 0);
    call_loop!(move_, uffdio_move, |fd, a| uffdio_move(fd, a) < 0);
    call_loop!(scan, pm_scan_arg, |fd, a| pagemap_scan(fd, a) < 0);
    call_loop!(read_1, Messages, |fd, a| uffd_read(fd, a.cast(), 1) < 0);
    call_loop!(
        #[no_mangle]
        read_64_uffd_sys,
        Messages,
        |fd, a| uffd_read(fd, a.cast(), 64) < 0
    );
}

/// What one writes who wants neither libc nor this crate: the instruction, and
/// a test whether the kernel's answer is negative.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub mod asm {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn syscall3(number: i64, a: usize, b: usize, c: usize) -> isize {
        let result;
        // SAFETY: the caller's promise; all that the instruction changes is named.
        unsafe {
            std::arch::asm!("syscall", inlateout("rax") number as isize => result,
                in("rdi") a, in("rsi") b, in("rdx") c, lateout("rcx") _, lateout("r11") _,
                options(nostack, preserves_flags));
        }
        result
    }

    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    unsafe fn syscall3(number: i64, a: usize, b: usize, c: usize) -> isize {
        let result;
        // SAFETY: the caller's promise; all that the instruction changes is named.
        unsafe {
            std::arch::asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result,
                in("x1") b, in("x2") c, options(nostack, preserves_flags));
        }
        result
    }

    #[inline(always)]
    unsafe fn ioctl<A>(fd: c_int, request: u32, arg: *mut A) -> isize {
        // SAFETY: the caller's promise.
        unsafe { syscall3(libc::SYS_ioctl, fd as usize, request as usize, arg as usize) }
    }

    #[inline(always)]
    unsafe fn read(fd: c_int, arg: *mut Messages, n: usize) -> isize {
        let bytes = n * size_of::<uffd_msg>();
        // SAFETY: the caller's promise.
        unsafe { syscall3(libc::SYS_read, fd as usize, arg as usize, bytes) }
    }

    call_loop!(
        #[no_mangle]
        wake_asm,
        uffdio_range,
        |fd, a| ioctl(fd, UFFDIO_WAKE, a) < 0
    );
    call_loop!(
        #[no_mangle]
        writeprotect_asm,
        uffdio_writeprotect,
        |fd, a| ioctl(fd, UFFDIO_WRITEPROTECT, a) < 0
    );
    call_loop!(copy, uffdio_copy, |fd, a| ioctl(fd, UFFDIO_COPY, a) < 0);
    call_loop!(continue_, uffdio_continue, |fd, a| ioctl(
        fd,
        UFFDIO_CONTINUE,
        a
    ) < 0);
    call_loop!(move_, uffdio_move, |fd, a| ioctl(fd, UFFDIO_MOVE, a) < 0);
    call_loop!(scan, pm_scan_arg, |fd, a| ioctl(fd, PAGEMAP_SCAN, a) < 0);
    call_loop!(read_1, Messages, |fd, a| read(fd, a, 1) < 0);
    call_loop!(
        #[no_mangle]
        read_64_asm,
        Messages,
        |fd, a| read(fd, a, 64) < 0
    );
}

pub mod through_libc {
    use super::*;

    #[inline(always)]
    unsafe fn ioctl<A>(fd: c_int, request: u32, arg: *mut A) -> c_int {
        // SAFETY: the caller's promise.
        unsafe { libc::ioctl(fd, request as _, arg) }
    }

    #[inline(always)]
    unsafe fn read(fd: c_int, arg: *mut Messages, n: usize) -> isize {
        // SAFETY: the caller's promise.
        unsafe { libc::read(fd, arg.cast::<c_void>(), n * size_of::<uffd_msg>()) }
    }

    call_loop!(wake, uffdio_range, |fd, a| ioctl(fd, UFFDIO_WAKE, a) < 0);
    call_loop!(writeprotect, uffdio_writeprotect, |fd, a| ioctl(
        fd,
        UFFDIO_WRITEPROTECT,
        a
    ) < 0);
    call_loop!(copy, uffdio_copy, |fd, a| ioctl(fd, UFFDIO_COPY, a) < 0);
    call_loop!(continue_, uffdio_continue, |fd, a| ioctl(
        fd,
        UFFDIO_CONTINUE,
        a
    ) < 0);
    call_loop!(move_, uffdio_move, |fd, a| ioctl(fd, UFFDIO_MOVE, a) < 0);
    call_loop!(scan, pm_scan_arg, |fd, a| ioctl(fd, PAGEMAP_SCAN, a) < 0);
    call_loop!(read_1, Messages, |fd, a| read(fd, a, 1) < 0);
    call_loop!(read_64, Messages, |fd, a| read(fd, a, 64) < 0);
}

/// The safe crate. It has neither MOVE nor PAGEMAP_SCAN, and keeps the buffer
/// of its batches to itself.
pub mod safe {
    use super::*;

    /// Borrows a descriptor as the crate's type.
    unsafe fn borrow(fd: c_int) -> ManuallyDrop<Uffd> {
        // SAFETY: it is open, and never closed through this.
        ManuallyDrop::new(unsafe { Uffd::from_raw_fd(fd) })
    }

    macro_rules! safe_loop {
        ($name:ident, $arg:ty, |$uffd:ident, $a:ident| $failed:expr) => {
            /// # Safety
            ///
            /// `args` points to `n` arguments that the call may use.
            #[inline(never)]
            pub unsafe extern "C" fn $name(fd: c_int, args: *mut $arg, n: usize) -> usize {
                // SAFETY: the caller's promise.
                let $uffd = unsafe { borrow(fd) };
                let mut failures = 0;
                for i in 0..n {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let $a = &*args.add(i);
                        if $failed {
                            failures += 1;
                        }
                    }
                }
                failures
            }
        };
    }

    safe_loop!(wake, uffdio_range, |uffd, a| uffd
        .wake(a.start as *mut c_void, a.len as usize)
        .is_err());
    safe_loop!(writeprotect, uffdio_writeprotect, |uffd, a| uffd
        .write_protect(a.range.start as *mut c_void, a.range.len as usize)
        .is_err());
    safe_loop!(copy, uffdio_copy, |uffd, a| uffd
        .copy(
            a.src as *const c_void,
            a.dst as *mut c_void,
            a.len as usize,
            true
        )
        .is_err());
    safe_loop!(continue_, uffdio_continue, |uffd, a| uffd
        .r#continue(a.range.start as *mut c_void, a.range.len as usize, true)
        .is_err());
    safe_loop!(read_1, Messages, |uffd, _a| !matches!(
        uffd.read_event(),
        Ok(Some(_))
    ));

    /// # Safety
    ///
    /// `fd` is a userfaultfd.
    #[inline(never)]
    pub unsafe extern "C" fn read_64(fd: c_int, _: *mut Messages, n: usize) -> usize {
        // SAFETY: the caller's promise.
        let uffd = unsafe { borrow(fd) };
        let mut buffer = userfaultfd::EventBuffer::new(64);
        // It makes an event of each message: that is what one gets.
        (0..n)
            .filter(|_| match uffd.read_events(&mut buffer) {
                Ok(events) => events.filter(|event| event.is_err()).count() > 0,
                Err(_) => true,
            })
            .count()
    }
}

macro_rules! c_loops {
    ($($name:ident($arg:ty);)*) => {
        extern "C" {
            $(pub fn $name(fd: c_int, args: *mut $arg, n: usize) -> usize;)*
        }
    };
}

c_loops! {
    c_libc_wake(uffdio_range);
    c_libc_writeprotect(uffdio_writeprotect);
    c_libc_copy(uffdio_copy);
    c_libc_continue(uffdio_continue);
    c_libc_move(uffdio_move);
    c_libc_pagemap_scan(pm_scan_arg);
    c_libc_read_1(Messages);
    c_libc_read_64(Messages);
    c_header_wake(uffdio_range);
    c_header_writeprotect(uffdio_writeprotect);
    c_header_copy(uffdio_copy);
    c_header_continue(uffdio_continue);
    c_header_move(uffdio_move);
    c_header_pagemap_scan(pm_scan_arg);
    c_header_read_1(Messages);
    c_header_read_64(Messages);
}
