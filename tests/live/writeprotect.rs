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

#[test]
fn without_exact_address_the_message_has_the_start_of_the_page() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, 2, 0)?;
        let clone = region.clone();
        let writer = in_background(move || clone.write_at(1, 123, 9));
        assert_eq!(uffd.next_fault().address, region.address(1));
        uffd.writeprotect(region.all(), 0).unwrap();
        writer.join();
        Ok(())
    });
}

#[test]
fn wake_without_lifting_faults_again() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, 1, 0)?;
        let writer = region.write_in_background(0, 5);
        let first = uffd.next_fault();
        uffd.wake(region.all()).unwrap();
        assert_eq!(uffd.next_fault(), first);
        writer.assert_waiting();
        uffd.writeprotect(region.all(), 0).unwrap();
        writer.join();
        Ok(())
    });
}

#[test]
fn n_waiting_threads_mean_n_messages_and_one_lift_wakes_all() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous, 1, UFFD_FEATURE_THREAD_ID)?;
        let writers: Vec<_> = (0..4).map(|_| region.write_in_background(0, 5)).collect();
        let mut trapped: Vec<_> = writers.iter().map(|_| uffd.next_fault().thread).collect();
        uffd.assert_no_message();
        let mut started: Vec<_> = writers.iter().map(|writer| writer.tid).collect();
        trapped.sort();
        started.sort();
        assert_eq!(trapped, started);
        uffd.writeprotect(region.all(), 0).unwrap();
        writers.into_iter().for_each(|writer| writer.join());
        Ok(())
    });
}

#[test]
fn pages_that_are_not_there_are_skipped_silently() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        assert_eq!(
            uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP),
            Ok(())
        );
        uffd.assert_not_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn with_wp_unpopulated_pages_that_are_not_there_are_protected() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        assert_eq!(
            uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP),
            Ok(())
        );
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

/// `wp_async::anonymous` in `pagemap_scan.rs` has the same for WP_ASYNC.
#[test]
fn shared_pages_that_are_not_there_are_protected_either_way() {
    run(|| {
        let uffd = Uffd::open(Memory::Shmem.wp_features())?;
        let region = Region::map(Memory::Shmem, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        assert_eq!(
            uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP),
            Ok(())
        );
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}
