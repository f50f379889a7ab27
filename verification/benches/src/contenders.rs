//! The ways to make a call, and the places where it is made: a loop that never
//! returns between calls, a function that returns after the call, and a handler's loop.
//! Each is compiled like code that a user would write: the call, and a test of its result.

use std::arch::asm;
use std::mem::{size_of, ManuallyDrop};
use std::os::fd::{BorrowedFd, FromRawFd};

use libc::{c_int, c_void};
use uffd_sys::*;
use userfaultfd::{Event, EventBuffer, Uffd};

/// Makes a call for each of `n` arguments, and returns how many failed.
pub type Loop<A> = unsafe extern "C" fn(c_int, *mut A, usize) -> usize;

/// Room for 64 messages.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Messages(pub [uffd_msg; 64]);

/// What a handler's loop needs for one fault.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handled {
    pub source: u64,
}

pub const OURS: &str = "uffd-sys";
pub const ASM: &str = "hand-written asm!";
/// The control: a copy of the same code at another address.
pub const ASM_COPY: &str = "hand-written asm!, a copy";
pub const LIBC: &str = "libc::ioctl";
pub const RUSTIX: &str = "rustix 1";
pub const SAFE: &str = "userfaultfd 0.9";
pub const C_LIBC: &str = "C, libc";
pub const C_HEADER: &str = "C, uffd_sys.h";

/// A request, by its argument's type.
pub trait Request: Sized {
    const CODE: u32;
    /// This crate's function.
    ///
    /// # Safety
    ///
    /// As for every ioctl: the argument is one for this request.
    unsafe fn ours(fd: c_int, arg: *mut Self) -> c_int;
    /// The crate `userfaultfd`; `None` if it does not have the request.
    fn safe(_uffd: &Uffd, _arg: &Self) -> Option<bool> {
        None
    }
}

macro_rules! request {
    ($arg:ty, $code:ident, $ours:ident $(, |$uffd:ident, $a:ident| $result:expr)?) => {
        impl Request for $arg {
            const CODE: u32 = $code;
            #[inline(always)]
            unsafe fn ours(fd: c_int, arg: *mut Self) -> c_int {
                // SAFETY: the caller's promise.
                unsafe { $ours(fd, arg) }
            }
            $(#[inline(always)]
            fn safe($uffd: &Uffd, $a: &Self) -> Option<bool> {
                // The calls are safe functions of that crate in some versions.
                #[allow(unused_unsafe)]
                // SAFETY: the arguments are of memory that the benches own.
                Some(unsafe { $result }.is_ok())
            })?
        }
    };
}

request!(uffdio_range, UFFDIO_WAKE, uffdio_wake, |uffd, a| uffd
    .wake(a.start as *mut c_void, a.len as usize));
request!(
    uffdio_writeprotect,
    UFFDIO_WRITEPROTECT,
    uffdio_writeprotect,
    |uffd, a| uffd.write_protect(a.range.start as *mut c_void, a.range.len as usize)
);
request!(uffdio_copy, UFFDIO_COPY, uffdio_copy, |uffd, a| uffd.copy(
    a.src as *const c_void,
    a.dst as *mut c_void,
    a.len as usize,
    true
));
request!(
    uffdio_continue,
    UFFDIO_CONTINUE,
    uffdio_continue,
    |uffd, a| uffd.r#continue(a.range.start as *mut c_void, a.range.len as usize, true)
);
request!(uffdio_move, UFFDIO_MOVE, uffdio_move);
request!(pm_scan_arg, PAGEMAP_SCAN, pagemap_scan);

/// A way to make calls. Negative results are failures.
pub trait Way {
    /// Makes no instruction, but keeps the compiler from folding the code of two ways
    /// that compile to the same instructions into one.
    fn mark();
    /// # Safety
    ///
    /// The argument is one for this request.
    unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize;
    /// # Safety
    ///
    /// There is room for `n` messages.
    unsafe fn read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize;
    /// Reads a message: the address of its fault.
    #[inline(always)]
    fn fault(fd: c_int) -> Option<u64> {
        let mut msg = uffd_msg_bytes::default();
        let room: *mut uffd_msg_bytes = &mut msg;
        // SAFETY: room for one message.
        match unsafe { Self::read(fd, room.cast(), 1) } {
            bytes if bytes < 0 => None,
            _ => msg.pagefault().map(|fault| fault.address),
        }
    }
}

macro_rules! marked {
    ($text:literal) => {
        #[inline(always)]
        fn mark() {
            // SAFETY: a comment, and no instruction.
            unsafe { asm!($text, options(nomem, nostack, preserves_flags)) };
        }
    };
}

pub struct Ours;
impl Way for Ours {
    marked!("/* uffd-sys */");
    #[inline(always)]
    unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize {
        // SAFETY: the caller's promise.
        unsafe { R::ours(fd, arg) as isize }
    }
    #[inline(always)]
    unsafe fn read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize {
        // SAFETY: the caller's promise.
        unsafe { uffd_read(fd, msgs, n) }
    }
}

