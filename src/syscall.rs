//! One system call, inlined: the only `asm!` of the crate.
//!
//! The kernel's mitigations make the first `ret` after a system call
//! mispredict. A caller that makes its calls in a loop is spared that if nothing
//! here returns, which is about a third of a short ioctl; one that returns after
//! its call is not. So nothing here is a function at run time but the cold path
//! that sets `errno`.
//!
//! # What the kernel does not preserve
//!
//! Each `asm!` declares every register whose contents a system call changes.
//!
//! | processor | changed | preserved |
//! |---|---|---|
//! | x86_64 | rcx and r11, in which the instruction saves rip and rflags | rflags, x87, MXCSR, SSE to AVX-512, AMX, APX, PKRU |
//! | aarch64 | with SVE: p0 to p15, FFR, and z0 to z31 above bit 127 | the flags, v0 to v31, FPCR, FPSR, ZA |
//! | riscv | with V: v0 to v31, vl, vtype, vstart | the floating-point registers, fcsr |
//! | arm | nothing but the result | the flags, VFP, Neon |
//!
//! x86 has an extended state (x87 to PKRU) that the kernel saves before it uses
//! or switches it; so have the others for what is preserved.
//!
//! No operand of `asm!` names the upper part of z0. `out("v0")` includes it, but
//! would cost code without SVE its floating-point registers. So code compiled
//! with the target feature `sve` calls libc: the compiler knows what a function
//! may change. One case remains: a function with its own
//! `#[target_feature(enable = "sve")]` in a program compiled without, for which
//! there is no `cfg`. Its predicates are safe; it must not keep a vector longer
//! than 128 bits in a register over a call.
//!
//! A system call also ends the streaming mode of SME. Rust has no streaming
//! functions; `asm!` that starts the mode must end it before a call, as before
//! a call of any function.

use libc::{c_int, c_long};

/// Three arguments; what the kernel returned, or -1 with `errno` set.
///
/// # Safety
///
/// Whatever the system call asks of its arguments.
#[inline(always)]
pub(crate) unsafe fn syscall3(number: c_long, a: usize, b: usize, c: usize) -> isize {
    // SAFETY: the caller's promise is this call's own.
    unsafe { arch::syscall3(number, a, b, c) }
}

#[allow(unused_macros, unused_macro_rules)] // One rule at most is of this processor.
macro_rules! inline_syscall {
    (@asm $result:ident, $number:ident, $a:ident, $b:ident, $c:ident, x86_64) => {
        core::arch::asm!(
            "syscall",
            inlateout("rax") $number as isize => $result,
            in("rdi") $a, in("rsi") $b, in("rdx") $c,
            lateout("rcx") _, lateout("r11") _,
            options(nostack, preserves_flags),
        )
    };
    (@asm $result:ident, $number:ident, $a:ident, $b:ident, $c:ident, aarch64) => {
        core::arch::asm!(
            "svc 0",
            in("x8") $number, inlateout("x0") $a => $result, in("x1") $b, in("x2") $c,
            lateout("p0") _, lateout("p1") _, lateout("p2") _, lateout("p3") _,
            lateout("p4") _, lateout("p5") _, lateout("p6") _, lateout("p7") _,
            lateout("p8") _, lateout("p9") _, lateout("p10") _, lateout("p11") _,
            lateout("p12") _, lateout("p13") _, lateout("p14") _, lateout("p15") _,
            lateout("ffr") _,
            options(nostack, preserves_flags),
        )
    };
    (@asm $result:ident, $number:ident, $a:ident, $b:ident, $c:ident, riscv) => {
        core::arch::asm!(
            "ecall",
            in("a7") $number, inlateout("a0") $a => $result, in("a1") $b, in("a2") $c,
            lateout("v0") _, lateout("v1") _, lateout("v2") _, lateout("v3") _,
            lateout("v4") _, lateout("v5") _, lateout("v6") _, lateout("v7") _,
            lateout("v8") _, lateout("v9") _, lateout("v10") _, lateout("v11") _,
            lateout("v12") _, lateout("v13") _, lateout("v14") _, lateout("v15") _,
            lateout("v16") _, lateout("v17") _, lateout("v18") _, lateout("v19") _,
            lateout("v20") _, lateout("v21") _, lateout("v22") _, lateout("v23") _,
            lateout("v24") _, lateout("v25") _, lateout("v26") _, lateout("v27") _,
            lateout("v28") _, lateout("v29") _, lateout("v30") _, lateout("v31") _,
            // Not preserves_flags: vl and vtype count as flags.
            options(nostack),
        )
    };
    (@asm $result:ident, $number:ident, $a:ident, $b:ident, $c:ident, arm) => {
        // r7 is the frame pointer of Thumb code and cannot be an operand.
        core::arch::asm!(
            "mov {saved}, r7",
            "mov r7, {number}",
            "svc 0",
            "mov r7, {saved}",
            saved = out(reg) _, number = in(reg) $number,
            inlateout("r0") $a => $result, in("r1") $b, in("r2") $c,
            options(nostack, preserves_flags),
        )
    };
    ($processor:ident) => {
        #[inline(always)]
        pub(super) unsafe fn syscall3(number: libc::c_long, a: usize, b: usize, c: usize) -> isize {
            let result: isize;
            // SAFETY: the registers are those of the kernel's calling
            // convention, all that it changes are declared, and the stack is
            // not used. Memory is taken to be read and written.
            unsafe { inline_syscall!(@asm result, number, a, b, c, $processor) }
            // The kernel answers errors as -4095 to -1.
            if result as usize > -4096isize as usize {
                super::fail(-result as libc::c_int);
                return -1;
            }
            result
        }
    };
}

