//! Write-protection and filling: pages that are put in place protected.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

const BOTH: u64 = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;

on_each_memory! { copy_mode_wp_fills_and_protects_at_once }

fn copy_mode_wp_fills_and_protects_at_once(memory: Memory) -> Tested {
    let uffd = Uffd::open(memory.missing_features() | memory.wp_features())?;
    let region = Region::map(memory, 1)?;
    uffd.register(region.all(), BOTH).unwrap();
    let reader = region.read_in_background(0);
    uffd.next_fault();
    let filled = uffd.copy(region.all(), 6, UFFDIO_COPY_MODE_WP);
    assert_eq!(filled, (Ok(()), region.page_size() as i64));
    assert_eq!(reader.join(), 6);
    uffd.assert_protected(&region, 0);
    Ok(())
}

#[test]
fn a_writer_that_waited_for_a_protected_copy_faults_again() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), BOTH).unwrap();
        let writer = region.write_in_background(0, 3);
        assert_eq!(uffd.next_fault().flags, UFFD_PAGEFAULT_FLAG_WRITE);
        uffd.copy(region.all(), 6, UFFDIO_COPY_MODE_WP).0.unwrap();
        assert_eq!(
            uffd.next_fault().flags,
            UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP
        );
        uffd.writeprotect(region.all(), 0).unwrap();
        writer.join();
        assert_eq!(region.read(0), 3);
        Ok(())
    });
}

#[test]
fn copy_mode_wp_on_a_range_registered_for_missing_alone_is_einval() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let filled = uffd.copy(region.all(), 6, UFFDIO_COPY_MODE_WP);
        assert_eq!(filled, (Err(EINVAL), -libc::EINVAL as i64));
        Ok(())
    });
}

#[test]
fn there_is_no_zeropage_mode_that_protects() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), BOTH).unwrap();
        let filled = uffd.zeropage(region.all(), UFFDIO_COPY_MODE_WP);
        assert_eq!(filled, (Err(EINVAL), UNTOUCHED));
        Ok(())
    });
}

/// Why COPY_MODE_WP is needed: between the two calls a thread may write.
#[test]
fn zeropage_then_writeprotect_leaves_a_gap_in_which_a_write_is_not_trapped() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), BOTH).unwrap();
        uffd.zeropage(region.all(), 0).0.unwrap();
        uffd.assert_not_protected(&region, 0);
        uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP)
            .unwrap();
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn eexist_from_a_protected_copy_does_not_wake_either() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), BOTH).unwrap();
        let reader = region.read_in_background(0);
        uffd.next_fault();
        let mode = UFFDIO_COPY_MODE_WP | UFFDIO_COPY_MODE_DONTWAKE;
        uffd.copy(region.all(), 6, mode).0.unwrap();
        let again = uffd.copy(region.all(), 7, UFFDIO_COPY_MODE_WP);
        assert_eq!(again, (Err(EEXIST), -libc::EEXIST as i64));
        reader.assert_waiting();
        uffd.wake(region.all()).unwrap();
        assert_eq!(reader.join(), 6);
        Ok(())
    });
}
