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
