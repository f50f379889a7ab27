//! Cases: the events of remapping, discarding and unmapping. Forks are in
//! `fork`.

use super::scene::*;
use crate::prelude::*;
use libc::{c_int, c_void};

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const REMAP: u64 = UFFD_FEATURE_EVENT_REMAP;
const REMOVE: u64 = UFFD_FEATURE_EVENT_REMOVE;
const UNMAP: u64 = UFFD_FEATURE_EVENT_UNMAP;

/// Four missing pages.
pub fn scene(features: u64) -> Result<Scene, Verdict> {
    Scene::empty(Memory::Anon, 4, features, MISSING)
}

/// A thread's madvise(2); 0, or the errno.
pub fn discards(start: usize, len: usize, advice: c_int) -> Thread {
    Thread::spawn("the discarding thread", move || {
        // SAFETY: the cases pass ranges of their own memory.
        match unsafe { libc::madvise(start as *mut c_void, len, advice) } {
            0 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// A thread's munmap(2); 0, or the errno.
fn unmaps(start: usize, len: usize) -> Thread {
    Thread::spawn("the unmapping thread", move || {
        // SAFETY: as above.
        match unsafe { libc::munmap(start as *mut c_void, len) } {
            0 => 0,
            _ => i64::from(errno()),
        }
    })
}

/// A thread's mremap(2); the new address, or -1.
fn remaps(from: usize, old: usize, new: usize, flags: c_int, to: usize) -> Thread {
    Thread::spawn("the remapping thread", move || {
        let (from, to) = (from as *mut c_void, to as *mut c_void);
        // SAFETY: as above; `to` is memory of the case's own, too.
        unsafe { libc::mremap(from, old, new, flags, to) as i64 }
    })
}

/// The next message must be this one.
fn expect(uffd: &Uffd, wanted: Event) -> Outcome {
    let got = uffd.next()?;
    if got == wanted {
        return Ok(());
    }
    ensure!(
        got.name() == wanted.name(),
        "{} came, not {}",
        got.name(),
        wanted.name()
    );
    fail!("{} came, with other values", got.name())
}

/// A read of this address must wait; it is resolved with zeroes.
fn traps(m: &Machine, uffd: &Uffd, addr: usize) -> Outcome {
    let reader = Thread::reads(addr);
    uffd.expect_fault(addr, 0)?;
    uffd.zeropage(addr, m.page, 0).gives(m.page)?;
    reader.returns_value(0)
}

/// Free addresses for so many pages, inaccessible, with a page on each side.
fn room(pages: usize) -> Result<Region, Verdict> {
    let region = Region::new(Memory::Anon, pages)?;
    region.mprotect(0, pages, libc::PROT_NONE)?;
    Ok(region)
}

const MOVE: c_int = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "events-remap",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_REMAP",
        "mremap(2) sends the old address, the new address and the length",
        |m| {
            let (s, to) = (scene(REMAP)?, room(4)?);
            let remapper = remaps(s.at(0), s.region.len, s.region.len, MOVE, to.addr);
            let len = s.region.len;
            expect(
                &s.uffd,
                Event::Remap {
                    from: s.at(0),
                    to: to.addr,
                    len,
                },
            )?;
            remapper.returns_value(to.addr as i64)?;
            traps(m, &s.uffd, to.at(2))
        },
    )
    .features(REMAP),
    case(
        "events-remap-part",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_REMAP",
        "of a part that moves, the values are those of the part; the rest stays",
        |m| {
            let (s, to) = (scene(REMAP)?, room(1)?);
            let remapper = remaps(s.at(1), m.page, m.page, MOVE, to.addr);
            expect(
                &s.uffd,
                Event::Remap {
                    from: s.at(1),
                    to: to.addr,
                    len: m.page,
                },
            )?;
            remapper.returns_value(to.addr as i64)?;
            traps(m, &s.uffd, to.addr)?;
            traps(m, &s.uffd, s.at(0))
        },
    )
    .features(REMAP),
    case(
        "events-remap-grow",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_REMAP",
        "of a range that moves and grows, the length is the original one",
        |m| {
            let (s, to) = (scene(REMAP)?, room(8)?);
            let remapper = remaps(s.at(0), 4 * m.page, 8 * m.page, MOVE, to.addr);
            expect(
                &s.uffd,
                Event::Remap {
                    from: s.at(0),
                    to: to.addr,
                    len: 4 * m.page,
                },
            )?;
            remapper.returns_value(to.addr as i64)?;
            traps(m, &s.uffd, to.at(6))
        },
    )
    .features(REMAP),
    case(
        "events-remap-keeps-pages",
        "measured",
        "pages that were there move along and are accessed without a message",
        |m| {
            let (s, to) = (scene(REMAP)?, room(4)?);
            let source = Region::source(1, 0x33)?;
            s.uffd.copy(s.at(1), source.addr, m.page, 0).gives(m.page)?;
            let remapper = remaps(s.at(0), s.region.len, s.region.len, MOVE, to.addr);
            s.uffd.next()?;
            remapper.returns()?;
            let value = passes(&s.uffd, &Thread::reads(to.at(1)))?;
            ensure!(value == 0x33, "read {:#x}", value);
            Ok(())
        },
    )
    .features(REMAP),
    case(
        "events-remap-waits",
        "userfaultfd(2), Usage",
        "the thread in mremap(2) goes on as soon as the event was read",
        |_| {
            let (s, to) = (scene(REMAP)?, room(4)?);
            let remapper = remaps(s.at(0), s.region.len, s.region.len, MOVE, to.addr);
            remapper.still_waits()?;
            s.uffd.next()?;
            remapper.returns_value(to.addr as i64)
        },
    )
    .features(REMAP),
    case(
        "events-remap-off",
        "measured",
        "without EVENT_REMAP there is no message, and the moved range is not registered any more",
        |_| {
            let (s, to) = (scene(0)?, room(4)?);
            let remapper = remaps(s.at(0), s.region.len, s.region.len, MOVE, to.addr);
            remapper.returns_value(to.addr as i64)?;
            quiet(&s.uffd)?;
            passes(&s.uffd, &Thread::reads(to.at(0))).map(|_| ())
        },
    ),
    case(
        "events-remove-dontneed",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_REMOVE",
        "MADV_DONTNEED sends the start and the end of the range",
        |m| {
            let s = scene(REMOVE)?;
            let discarder = discards(s.at(1), 2 * m.page, libc::MADV_DONTNEED);
            expect(
                &s.uffd,
                Event::Remove {
                    start: s.at(1),
                    end: s.at(3),
                },
            )?;
            discarder.returns_value(0)
        },
    )
    .features(REMOVE),
    case(
        "events-remove-hole-punch",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_REMOVE",
        "MADV_REMOVE sends the start and the end of the range, and frees the pages of the file",
        |m| {
            let s = Scene::new(Memory::Shmem, 4, REMOVE, MISSING)?;
            let discarder = discards(s.at(2), m.page, libc::MADV_REMOVE);
            expect(
                &s.uffd,
                Event::Remove {
                    start: s.at(2),
                    end: s.at(3),
                },
            )?;
            discarder.returns_value(0)?;
            traps(m, &s.uffd, s.at(2))
        },
    )
    .features(REMOVE | UFFD_FEATURE_MISSING_SHMEM),
    case(
        "events-remove-hugetlb",
        "measured",
        "MADV_REMOVE of huge pages sends the event, too",
        |_| {
            let s = Scene::new(Memory::SharedHugetlb, 2, REMOVE, MISSING)?;
            let discarder = discards(s.at(1), s.page(), libc::MADV_REMOVE);
            expect(
                &s.uffd,
                Event::Remove {
                    start: s.at(1),
                    end: s.at(2),
                },
            )?;
            discarder.returns_value(0)
        },
    )
    .features(REMOVE | UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "events-remove-before-discarding",
        "measured",
        "the pages are still there while the event waits to be read, and missing afterwards",
        |m| {
            let s = Scene::new(Memory::Anon, 4, REMOVE, MISSING)?;
            let discarder = discards(s.at(1), m.page, libc::MADV_DONTNEED);
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no event");
            ensure!(s.region.is_mapped(1)?, "the page has gone already");
            s.uffd.next()?;
            discarder.returns_value(0)?;
            traps(m, &s.uffd, s.at(1))
        },
    )
    .features(REMOVE),
    case(
        "events-remove-waits",
        "userfaultfd(2), Usage",
        "the thread in madvise(2) goes on as soon as the event was read",
        |m| {
            let s = scene(REMOVE)?;
            let discarder = discards(s.at(0), m.page, libc::MADV_DONTNEED);
            discarder.still_waits()?;
            s.uffd.next()?;
            discarder.returns_value(0)
        },
    )
    .features(REMOVE),
    case(
        "events-remove-elsewhere",
        "measured",
        "discarding memory that is not registered sends nothing",
        |_| {
            let (s, other) = (scene(REMOVE | UNMAP)?, Region::source(1, 1)?);
            other.madvise(0, 1, libc::MADV_DONTNEED)?;
            other.munmap(0, 1)?;
            quiet(&s.uffd)
        },
    )
    .features(REMOVE | UNMAP),
    case(
        "events-remove-off",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EVENT_REMOVE",
        "without EVENT_REMOVE, MADV_DONTNEED sends nothing and does not wait",
        |_| {
            let s = scene(0)?;
            s.region.madvise(0, 2, libc::MADV_DONTNEED)?;
            quiet(&s.uffd)
        },
    ),
    case(
        "events-unmap",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_UNMAP",
        "munmap(2) sends the start and the end of the range",
        |m| {
            let s = scene(UNMAP)?;
            let unmapper = unmaps(s.at(1), 2 * m.page);
            expect(
                &s.uffd,
                Event::Unmap {
                    start: s.at(1),
                    end: s.at(3),
                },
            )?;
            unmapper.returns_value(0)?;
            traps(m, &s.uffd, s.at(3))?;
            Thread::reads(s.at(1)).gets_signal(SIGSEGV).map(|_| ())
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-beyond",
        "measured",
        "a range that reaches beyond the registered memory is reported in full",
        |m| {
            let s = scene(UNMAP)?;
            // The pages on both sides belong to the region, inaccessible.
            let unmapper = unmaps(s.at(0) - m.page, s.region.len + 2 * m.page);
            let (start, end) = (s.at(0) - m.page, s.at(5));
            expect(&s.uffd, Event::Unmap { start, end })?;
            unmapper.returns_value(0)
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-by-mmap",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_UNMAP",
        "mmap(2) with MAP_FIXED over the range sends the event",
        |m| {
            let s = scene(UNMAP)?;
            let (at, len) = (s.at(1), m.page);
            let mapper = Thread::spawn("the mapping thread", move || {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
                mapping::map(at, len, libc::PROT_READ, flags, -1).map_or(-1, |a| a as i64)
            });
            expect(
                &s.uffd,
                Event::Unmap {
                    start: s.at(1),
                    end: s.at(2),
                },
            )?;
            mapper.returns_value(at as i64)?;
            passes(&s.uffd, &Thread::reads(at)).map(|_| ())
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-by-mremap-over",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_UNMAP",
        "mremap(2) of other memory over the range sends the event",
        |m| {
            let (s, other) = (scene(UNMAP)?, Region::source(1, 7)?);
            let remapper = remaps(other.addr, m.page, m.page, MOVE, s.at(2));
            expect(
                &s.uffd,
                Event::Unmap {
                    start: s.at(2),
                    end: s.at(3),
                },
            )?;
            remapper.returns_value(s.at(2) as i64)?;
            Thread::reads(s.at(2)).returns_value(7)
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-by-mremap-shrink",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_EVENT_UNMAP",
        "mremap(2) that shrinks the range sends the event for what is cut off",
        |m| {
            let s = scene(UNMAP)?;
            let remapper = remaps(s.at(0), 4 * m.page, 2 * m.page, 0, 0);
            expect(
                &s.uffd,
                Event::Unmap {
                    start: s.at(2),
                    end: s.at(4),
                },
            )?;
            remapper.returns_value(s.at(0) as i64)
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-waits",
        "userfaultfd(2), Usage",
        "the thread in munmap(2) goes on as soon as the event was read",
        |m| {
            let s = scene(UNMAP)?;
            let unmapper = unmaps(s.at(0), m.page);
            unmapper.still_waits()?;
            s.uffd.next()?;
            unmapper.returns_value(0)
        },
    )
    .features(UNMAP),
    case(
        "events-unmap-off",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EVENT_UNMAP",
        "without EVENT_UNMAP, munmap(2) sends nothing and does not wait",
        |_| {
            let s = scene(0)?;
            s.region.munmap(0, 2)?;
            quiet(&s.uffd)
        },
    ),
    case(
        "events-unmap-by-exit",
        "measured",
        "the exit of the process sends nothing",
        |_| {
            let s = scene(UFFD_FEATURE_EVENT_FORK | UNMAP | REMOVE)?;
            let child = crate::cases::scene::of_dead_child(&s)?;
            // Its descriptor is blocking or not as the parent's is.
            quiet(&child)?;
            quiet(&s.uffd)
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK | UNMAP | REMOVE),
    case(
        "events-faults-first",
        "measured",
        "faults that wait to be read come before other events",
        |m| {
            let s = scene(REMOVE)?;
            let discarder = discards(s.at(3), m.page, libc::MADV_DONTNEED);
            ensure!(s.uffd.poll(PATIENCE) == libc::POLLIN, "no event");
            discarder.still_waits()?;
            let reader = Thread::reads(s.at(0));
            reader.still_waits()?;
            s.uffd.expect_fault(s.at(0), 0)?;
            expect(
                &s.uffd,
                Event::Remove {
                    start: s.at(3),
                    end: s.at(4),
                },
            )?;
            discarder.returns_value(0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(REMOVE),
];
