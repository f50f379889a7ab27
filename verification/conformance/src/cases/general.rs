//! Cases: the errors that ioctl_userfaultfd(2) gives for every call.

use super::scene::*;
use crate::prelude::*;

macro_rules! general_errors {
    ($($name:literal, $call:literal, $function:ident, $arg:ty, $features:expr;)*) => {
        /// See the first comment of this file.
        pub static CASES: &[Case] = &[$(
            case(
                concat!("general-efault-", $name),
                "ioctl_userfaultfd(2), ERRORS: EFAULT",
                concat!($call, " is EFAULT when its argument is no valid address"),
                |_| {
                    let uffd = Uffd::open(0)?;
                    for bad in [std::ptr::null_mut::<$arg>(), 16 as *mut $arg] {
                        // SAFETY: the kernel checks the address.
                        Answer::of($call, || unsafe { $function(uffd.fd, bad) }).fails(EFAULT)?;
                    }
                    Ok(())
                },
            )
            .features($features),
            case(
                concat!("general-einval-before-api-", $name),
                "ioctl_userfaultfd(2), ERRORS: EINVAL",
                concat!($call, " is EINVAL before UFFDIO_API"),
                |m| {
                    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
                    let uffd = Uffd::bare(flags).map_err(|e| Verdict::Fail(errno_name(e)))?;
                    let page = Region::source(1, 1)?;
                    // A range, whichever struct is made of it.
                    let mut words = [page.addr as u64, m.page as u64, 1, 0, 0, 0, 0, 0];
                    let arg = words.as_mut_ptr().cast::<$arg>();
                    // SAFETY: the array is larger than any argument.
                    Answer::of($call, || unsafe { $function(uffd.fd, arg) }).fails(EINVAL)
                },
            ),
            case(
                concat!("general-other-descriptor-", $name),
                "measured",
                concat!($call, " is ENOTTY on another kind of descriptor, and EBADF on none"),
                |_| {
                    let (pipe, _) = pipe_with(b"x")?;
                    for (fd, errno) in [(pipe, ENOTTY), (-1, EBADF)] {
                        let mut words = [0_u64; 8];
                        let arg = words.as_mut_ptr().cast::<$arg>();
                        // SAFETY: the array is larger than any argument.
                        Answer::of($call, || unsafe { $function(fd, arg) }).fails(errno)?;
                    }
                    Ok(())
                },
            ),
        )*];
    };
}

general_errors! {
    "register", "UFFDIO_REGISTER", uffdio_register, uffdio_register, 0;
    "unregister", "UFFDIO_UNREGISTER", uffdio_unregister, uffdio_range, 0;
    "wake", "UFFDIO_WAKE", uffdio_wake, uffdio_range, 0;
    "copy", "UFFDIO_COPY", uffdio_copy, uffdio_copy, 0;
    "zeropage", "UFFDIO_ZEROPAGE", uffdio_zeropage, uffdio_zeropage, 0;
    "writeprotect", "UFFDIO_WRITEPROTECT", uffdio_writeprotect, uffdio_writeprotect, UFFD_FEATURE_PAGEFAULT_FLAG_WP;
    "continue", "UFFDIO_CONTINUE", uffdio_continue, uffdio_continue, UFFD_FEATURE_MINOR_HUGETLBFS;
    "poison", "UFFDIO_POISON", uffdio_poison, uffdio_poison, UFFD_FEATURE_POISON;
    "move", "UFFDIO_MOVE", uffdio_move, uffdio_move, UFFD_FEATURE_MOVE;
    "rwprotect", "UFFDIO_RWPROTECT", uffdio_rwprotect, uffdio_rwprotect, UFFD_FEATURE_RWP;
    "set-mode", "UFFDIO_SET_MODE", uffdio_set_mode, uffdio_set_mode, UFFD_FEATURE_RWP_ASYNC;
}
