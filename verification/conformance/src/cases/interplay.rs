//! Write-protection meets other system calls that change memory.

use super::scene::*;
use crate::prelude::*;

const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
const WP: u64 = UFFDIO_WRITEPROTECT_MODE_WP;

/// Two protected pages.
fn scene(memory: Memory, features: u64) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 2, features, REGISTER_WP)?;
    s.protect(0, 2)?;
    Ok(s)
}

/// mremap(2) of a whole region to a free place, in a thread; the new address.
fn moves(region: &Region) -> Result<(Thread, usize), Verdict> {
    let (from, len) = (region.addr, region.len);
    let none = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let to = map(0, len, libc::PROT_NONE, none, -1)?;
    let thread = Thread::spawn("the moving thread", move || {
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        let (from, to) = (from as *mut libc::c_void, to as *mut libc::c_void);
        // SAFETY: both ranges are the case's own.
        let result = unsafe { libc::mremap(from, len, len, flags, to) };
        i64::from(result == libc::MAP_FAILED)
    });
    Ok((thread, to))
}

/// A child that writes to page 0 must end without anybody's help.
fn child_writes_freely(s: &Scene) -> Outcome {
    let addr = s.at(0);
    let mut child = Child::fork(|| {
        mapping::write(addr, NEW);
        i32::from(mapping::read(addr) != NEW)
    })?;
    child.succeeds()?;
    quiet(&s.uffd)
}

