//! Missing pages: COPY, ZEROPAGE, WAKE, and the signal instead of a message.

use crate::on_each_memory;
use crate::support::*;
use uffd_sys::*;

/// A region registered for missing faults.
fn registered(memory: Memory, pages: usize) -> Result<(Region, Uffd), Skip> {
    let uffd = Uffd::open(memory.missing_features())?;
    let region = Region::map(memory, pages)?;
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
        .expect("UFFDIO_REGISTER");
    Ok((region, uffd))
}

on_each_memory! { copy_resolves_a_read }

fn copy_resolves_a_read(memory: Memory) -> Tested {
    let (region, uffd) = registered(memory, 2)?;
    let reader = region.read_in_background(1);
    let fault = uffd.next_fault();
    assert_eq!(
        fault,
        Fault {
            flags: 0,
            address: region.address(1),
            thread: 0
        }
    );
    reader.assert_waiting();
    assert_eq!(
        uffd.copy(region.page(1), 42, 0),
        (Ok(()), region.page_size() as i64)
    );
    assert_eq!(reader.join(), 42);
    uffd.assert_no_message();
    Ok(())
}

#[test]
fn a_write_to_a_missing_page_is_flagged() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let writer = region.write_in_background(0, 3);
        assert_eq!(uffd.next_fault().flags, UFFD_PAGEFAULT_FLAG_WRITE);
        uffd.copy(region.all(), 42, 0).0.unwrap();
        writer.join();
        assert_eq!(region.read(0), 3, "the write came after the copy");
        Ok(())
    });
}

#[test]
fn zeropage_resolves_a_read() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 3)?;
        let reader = region.read_in_background(2);
        uffd.next_fault();
        assert_eq!(
            uffd.zeropage(region.all(), 0),
            (Ok(()), 3 * region.page_size() as i64)
        );
        assert_eq!(reader.join(), 0);
        Ok(())
    });
}

#[test]
fn hugetlbfs_has_no_zeropage() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_MISSING_HUGETLBFS)?;
        let region = Region::map(Memory::Hugetlb, 1)?;
        let ioctls = uffd
            .register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        assert_eq!(ioctls & (1 << _UFFDIO_ZEROPAGE), 0);
        assert_eq!(
            uffd.zeropage(region.all(), 0),
            (Err(EINVAL), -libc::EINVAL as i64)
        );
        Ok(())
    });
}

#[test]
fn dontwake_fills_and_wake_wakes() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 2)?;
        let readers = [region.read_in_background(0), region.read_in_background(1)];
        uffd.next_fault();
        uffd.next_fault();
        uffd.copy(region.page(0), 6, UFFDIO_COPY_MODE_DONTWAKE)
            .0
            .unwrap();
        uffd.zeropage(region.page(1), UFFDIO_ZEROPAGE_MODE_DONTWAKE)
            .0
            .unwrap();
        readers.iter().for_each(|reader| reader.assert_waiting());
        uffd.wake(region.all()).unwrap();
        assert_eq!(readers.map(|reader| reader.join()), [6, 0]);
        Ok(())
    });
}

#[test]
fn wake_alone_makes_the_thread_fault_again() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let reader = region.read_in_background(0);
        let first = uffd.next_fault();
        uffd.wake(region.all()).unwrap();
        assert_eq!(uffd.next_fault(), first);
        uffd.copy(region.all(), 1, 0).0.unwrap();
        assert_eq!(reader.join(), 1);
        Ok(())
    });
}

#[test]
fn eexist_says_that_the_page_is_there_not_that_the_waiter_was_woken() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let reader = region.read_in_background(0);
        uffd.next_fault();
        uffd.copy(region.all(), 4, UFFDIO_COPY_MODE_DONTWAKE)
            .0
            .unwrap();
        let eexist = (Err(EEXIST), -libc::EEXIST as i64);
        assert_eq!(uffd.copy(region.all(), 5, 0), eexist);
        assert_eq!(uffd.zeropage(region.all(), 0), eexist);
        reader.assert_waiting();
        uffd.wake(region.all()).unwrap();
        assert_eq!(reader.join(), 4, "the page was not overwritten");
        Ok(())
    });
}

#[test]
fn a_partial_fill_is_eagain_and_the_out_field_says_how_much() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 4)?;
        let page = region.page_size() as i64;
        uffd.copy(region.page(3), 9, 0).0.unwrap();
        assert_eq!(uffd.copy(region.range(1..4), 7, 0), (Err(EAGAIN), 2 * page));
        assert_eq!(uffd.zeropage(region.range(0..4), 0), (Err(EAGAIN), page));
        assert_eq!([0, 1, 2, 3].map(|n| region.read(n)), [0, 7, 7, 9]);
        Ok(())
    });
}

