//! Where a call is made, for every way: see contenders.rs. The counterparts in C are
//! in c/loops.h.

use libc::c_int;
use uffd_sys::*;

use crate::contenders::*;

/// # Safety
///
/// `args` points to `n` arguments that the call may use.
#[inline(never)]
unsafe extern "C" fn in_loop<W: Way, R: Request>(fd: c_int, args: *mut R, n: usize) -> usize {
    W::mark();
    let mut failures = 0;
    for i in 0..n {
        // SAFETY: the caller's promise.
        failures += usize::from(unsafe { W::call(fd, args.add(i)) } < 0);
    }
    failures
}

#[inline(never)]
unsafe extern "C" fn one<W: Way, R: Request>(fd: c_int, arg: *mut R) -> c_int {
    W::mark();
    // SAFETY: the caller's promise.
    unsafe { W::call(fd, arg) as c_int }
}

/// # Safety
///
/// As for [`in_loop`].
#[inline(never)]
unsafe extern "C" fn returning<W: Way, R: Request>(fd: c_int, args: *mut R, n: usize) -> usize {
    W::mark();
    let mut failures = 0;
    for i in 0..n {
        // SAFETY: the caller's promise.
        failures += usize::from(unsafe { one::<W, R>(fd, args.add(i)) } < 0);
    }
    failures
}

/// # Safety
///
/// `args` points to `n` rooms.
#[inline(never)]
unsafe extern "C" fn reading<W: Way, const N: usize>(
    fd: c_int,
    args: *mut Messages,
    n: usize,
) -> usize {
    W::mark();
    let mut failures = 0;
    for i in 0..n {
        // SAFETY: the caller's promise; N is not more than 64.
        failures += usize::from(unsafe { W::read(fd, args.add(i).cast(), N) } < 0);
    }
    failures
}

/// A handler's loop: read a message, fill its page or lift its protection, next. It
/// does not wake: so it is alone with the kernel, and what it costs can be told from
/// what other threads do.
///
/// # Safety
///
/// `args` points to `n` arguments, whose source is a page.
#[inline(never)]
unsafe extern "C" fn handling<W: Way, const LIFT: bool>(
    fd: c_int,
    args: *mut Handled,
    n: usize,
) -> usize {
    W::mark();
    let mut failures = 0;
    for i in 0..n {
        let Some(address) = W::fault(fd) else {
            failures += 1;
            continue;
        };
        let start = address & !4095;
        // SAFETY: the caller's promise; the page is one that a thread waits for.
        let result = unsafe {
            if LIFT {
                let range = uffdio_range { start, len: 4096 };
                let mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
                W::call(fd, &mut uffdio_writeprotect { range, mode })
            } else {
                let mut copy = uffdio_copy {
                    dst: start,
                    src: (*args.add(i)).source,
                    len: 4096,
                    mode: UFFDIO_COPY_MODE_DONTWAKE,
                    ..Default::default()
                };
                W::call(fd, &mut copy)
            }
        };
        failures += usize::from(result < 0);
    }
    failures
}

/// The safe crate's calls take `wake` and no mode, so it has a loop of its own.
#[inline(never)]
unsafe extern "C" fn handling_safe<const LIFT: bool>(
    fd: c_int,
    args: *mut Handled,
    n: usize,
) -> usize {
    use libc::c_void;
    use std::os::fd::FromRawFd;
    // SAFETY: it is open, and never closed through this.
    let uffd = std::mem::ManuallyDrop::new(unsafe { userfaultfd::Uffd::from_raw_fd(fd) });
    let mut failures = 0;
    for i in 0..n {
        let Some(address) = Safe::fault(fd) else {
            failures += 1;
            continue;
        };
        let page = (address & !4095) as *mut c_void;
        // SAFETY: the caller's promise, as above.
        let done = unsafe {
            if LIFT {
                uffd.remove_write_protection(page, 4096, false).is_ok()
            } else {
                let source = (*args.add(i)).source as *const c_void;
                uffd.copy(source, page, 4096, false).is_ok()
            }
        };
        failures += usize::from(!done);
    }
    failures
}

