//! UFFDIO_WRITEPROTECT: its errors.

use std::os::fd::{FromRawFd, OwnedFd};

use crate::support::*;
use uffd_sys::*;

const WP: u64 = UFFDIO_WRITEPROTECT_MODE_WP;
const DONTWAKE: u64 = UFFDIO_WRITEPROTECT_MODE_DONTWAKE;

/// A region of two pages, registered for write-protection.
fn registered() -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
    let region = Region::map(Memory::Anonymous, 2)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
        .expect("UFFDIO_REGISTER");
    region.populate();
    Ok((region, uffd))
}

#[test]
fn a_start_that_is_not_page_aligned_is_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        let range = uffdio_range {
            start: region.address(0) + 1,
            ..region.page(0)
        };
        assert_eq!(uffd.writeprotect(range, WP), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_len_that_is_not_page_aligned_is_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        let range = uffdio_range {
            len: region.page_size() + 1,
            ..region.page(0)
        };
        assert_eq!(uffd.writeprotect(range, WP), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_len_of_0_is_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        let range = uffdio_range {
            len: 0,
            ..region.page(0)
        };
        assert_eq!(uffd.writeprotect(range, WP), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn a_range_that_wraps_is_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        let len = 0u64.wrapping_sub(region.page_size());
        let range = uffdio_range {
            len,
            ..region.page(0)
        };
        assert_eq!(uffd.writeprotect(range, WP), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn an_unknown_mode_bit_is_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        assert_eq!(uffd.writeprotect(region.all(), WP | 1 << 63), Err(EINVAL));
        assert_eq!(uffd.writeprotect(region.all(), 4), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn wp_and_dontwake_together_are_einval() {
    run(|| {
        let (region, uffd) = registered()?;
        assert_eq!(uffd.writeprotect(region.all(), WP | DONTWAKE), Err(EINVAL));
        uffd.assert_not_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn memory_that_is_not_registered_is_enoent() {
    run(|| {
        let (_, uffd) = registered()?;
        let stranger = Region::map(Memory::Anonymous, 1)?;
        for mode in [WP, 0, DONTWAKE] {
            assert_eq!(uffd.writeprotect(stranger.all(), mode), Err(ENOENT));
        }
        Ok(())
    });
}

#[test]
fn memory_that_is_registered_without_wp_is_enoent() {
    run(|| {
        let (_, uffd) = registered()?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        assert_eq!(uffd.writeprotect(region.all(), WP), Err(ENOENT));
        Ok(())
    });
}

/// The kernel looks for the registration, not for whose it is.
#[test]
fn another_userfaultfd_of_the_process_may_protect_but_gets_no_message() {
    run(|| {
        let (region, first) = registered()?;
        let (_, second) = registered()?;
        assert_eq!(second.writeprotect(region.all(), WP), Ok(()));
        let writer = region.write_in_background(0, 3);
        first.next_fault();
        second.assert_no_message();
        // It lifts the protection, but does not know who waits.
        assert_eq!(second.writeprotect(region.all(), 0), Ok(()));
        writer.assert_waiting();
        first.wake(region.all()).unwrap();
        writer.join();
        Ok(())
    });
}

#[test]
fn an_address_where_nothing_is_mapped_is_enoent() {
    run(|| {
        let (_, uffd) = registered()?;
        assert_eq!(uffd.writeprotect(unmapped_page(), WP), Err(ENOENT));
        Ok(())
    });
}

#[test]
fn enoent_behind_a_registered_part_leaves_that_part_protected() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 2)?;
        uffd.register(region.page(0), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        region.populate();
        assert_eq!(uffd.writeprotect(region.all(), WP), Err(ENOENT));
        match kernel_features()? & UFFD_FEATURE_WP_UNPOPULATED {
            // Linux 5.10 and 6.1 want the whole range in one mapping first.
            0 => uffd.assert_not_protected(&region, 0),
            _ => uffd.assert_protected(&region, 0),
        }
        Ok(())
    });
}

#[test]
fn an_unreadable_argument_is_efault() {
    run(|| {
        let (_, uffd) = registered()?;
        let no_access = Region::map(Memory::Anonymous, 1)?;
        no_access.mprotect(libc::PROT_NONE);
        let argument = no_access.address(0) as *mut uffdio_writeprotect;
        // SAFETY: the kernel answers an address that it cannot read by EFAULT.
        let result = call0(|| unsafe { uffdio_writeprotect(uffd.fd(), argument) });
        assert_eq!(result, Err(EFAULT));
        Ok(())
    });
}

#[test]
fn a_read_only_argument_is_enough() {
    run(|| {
        let (region, uffd) = registered()?;
        static LIFT: uffdio_writeprotect = uffdio_writeprotect {
            range: uffdio_range { start: 0, len: 0 },
            mode: 0,
        };
        // In read-only memory; the answer is about its contents, not EFAULT.
        let argument = &LIFT as *const uffdio_writeprotect as *mut uffdio_writeprotect;
        // SAFETY: the kernel only reads the argument of this call.
        let result = call0(|| unsafe { uffdio_writeprotect(uffd.fd(), argument) });
        assert_eq!(result, Err(EINVAL));
        drop(region);
        Ok(())
    });
}

#[test]
fn an_unread_event_is_eagain_until_it_is_read_however_often_one_tries() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMOVE)?;
        let region = Region::map(Memory::Anonymous, 2)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        region.populate();
        let clone = region.clone();
        let remover = in_background(move || clone.advise(0..1, libc::MADV_DONTNEED));
        uffd.wait_readable();
        for _ in 0..1000 {
            assert_eq!(uffd.writeprotect(region.page(1), WP), Err(EAGAIN));
            assert_eq!(uffd.writeprotect(region.page(1), 0), Err(EAGAIN));
        }
        assert_eq!(uffd.next_message().event(), UFFD_EVENT_REMOVE);
        remover.join().unwrap();
        assert_eq!(uffd.writeprotect(region.page(1), WP), Ok(()));
        uffd.assert_protected(&region, 1);
        Ok(())
    });
}

/// The userfaultfd of a process that has exited: a child that shares this
/// process's descriptors, but not its memory, opens it.
fn of_an_exited_process() -> Result<Uffd, Skip> {
    kernel_features()?;
    // SAFETY: bare system calls; nothing is allocated.
    let ended = unsafe {
        Forks::lock().run_sharing_descriptors(|| {
            let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
            let fd = match userfaultfd(flags) {
                -1 => userfaultfd(flags | UFFD_USER_MODE_ONLY),
                fd => fd,
            };
            let mut api = uffdio_api {
                api: UFFD_API,
                ..Default::default()
            };
            match uffdio_api(fd, &mut api) {
                0 if fd < 255 => fd,
                _ => 255,
            }
        })
    };
    match ended {
        // SAFETY: the child opened it for this test alone.
        Ended::Exit(fd) if fd < 255 => Ok(Uffd::shaken(unsafe { OwnedFd::from_raw_fd(fd) })),
        other => panic!("the child opened no userfaultfd: {other:?}"),
    }
}

#[test]
fn when_the_process_has_exited_it_is_esrch() {
    run(|| {
        require(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let (uffd, region) = (of_an_exited_process()?, Region::map(Memory::Anonymous, 1)?);
        assert_eq!(uffd.writeprotect(region.all(), WP), Err(ESRCH));
        assert_eq!(uffd.writeprotect(region.all(), 0), Err(ESRCH));
        Ok(())
    });
}

#[test]
fn when_the_process_has_exited_the_fills_are_esrch_too() {
    run(|| {
        let (uffd, region) = (of_an_exited_process()?, Region::map(Memory::Anonymous, 1)?);
        let (all, esrch) = (region.all(), (Err(ESRCH), UNTOUCHED));
        assert_eq!(uffd.copy(all, 0, 0), esrch);
        assert_eq!(uffd.zeropage(all, 0), esrch);
        let features = kernel_features()?;
        if features & UFFD_FEATURE_MINOR_SHMEM != 0 {
            assert_eq!(uffd.map_cached(all, 0), esrch);
        }
        if features & UFFD_FEATURE_POISON != 0 {
            assert_eq!(uffd.poison(all, 0), esrch);
        }
        if features & UFFD_FEATURE_MOVE != 0 {
            // Pages move inside one process; that is judged first.
            let source = Region::map(Memory::Anonymous, 1)?;
            let moved = uffd.move_pages(all, source.address(0), 0);
            assert_eq!(moved, (Err(EINVAL), UNTOUCHED));
        }
        assert_eq!(uffd.wake(all), Ok(()), "nobody waits");
        Ok(())
    });
}