#[test]
fn an_unread_event_is_eagain_with_a_negative_out_field() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_EVENT_REMOVE)?;
        let region = Region::map(Memory::Anonymous, 2)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let clone = region.clone();
        let remover = in_background(move || clone.advise(0..1, libc::MADV_DONTNEED));
        uffd.wait_readable();
        // Linux 5.10 and 6.1 leave the out field alone.
        let old = kernel_features()? & UFFD_FEATURE_MOVE == 0;
        let out = if old { UNTOUCHED } else { -libc::EAGAIN as i64 };
        let eagain = (Err(EAGAIN), out);
        // However often: only reading the event helps.
        for _ in 0..1000 {
            assert_eq!(uffd.copy(region.page(1), 1, 0), eagain);
            assert_eq!(uffd.zeropage(region.page(1), 0), eagain);
        }
        uffd.next_message();
        remover.join().unwrap();
        assert_eq!(
            uffd.copy(region.page(1), 1, 0),
            (Ok(()), region.page_size() as i64)
        );
        Ok(())
    });
}

/// The kernel looks for the registration, not for whose it is.
#[test]
fn another_userfaultfd_of_the_process_may_fill_but_does_not_wake() {
    run(|| {
        let (region, first) = registered(Memory::Anonymous, 2)?;
        let second = Uffd::open(0)?;
        let reader = region.read_in_background(0);
        first.next_fault();
        second.assert_no_message();
        assert_eq!(second.copy(region.page(0), 8, 0).0, Ok(()));
        assert_eq!(second.zeropage(region.page(1), 0).0, Ok(()));
        reader.assert_waiting();
        first.wake(region.all()).unwrap();
        assert_eq!(reader.join(), 8);
        Ok(())
    });
}

#[test]
fn copy_errors() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 2)?;
        let (page, good) = (region.page_size(), region.all());
        let negative = |errno: Errno| (Err(errno), -errno.0 as i64);
        // Of the argument itself: the out field is not touched.
        let untouched = (Err(EINVAL), UNTOUCHED);
        assert_eq!(
            uffd.copy(
                uffdio_range {
                    start: good.start + 1,
                    ..good
                },
                0,
                0
            ),
            untouched
        );
        assert_eq!(
            uffd.copy(
                uffdio_range {
                    len: page + 1,
                    ..good
                },
                0,
                0
            ),
            untouched
        );
        assert_eq!(uffd.copy(uffdio_range { len: 0, ..good }, 0, 0), untouched);
        assert_eq!(
            uffd.copy(
                uffdio_range {
                    len: 0u64.wrapping_sub(page),
                    ..good
                },
                0,
                0
            ),
            untouched
        );
        assert_eq!(uffd.copy(good, 0, 1 << 63), untouched);
        // Of the memory: the out field has it too.
        let source = Region::map(Memory::Anonymous, 1)?;
        source.mprotect(libc::PROT_NONE);
        assert_eq!(
            uffd.copy_from(region.page(0), source.address(0), 0),
            negative(EFAULT)
        );
        assert_eq!(uffd.copy(unmapped_page(), 0, 0), negative(ENOENT));
        let stranger = Region::map(Memory::Anonymous, 1)?;
        assert_eq!(uffd.copy(stranger.all(), 0, 0), negative(ENOENT));
        assert_eq!(uffd.zeropage(stranger.all(), 0), negative(ENOENT));
        assert_eq!(uffd.zeropage(good, 1 << 63), untouched);
        Ok(())
    });
}

#[test]
fn wake_errors() {
    run(|| {
        let (region, uffd) = registered(Memory::Anonymous, 1)?;
        let good = region.all();
        assert_eq!(uffd.wake(good), Ok(()), "nobody waits");
        assert_eq!(uffd.wake(unmapped_page()), Ok(()), "nothing is mapped");
        assert_eq!(
            uffd.wake(uffdio_range {
                start: good.start + 1,
                ..good
            }),
            Err(EINVAL)
        );
        assert_eq!(uffd.wake(uffdio_range { len: 1, ..good }), Err(EINVAL));
        assert_eq!(uffd.wake(uffdio_range { len: 0, ..good }), Err(EINVAL));
        Ok(())
    });
}

#[test]
fn the_sigbus_feature_sends_a_signal_and_no_message() {
    run(|| {
        let uffd = Uffd::open(UFFD_FEATURE_SIGBUS)?;
        let region = Region::map(Memory::Anonymous, 1)?;
        uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let code = sigbus_code(&region, 0, || assert_eq!(region.read(0), 0));
        assert_eq!(code, Some(libc::BUS_ADRERR));
        uffd.assert_no_message();
        Ok(())
    });
}
