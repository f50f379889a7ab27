//! MOVE: pages change their place without being copied.

use crate::support::*;
use uffd_sys::*;

/// Pages to move, and a region registered for missing faults to take them.
fn source_and_target(pages: usize) -> Result<(Region, Region, Uffd), Skip> {
    let uffd = Uffd::open(UFFD_FEATURE_MOVE)?;
    let source = Region::map(Memory::Anonymous, pages)?;
    let target = Region::map(Memory::Anonymous, pages)?;
    uffd.register(target.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    Ok((source, target, uffd))
}

#[test]
fn move_resolves_a_fault_and_empties_the_source() {
    run(|| {
        let (source, target, uffd) = source_and_target(3)?;
        source.populate();
        let reader = target.read_in_background(2);
        uffd.next_fault();
        let moved = uffd.move_pages(target.all(), source.address(0), 0);
        assert_eq!(moved, (Ok(()), 3 * target.page_size() as i64));
        assert_eq!(reader.join(), 3);
        assert_eq!([target.read(0), target.read(1)], [1, 2]);
        assert_eq!([0, 1, 2].map(|page| source.read(page)), [0, 0, 0]);
        Ok(())
    });
}

#[test]
fn dontwake_moves_and_wake_wakes() {
    run(|| {
        let (source, target, uffd) = source_and_target(1)?;
        source.populate();
        let reader = target.read_in_background(0);
        uffd.next_fault();
        let mode = UFFDIO_MOVE_MODE_DONTWAKE;
        uffd.move_pages(target.all(), source.address(0), mode)
            .0
            .unwrap();
        reader.assert_waiting();
        uffd.wake(target.all()).unwrap();
        assert_eq!(reader.join(), 1);
        Ok(())
    });
}

#[test]
fn with_allow_src_holes_a_hole_counts_as_moved() {
    run(|| {
        let (source, target, uffd) = source_and_target(3)?;
        source.write(0, 11);
        source.write(2, 13);
        let mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
        let moved = uffd.move_pages(target.all(), source.address(0), mode);
        assert_eq!(moved, (Ok(()), 3 * target.page_size() as i64));
        assert_eq!([target.read(0), target.read(2)], [11, 13]);
        // The hole is still missing.
        let reader = target.read_in_background(1);
        assert_eq!(uffd.next_fault().address, target.address(1));
        uffd.zeropage(target.page(1), 0).0.unwrap();
        assert_eq!(reader.join(), 0);
        Ok(())
    });
}
