//! Request codes computed for the target, and compared with the generated
//! ones when the crate is compiled. bindgen evaluates the header's `_IOWR()`
//! with whatever `asm/ioctl.h` it was given; one of another processor would
//! otherwise go unseen until the kernel answers ENOTTY.

use core::mem::size_of;

use crate::bindings::*;

// asm/ioctl.h: four processors have three bits of direction, the others two.
#[cfg(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64",
))]
mod direction {
    pub(super) const NONE: u32 = 1 << 29;
    pub(super) const READ: u32 = 2 << 29;
    pub(super) const WRITE: u32 = 4 << 29;
}
#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "sparc",
    target_arch = "sparc64",
)))]
mod direction {
    pub(super) const NONE: u32 = 0 << 30;
    pub(super) const WRITE: u32 = 1 << 30;
    pub(super) const READ: u32 = 2 << 30;
}

const fn code(direction: u32, ioctl_type: u8, number: u64, size: usize) -> u32 {
    direction | (size as u32) << 16 | (ioctl_type as u32) << 8 | number as u32
}

macro_rules! assert_requests {
    ($($name:ident: $direction:expr, $ioctl_type:ident, $number:expr, $arg:ty;)*) => {$(
        const _: () = assert!(
            $name == code($direction, $ioctl_type, $number, size_of::<$arg>()),
            concat!(
                "uffd-sys: ", stringify!($name), " is not the number that this target's kernel takes. ",
                "The bindings were made from the kernel headers of another processor. ",
                "When cross-compiling, set UFFD_SYS_HEADERS to a folder with the target's headers, ",
                "or to `none` for this crate's own definitions.",
            )
        );
    )*};
}

use direction::{NONE, READ, WRITE};

assert_requests! {
    USERFAULTFD_IOC_NEW: NONE, USERFAULTFD_IOC, 0, ();
    UFFDIO_API: READ | WRITE, UFFDIO, _UFFDIO_API, uffdio_api;
    UFFDIO_REGISTER: READ | WRITE, UFFDIO, _UFFDIO_REGISTER, uffdio_register;
    UFFDIO_UNREGISTER: READ, UFFDIO, _UFFDIO_UNREGISTER, uffdio_range;
    UFFDIO_WAKE: READ, UFFDIO, _UFFDIO_WAKE, uffdio_range;
    UFFDIO_COPY: READ | WRITE, UFFDIO, _UFFDIO_COPY, uffdio_copy;
    UFFDIO_ZEROPAGE: READ | WRITE, UFFDIO, _UFFDIO_ZEROPAGE, uffdio_zeropage;
    UFFDIO_MOVE: READ | WRITE, UFFDIO, _UFFDIO_MOVE, uffdio_move;
    UFFDIO_WRITEPROTECT: READ | WRITE, UFFDIO, _UFFDIO_WRITEPROTECT, uffdio_writeprotect;
    UFFDIO_CONTINUE: READ | WRITE, UFFDIO, _UFFDIO_CONTINUE, uffdio_continue;
    UFFDIO_POISON: READ | WRITE, UFFDIO, _UFFDIO_POISON, uffdio_poison;
    UFFDIO_RWPROTECT: READ | WRITE, UFFDIO, _UFFDIO_RWPROTECT, uffdio_rwprotect;
    UFFDIO_SET_MODE: WRITE, UFFDIO, _UFFDIO_SET_MODE, uffdio_set_mode;
    PAGEMAP_SCAN: READ | WRITE, PROCFS_IOCTL_MAGIC, 16, pm_scan_arg;
}
