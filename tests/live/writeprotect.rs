//! UFFDIO_WRITEPROTECT: protect, trap a write, lift and wake.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// A region whose pages are there and protected.
fn protected(memory: Memory, pages: usize, features: u64) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(memory.wp_features() | features)?;
    let region = Region::map(memory, pages)?;
    uffd.protect_populated(&region);
    Ok((region, uffd))
}

on_each_memory! {
    a_write_is_trapped_and_lifting_lets_it_go_on
    reads_are_not_trapped
    dontwake_lifts_and_wake_wakes
    one_page_is_lifted_and_the_others_stay_protected
    the_message_has_the_thread_and_the_exact_address
    copy_mode_wp_fills_and_protects_at_once
}

fn a_write_is_trapped_and_lifting_lets_it_go_on(memory: Memory) -> Tested {
    let (region, uffd) = protected(memory, 2, 0)?;
    let writer = region.write_in_background(1, 77);
    let fault = uffd.next_fault();
    assert_eq!(
        fault.flags,
        UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE
    );
    assert_eq!(fault.address, region.address(1));
    assert_eq!(fault.thread, 0, "UFFD_FEATURE_THREAD_ID is off");
    writer.assert_waiting();
    assert_eq!(region.read(1), 2, "nothing is written yet");
    assert_eq!(uffd.writeprotect(region.page(1), 0), Ok(()));
    writer.join();
    assert_eq!(region.read(1), 77);
    uffd.assert_no_message();
    Ok(())
}

fn reads_are_not_trapped(memory: Memory) -> Tested {
    let (region, uffd) = protected(memory, 1, 0)?;
    assert_eq!(region.read_in_background(0).join(), 1);
    uffd.assert_no_message();
    Ok(())
}

fn dontwake_lifts_and_wake_wakes(memory: Memory) -> Tested {
    let (region, uffd) = protected(memory, 1, 0)?;
    let writer = region.write_in_background(0, 5);
    uffd.next_fault();
    uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_DONTWAKE)
        .unwrap();
    writer.assert_waiting();
    uffd.wake(region.all()).unwrap();
    writer.join();
    assert_eq!(region.read(0), 5);
    uffd.assert_no_message();
    Ok(())
}

fn one_page_is_lifted_and_the_others_stay_protected(memory: Memory) -> Tested {
    let (region, uffd) = protected(memory, 3, 0)?;
    uffd.writeprotect(region.page(1), 0).unwrap();
    uffd.assert_not_protected(&region, 1);
    uffd.assert_protected(&region, 0);
    uffd.assert_protected(&region, 2);
    // And again, after they were lifted.
    uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP)
        .unwrap();
    uffd.assert_protected(&region, 1);
    Ok(())
}

fn the_message_has_the_thread_and_the_exact_address(memory: Memory) -> Tested {
    let features = UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS;
    let (region, uffd) = protected(memory, 2, features)?;
    let clone = region.clone();
    let writer = in_background(move || clone.write_at(1, 123, 9));
    let fault = uffd.next_fault();
    assert_eq!(fault.address, region.address(1) + 123);
    assert_eq!(fault.thread, writer.tid);
    uffd.writeprotect(region.page(1), 0).unwrap();
    writer.join();
    Ok(())
}

fn copy_mode_wp_fills_and_protects_at_once(memory: Memory) -> Tested {
    let uffd = Uffd::open(memory.missing_features() | memory.wp_features())?;
    let region = Region::map(memory, 1)?;
    let both = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    uffd.register(region.all(), both).unwrap();
    let reader = region.read_in_background(0);
    uffd.next_fault();
    let filled = uffd.copy(region.all(), 6, UFFDIO_COPY_MODE_WP);
    assert_eq!(filled, (Ok(()), region.page_size() as i64));
    assert_eq!(reader.join(), 6);
    uffd.assert_protected(&region, 0);
    Ok(())
}