#[cfg(all(
    target_arch = "x86_64",
    target_pointer_width = "64",
    not(any(miri, uffd_sys_libc))
))]
mod arch {
    inline_syscall!(x86_64);
}

#[cfg(all(
    target_arch = "aarch64",
    target_pointer_width = "64",
    not(any(target_feature = "sve", miri, uffd_sys_libc))
))]
mod arch {
    inline_syscall!(aarch64);
}

#[cfg(all(
    any(target_arch = "riscv64", target_arch = "riscv32"),
    not(any(miri, uffd_sys_libc))
))]
mod arch {
    inline_syscall!(riscv);
}

#[cfg(all(target_arch = "arm", not(any(miri, uffd_sys_libc))))]
mod arch {
    inline_syscall!(arm);
}

// Elsewhere `asm!` is younger than this crate's minimum Rust, or (32-bit x86)
// libc's way into the kernel is faster than what `asm!` could inline, or (SVE)
// what is lost cannot be declared.
#[cfg(any(
    miri,
    uffd_sys_libc,
    not(any(
        all(target_arch = "x86_64", target_pointer_width = "64"),
        all(
            target_arch = "aarch64",
            target_pointer_width = "64",
            not(target_feature = "sve")
        ),
        target_arch = "riscv64",
        target_arch = "riscv32",
        target_arch = "arm",
    ))
))]
mod arch {
    #[inline(always)]
    pub(super) unsafe fn syscall3(number: libc::c_long, a: usize, b: usize, c: usize) -> isize {
        // SAFETY: syscall(2) passes these arguments on as they are.
        unsafe { libc::syscall(number, a, b, c) as isize }
    }
}

/// Sets `errno` as libc would. Out of line and without a result, so that the
/// caller's hot path is the instruction, a compare and a branch never taken,
/// and needs no stack.
#[cold]
#[inline(never)]
#[allow(dead_code)] // The libc path sets it itself.
extern "C" fn fail(errno: c_int) {
    #[cfg(target_os = "android")]
    // SAFETY: the address of this thread's errno, valid while it runs.
    unsafe {
        *libc::__errno() = errno;
    }
    #[cfg(not(target_os = "android"))]
    // SAFETY: the address of this thread's errno, valid while it runs.
    unsafe {
        *libc::__errno_location() = errno;
    }
}
