//! What the rest of the kernel does to write-protection: it belongs to the
//! mapping, not to the memory.

use std::os::unix::fs::FileExt;

use crate::support::*;
use uffd_sys::*;

fn protected(memory: Memory) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(memory.wp_features())?;
    let region = Region::map(memory, 2)?;
    uffd.protect_populated(&region);
    Ok((region, uffd))
}

#[test]
fn write_to_the_memfd_is_not_trapped() {
    run(|| {
        let (region, uffd) = protected(Memory::Shmem)?;
        region.file().write_all_at(&[50], 0).unwrap();
        assert_eq!(region.read(0), 50);
        uffd.assert_no_message();
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn a_second_mapping_is_not_trapped() {
    run(|| {
        let (region, uffd) = protected(Memory::Shmem)?;
        let second = region.map_again();
        second.write_in_background(0, 60).join();
        assert_eq!(region.read(0), 60);
        uffd.assert_no_message();
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn madv_dontneed_drops_it() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous)?;
        region.advise(0..1, libc::MADV_DONTNEED).unwrap();
        uffd.assert_not_protected(&region, 0);
        uffd.assert_protected(&region, 1);
        Ok(())
    });
}

#[test]
fn mprotect_to_none_and_back_keeps_it() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous)?;
        region.mprotect(libc::PROT_NONE);
        region.mprotect(libc::PROT_READ | libc::PROT_WRITE);
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn mremap_without_event_remap_drops_the_tracking() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous)?;
        let moved = region.move_onto(Region::map(Memory::Anonymous, 2)?);
        assert_eq!(moved.read(1), 2, "the pages came along");
        uffd.assert_not_protected(&moved, 0);
        let again = uffd.writeprotect(moved.all(), UFFDIO_WRITEPROTECT_MODE_WP);
        assert_eq!(again, Err(ENOENT), "it is not registered any more");
        Ok(())
    });
}

#[test]
fn mremap_with_event_remap_keeps_it() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_REMAP)?;
        let region = Region::map(Memory::Anonymous, 2)?;
        let target = Region::map(Memory::Anonymous, 2)?;
        uffd.protect_populated(&region);
        let mover = in_background(move || region.move_onto(target));
        assert_eq!(uffd.next_message().event(), UFFD_EVENT_REMAP);
        let moved = mover.join();
        uffd.assert_protected(&moved, 1);
        Ok(())
    });
}

#[test]
fn map_fixed_over_it_unregisters() {
    run(|| {
        let (region, uffd) = protected(Memory::Anonymous)?;
        region.replace();
        uffd.assert_not_protected(&region, 0);
        let again = uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP);
        assert_eq!(again, Err(ENOENT));
        Ok(())
    });
}

#[test]
fn fork_without_event_fork_leaves_the_child_untracked() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map_inherited(Memory::Anonymous, 1)?;
        uffd.protect_populated(&region);
        // SAFETY: the child touches memory, and nothing else.
        let ended = unsafe {
            Forks::lock().run(|| {
                region.write(0, 9);
                region.read(0).into()
            })
        };
        assert_eq!(ended, Ended::Exit(9), "the child's write was not trapped");
        uffd.assert_no_message();
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}

#[test]
fn fork_with_event_fork_keeps_it_in_the_child() {
    run(|| {
        let forks = Forks::lock();
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK)?;
        let region = Region::map_inherited(Memory::Anonymous, 1)?;
        uffd.protect_populated(&region);
        let inherited = region.clone();
        // SAFETY: the child touches memory, and nothing else.
        let child = unsafe {
            forks.run_in_background(move || {
                inherited.write(0, 9);
                inherited.read(0).into()
            })
        };
        let of_child = uffd.next_fork();
        let fault = of_child.next_fault();
        assert_eq!(
            fault.flags,
            UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE
        );
        of_child.writeprotect(region.all(), 0).unwrap();
        assert_eq!(child.join(), Ended::Exit(9));
        assert_eq!(region.read(0), 1, "the parent has its own page");
        uffd.assert_protected(&region, 0);
        Ok(())
    });
}