/// What one writes who wants neither libc nor this crate: the instruction, and
/// a test whether the kernel's answer is negative.
///
/// # Safety
///
/// The arguments are right for the system call.
#[inline(always)]
pub unsafe fn syscall3(number: i64, a: usize, b: usize, c: usize) -> isize {
    let result;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller's promise; all that the instruction changes is named.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, lateout("rcx") _, lateout("r11") _,
            options(nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller's promise; all that the instruction changes is named.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result,
            in("x1") b, in("x2") c, options(nostack, preserves_flags));
    }
    result
}

pub struct Asm;
pub struct AsmCopy;
macro_rules! hand_written {
    ($way:ident, $text:literal) => {
        impl Way for $way {
            marked!($text);
            #[inline(always)]
            unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize {
                let (fd, code, arg) = (fd as usize, R::CODE as usize, arg as usize);
                // SAFETY: the caller's promise.
                unsafe { syscall3(libc::SYS_ioctl, fd, code, arg) }
            }
            #[inline(always)]
            unsafe fn read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize {
                let bytes = n * size_of::<uffd_msg>();
                // SAFETY: the caller's promise.
                unsafe { syscall3(libc::SYS_read, fd as usize, msgs as usize, bytes) }
            }
        }
    };
}
hand_written!(Asm, "/* asm */");
hand_written!(AsmCopy, "/* asm, a copy */");

pub struct Libc;
impl Way for Libc {
    marked!("/* libc */");
    #[inline(always)]
    unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize {
        // SAFETY: the caller's promise.
        unsafe { libc::ioctl(fd, R::CODE as _, arg) as isize }
    }
    #[inline(always)]
    unsafe fn read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize {
        // SAFETY: the caller's promise.
        unsafe { libc::read(fd, msgs.cast::<c_void>(), n * size_of::<uffd_msg>()) }
    }
}

/// rustix has none of the requests; it makes an ioctl that one describes.
struct Described<R>(*mut R);

// SAFETY: the kernel may write to the argument, as `IS_MUTATING` says; its
// code and pointer are those of `R`.
unsafe impl<R: Request> rustix::ioctl::Ioctl for Described<R> {
    type Output = ();
    const IS_MUTATING: bool = true;
    fn opcode(&self) -> rustix::ioctl::Opcode {
        R::CODE as _
    }
    fn as_ptr(&mut self) -> *mut c_void {
        self.0.cast()
    }
    unsafe fn output_from_ptr(
        _: rustix::ioctl::IoctlOutput,
        _: *mut c_void,
    ) -> rustix::io::Result<()> {
        Ok(())
    }
}

pub struct Rustix;
impl Way for Rustix {
    marked!("/* rustix */");
    #[inline(always)]
    unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize {
        // SAFETY: the caller's promise; the descriptor is open.
        let result = unsafe { rustix::ioctl::ioctl(BorrowedFd::borrow_raw(fd), Described(arg)) };
        -isize::from(result.is_err())
    }
    #[inline(always)]
    unsafe fn read(fd: c_int, msgs: *mut uffd_msg, n: usize) -> isize {
        // SAFETY: the caller's promise: the bytes are room, and the descriptor is open.
        let (fd, room) = unsafe {
            let bytes = n * size_of::<uffd_msg>();
            let room = std::slice::from_raw_parts_mut(msgs.cast::<u8>(), bytes);
            (BorrowedFd::borrow_raw(fd), room)
        };
        rustix::io::read(fd, room).map_or(-1, |bytes| bytes as isize)
    }
}

/// The safe crate. It has neither MOVE nor PAGEMAP_SCAN, and keeps the buffer
/// of its batches to itself.
pub struct Safe;

/// Borrows a descriptor as the crate's type.
unsafe fn borrow(fd: c_int) -> ManuallyDrop<Uffd> {
    // SAFETY: it is open, and never closed through this.
    ManuallyDrop::new(unsafe { Uffd::from_raw_fd(fd) })
}

impl Way for Safe {
    marked!("/* userfaultfd */");
    #[inline(always)]
    unsafe fn call<R: Request>(fd: c_int, arg: *mut R) -> isize {
        // SAFETY: the caller's promise.
        let (uffd, arg) = unsafe { (borrow(fd), &*arg) };
        R::safe(&uffd, arg).map_or(-1, |done| -isize::from(!done))
    }
    #[inline(always)]
    unsafe fn read(fd: c_int, _: *mut uffd_msg, _: usize) -> isize {
        // SAFETY: the caller's promise.
        -isize::from(!matches!(unsafe { borrow(fd) }.read_event(), Ok(Some(_))))
    }
    #[inline(always)]
    fn fault(fd: c_int) -> Option<u64> {
        // SAFETY: a userfaultfd of the benches, open as long as they read it.
        match unsafe { borrow(fd) }.read_event() {
            Ok(Some(Event::Pagefault { addr, .. })) => Some(addr as u64),
            _ => None,
        }
    }
}

/// # Safety
///
/// `fd` is a userfaultfd.
#[inline(never)]
pub unsafe extern "C" fn safe_read_64(fd: c_int, _: *mut Messages, n: usize) -> usize {
    // SAFETY: the caller's promise.
    let uffd = unsafe { borrow(fd) };
    let mut buffer = EventBuffer::new(64);
    // It makes an event of each message: that is what one gets.
    (0..n)
        .filter(|_| match uffd.read_events(&mut buffer) {
            Ok(events) => events.filter(|event| event.is_err()).count() > 0,
            Err(_) => true,
        })
        .count()
}
