//! Read-write-protection, since Linux 7.3: any access is trapped.
//! `errors.rs` has what older kernels answer.

#![allow(clippy::single_range_in_vec_init)] // Lists of runs of pages are meant.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// A region whose pages are there and read-write-protected.
fn protected(memory: Memory, features: u64) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(UFFD_FEATURE_RWP | features)?;
    let region = Region::map(memory, 2)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_RWP)
        .expect("UFFDIO_REGISTER");
    region.populate();
    uffd.rwprotect(region.all(), UFFDIO_RWPROTECT_MODE_RWP)
        .expect("UFFDIO_RWPROTECT");
    Ok((region, uffd))
}

on_each_memory! { a_read_is_trapped_and_lifting_lets_it_go_on }

fn a_read_is_trapped_and_lifting_lets_it_go_on(memory: Memory) -> Tested {
    let (region, uffd) = protected(memory, 0)?;
    let reader = region.read_in_background(1);
    let fault = uffd.next_fault();
    assert_eq!(fault.flags, UFFD_PAGEFAULT_FLAG_RWP);
    assert_eq!(fault.address, region.address(1));
    reader.assert_waiting();
    assert_eq!(uffd.rwprotect(region.page(1), 0), Ok(()));
    assert_eq!(reader.join(), 2);
    Ok(())
}

#[test]
fn dontwake_lifts_and_wake_wakes() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, 0)?;
        let writer = region.write_in_background(0, 7);
        let flags = uffd.next_fault().flags;
        assert_eq!(flags, UFFD_PAGEFAULT_FLAG_RWP | UFFD_PAGEFAULT_FLAG_WRITE);
        uffd.rwprotect(region.all(), UFFDIO_RWPROTECT_MODE_DONTWAKE)
            .unwrap();
        writer.assert_waiting();
        uffd.wake(region.all()).unwrap();
        writer.join();
        assert_eq!(region.read(0), 7);
        Ok(())
    });
}

#[test]
fn with_rwp_async_an_access_is_noted_and_not_trapped() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, UFFD_FEATURE_RWP_ASYNC)?;
        let pagemap = Pagemap::open()?;
        assert_eq!(region.read_in_background(1).join(), 2);
        uffd.assert_no_message();
        let mut arg = Pagemap::argument(&region);
        (arg.category_mask, arg.return_mask) = (PAGE_IS_ACCESSED, PAGE_IS_ACCESSED);
        assert_eq!(pagemap.scan(&region, &mut arg, 4).unwrap(), [1..2]);
        Ok(())
    });
}

#[test]
fn set_mode_switches_to_async_and_back() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, 0)?;
        assert_eq!(uffd.set_mode(UFFD_FEATURE_RWP_ASYNC, 0), Ok(()));
        assert_eq!(region.read_in_background(0).join(), 1);
        uffd.assert_no_message();
        assert_eq!(uffd.set_mode(0, UFFD_FEATURE_RWP_ASYNC), Ok(()));
        let reader = region.read_in_background(1);
        assert_eq!(uffd.next_fault().flags, UFFD_PAGEFAULT_FLAG_RWP);
        uffd.rwprotect(region.all(), 0).unwrap();
        assert_eq!(reader.join(), 2);
        Ok(())
    });
}
