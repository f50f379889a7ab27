//! What the kernel answers to wrong calls, for every function of the crate:
//! bad descriptors, bad arguments, the wrong order. `support::call` checks at
//! each call that a failure is -1 with `errno` set, and that a success leaves
//! `errno` alone.

mod support;

use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::null_mut;

use libc::c_int;
use support::*;
use uffd_sys::*;

/// One ioctl of a userfaultfd, called with an argument of zeros and with none.
struct Call {
    name: &'static str,
    zeroed: fn(c_int) -> c_int,
    null: fn(c_int) -> c_int,
    /// The features of which one came with it; 0 if it was always there.
    since: u64,
}

macro_rules! calls {
    ($($function:ident($argument:ident) $since:expr;)*) => {
        [$(Call {
            name: stringify!($function),
            // SAFETY: a valid argument, which the call may write.
            zeroed: |fd| unsafe { $function(fd, &mut <$argument>::default()) },
            // SAFETY: the kernel answers an address where nothing is by EFAULT.
            null: |fd| unsafe { $function(fd, null_mut()) },
            since: $since,
        }),*]
    };
}

/// All of them but UFFDIO_API, which may come first.
fn calls_after_the_handshake() -> [Call; 11] {
    calls! {
        uffdio_register(uffdio_register) 0;
        uffdio_unregister(uffdio_range) 0;
        uffdio_wake(uffdio_range) 0;
        uffdio_copy(uffdio_copy) 0;
        uffdio_zeropage(uffdio_zeropage) 0;
        uffdio_writeprotect(uffdio_writeprotect) UFFD_FEATURE_PAGEFAULT_FLAG_WP;
        uffdio_continue(uffdio_continue) UFFD_FEATURE_MINOR_HUGETLBFS | UFFD_FEATURE_MINOR_SHMEM;
        uffdio_poison(uffdio_poison) UFFD_FEATURE_POISON;
        uffdio_move(uffdio_move) UFFD_FEATURE_MOVE;
        uffdio_rwprotect(uffdio_rwprotect) UFFD_FEATURE_RWP;
        uffdio_set_mode(uffdio_set_mode) UFFD_FEATURE_RWP;
    }
}

/// Every call that takes a descriptor and an argument.
fn all_calls() -> Vec<Call> {
    let others = calls! { uffdio_api(uffdio_api) 0; pagemap_scan(pm_scan_arg) 0; };
    others
        .into_iter()
        .chain(calls_after_the_handshake())
        .collect()
}

/// A descriptor as it is before UFFDIO_API.
fn fresh() -> Result<OwnedFd, Skip> {
    kernel_features()?; // Skips if there is no way to open one.
    let fd = open_fd(libc::O_NONBLOCK).or_else(|_| open_fd(libc::O_NONBLOCK | UFFD_USER_MODE_ONLY));
    Ok(fd.expect("userfaultfd(2) worked before"))
}

fn select_api(fd: &OwnedFd, api: &mut uffdio_api) -> Result<(), Errno> {
    // SAFETY: `api` is a struct of the caller.
    call0(|| unsafe { uffdio_api(fd.as_raw_fd(), api) })
}

/// A valid argument of UFFDIO_API.
fn handshake(features: u64) -> uffdio_api {
    uffdio_api {
        api: UFFD_API,
        features,
        ioctls: 0,
    }
}

#[test]
fn every_call_on_a_closed_descriptor_is_ebadf() {
    run(|| {
        for Call {
            name, zeroed, null, ..
        } in all_calls()
        {
            assert_eq!(call(|| zeroed(-1)), Err(EBADF), "{name}");
            assert_eq!(call(|| null(-1)), Err(EBADF), "{name}(null)");
        }
        let mut message = uffd_msg::default();
        // SAFETY: there is room for one message.
        let result = call(|| unsafe { uffd_read(-1, &mut message, 1) as i64 });
        assert_eq!(result, Err(EBADF));
        // SAFETY: no memory is involved.
        let result = call(|| unsafe { userfaultfd_new(-1, 0) });
        assert_eq!(result, Err(EBADF));
        Ok(())
    });
}

