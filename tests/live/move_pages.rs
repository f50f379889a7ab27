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
fn a_hole_in_the_source_is_enoent() {
    run(|| {
        let (source, target, uffd) = source_and_target(3)?;
        source.write(0, 11);
        source.write(2, 13);
        let page = target.page_size() as i64;
        let to_the_hole = uffd.move_pages(target.all(), source.address(0), 0);
        assert_eq!(to_the_hole, (Err(EAGAIN), page), "one page, up to the hole");
        let at_the_hole = uffd.move_pages(target.page(1), source.address(1), 0);
        assert_eq!(at_the_hole, (Err(ENOENT), -libc::ENOENT as i64));
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

#[test]
fn move_errors() {
    run(|| {
        let (source, target, uffd) = source_and_target(2)?;
        source.populate();
        let negative = |errno: Errno| (Err(errno), -errno.0 as i64);
        let (from, untouched) = (source.address(0), (Err(EINVAL), UNTOUCHED));
        assert_eq!(uffd.move_pages(target.all(), from, 1 << 63), untouched);
        assert_eq!(uffd.move_pages(target.all(), from + 1, 0), untouched);
        assert_eq!(
            uffd.move_pages(
                uffdio_range {
                    len: 1,
                    ..target.all()
                },
                from,
                0
            ),
            untouched
        );
        let shared = Region::map(Memory::Shmem, 1)?;
        shared.populate();
        assert_eq!(
            uffd.move_pages(target.page(0), shared.address(0), 0),
            negative(EINVAL)
        );
        // Unlike the other fills, MOVE looks whose the registration is.
        let stranger = Uffd::open(UFFD_FEATURE_MOVE)?;
        let by_stranger = stranger.move_pages(target.all(), from, 0);
        assert_eq!(by_stranger, negative(EINVAL));
        let unregistered = Region::map(Memory::Anonymous, 2)?;
        let moved = uffd.move_pages(unregistered.all(), from, 0);
        assert_eq!(moved, negative(EINVAL));
        let moved = uffd.move_pages(unmapped_page(), from, 0);
        assert_eq!(moved, negative(ENOENT));
        uffd.copy(target.page(0), 1, 0).0.unwrap();
        assert_eq!(uffd.move_pages(target.page(0), from, 0), negative(EEXIST));
        Ok(())
    });
}
