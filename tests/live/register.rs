//! What can be registered, by whom, and what unregistering does.

use std::fs::File;
use std::os::fd::AsRawFd;

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
fn register_errors() {
    run(|| {
        let (uffd, region) = (Uffd::open(0)?, Region::map(Memory::Anonymous, 2)?);
        let (page, good) = (region.page_size(), region.all());
        let missing = UFFDIO_REGISTER_MODE_MISSING;
        assert_eq!(uffd.register(good, 0), Err(EINVAL), "no mode");
        assert_eq!(
            uffd.register(good, missing | 1 << 63),
            Err(EINVAL),
            "unknown mode"
        );
        assert_eq!(
            uffd.register(
                uffdio_range {
                    start: good.start + 1,
                    ..good
                },
                missing
            ),
            Err(EINVAL)
        );
        assert_eq!(
            uffd.register(
                uffdio_range {
                    len: page + 1,
                    ..good
                },
                missing
            ),
            Err(EINVAL)
        );
        assert_eq!(
            uffd.register(uffdio_range { len: 0, ..good }, missing),
            Err(EINVAL)
        );
        assert_eq!(
            uffd.register(
                uffdio_range {
                    len: 0u64.wrapping_sub(page),
                    ..good
                },
                missing
            ),
            Err(EINVAL)
        );
        assert_eq!(
            uffd.register(unmapped_page(), missing),
            Err(EINVAL),
            "nothing is mapped"
        );
        Ok(())
    });
}

#[test]
fn a_second_userfaultfd_on_the_range_is_ebusy() {
    run(|| {
        let (first, second) = (Uffd::open(0)?, Uffd::open(0)?);
        let region = Region::map(Memory::Anonymous, 2)?;
        first
            .register(region.page(1), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let both = second.register(region.all(), UFFDIO_REGISTER_MODE_MISSING);
        assert_eq!(both, Err(EBUSY));
        // The same one may do it again.
        first
            .register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        Ok(())
    });
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
        assert_eq!(
            uffd.unregister(region.all()),
            Ok(()),
            "not registered is no error"
        );
        assert_eq!(uffd.unregister(unmapped_page()), Err(EINVAL));
        assert_eq!(
            uffd.unregister(uffdio_range {
                len: 1,
                ..region.all()
            }),
            Err(EINVAL)
        );
        Ok(())
    });
}

#[test]
fn unregister_lifts_the_protection() {
    run(|| {
        let (uffd, region) = (
            Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?,
            Region::map(Memory::Anonymous, 1)?,
        );
        uffd.protect_populated(&region);
        uffd.unregister(region.all()).unwrap();
        uffd.assert_not_protected(&region, 0);
        Ok(())
    });
}

/// A file that is not in memory alone, as tmpfs would be.
fn file_on_disk() -> Result<File, Skip> {
    const TMPFS: u64 = 0x0102_1994;
    let files = ["/proc/self/exe", "/etc/passwd", "/bin/sh"];
    let on_disk = files
        .iter()
        .filter_map(|path| File::open(path).ok())
        .find(|file| {
            // SAFETY: all zeros is a valid statfs.
            let mut fs: libc::statfs = unsafe { std::mem::zeroed() };
            // SAFETY: `fs` may be written.
            unsafe { libc::fstatfs(file.as_raw_fd(), &mut fs) == 0 && fs.f_type as u64 != TMPFS }
        });
    on_disk.ok_or_else(|| {
        Skip::machine(
            "Every file here is in memory",
            "have a file system on a disk",
        )
    })
}

#[test]
fn file_backed_memory_cannot_be_write_protected() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
        let region = Region::map_file(file_on_disk()?);
        assert_eq!(
            uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP),
            Err(EINVAL)
        );
        assert_eq!(uffd.unregister(region.all()), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn with_wp_async_file_backed_memory_can_be_write_protected() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_WP_ASYNC)?;
        let region = Region::map_file(file_on_disk()?);
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)
            .unwrap();
        assert_eq!(
            uffd.writeprotect(region.all(), UFFDIO_WRITEPROTECT_MODE_WP),
            Ok(())
        );
        Ok(())
    });
}

#[test]
fn a_read_only_shared_mapping_is_eperm() {
    run(|| {
        let uffd = Uffd::open(Memory::Shmem.wp_features())?;
        let region = Region::map(Memory::Shmem, 1)?;
        // Of a descriptor that was opened for reading: mprotect could never
        // make the mapping writable.
        let read_only = File::open(format!("/proc/self/fd/{}", region.file().as_raw_fd())).unwrap();
        let mapping = Region::map_read_only(read_only);
        for mode in [UFFDIO_REGISTER_MODE_WP, UFFDIO_REGISTER_MODE_MISSING] {
            assert_eq!(uffd.register(mapping.all(), mode), Err(EPERM));
        }
        Ok(())
    });
}
