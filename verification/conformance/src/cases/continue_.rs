//! UFFDIO_CONTINUE and minor faults.

use super::scene::*;
use crate::prelude::*;

const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;
const SHMEM: u64 = UFFD_FEATURE_MINOR_SHMEM;
const HUGETLB: u64 = UFFD_FEATURE_MINOR_HUGETLBFS;
const FLAG: u64 = UFFD_PAGEFAULT_FLAG_MINOR;
const MODE: &str = "userfaultfd(2), Userfaultfd minor fault mode";
const MAPPED: &str = "UFFDIO_CONTINUE(2const), DESCRIPTION";
/// UFFDIO_CONTINUE_MODE_WP came with the same Linux as this feature, 6.4, and
/// needs write-protection of shared memory.
const WP_TOO: u64 = SHMEM | HAS_WP_SHARED | UFFD_FEATURE_WP_UNPOPULATED;

/// Four pages in the file, not mapped.
fn scene() -> Result<(Scene, Region), Verdict> {
    Scene::cached(Memory::Shmem, 4, 0, MINOR)
}

/// A read and a write of pages in the cache wait until they are mapped.
fn resolves(memory: Memory) -> Outcome {
    let (s, _alias) = Scene::cached(memory, 2, 0, MINOR)?;
    let reader = Thread::reads(s.at(0));
    waits(&s.uffd, &reader, s.at(0), FLAG)?;
    s.uffd.continue_(s.at(0), s.page(), 0).gives(s.page())?;
    reader.returns_value(i64::from(FIRST))?;
    let writer = Thread::writes(s.at(1), NEW);
    waits(&s.uffd, &writer, s.at(1), FLAG | UFFD_PAGEFAULT_FLAG_WRITE)?;
    s.uffd.continue_(s.at(1), s.page(), 0).gives(s.page())?;
    writer.returns()?;
    ensure!(s.region.read(1) == NEW, "the write was lost");
    quiet(&s.uffd)
}

