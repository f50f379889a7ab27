//! Minor faults: the page is in the page cache, but not mapped. CONTINUE.

use crate::support::*;
use uffd_sys::*;

/// The features that minor faults of a kind of memory need.
fn features(memory: Memory) -> u64 {
    match memory {
        Memory::Hugetlb => UFFD_FEATURE_MINOR_HUGETLBFS,
        _ => UFFD_FEATURE_MINOR_SHMEM,
    }
}

/// A region registered for minor faults, and a second mapping of its memory
/// through which pages come into the page cache.
fn registered(memory: Memory, pages: usize, mode: u64) -> Result<(Region, Region, Uffd), Skip> {
    let mut features = features(memory);
    if mode & UFFDIO_REGISTER_MODE_WP != 0 {
        features |= memory.wp_features();
    }
    let uffd = Uffd::open(features)?;
    let region = Region::map(memory, pages)?;
    let cache = region.map_again();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MINOR | mode)
        .expect("UFFDIO_REGISTER");
    Ok((region, cache, uffd))
}

fn continue_resolves_a_minor_fault(memory: Memory) -> Tested {
    let (region, cache, uffd) = registered(memory, 2, 0)?;
    cache.populate();
    let reader = region.read_in_background(1);
    let fault = uffd.next_fault();
    assert_eq!(fault.flags, UFFD_PAGEFAULT_FLAG_MINOR);
    assert_eq!(fault.address, region.address(1));
    cache.write(1, 99); // The last chance to change it.
    assert_eq!(
        uffd.map_cached(region.page(1), 0),
        (Ok(()), region.page_size() as i64)
    );
    assert_eq!(reader.join(), 99);
    Ok(())
}

#[test]
fn continue_resolves_a_minor_fault_of_shmem() {
    run(|| continue_resolves_a_minor_fault(Memory::Shmem));
}

#[test]
fn continue_resolves_a_minor_fault_of_hugetlb() {
    run(|| continue_resolves_a_minor_fault(Memory::Hugetlb));
}

#[test]
fn dontwake_maps_and_wake_wakes() {
    run(|| {
        let (region, cache, uffd) = registered(Memory::Shmem, 1, 0)?;
        cache.populate();
        let reader = region.read_in_background(0);
        uffd.next_fault();
        uffd.map_cached(region.all(), UFFDIO_CONTINUE_MODE_DONTWAKE)
            .0
            .unwrap();
        reader.assert_waiting();
        uffd.wake(region.all()).unwrap();
        assert_eq!(reader.join(), 1);
        Ok(())
    });
}

#[test]
fn continue_mode_wp_maps_and_protects_at_once() {
    run(|| {
        // CONTINUE_MODE_WP came with WP_UNPOPULATED.
        require(UFFD_FEATURE_WP_UNPOPULATED)?;
        let (region, cache, uffd) = registered(Memory::Shmem, 1, UFFDIO_REGISTER_MODE_WP)?;
        cache.populate();
        uffd.map_cached(region.all(), UFFDIO_CONTINUE_MODE_WP)
            .0
            .unwrap();
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}
