//! POISON: every later access is a SIGBUS.

use std::path::Path;

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// The `si_code` of a poisoned page: of a memory error, if this kernel was built
/// to know them, else of a bad address.
fn poisoned() -> Option<libc::c_int> {
    let knows_memory_errors = Path::new("/proc/sys/vm/memory_failure_recovery").exists();
    Some(if knows_memory_errors {
        libc::BUS_MCEERR_AR
    } else {
        libc::BUS_ADRERR
    })
}

fn registered(memory: Memory, pages: usize) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(UFFD_FEATURE_POISON | memory.missing_features())?;
    let region = Region::map(memory, pages)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    Ok((region, uffd))
}

on_each_memory! { a_poisoned_page_is_a_sigbus }

fn a_poisoned_page_is_a_sigbus(memory: Memory) -> Tested {
    let (region, uffd) = registered(memory, 1)?;
    assert_eq!(
        uffd.poison(region.all(), 0),
        (Ok(()), region.page_size() as i64)
    );
    let code = sigbus_code(&region, 0, || assert_eq!(region.read(0), 0));
    assert_eq!(code, poisoned());
    uffd.assert_no_message();
    Ok(())
}

#[test]
fn a_thread_that_waits_is_woken_by_the_signal() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let clone = region.clone();
        let reader = in_background(move || sigbus_code(&clone, 0, || _ = clone.read(0)));
        uffd.next_fault();
        uffd.poison(region.all(), UFFDIO_POISON_MODE_DONTWAKE)
            .0
            .unwrap();
        reader.assert_waiting();
        uffd.wake(region.all()).unwrap();
        assert_eq!(reader.join(), poisoned());
        Ok(())
    });
}

#[test]
fn without_a_handler_the_process_is_killed() {
    run(|| {
        let (region, page) = (Region::map_inherited(Memory::Anonymous, 1)?, 0);
        require(UFFD_FEATURE_POISON)?;
        let range = region.page(page);
        // SAFETY: bare system calls and memory; nothing is allocated.
        let ended = unsafe {
            Forks::lock().run(|| {
                libc::signal(libc::SIGBUS, libc::SIG_DFL);
                let fd = userfaultfd(UFFD_USER_MODE_ONLY);
                let mut api = uffdio_api {
                    api: UFFD_API,
                    ..Default::default()
                };
                let mode = UFFDIO_REGISTER_MODE_MISSING;
                let mut register = uffdio_register {
                    range,
                    mode,
                    ioctls: 0,
                };
                let mut poison = uffdio_poison {
                    range,
                    mode: 0,
                    updated: 0,
                };
                let failed = uffdio_api(fd, &mut api) != 0
                    || uffdio_register(fd, &mut register) != 0
                    || uffdio_poison(fd, &mut poison) != 0;
                if failed {
                    255
                } else {
                    region.read(page).into()
                }
            })
        };
        assert_eq!(ended, Ended::Signal(libc::SIGBUS));
        Ok(())
    });
}

#[test]
fn madv_dontneed_clears_the_mark() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        uffd.poison(region.all(), 0).0.unwrap();
        region.advise(0..1, libc::MADV_DONTNEED).unwrap();
        uffd.copy(region.all(), 8, 0).0.unwrap();
        assert_eq!(region.read(0), 8);
        Ok(())
    });
}

#[test]
fn poison_errors() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 3)?;
        let page = region.page_size() as i64;
        let negative = |errno: Errno| (Err(errno), -errno.0 as i64);
        uffd.copy(region.page(2), 1, 0).0.unwrap();
        assert_eq!(
            uffd.poison(region.all(), 0),
            (Err(EAGAIN), 2 * page),
            "a part"
        );
        assert_eq!(uffd.poison(region.page(2), 0), negative(EEXIST), "there");
        assert_eq!(uffd.poison(region.page(0), 0), negative(EEXIST), "poisoned");
        assert_eq!(
            uffd.poison(region.page(0), 1 << 63),
            (Err(EINVAL), UNTOUCHED)
        );
        assert_eq!(uffd.poison(unmapped_page(), 0), negative(ENOENT));
        Ok(())
    });
}
