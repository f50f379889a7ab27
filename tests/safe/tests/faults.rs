//! Faults that are resolved, and what a resolver reports.

mod common;

use std::thread;
use std::time::Duration;

use common::{join, next_fault, open, page, soon};
use raw::*;
use safe::{raw, Buffer, Event, Kind, Mapping, OpenError, Partial, Uffd, Way};

#[test]
fn every_way_opens_one_that_resolves_faults() {
    for way in Way::ALL {
        match Uffd::open_by(&[way], 0) {
            Ok(uffd) => assert_eq!(uffd.way(), way),
            // The last one needs no privilege.
            Err(OpenError::Refused(_)) if way != Way::UserModeOnly => {}
            Err(error) => panic!("{way:?}: {error}"),
        }
    }
}

#[test]
fn features_that_the_kernel_lacks_are_named() {
    let unknown = 1 << 62;
    let error = Uffd::open(unknown | UFFD_FEATURE_THREAD_ID).unwrap_err();
    assert!(matches!(error, OpenError::Lacks(bits) if bits == unknown));
    let text = OpenError::Lacks(unknown | UFFD_FEATURE_MOVE).to_string();
    assert_eq!(
        text,
        "this kernel lacks UFFD_FEATURE_MOVE 0x4000000000000000"
    );
    let error = Uffd::open_by(&[], 0).unwrap_err();
    assert_eq!(error.to_string(), "userfaultfd cannot be opened");
}

#[test]
fn a_missing_page_is_copied() {
    let memory = Mapping::anonymous(3).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_THREAD_ID) else {
            return;
        };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let mut buffer = Buffer::new(4);
        assert_eq!(
            uffd.read(&mut buffer).unwrap().count(),
            0,
            "nothing was touched"
        );
        let reader = scope.spawn(|| memory.read(page(1) + 7));
        let (address, kind, write, thread) = next_fault(&uffd);
        assert_eq!((kind, write), (Kind::Missing, false));
        assert!(thread.is_some_and(|thread| thread != std::process::id()));
        let offset = region.page_of(address).unwrap();
        assert_eq!(offset, page(1));
        assert_eq!(region.pages().copy(offset, &vec![5; page(1)]), Ok(page(1)));
        assert_eq!(join(reader), 5);
        assert_eq!(region.page_of(memory.address() - 1), None);
        assert_eq!(region.page_of(memory.address() + page(3)), None);
    });
}

#[test]
fn several_faults_are_read_at_once() {
    let memory = Mapping::anonymous(4).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(0) else { return };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let readers: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn({
                    let memory = &memory;
                    move || memory.read(page(n))
                })
            })
            .collect();
        // So that there is more than one message, mostly.
        thread::sleep(Duration::from_millis(50));
        let (mut seen, mut buffer) = (0, Buffer::new(3));
        soon(|| {
            for event in uffd.read(&mut buffer).unwrap() {
                let Event::PageFault { address, .. } = event else {
                    panic!("{event:?}")
                };
                let offset = region.page_of(address).unwrap();
                region.pages().zeropage(offset..offset + page(1)).unwrap();
                seen += 1;
            }
            seen == 4
        });
        assert!(readers.into_iter().all(|reader| join(reader) == 0));
    });
}

#[test]
fn a_write_to_a_protected_page_is_trapped_until_it_is_lifted() {
    let memory = Mapping::anonymous(2).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_PAGEFAULT_FLAG_WP) else {
            return;
        };
        memory.write(page(1), 1);
        let region = uffd.register(&memory, UFFDIO_REGISTER_MODE_WP).unwrap();
        region.pages().write_protect(0..page(2)).unwrap();
        let writer = scope.spawn(|| memory.write(page(1), 2));
        let (address, kind, write, _) = next_fault(&uffd);
        assert_eq!((kind, write), (Kind::WriteProtect, true));
        assert_eq!(memory.read(page(1)), 1, "the writer waits");
        let offset = region.page_of(address).unwrap();
        region.pages().lift(offset..offset + page(1)).unwrap();
        join(writer);
    });
    assert_eq!(memory.read(page(1)), 2);
}

#[test]
fn a_page_copied_with_protection_is_trapped() {
    let memory = Mapping::anonymous(1).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_PAGEFAULT_FLAG_WP) else {
            return;
        };
        let modes = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
        let region = uffd.register(&memory, modes).unwrap();
        region.pages().copy_protected(0, &vec![9; page(1)]).unwrap();
        scope.spawn(|| memory.write(1, 2));
        assert_eq!(next_fault(&uffd).1, Kind::WriteProtect);
        region.pages().lift(0..page(1)).unwrap();
    });
    assert_eq!([memory.read(0), memory.read(1)], [9, 2]);
}

#[test]
fn a_minor_fault_is_continued() {
    let filler = Mapping::shared(2).unwrap();
    let memory = filler.again().unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_MINOR_SHMEM) else {
            return;
        };
        let region = uffd.register(&memory, UFFDIO_REGISTER_MODE_MINOR).unwrap();
        filler.write(page(1), 6);
        let reader = scope.spawn(|| memory.read(page(1)));
        assert_eq!(next_fault(&uffd).1, Kind::Minor);
        assert_eq!(region.pages().continue_(page(1)..page(2)), Ok(page(1)));
        assert_eq!(join(reader), 6);
        let absent = region.pages().continue_(0..page(1));
        assert_eq!(
            absent,
            Err(Partial {
                bytes: 0,
                errno: libc::EFAULT
            })
        );
    });
}

