//! UFFDIO_REGISTER and UFFDIO_UNREGISTER.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

on_each_memory! { the_answer_names_the_ioctls_of_the_range }

fn the_answer_names_the_ioctls_of_the_range(memory: Memory) -> Tested {
    let uffd = Uffd::open(memory.wp_features() | memory.missing_features())?;
    let region = Region::map(memory, 1)?;
    let mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    let ioctls = uffd.register(region.all(), mode).unwrap();
    for expected in [_UFFDIO_WAKE, _UFFDIO_COPY, _UFFDIO_WRITEPROTECT] {
        assert_ne!(ioctls & 1 << expected, 0, "ioctl {expected}");
    }
    assert_eq!(
        ioctls & 1 << _UFFDIO_ZEROPAGE != 0,
        memory != Memory::Hugetlb
    );
    Ok(())
}

#[test]
fn unregister_wakes_the_thread_and_the_page_is_zero() {
    run(|| {
        let (uffd, region) = (Uffd::open(0)?, Region::map(Memory::Anonymous, 1)?);
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let reader = region.read_in_background(0);
        uffd.next_fault();
        reader.assert_waiting();
        assert_eq!(uffd.unregister(region.all()), Ok(()));
        assert_eq!(reader.join(), 0);
        Ok(())
    });
}