/// What is written to a second mapping before the page is mapped is seen.
fn shows_changes(memory: Memory) -> Outcome {
    let (s, alias) = Scene::cached(memory, 1, 0, MINOR)?;
    let reader = Thread::reads(s.at(0));
    waits(&s.uffd, &reader, s.at(0), FLAG)?;
    alias.fill_page(0, NEW);
    s.uffd.continue_(s.at(0), s.page(), 0).gives(s.page())?;
    reader.returns_value(i64::from(NEW))?;
    s.region.holds(0, NEW)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        resolves, MODE;
        "continue-shmem", Shmem, SHMEM => "minor faults of shared memory are resolved";
        "continue-hugetlb", SharedHugetlb, HUGETLB => "minor faults of huge pages are resolved";
    },
    kinds! {
        shows_changes, MODE;
        "continue-changes-shmem", Shmem, SHMEM => "shows what a second mapping wrote before";
        "continue-changes-hugetlb", SharedHugetlb, HUGETLB => "shows what a second mapping wrote before";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "continue-flag-minor",
        "userfaultfd(2), Reading from the userfaultfd structure: UFFD_PAGEFAULT_FLAG_MINOR",
        "the message of a minor fault has the flag MINOR, that of a missing page has not",
        |m| {
            let region = Region::new(Memory::Shmem, 2)?;
            let alias = region.alias()?;
            alias.write(0, FIRST);
            let s = Scene::of(region, 0, MINOR | UFFDIO_REGISTER_MODE_MISSING)?;
            let first = Thread::reads(s.at(0));
            waits(&s.uffd, &first, s.at(0), FLAG)?;
            let second = Thread::reads(s.at(1));
            waits(&s.uffd, &second, s.at(1), 0)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            s.uffd.zeropage(s.at(1), m.page, 0).gives(m.page)?;
            first.returns_value(i64::from(FIRST))?;
            second.returns_value(0)
        },
    )
    .features(SHMEM | UFFD_FEATURE_MISSING_SHMEM),
    case(
        "continue-not-cached-is-no-minor-fault",
        "userfaultfd(2), DESCRIPTION: UFFDIO_REGISTER_MODE_MINOR",
        "registered for MINOR alone, a page that is not in the file sends no message",
        |_| {
            let s = Scene::empty(Memory::Shmem, 1, 0, MINOR)?;
            s.lets_read(0, 0)
        },
    )
    .features(SHMEM),
    case(
        "continue-before-fault",
        "UFFDIO_CONTINUE(2const), DESCRIPTION",
        "maps pages that nobody waits for; they do not fault afterwards",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.continue_(s.at(0), 4 * m.page, 0).gives(4 * m.page)?;
            (0..4).try_for_each(|n| s.lets_read(n, FIRST + n as u8))
        },
    )
    .features(SHMEM),
    case(
        "continue-after-dontneed",
        MODE,
        "a page that was mapped and then dropped here is a minor fault again",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(SHMEM),
    case(
        "continue-mode-dontwake",
        "UFFDIO_CONTINUE(2const), DESCRIPTION: UFFDIO_CONTINUE_MODE_DONTWAKE",
        "with DONTWAKE the page is mapped and the thread waits on until UFFDIO_WAKE",
        |m| {
            let (s, _alias) = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            let mode = UFFDIO_CONTINUE_MODE_DONTWAKE;
            s.uffd.continue_(s.at(0), m.page, mode).gives(m.page)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(SHMEM),
    case(
        "continue-many-waiters",
        "userfaultfd(2), Userfaultfd minor fault mode",
        "one call wakes all the threads that wait in its range",
        |m| {
            let (s, _alias) = scene()?;
            let readers: Vec<Thread> = (0..4).map(|n| Thread::reads(s.at(n))).collect();
            for _ in 0..4 {
                fault_in(&s.uffd, s.at(0), s.region.len, FLAG)?;
            }
            s.uffd.continue_(s.at(0), 4 * m.page, 0).gives(4 * m.page)?;
            readers
                .iter()
                .enumerate()
                .try_for_each(|(n, r)| r.returns_value(i64::from(FIRST + n as u8)))
        },
    )
    .features(SHMEM),
    case(
        "continue-mapped-all",
        MAPPED,
        "on success the field mapped says len, whatever it held before",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.continue_(s.at(1), 2 * m.page, 0).gives(2 * m.page)?;
            ensure!(
                !s.region.is_mapped(0)? && !s.region.is_mapped(3)?,
                "a neighbour was mapped"
            );
            ensure!(
                s.region.is_mapped(1)? && s.region.is_mapped(2)?,
                "a page was not mapped"
            );
            Ok(())
        },
    )
    .features(SHMEM),
    case(
        "continue-kernel-access",
        "userfaultfd.rst, QEMU/KVM",
        "write(2) from a page that is cached but not mapped waits for it",
        |m| {
            let (s, _alias) = scene()?;
            let (_, pipe) = pipe_with(&[])?;
            let writer = writes_pipe_from(pipe, s.at(0));
            waits(&s.uffd, &writer, s.at(0), FLAG)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            writer.returns_value(0)
        },
    )
    .features(SHMEM),
    case(
        "continue-sigbus",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "with the feature SIGBUS a minor fault raises SIGBUS, without a message",
        |m| {
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, UFFD_FEATURE_SIGBUS, MINOR)?;
            Thread::reads(s.at(0)).gets_signal(SIGBUS)?;
            quiet(&s.uffd)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            s.lets_read(0, FIRST)
        },
    )
    .features(SHMEM | UFFD_FEATURE_SIGBUS),
    case(
        "continue-unregister-needs-wake",
        "measured",
        "unregistering a range registered for MINOR alone leaves its waiting threads to UFFDIO_WAKE",
        |m| {
            let (s, _alias) = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(SHMEM),
    case(
        "continue-register-ioctls",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_CONTINUE",
        "UFFDIO_REGISTER offers CONTINUE if the mode has MINOR",
        |_| {
            let bit = 1 << _UFFDIO_CONTINUE;
            for (mode, offered) in [(MINOR, bit), (UFFDIO_REGISTER_MODE_MISSING, 0)] {
                let region = Region::new(Memory::Shmem, 1)?;
                let answer = Uffd::open(0)?.register(region.addr, region.len, mode);
                answer.ok()?;
                ensure!(
                    answer.out as u64 & bit == offered,
                    "CONTINUE is offered wrongly"
                );
            }
            Ok(())
        },
    )
    .features(SHMEM),
    case(
        "continue-feature-off",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_MINOR_SHMEM UFFD_FEATURE_MINOR_HUGETLBFS",
        "shared memory and huge pages can be registered for MINOR if the kernel answers the bits",
        |m| {
            let kinds = [(Memory::Shmem, SHMEM), (Memory::SharedHugetlb, HUGETLB)];
            for (memory, feature) in kinds {
                let region = Region::new(memory, 1)?;
                let answer = Uffd::open(0)?.register(region.addr, region.len, MINOR);
                match m.has(feature) {
                    true => answer.ok()?,
                    false => answer.fails(EINVAL)?,
                }
            }
            Ok(())
        },
    ),
    case(
        "continue-mode-wp",
        "userfaultfd.rst, Write Protect Notifications: UFFDIO_CONTINUE_MODE_WP",
        "with MODE_WP the page is mapped write-protected: a read passes, a write waits",
        |m| {
            let mode = MINOR | UFFDIO_REGISTER_MODE_WP;
            let (s, _alias) = Scene::cached(Memory::Shmem, 2, 0, mode)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            s.uffd
                .continue_(s.at(0), m.page, UFFDIO_CONTINUE_MODE_WP)
                .gives(m.page)?;
            reader.returns_value(i64::from(FIRST))?;
            s.traps_write(0)
        },
    )
    .features(WP_TOO),
    case(
        "continue-mode-wp-hugetlb",
        "userfaultfd.rst, Write Protect Notifications: UFFDIO_CONTINUE_MODE_WP",
        "with MODE_WP the huge page is mapped write-protected",
        |_| {
            let mode = MINOR | UFFDIO_REGISTER_MODE_WP;
            let (s, _alias) = Scene::cached(Memory::SharedHugetlb, 1, 0, mode)?;
            let answer = s.uffd.continue_(s.at(0), s.page(), UFFDIO_CONTINUE_MODE_WP);
            answer.gives(s.page())?;
            s.lets_read(0, FIRST)?;
            s.traps_write(0)
        },
    )
    .features(WP_TOO | HUGETLB),
    case(
        "continue-mode-wp-waiting-writer",
        "userfaultfd.rst, Write Protect Notifications: UFFDIO_CONTINUE_MODE_WP",
        "a thread that waits to write is woken by CONTINUE with MODE_WP, and then waits once more",
        |m| {
            let mode = MINOR | UFFDIO_REGISTER_MODE_WP;
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, 0, mode)?;
            let writer = Thread::writes(s.at(0), NEW);
            waits(&s.uffd, &writer, s.at(0), FLAG | UFFD_PAGEFAULT_FLAG_WRITE)?;
            s.uffd
                .continue_(s.at(0), m.page, UFFDIO_CONTINUE_MODE_WP)
                .gives(m.page)?;
            waits(&s.uffd, &writer, s.at(0), WP_WRITE)?;
            s.unprotect(0, 1)?;
            writer.returns().map(|_| ())
        },
    )
    .features(WP_TOO),
    case(
        "continue-mode-wp-without-registered-wp",
        "measured",
        "MODE_WP on a range registered without WP is EINVAL",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd
                .continue_(s.at(0), m.page, UFFDIO_CONTINUE_MODE_WP)
                .fails(EINVAL)?;
            ensure!(!s.region.is_mapped(0)?, "page 0 was mapped");
            Ok(())
        },
    )
    .features(WP_TOO),
];
