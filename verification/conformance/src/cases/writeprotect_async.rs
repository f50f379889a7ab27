//! Write-protection that the kernel lifts by itself: UFFD_FEATURE_WP_ASYNC.

use super::scene::*;
use crate::prelude::*;

const ASYNC: u64 = UFFD_FEATURE_WP_ASYNC;
const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;
const SOURCE: &str = "userfaultfd.rst, Write Protect Notifications: UFFD_FEATURE_WP_ASYNC";
/// Bit 57 of a pagemap entry: userfaultfd tracks the page.
const TRACKED: u64 = PAGEMAP_UFFD_WP;

fn is_protected(s: &Scene, n: usize) -> Result<bool, Verdict> {
    Ok(s.region.pagemap(n)? & TRACKED != 0)
}

/// Of the pages, exactly these are protected.
fn protected(s: &Scene, expected: &[bool]) -> Outcome {
    for (n, expected) in expected.iter().enumerate() {
        let found = is_protected(s, n)?;
        let word = if found {
            "still protected"
        } else {
            "not protected"
        };
        ensure!(found == *expected, "page {} is {}", n, word);
    }
    Ok(())
}

/// Writes pass without a message and leave their mark.
fn tracks(memory: Memory) -> Outcome {
    let s = Scene::new(memory, 3, ASYNC, REGISTER_WP)?;
    protected(&s, &[false, false, false])?;
    s.protect(0, 3)?;
    protected(&s, &[true, true, true])?;
    s.lets_read(0, FIRST)?;
    s.lets_write(1)?;
    protected(&s, &[true, false, true])?;
    s.protect(0, 3)?;
    protected(&s, &[true, true, true])
}