#[test]
fn a_copy_stops_at_a_page_that_is_there() {
    let memory = Mapping::anonymous(4).unwrap();
    let Some(uffd) = open(0) else { return };
    memory.write(page(2), 1);
    let region = uffd
        .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
        .unwrap();
    let partial = region.pages().copy(0, &vec![3; page(4)]).unwrap_err();
    assert_eq!(
        partial,
        Partial {
            bytes: page(2),
            errno: libc::EEXIST
        }
    );
    assert_eq!(
        partial.to_string(),
        format!("File exists (os error 17), after {} bytes", page(2))
    );
    assert_eq!(region.pages().copy(page(3), &vec![4; page(1)]), Ok(page(1)));
    assert_eq!([0, 1, 2, 3].map(|n| memory.read(page(n))), [3, 3, 1, 4]);
}

#[test]
fn a_page_that_came_without_waking_is_woken_by_the_next_copy() {
    let memory = Mapping::shared(1).unwrap();
    let filler = memory.again().unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_MISSING_SHMEM) else {
            return;
        };
        let region = uffd
            .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
            .unwrap();
        let reader = scope.spawn(|| memory.read(0));
        next_fault(&uffd);
        filler.write(0, 8); // Fills the page cache, and wakes nobody.
        let partial = region.pages().copy(0, &vec![3; page(1)]).unwrap_err();
        assert_eq!(
            partial,
            Partial {
                bytes: 0,
                errno: libc::EEXIST
            }
        );
        assert_eq!(join(reader), 8);
    });
}

#[test]
fn a_move_stops_at_a_hole() {
    let (memory, source) = (
        Mapping::anonymous(3).unwrap(),
        Mapping::anonymous(3).unwrap(),
    );
    let Some(uffd) = open(UFFD_FEATURE_MOVE) else {
        return;
    };
    for n in [0, 2] {
        source.write(page(n), 7);
    }
    let region = uffd
        .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
        .unwrap();
    let partial = region.pages().move_(0, &source, 0..page(3));
    assert_eq!(
        partial,
        Err(Partial {
            bytes: page(1),
            errno: libc::ENOENT
        })
    );
    assert_eq!(
        region.pages().move_(page(2), &source, page(2)..page(3)),
        Ok(page(1))
    );
    assert_eq!([memory.read(0), memory.read(page(2))], [7, 7]);
    assert_eq!([source.read(0), source.read(page(2))], [0, 0]);
}

#[test]
fn poison_takes_missing_pages_once() {
    let memory = Mapping::anonymous(2).unwrap();
    let Some(uffd) = open(UFFD_FEATURE_POISON) else {
        return;
    };
    let region = uffd
        .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
        .unwrap();
    assert_eq!(region.pages().poison(0..page(2)), Ok(page(2)));
    let again = region.pages().poison(0..page(2));
    assert_eq!(
        again,
        Err(Partial {
            bytes: 0,
            errno: libc::EEXIST
        })
    );
}

#[test]
fn what_is_dropped_does_not_trap() {
    let memory = Mapping::anonymous(2).unwrap();
    thread::scope(|scope| {
        let Some(uffd) = open(UFFD_FEATURE_PAGEFAULT_FLAG_WP) else {
            return;
        };
        let modes = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
        memory.write(0, 1);
        let region = uffd.register(&memory, modes).unwrap();
        region.pages().write_protect(0..page(2)).unwrap();
        let again = uffd.register(&memory, modes).unwrap_err();
        assert_eq!(again.raw_os_error(), Some(libc::EBUSY));
        drop(region);
        // Were it still registered, nobody would resolve these.
        join(scope.spawn(|| {
            memory.write(0, 2);
            memory.write(page(1), 3);
        }));
        assert_eq!([memory.read(0), memory.read(page(1))], [2, 3]);
        assert!(
            uffd.register(&memory, modes).is_ok(),
            "it can be registered again"
        );
    });
}

#[test]
fn dropping_wakes_who_waits() {
    for (mode, there) in [
        (UFFDIO_REGISTER_MODE_MISSING, false),
        (UFFDIO_REGISTER_MODE_WP, true),
    ] {
        let memory = Mapping::anonymous(1).unwrap();
        thread::scope(|scope| {
            let Some(uffd) = open(UFFD_FEATURE_PAGEFAULT_FLAG_WP) else {
                return;
            };
            if there {
                memory.write(0, 1);
            }
            let region = uffd.register(&memory, mode).unwrap();
            if there {
                region.pages().write_protect(0..page(1)).unwrap();
            }
            let writer = scope.spawn(|| memory.write(0, 2));
            next_fault(&uffd);
            drop(region);
            join(writer);
        });
        assert_eq!(memory.read(0), 2);
    }
}

#[test]
#[should_panic(expected = "of ")]
fn bytes_outside_are_not_read() {
    let memory = Mapping::anonymous(1).unwrap();
    memory.read(memory.len());
}

#[test]
#[should_panic(expected = "of ")]
fn a_copy_does_not_leave_the_mapping() {
    let memory = Mapping::anonymous(2).unwrap();
    let Some(uffd) = open(0) else { return };
    let region = uffd
        .register(&memory, UFFDIO_REGISTER_MODE_MISSING)
        .unwrap();
    let _ = region.pages().copy(page(1), &vec![0; page(2)]);
}
