//! UFFDIO_CONTINUE: its errors, and what the field mapped then says.

use super::scene::*;
use crate::prelude::*;

const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;
const SHMEM: u64 = UFFD_FEATURE_MINOR_SHMEM;
const HUGETLB: u64 = UFFD_FEATURE_MINOR_HUGETLBFS;
const FLAG: u64 = UFFD_PAGEFAULT_FLAG_MINOR;
const MODE: &str = "userfaultfd(2), Userfaultfd minor fault mode";

/// Four pages in the file, not mapped.
fn scene() -> Result<(Scene, Region), Verdict> {
    Scene::cached(Memory::Shmem, 4, 0, MINOR)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "continue-eexist",
        "UFFDIO_CONTINUE(2const), ERRORS: EEXIST",
        "a page that is mapped already is EEXIST, and the field mapped says so",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            let answer = s.uffd.continue_(s.at(0), 2 * m.page, 0);
            answer.fails_in_out(EEXIST)?;
            ensure!(!s.region.is_mapped(1)?, "the page behind it was mapped");
            Ok(())
        },
    )
    .features(SHMEM),
    case(
        "continue-eagain-partial",
        "UFFDIO_CONTINUE(2const), ERRORS: EAGAIN",
        "if only a first part could be mapped it is EAGAIN, and the field mapped says how much",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.continue_(s.at(2), m.page, 0).gives(m.page)?;
            let answer = s.uffd.continue_(s.at(0), 4 * m.page, 0);
            answer.fails_with(EAGAIN, 2 * m.page as i64)?;
            ensure!(!s.region.is_mapped(3)?, "the last page was mapped");
            Ok(())
        },
    )
    .features(SHMEM),
    case(
        "continue-eagain-wakes-part",
        "measured",
        "EAGAIN wakes the threads of the part that was mapped",
        |m| {
            let (s, _alias) = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            s.uffd.continue_(s.at(1), m.page, 0).gives(m.page)?;
            let answer = s.uffd.continue_(s.at(0), 2 * m.page, 0);
            answer.fails_with(EAGAIN, m.page as i64)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(SHMEM),
    case(
        "continue-efault-not-cached",
        "UFFDIO_CONTINUE(2const), ERRORS: EFAULT",
        "a page that is not in the file is EFAULT, and the field mapped says so",
        |m| {
            let s = Scene::empty(Memory::Shmem, 2, 0, MINOR)?;
            s.uffd.continue_(s.at(0), m.page, 0).fails_in_out(EFAULT)
        },
    )
    .features(SHMEM),
    case(
        "continue-efault-not-cached-hugetlb",
        "UFFDIO_CONTINUE(2const), ERRORS: EFAULT",
        "a huge page that is not in the file is EFAULT, and the field mapped says so",
        |_| {
            let s = Scene::empty(Memory::SharedHugetlb, 1, 0, MINOR)?;
            s.uffd.continue_(s.at(0), s.page(), 0).fails_in_out(EFAULT)
        },
    )
    .features(HUGETLB),
    case(
        "continue-efault-partial",
        "UFFDIO_CONTINUE(2const), ERRORS: EAGAIN",
        "a first part in the file and a rest that is not: EAGAIN with the length of the part",
        |m| {
            let region = Region::new(Memory::Shmem, 2)?;
            region.alias()?.write(0, FIRST);
            let s = Scene::of(region, 0, MINOR)?;
            s.uffd
                .continue_(s.at(0), 2 * m.page, 0)
                .fails_with(EAGAIN, m.page as i64)?;
            ensure!(s.region.is_mapped(0)?, "the part is not mapped");
            s.lets_read(0, FIRST)
        },
    )
    .features(SHMEM),
    case(
        "continue-efault-argument",
        "measured",
        "an argument that cannot be read is EFAULT",
        |_| {
            let (s, _alias) = scene()?;
            refuses_unreadable(&s.uffd, "UFFDIO_CONTINUE", uffdio_continue)
        },
    )
    .features(SHMEM),
    case(
        "continue-efault-read-only",
        "measured",
        "EFAULT when the argument cannot be written, but the page is mapped: again is EEXIST",
        |m| {
            let (s, _alias) = scene()?;
            let range = uffdio_range {
                start: s.at(0) as u64,
                len: m.page as u64,
            };
            let arg = uffdio_continue {
                range,
                mode: 0,
                mapped: UNTOUCHED,
            };
            with_read_only(&s.uffd, "UFFDIO_CONTINUE", uffdio_continue, arg)?.fails(EFAULT)?;
            ensure!(s.region.is_mapped(0)?, "the page was not mapped");
            s.uffd.continue_(s.at(0), m.page, 0).fails(EEXIST)
        },
    )
    .features(SHMEM),
    case(
        "continue-einval-anon",
        MODE,
        "only shared memory and huge pages have minor faults: registering others is EINVAL",
        |_| {
            for memory in [Memory::Anon, Memory::File] {
                let region = Region::new(memory, 1)?;
                let answer = Uffd::open(0)?.register(region.addr, region.len, MINOR);
                answer.fails(EINVAL)?;
            }
            Ok(())
        },
    )
    .features(SHMEM),
    case(
        "continue-einval-on-anon",
        "measured",
        "the call on registered anonymous memory is EINVAL",
        |m| {
            let s = Scene::empty(Memory::Anon, 1, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            s.uffd.continue_(s.at(0), m.page, 0).fails(EINVAL)
        },
    )
    .features(SHMEM),
    case(
        "continue-enoent-not-registered",
        "UFFDIO_CONTINUE(2const), ERRORS: ENOENT",
        "memory whose registration has gone meanwhile is ENOENT, and the field mapped says so",
        |m| {
            let (s, _alias) = scene()?;
            s.uffd.unregister(s.at(0), m.page).ok()?;
            s.uffd.continue_(s.at(0), m.page, 0).fails_in_out(ENOENT)?;
            s.region.munmap(1, 1)?;
            s.uffd.continue_(s.at(1), m.page, 0).fails_in_out(ENOENT)
        },
    )
    .features(SHMEM),
    case(
        "continue-other-userfaultfd",
        "measured",
        "any userfaultfd of the process can map; only the one registered wakes",
        |m| {
            let (s, _alias) = scene()?;
            let other = Uffd::open(0)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), FLAG)?;
            other.continue_(s.at(0), m.page, 0).gives(m.page)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(SHMEM),
    case(
        "continue-eio-hardware-poison",
        "measured",
        "a page of the file that broke is EIO, and the field mapped says so",
        |m| {
            const MADV_HWPOISON: i32 = 100;
            // SAFETY: takes nothing.
            if unsafe { libc::getppid() } != 1 {
                return Err(Verdict::Cannot(
                    "it takes a page from this system".to_owned(),
                ));
            }
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            let (s, alias) = Scene::cached(Memory::Shmem, 2, 0, mode)?;
            if alias.madvise(1, 1, MADV_HWPOISON).is_err() {
                return Err(Verdict::Absent("no CONFIG_MEMORY_FAILURE".to_owned()));
            }
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            let answer = s.uffd.continue_(s.at(1), m.page, 0);
            answer.fails_in_out(EIO)
        },
    )
    .features(UFFD_FEATURE_MINOR_SHMEM)
    .since(5, 16),
    case(
        "continue-eexist-does-not-wake",
        "measured",
        "EEXIST does not wake the thread that waits for the page: WAKE does",
        |m| {
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, 0, mode)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), UFFD_PAGEFAULT_FLAG_MINOR)?;
            let dontwake = UFFDIO_CONTINUE_MODE_DONTWAKE;
            s.uffd.continue_(s.at(0), m.page, dontwake).gives(m.page)?;
            s.uffd.continue_(s.at(0), m.page, 0).fails(EEXIST)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(UFFD_FEATURE_MINOR_SHMEM),
];