/// mprotect(2) to this and back; the protection must still be there.
fn outlives_mprotect(memory: Memory, protection: i32) -> Outcome {
    let s = scene(memory, 0)?;
    s.region.mprotect(0, 2, protection)?;
    s.region.mprotect(0, 2, RW)?;
    s.traps_write(0)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[kinds! {
    |memory| outlives_mprotect(memory, libc::PROT_NONE), "measured";
    "interplay-mprotect-none", Anon, HAS_WP => "the protection outlives mprotect(2) to PROT_NONE and back";
    "interplay-mprotect-shmem", Shmem, HAS_WP_SHARED => "on shared memory the protection outlives mprotect(2) to PROT_NONE and back";
    "interplay-mprotect-hugetlb", Hugetlb, HAS_WP_SHARED => "on huge pages the protection outlives mprotect(2) to PROT_NONE and back";
    "interplay-mprotect-shared-hugetlb", SharedHugetlb, HAS_WP_SHARED => "on shared huge pages the protection outlives mprotect(2) to PROT_NONE and back";
    "interplay-mprotect-private-shmem", PrivateShmem, HAS_WP_SHARED => "on a private memfd the protection outlives mprotect(2) to PROT_NONE and back";
    "interplay-mprotect-shared-anon", SharedAnon, HAS_WP_SHARED => "on shared anonymous memory the protection outlives mprotect(2) to PROT_NONE and back";
}];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "interplay-mprotect-read",
        "measured",
        "the protection outlives mprotect(2) to PROT_READ and back",
        |_| outlives_mprotect(Memory::Anon, libc::PROT_READ),
    )
    .features(HAS_WP),
    case(
        "interplay-read-only-mapping",
        "measured",
        "a write that the mapping itself forbids is SIGSEGV, not a message",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            s.region.mprotect(0, 2, libc::PROT_READ)?;
            Thread::writes(s.at(0), NEW).gets_signal(SIGSEGV)?;
            quiet(&s.uffd)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-dontneed-anon",
        "measured",
        "MADV_DONTNEED drops the protection of anonymous memory",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            s.lets_read(0, 0)?;
            s.lets_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-dontneed-shmem",
        "userfaultfd.rst, Read-Write Protection",
        "write-protection of shared memory persists over MADV_DONTNEED, by a marker",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            s.region.madvise(0, 2, libc::MADV_DONTNEED)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-remove-shmem",
        "measured",
        "a hole punched into shared memory leaves the protection",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            s.region.madvise(0, 1, libc::MADV_REMOVE)?;
            s.lets_read(0, 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-free",
        "measured",
        "MADV_FREE keeps the protection of pages that were not yet taken away",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            s.region.madvise(0, 1, libc::MADV_FREE)?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-munmap",
        "userfaultfd.rst, Non-cooperative userfaultfd",
        "unmapped memory is no longer tracked, and what is mapped there afterwards is not, either",
        |m| {
            let s = scene(Memory::Anon, 0)?;
            s.region.munmap(0, 1)?;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            map(s.at(0), m.page, RW, flags, -1)?;
            s.uffd.writeprotect(s.at(0), m.page, WP).fails(ENOENT)?;
            s.lets_write(0)?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-map-fixed",
        "measured",
        "mmap(2) with MAP_FIXED over a range ends its registration",
        |m| {
            let s = scene(Memory::Anon, 0)?;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
            map(s.at(0), m.page, RW, flags, -1)?;
            s.uffd.writeprotect(s.at(0), m.page, WP).fails(ENOENT)?;
            s.lets_write(0)?;
            Uffd::open(0)?.register(s.at(0), m.page, REGISTER_WP).ok()
        },
    )
    .features(HAS_WP),
    case(
        "interplay-mremap",
        "measured",
        "mremap(2) without EVENT_REMAP ends the registration: the new place is not tracked",
        |m| {
            let s = scene(Memory::Anon, 0)?;
            let (mover, to) = moves(&s.region)?;
            mover.returns_value(0)?;
            quiet(&s.uffd)?;
            s.uffd.writeprotect(to, m.page, WP).fails(ENOENT)?;
            passes(&s.uffd, &Thread::writes(to, NEW))?;
            ensure!(
                mapping::read(to + m.page) == FIRST + 1,
                "the contents did not move"
            );
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "interplay-mremap-event",
        "userfaultfd.rst, Non-cooperative userfaultfd: UFFD_FEATURE_EVENT_REMAP",
        "mremap(2) with EVENT_REMAP takes the registration and the protection along",
        |m| {
            let s = scene(Memory::Anon, UFFD_FEATURE_EVENT_REMAP)?;
            let (mover, to) = moves(&s.region)?;
            let expected = Event::Remap {
                from: s.at(0),
                to,
                len: s.region.len,
            };
            let event = s.uffd.next()?;
            ensure!(
                event == expected,
                "{} came, with other values",
                event.name()
            );
            mover.returns_value(0)?;
            let writer = Thread::writes(to, NEW);
            waits(&s.uffd, &writer, to, WP_WRITE)?;
            s.uffd.writeprotect(to, m.page, 0).ok()?;
            writer.returns().map(|_| ())
        },
    )
    .features(HAS_WP | UFFD_FEATURE_EVENT_REMAP),
    case(
        "interplay-mremap-event-shmem",
        "userfaultfd.rst, Non-cooperative userfaultfd: UFFD_FEATURE_EVENT_REMAP",
        "likewise on shared memory, for pages that are not there, too",
        |m| {
            let s = Scene::empty(Memory::Shmem, 2, UFFD_FEATURE_EVENT_REMAP, REGISTER_WP)?;
            s.protect(0, 2)?;
            let (mover, to) = moves(&s.region)?;
            ensure!(
                matches!(s.uffd.next()?, Event::Remap { .. }),
                "another event came"
            );
            mover.returns_value(0)?;
            let writer = Thread::writes(to, NEW);
            waits(&s.uffd, &writer, to, WP_WRITE)?;
            s.uffd.writeprotect(to, m.page, 0).ok()?;
            writer.returns().map(|_| ())
        },
    )
    .features(HAS_WP_SHARED | UFFD_FEATURE_EVENT_REMAP),
    case(
        "interplay-fork-child",
        "measured",
        "without EVENT_FORK a child is not tracked: it writes freely, on a copy of its own",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            child_writes_freely(&s)?;
            ensure!(
                s.region.read(0) == FIRST,
                "the child wrote to the parent's memory"
            );
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "interplay-fork-child-shmem",
        "measured",
        "without EVENT_FORK a child writes freely to shared memory, too, which the parent sees",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            child_writes_freely(&s)?;
            s.lets_read(0, NEW)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-fork-parent",
        "measured",
        "the parent's protection outlives fork(2), and the child sees no write after it",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            let (go, tell) = {
                let mut ends = [0; 2];
                // SAFETY: there is room for two descriptors.
                need("pipe", unsafe { libc::pipe(ends.as_mut_ptr()) })?;
                (ends[0], ends[1])
            };
            let addr = s.at(0);
            let mut child = Child::fork(|| {
                let mut byte = 0u8;
                // SAFETY: room for one byte.
                unsafe { libc::read(go, (&mut byte as *mut u8).cast(), 1) };
                i32::from(mapping::read(addr) != FIRST)
            })?;
            s.traps_write(0)?;
            // SAFETY: one byte, which is there.
            unsafe { libc::write(tell, b"x".as_ptr().cast(), 1) };
            child.succeeds()?;
            s.traps_write(1)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-fork-event",
        "userfaultfd.rst, Non-cooperative userfaultfd: UFFD_FEATURE_EVENT_FORK",
        "with EVENT_FORK the child is tracked by the userfaultfd that the event brings",
        |m| {
            let s = scene(Memory::Anon, UFFD_FEATURE_EVENT_FORK)?;
            let addr = s.at(0);
            let forker = Thread::spawn("the forking thread", move || {
                let child = Child::fork(|| {
                    mapping::write(addr, NEW);
                    0
                });
                child.and_then(|mut c| c.succeeds()).is_err().into()
            });
            let child = match s.uffd.next()? {
                Event::Fork { fd } => Uffd { fd },
                other => fail!("{} came, not a fork event", other.name()),
            };
            child.expect_fault(s.at(0), WP_WRITE)?;
            quiet(&s.uffd)?;
            child.writeprotect(s.at(0), m.page, 0).ok()?;
            forker.returns_value(0)?;
            ensure!(
                s.region.read(0) == FIRST,
                "the child wrote to the parent's memory"
            );
            s.traps_write(0)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_EVENT_FORK),
    case(
        "interplay-file-write",
        "measured",
        "write(2) to the memfd is not trapped: the protection is the mapping's",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            let fd = s.region.fd();
            let writer = Thread::spawn("the thread in pwrite(2)", move || {
                // SAFETY: the byte lives through the call.
                unsafe { libc::pwrite(fd, [NEW].as_ptr().cast(), 1, 0) as i64 }
            });
            ensure!(passes(&s.uffd, &writer)? == 1, "pwrite(2) failed");
            s.lets_read(0, NEW)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-second-mapping",
        "measured",
        "a write through a second mapping of the file is not trapped",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            let alias = s.region.alias()?;
            passes(&s.uffd, &Thread::writes(alias.at(0), NEW))?;
            s.lets_read(0, NEW)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-mlock",
        "measured",
        "mlock(2) of protected private memory touches it as a write does: it waits",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            let (addr, len) = (s.at(0), s.region.len);
            let locker = Thread::spawn("the thread in mlock(2)", move || {
                // SAFETY: the range is the case's own.
                i64::from(unsafe { libc::mlock(addr as *const libc::c_void, len) })
            });
            for n in 0..2 {
                waits(&s.uffd, &locker, s.at(n), WP_WRITE)?;
                s.unprotect(n, 1)?;
            }
            locker.returns_value(0)
        },
    )
    .features(HAS_WP),
    case(
        "interplay-truncate",
        "measured",
        "after the file was cut off and grown again, its new pages are protected, too",
        |_| {
            let s = scene(Memory::Shmem, 0)?;
            let fd = s.region.fd();
            for len in [0, s.region.len] {
                // SAFETY: plain numbers.
                need("ftruncate", unsafe {
                    libc::ftruncate(fd, len as libc::off_t)
                })?;
            }
            s.lets_read(0, 0)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "interplay-beyond-file",
        "measured",
        "a write to a protected page beyond the end of the file is SIGBUS, not a message",
        |_| {
            let s = Scene::empty(Memory::Shmem, 2, 0, REGISTER_WP)?;
            // SAFETY: plain numbers.
            let cut = unsafe { libc::ftruncate(s.region.fd(), 0) };
            need("ftruncate", cut)?;
            s.unprotect(0, 1)?;
            Thread::writes(s.at(0), NEW).gets_signal(SIGBUS)?;
            quiet(&s.uffd)
        },
    )
    .features(HAS_WP_SHARED),
];
