//! Events other than faults: fork, remap, remove, unmap. Each makes the call
//! that caused it wait until the message is read.

use crate::support::*;
use uffd_sys::*;

fn registered(features: u64, pages: usize) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(features)?;
    let region = Region::map(Memory::Anonymous, pages)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    Ok((region, uffd))
}

#[test]
fn remove_tells_which_pages_were_dropped() {
    run(|| {
        let (region, uffd) = registered(UFFD_FEATURE_EVENT_REMOVE, 3)?;
        let clone = region.clone();
        let remover = in_background(move || clone.advise(1..3, libc::MADV_DONTNEED));
        uffd.wait_readable();
        remover.assert_waiting();
        let message = uffd.next_message();
        let remove = message.remove().expect("UFFD_EVENT_REMOVE");
        let end = region.address(1) + 2 * region.page_size();
        assert_eq!(
            remove,
            uffd_msg_remove {
                start: region.address(1),
                end
            }
        );
        assert_eq!(remover.join(), Ok(()));
        Ok(())
    });
}

#[test]
fn unmap_tells_which_range_is_gone() {
    run(|| {
        let (region, uffd) = registered(UFFD_FEATURE_EVENT_UNMAP, 2)?;
        let range = region.all();
        let unmapper = in_background(move || drop(region));
        let message = uffd.next_message();
        let remove = message.unmap().expect("UFFD_EVENT_UNMAP");
        let end = range.start + range.len;
        assert_eq!(
            remove,
            uffd_msg_remove {
                start: range.start,
                end
            }
        );
        unmapper.join();
        Ok(())
    });
}

#[test]
fn remap_tells_from_where_to_where_and_the_new_place_is_registered() {
    run(|| {
        let (region, uffd) = registered(UFFD_FEATURE_EVENT_REMAP, 2)?;
        let target = Region::map(Memory::Anonymous, 2)?;
        let (from, to) = (region.all(), target.address(0));
        let mover = in_background(move || region.move_onto(target));
        let message = uffd.next_message();
        let remap = message.remap().expect("UFFD_EVENT_REMAP");
        assert_eq!(
            remap,
            uffd_msg_remap {
                from: from.start,
                to,
                len: from.len
            }
        );
        let moved = mover.join();
        let reader = moved.read_in_background(1);
        assert_eq!(uffd.next_fault().address, moved.address(1));
        uffd.copy(moved.page(1), 3, 0).0.unwrap();
        assert_eq!(reader.join(), 3);
        Ok(())
    });
}

#[test]
fn fork_brings_a_userfaultfd_for_the_child() {
    run(|| {
        let forks = Forks::lock();
        let uffd = Uffd::open(UFFD_FEATURE_EVENT_FORK)?;
        let region = Region::map_inherited(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let inherited = region.clone();
        // SAFETY: the child touches memory, and nothing else.
        let child = unsafe { forks.run_in_background(move || inherited.read(0).into()) };
        let of_child = uffd.next_fork();
        assert_eq!(of_child.next_fault().address, region.address(0));
        uffd.copy(region.all(), 1, 0).0.unwrap(); // The parent's page,
        of_child.copy(region.all(), 2, 0).0.unwrap(); // and the child's.
        assert_eq!(child.join(), Ended::Exit(2));
        assert_eq!(region.read(0), 1);
        Ok(())
    });
}