/// All ways with the code of one place.
pub type Field<A> = Vec<(&'static str, Loop<A>)>;

macro_rules! field {
    ($place:ident, [$($more:tt)*], $safe:expr, $c_libc:expr, $c_header:expr) => {{
        let safe: Option<Loop<_>> = $safe;
        let mut field: Field<_> = vec![
            (OURS, $place::<Ours, $($more)*>),
            (ASM, $place::<Asm, $($more)*>),
            (ASM_COPY, $place::<AsmCopy, $($more)*>),
            (LIBC, $place::<Libc, $($more)*>),
            (RUSTIX, $place::<Rustix, $($more)*>),
            (C_LIBC, $c_libc),
            (C_HEADER, $c_header),
        ];
        field.extend(safe.map(|safe| (SAFE, safe)));
        is_a_copy(field[1].1 as *const u8, field[2].1 as *const u8);
        field
    }};
}

/// The control must be code of its own, at another address.
fn is_a_copy(code: *const u8, copy: *const u8) {
    assert_ne!(code, copy, "the compiler made one of both copies");
    // SAFETY: both are functions, longer than a byte.
    let begins = unsafe { [*code, *copy] };
    assert_eq!(begins[0], begins[1], "the copies are not alike");
    #[cfg(target_arch = "x86_64")]
    assert_ne!(begins[1], 0xe9, "the copy is a jump");
}

/// A loop that never returns between calls.
pub fn in_a_loop<R: Request>(c_libc: Loop<R>, c_header: Loop<R>, has_safe: bool) -> Field<R> {
    let safe = has_safe.then_some(in_loop::<Safe, R> as Loop<R>);
    field!(in_loop, [R], safe, c_libc, c_header)
}

/// A function that returns after the call.
pub fn that_returns<R: Request>(c_libc: Loop<R>, c_header: Loop<R>) -> Field<R> {
    let safe = Some(returning::<Safe, R> as Loop<R>);
    field!(returning, [R], safe, c_libc, c_header)
}

pub fn read_1() -> Field<Messages> {
    let safe = Some(reading::<Safe, 1> as Loop<Messages>);
    field!(reading, [1], safe, c_libc_read_1, c_header_read_1)
}

pub fn read_64() -> Field<Messages> {
    let safe = Some(safe_read_64 as Loop<Messages>);
    field!(reading, [64], safe, c_libc_read_64, c_header_read_64)
}

pub fn handler_copy() -> Field<Handled> {
    let safe = Some(handling_safe::<false> as Loop<Handled>);
    let (c_libc, c_header) = (c_libc_handle_copy, c_header_handle_copy);
    field!(handling, [false], safe, c_libc, c_header)
}

pub fn handler_lift() -> Field<Handled> {
    let safe = Some(handling_safe::<true> as Loop<Handled>);
    let (c_libc, c_header) = (c_libc_handle_lift, c_header_handle_lift);
    field!(handling, [true], safe, c_libc, c_header)
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
    c_libc_returns_wake(uffdio_range);
    c_libc_returns_writeprotect(uffdio_writeprotect);
    c_libc_returns_copy(uffdio_copy);
    c_libc_handle_copy(Handled);
    c_libc_handle_lift(Handled);
    c_header_wake(uffdio_range);
    c_header_writeprotect(uffdio_writeprotect);
    c_header_copy(uffdio_copy);
    c_header_continue(uffdio_continue);
    c_header_move(uffdio_move);
    c_header_pagemap_scan(pm_scan_arg);
    c_header_read_1(Messages);
    c_header_read_64(Messages);
    c_header_returns_wake(uffdio_range);
    c_header_returns_writeprotect(uffdio_writeprotect);
    c_header_returns_copy(uffdio_copy);
    c_header_handle_copy(Handled);
    c_header_handle_lift(Handled);
}
