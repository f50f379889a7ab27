//! UFFDIO_POISON.

use super::scene::*;
use crate::prelude::*;

const POISON: u64 = UFFD_FEATURE_POISON;
const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const DESCRIPTION: &str = "UFFDIO_POISON(2const), DESCRIPTION";

fn scene() -> Result<Scene, Verdict> {
    Scene::empty(Memory::Anon, 4, 0, MISSING)
}

fn poison(s: &Scene, n: usize, pages: usize) -> Outcome {
    let len = pages * s.page();
    s.uffd.poison(s.at(n), len, 0).gives(len)
}

/// Reads and writes of page `n` raise SIGBUS, without a message.
fn is_poisoned(s: &Scene, n: usize) -> Outcome {
    for thread in [Thread::reads(s.at(n) + 9), Thread::writes(s.at(n) + 9, NEW)] {
        let (_, address) = thread.gets_signal(SIGBUS)?;
        // Some processors tell the page alone.
        ensure!(
            address == s.at(n) + 9 || address == s.at(n),
            "the signal has another address"
        );
    }
    quiet(&s.uffd)
}

/// Pages of this memory can be poisoned; their neighbours cannot tell.
fn poisons(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 3, 0, MISSING)?;
    poison(&s, 1, 1)?;
    is_poisoned(&s, 1)?;
    s.uffd.unregister(s.at(0), s.page()).ok()?;
    s.lets_write(0)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[kinds! {
    poisons, DESCRIPTION;
    "poison-anon", Anon, POISON => "access to poisoned anonymous memory is SIGBUS";
    "poison-shmem", Shmem, POISON => "access to poisoned shared memory is SIGBUS";
    "poison-private-shmem", PrivateShmem, POISON => "access to a poisoned private memfd is SIGBUS";
    "poison-hugetlb", Hugetlb, POISON => "access to poisoned huge pages is SIGBUS";
    "poison-shared-hugetlb", SharedHugetlb, POISON => "access to poisoned shared huge pages is SIGBUS";
    "poison-shared-anon", SharedAnon, POISON => "access to poisoned shared anonymous memory is SIGBUS";
}];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "poison-signal-code",
        "userfaultfd.rst, Memory Poisioning Emulation",
        "the signal is that of broken memory, if the kernel knows such: its code is BUS_MCEERR_AR",
        |_| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            let (code, _) = Thread::reads(s.at(0)).gets_signal(SIGBUS)?;
            // Kernels without CONFIG_MEMORY_FAILURE have no code for it.
            let knows = std::path::Path::new("/proc/sys/vm/memory_failure_recovery").exists();
            let expected = if knows {
                libc::BUS_MCEERR_AR
            } else {
                libc::BUS_ADRERR
            };
            ensure!(code == expected, "the code of the signal is {}", code);
            Ok(())
        },
    )
    .features(POISON),
    case(
        "poison-wakes",
        "userfaultfd.rst, Memory Poisioning Emulation",
        "resolves a missing fault: the thread that waits is woken, and gets SIGBUS",
        |_| {
            let s = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), 0)?;
            poison(&s, 0, 1)?;
            reader.gets_signal(SIGBUS).map(|_| ())
        },
    )
    .features(POISON),
    case(
        "poison-wakes-minor",
        "userfaultfd.rst, Memory Poisioning Emulation",
        "resolves a minor fault: the thread that waits is woken, and gets SIGBUS",
        |_| {
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            let (s, alias) = Scene::cached(Memory::Shmem, 1, 0, mode)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), UFFD_PAGEFAULT_FLAG_MINOR)?;
            poison(&s, 0, 1)?;
            reader.gets_signal(SIGBUS)?;
            ensure!(alias.read(0) == FIRST, "the file lost its data");
            Ok(())
        },
    )
    .features(POISON | UFFD_FEATURE_MINOR_SHMEM),
    case(
        "poison-mode-dontwake",
        "UFFDIO_POISON(2const), DESCRIPTION: UFFDIO_POISON_MODE_DONTWAKE",
        "with DONTWAKE the page is poisoned and the thread waits on until UFFDIO_WAKE",
        |m| {
            let s = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), 0)?;
            s.uffd
                .poison(s.at(0), m.page, UFFDIO_POISON_MODE_DONTWAKE)
                .gives(m.page)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.gets_signal(SIGBUS).map(|_| ())
        },
    )
    .features(POISON),
    case(
        "poison-updated-all",
        DESCRIPTION,
        "on success the field updated says len, whatever it held before",
        |_| {
            let s = scene()?;
            for (n, value) in [0, -1, i64::MIN, 4096].iter().enumerate() {
                let range = uffdio_range {
                    start: s.at(n) as u64,
                    len: s.page() as u64,
                };
                let mut arg = uffdio_poison {
                    range,
                    mode: 0,
                    updated: *value,
                };
                // SAFETY: `arg` lives through the call; the pages are ours.
                let make = || unsafe { uffdio_poison(s.uffd.fd, &mut arg) };
                Answer::of("UFFDIO_POISON", make).ok()?;
                ensure!(
                    arg.updated == s.page() as i64,
                    "the field was added to or kept"
                );
                is_poisoned(&s, n)?;
            }
            Ok(())
        },
    )
    .features(POISON),
    case(
        "poison-eexist",
        "UFFDIO_POISON(2const), ERRORS: EEXIST",
        "a page that is mapped already is EEXIST, and the field updated says so",
        |m| {
            let s = scene()?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            s.uffd.poison(s.at(0), 2 * m.page, 0).fails_in_out(EEXIST)?;
            s.lets_write(0)
        },
    )
    .features(POISON),
    case(
        "poison-eexist-poisoned",
        "UFFDIO_POISON(2const), ERRORS: EEXIST",
        "a page that is poisoned already is EEXIST, for ZEROPAGE as well",
        |m| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            s.uffd.poison(s.at(0), m.page, 0).fails_in_out(EEXIST)?;
            let answer = s.uffd.zeropage(s.at(0), m.page, 0);
            answer.fails_in_out(EEXIST)?;
            is_poisoned(&s, 0)
        },
    )
    .features(POISON),
    case(
        "poison-copy-heals",
        "measured",
        "UFFDIO_COPY onto a poisoned page succeeds, and ends the poison",
        |m| {
            let s = scene()?;
            let source = Region::source(1, FIRST)?;
            poison(&s, 0, 1)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.lets_read(0, FIRST)?;
            s.lets_write(0)
        },
    )
    .features(POISON),
    case(
        "poison-eagain-partial",
        "UFFDIO_POISON(2const), ERRORS: EAGAIN",
        "if only a first part could be poisoned it is EAGAIN, and updated says how much",
        |m| {
            let s = scene()?;
            s.uffd.zeropage(s.at(2), m.page, 0).gives(m.page)?;
            s.uffd
                .poison(s.at(0), 4 * m.page, 0)
                .fails_with(EAGAIN, 2 * m.page as i64)?;
            is_poisoned(&s, 0)?;
            is_poisoned(&s, 1)?;
            s.lets_read(2, 0)?;
            ensure!(!s.region.is_mapped(3)?, "the last page was touched");
            Ok(())
        },
    )
    .features(POISON),
    case(
        "poison-unknown-ioctl",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_POISON",
        "a kernel whose features lack POISON refuses the call with EINVAL",
        |m| {
            let s = scene()?;
            s.uffd
                .poison(s.at(0), m.page, 0)
                .fails_with(EINVAL, UNTOUCHED)?;
            ensure!(!s.region.is_mapped(0)?, "the page was poisoned");
            Ok(())
        },
    )
    .lacking(POISON),
    case(
        "poison-register-ioctls",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_POISON",
        "UFFDIO_REGISTER offers POISON if the kernel answers the feature",
        |m| {
            let region = Region::new(Memory::Anon, 1)?;
            let answer = Uffd::open(0)?.register(region.addr, region.len, MISSING);
            answer.ok()?;
            let offered = answer.out as u64 & (1 << _UFFDIO_POISON) != 0;
            ensure!(offered == m.has(POISON), "POISON is offered wrongly");
            Ok(())
        },
    ),
    case(
        "poison-enoent",
        "UFFDIO_POISON(2const), ERRORS: ENOENT",
        "memory whose registration has gone meanwhile is ENOENT, and the field updated says so",
        |m| {
            let s = scene()?;
            s.uffd.unregister(s.at(0), m.page).ok()?;
            s.uffd.poison(s.at(0), m.page, 0).fails_in_out(ENOENT)?;
            s.region.munmap(1, 1)?;
            s.uffd.poison(s.at(1), m.page, 0).fails_in_out(ENOENT)
        },
    )
    .features(POISON),
    case(
        "poison-efault",
        "measured",
        "an argument that cannot be read is EFAULT",
        |_| {
            let s = scene()?;
            refuses_unreadable(&s.uffd, "UFFDIO_POISON", uffdio_poison)
        },
    )
    .features(POISON),
    case(
        "poison-efault-read-only",
        "measured",
        "EFAULT when the argument cannot be written, but the page is poisoned",
        |m| {
            let s = scene()?;
            let range = uffdio_range {
                start: s.at(0) as u64,
                len: m.page as u64,
            };
            let arg = uffdio_poison {
                range,
                mode: 0,
                updated: UNTOUCHED,
            };
            with_read_only(&s.uffd, "UFFDIO_POISON", uffdio_poison, arg)?.fails(EFAULT)?;
            is_poisoned(&s, 0)
        },
    )
    .features(POISON),
    case(
        "poison-only-this-mapping",
        DESCRIPTION,
        "only this address space is affected: a second mapping of the file has its data",
        |_| {
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            let (s, alias) = Scene::cached(Memory::Shmem, 2, 0, mode)?;
            poison(&s, 0, 2)?;
            is_poisoned(&s, 0)?;
            alias.holds(0, FIRST)?;
            alias.write(1, NEW);
            Ok(())
        },
    )
    .features(POISON | UFFD_FEATURE_MINOR_SHMEM),
    case(
        "poison-dontneed",
        "measured",
        "MADV_DONTNEED clears the poison: the page is missing again",
        |m| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            is_poisoned(&s, 0)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), 0)?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(0)
        },
    )
    .features(POISON),
    case(
        "poison-fork",
        "measured",
        "a child inherits the poison, and its MADV_DONTNEED does not clear the parent's",
        |m| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            let (addr, len) = (s.at(0), m.page);
            let mut child = Child::fork(|| {
                // SAFETY: the range is the case's own.
                unsafe { libc::madvise(addr as *mut libc::c_void, len, libc::MADV_DONTNEED) }
            })?;
            child.succeeds()?;
            is_poisoned(&s, 0)?;
            let mut child = Child::fork(|| i32::from(mapping::read(addr)))?;
            let exit = child.ends()?;
            let expected = Exit::Signal(SIGBUS);
            ensure!(exit == expected, "the child was not killed by SIGBUS");
            Ok(())
        },
    )
    .features(POISON),
    case(
        "poison-outlives-userfaultfd",
        "measured",
        "the poison stays when the range is unregistered and the userfaultfd closed",
        |m| {
            let s = scene()?;
            poison(&s, 0, 2)?;
            s.uffd.unregister(s.at(0), m.page).ok()?;
            Thread::reads(s.at(0)).gets_signal(SIGBUS)?;
            let addr = s.at(1);
            drop(s.uffd);
            Thread::reads(addr).gets_signal(SIGBUS).map(|_| ())
        },
    )
    .features(POISON),
    case(
        "poison-kernel-access",
        "measured",
        "a system call that touches a poisoned page fails with EFAULT, without a signal",
        |_| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            let (_, pipe) = pipe_with(&[])?;
            let errno = passes(&s.uffd, &writes_pipe_from(pipe, s.at(0)))? as i32;
            ensure!(errno == EFAULT, "write(2) answered {}", errno_name(errno));
            Ok(())
        },
    )
    .features(POISON),
    case(
        "poison-write-protect",
        "measured",
        "write-protecting a poisoned page, and lifting it, succeed and change nothing",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING_WP)?;
            poison(&s, 0, 1)?;
            s.protect(0, 1)?;
            is_poisoned(&s, 0)?;
            s.unprotect(0, 1)?;
            is_poisoned(&s, 0)
        },
    )
    .features(POISON | HAS_WP),
    case(
        "poison-mprotect",
        "measured",
        "the poison outlives mprotect(2) to PROT_NONE and back",
        |_| {
            let s = scene()?;
            poison(&s, 0, 1)?;
            s.region.mprotect(0, 4, libc::PROT_NONE)?;
            s.region
                .mprotect(0, 4, libc::PROT_READ | libc::PROT_WRITE)?;
            is_poisoned(&s, 0)
        },
    )
    .features(POISON),
];