/// Pages that are not there are tracked, too.
fn tracks_missing(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 3, ASYNC, REGISTER_WP)?;
    s.protect(0, 3)?;
    protected(&s, &[true, true, true])?;
    s.lets_write(1)?;
    protected(&s, &[true, false, true])?;
    s.lets_read(2, 0)?;
    protected(&s, &[true, false, true])
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        tracks, SOURCE;
        "writeprotect-async-anon", Anon, ASYNC => "a write to anonymous memory marks its page";
        "writeprotect-async-shmem", Shmem, ASYNC => "a write to shared memory marks its page";
        "writeprotect-async-private-shmem", PrivateShmem, ASYNC => "a write to a private memfd marks its page";
        "writeprotect-async-hugetlb", Hugetlb, ASYNC => "a write to a huge page marks it";
        "writeprotect-async-shared-hugetlb", SharedHugetlb, ASYNC => "a write to a shared huge page marks it";
        "writeprotect-async-shared-anon", SharedAnon, ASYNC => "a write to shared anonymous memory marks its page";
    },
    kinds! {
        tracks, "userfaultfd.rst, Write Protect Notifications";
        "writeprotect-async-file", File, ASYNC => "used alone, it works on any memory, so on files of other file systems";
    },
    kinds! {
        tracks_missing, "measured";
        "writeprotect-async-missing-anon", Anon, ASYNC => "anonymous pages that are not there are tracked, even without WP_UNPOPULATED";
    },
    kinds! {
        tracks_missing, SOURCE;
        "writeprotect-async-missing-shmem", Shmem, ASYNC => "pages of shared memory that are not there are tracked";
        "writeprotect-async-missing-hugetlb", SharedHugetlb, ASYNC => "huge pages that are not there are tracked";
        "writeprotect-async-missing-private-hugetlb", Hugetlb, ASYNC => "private huge pages that are not there are tracked";
        "writeprotect-async-missing-private-shmem", PrivateShmem, ASYNC => "pages of a private memfd that are not there are tracked";
        "writeprotect-async-missing-shared-anon", SharedAnon, ASYNC => "pages of shared anonymous memory that are not there are tracked";
        "writeprotect-async-missing-file", File, ASYNC => "pages of a file that are not there are tracked";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "writeprotect-async-file-with-missing",
        "userfaultfd.rst, Write Protect Notifications",
        "not used alone, together with MISSING, files of other file systems are EINVAL",
        |_| {
            let region = Region::new(Memory::File, 1)?;
            let uffd = Uffd::open(ASYNC)?;
            uffd.register(region.addr, region.len, MISSING_WP)
                .fails(EINVAL)
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-thp",
        "pagemap.rst, PAGEMAP_SCAN",
        "a write to a transparent huge page marks the page, and perhaps its neighbours",
        |_| {
            let s = Scene::of(thp()?, ASYNC, REGISTER_WP)?;
            s.protect(0, s.region.pages())?;
            ensure!(is_protected(&s, 5)?, "the page is not protected");
            s.lets_write(5)?;
            ensure!(!is_protected(&s, 5)?, "the written page is still protected");
            Ok(())
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-off",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_WP_ASYNC",
        "without the feature, a write waits, although the kernel has it",
        |_| {
            let s = Scene::new(Memory::Anon, 1, 0, REGISTER_WP)?;
            s.protect(0, 1)?;
            s.traps_write(0)
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-not-yet-protected",
        SOURCE,
        "a page is not tracked before it is protected",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 1)?;
            protected(&s, &[true, false])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-lift",
        SOURCE,
        "resolving a fault is invalid in this mode: lifting the protection is refused",
        |m| {
            let s = Scene::new(Memory::Anon, 1, ASYNC, REGISTER_WP)?;
            s.protect(0, 1)?;
            let answer = s.uffd.writeprotect(s.at(0), m.page, 0);
            ensure!(answer.errno != 0, "{}", answer);
            Ok(())
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-kernel-write",
        "measured",
        "the kernel's own write, read(2) into the page, marks it",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            let (pipe, _) = pipe_with(&[NEW])?;
            let reader = reads_pipe_into(pipe, s.at(1));
            ensure!(passes(&s.uffd, &reader)? == 0, "read(2) failed");
            ensure!(s.region.read(1) == NEW, "the write was lost");
            protected(&s, &[true, false])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-user-mode-only",
        "measured",
        "with UFFD_USER_MODE_ONLY, the kernel's own write passes and marks the page, too",
        |_| {
            let region = Region::new(Memory::Anon, 2)?;
            region.fill(FIRST);
            let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;
            let uffd = Uffd::open_with(flags, ASYNC)?;
            uffd.register(region.addr, region.len, REGISTER_WP).ok()?;
            let s = Scene { uffd, region };
            s.protect(0, 2)?;
            let (pipe, _) = pipe_with(&[NEW])?;
            let reader = reads_pipe_into(pipe, s.at(1));
            ensure!(passes(&s.uffd, &reader)? == 0, "read(2) failed");
            protected(&s, &[true, false])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-dontneed",
        SOURCE,
        "MADV_DONTNEED on anonymous memory counts as a write",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            protected(&s, &[false, true])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-remove",
        SOURCE,
        "MADV_REMOVE on a file counts as a write",
        |_| {
            let s = Scene::new(Memory::Shmem, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.region.madvise(0, 1, libc::MADV_REMOVE)?;
            protected(&s, &[false, true])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-dontneed-shmem",
        SOURCE,
        "unmapping a page of shared memory from here, by MADV_DONTNEED, loses no mark",
        |_| {
            let s = Scene::new(Memory::Shmem, 3, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.lets_write(1)?;
            s.region.madvise(0, 3, libc::MADV_DONTNEED)?;
            protected(&s, &[true, false, false])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-with-missing",
        SOURCE,
        "with MISSING as well, missing pages still send messages; written pages do not",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, ASYNC, MISSING_WP)?;
            let source = Region::source(1, FIRST)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd
                .copy(s.at(0), source.addr, m.page, UFFDIO_COPY_MODE_WP)
                .gives(m.page)?;
            reader.returns_value(i64::from(FIRST))?;
            ensure!(is_protected(&s, 0)?, "the page arrived unprotected");
            s.lets_write(0)?;
            ensure!(!is_protected(&s, 0)?, "the written page is still protected");
            Ok(())
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-unregister",
        "measured",
        "unregistering lifts the protection",
        |_| {
            let s = Scene::new(Memory::Anon, 2, ASYNC, REGISTER_WP)?;
            s.protect(0, 2)?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            protected(&s, &[false, false])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-async-split-and-merge",
        SOURCE,
        "the marks outlive changes of the mappings: splitting by mprotect(2), and merging again",
        |_| {
            let s = Scene::new(Memory::Anon, 3, ASYNC, REGISTER_WP)?;
            s.protect(0, 3)?;
            s.lets_write(0)?;
            s.region.mprotect(1, 1, libc::PROT_READ)?;
            protected(&s, &[false, true, true])?;
            s.region
                .mprotect(1, 1, libc::PROT_READ | libc::PROT_WRITE)?;
            protected(&s, &[false, true, true])?;
            s.lets_write(1)?;
            protected(&s, &[false, false, true])
        },
    )
    .features(ASYNC),
    case(
        "writeprotect-sync-pagemap",
        "pagemap.rst, pagemap",
        "bit 57 of a page's entry in /proc/PID/pagemap says that it is write-protected",
        |_| {
            let s = Scene::new(Memory::Anon, 2, 0, REGISTER_WP)?;
            protected(&s, &[false, false])?;
            s.protect(0, 1)?;
            protected(&s, &[true, false])?;
            s.unprotect(0, 1)?;
            protected(&s, &[false, false])
        },
    )
    .features(HAS_WP)
    .since(5, 13),
];