#[test]
fn every_call_on_another_kind_of_file_is_enotty() {
    run(|| {
        let memory = Region::map(Memory::Shmem, 1)?;
        let fd = memory.file().as_raw_fd();
        for Call { name, zeroed, .. } in all_calls() {
            assert_eq!(call(|| zeroed(fd)), Err(ENOTTY), "{name}");
        }
        // SAFETY: no memory is involved.
        let result = call(|| unsafe { userfaultfd_new(fd, 0) });
        assert_eq!(result, Err(ENOTTY));
        // To read(2) any file is as good: it reads one message's worth.
        let mut message = uffd_msg::default();
        // SAFETY: there is room for one message.
        let result = call(|| unsafe { uffd_read(fd, &mut message, 1) as i64 });
        assert_eq!(result, Ok(32));
        Ok(())
    });
}

#[test]
fn every_call_before_the_handshake_is_einval() {
    run(|| {
        let fd = fresh()?;
        for Call {
            name, zeroed, null, ..
        } in calls_after_the_handshake()
        {
            assert_eq!(call(|| zeroed(fd.as_raw_fd())), Err(EINVAL), "{name}");
            // The order is judged before the argument is looked at.
            assert_eq!(call(|| null(fd.as_raw_fd())), Err(EINVAL), "{name}(null)");
        }
        let mut message = uffd_msg::default();
        // SAFETY: there is room for one message.
        let read = call(|| unsafe { uffd_read(fd.as_raw_fd(), &mut message, 1) as i64 });
        assert_eq!(read, Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_null_argument_is_efault_or_einval_where_the_kernel_lacks_the_call() {
    run(|| {
        let (uffd, features) = (Uffd::open(0)?, kernel_features()?);
        for Call {
            name, null, since, ..
        } in calls_after_the_handshake()
        {
            let known = since == 0 || features & since != 0;
            let expected = if known { EFAULT } else { EINVAL };
            assert_eq!(call(|| null(uffd.fd())), Err(expected), "{name}");
        }
        Ok(())
    });
}

#[test]
fn a_zeroed_argument_is_einval() {
    run(|| {
        let uffd = Uffd::open(0)?;
        for Call { name, zeroed, .. } in calls_after_the_handshake() {
            if name != "uffdio_set_mode" {
                assert_eq!(call(|| zeroed(uffd.fd())), Err(EINVAL), "{name}");
            }
        }
        Ok(())
    });
}

#[test]
fn api_with_a_null_argument_is_efault() {
    run(|| {
        let fd = fresh()?;
        // SAFETY: the kernel answers an address where nothing is by EFAULT.
        let result = call0(|| unsafe { uffdio_api(fd.as_raw_fd(), null_mut()) });
        assert_eq!(result, Err(EFAULT));
        Ok(())
    });
}

#[test]
fn api_answers_the_kernels_features_whatever_is_enabled() {
    run(|| {
        let mut api = handshake(0);
        assert_eq!(select_api(&fresh()?, &mut api), Ok(()));
        let mut again = handshake(api.features & UFFD_FEATURE_THREAD_ID);
        assert_eq!(select_api(&fresh()?, &mut again), Ok(()));
        assert_eq!(api, again);
        let always = 1 << _UFFDIO_API | 1 << _UFFDIO_REGISTER | 1 << _UFFDIO_UNREGISTER;
        assert_eq!(api.ioctls & always, always);
        assert_eq!(api.api, UFFD_API);
        Ok(())
    });
}

#[test]
fn userfaultfd_with_an_unknown_flag_is_einval() {
    run(|| {
        fresh()?;
        // Allowed to everybody, so that permission is not what is refused.
        // SAFETY: no memory is involved.
        let opened = call(|| unsafe { userfaultfd(UFFD_USER_MODE_ONLY | 2) });
        assert_eq!(opened, Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_user_may_open_one_for_user_mode_but_not_for_fork_events() {
    run(|| {
        open_user_mode_only(0)?;
        let forks = Forks::lock();
        // SAFETY: bare system calls; nothing is allocated.
        let ended = unsafe {
            forks.run(|| {
                // Not libc's setresuid, which signals the other threads. EPERM
                // says that this is an ordinary user already.
                libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534);
                let fd = userfaultfd(UFFD_USER_MODE_ONLY);
                if fd < 0 {
                    return 255;
                }
                exit_with_errno(uffdio_api(fd, &mut handshake(UFFD_FEATURE_EVENT_FORK)))
            })
        };
        assert_eq!(ended, Ended::Exit(libc::EPERM));
        Ok(())
    });
}
