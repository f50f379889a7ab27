//! UFFDIO_RWPROTECT on every kind of memory, and among other system calls.

use super::scene::*;
use crate::prelude::*;

const REGISTER_RWP: u64 = UFFDIO_REGISTER_MODE_RWP;
const PLACE: &str = "userfaultfd(2), Userfaultfd read-write-protect mode";
const SCOPE: &str = "UFFDIO_RWPROTECT(2const), DESCRIPTION";

/// Pages that are there: reads and writes wait, neighbours are free.
fn protects(memory: Memory) -> Outcome {
    let s = Scene::new(memory, 3, HAS_RWP, REGISTER_RWP)?;
    s.rwprotect(1, 1)?;
    s.lets_read(0, FIRST)?;
    s.lets_write(2)?;
    s.traps_read(1, FIRST + 1)?;
    s.rwprotect(1, 1)?;
    let writer = Thread::writes(s.at(1), NEW);
    waits(
        &s.uffd,
        &writer,
        s.at(1),
        RWP_READ | UFFD_PAGEFAULT_FLAG_WRITE,
    )?;
    s.rwunprotect(1, 1)?;
    writer.returns()?;
    s.lets_read(1, NEW)
}

/// Pages that are not there stay so, and are nobody's business.
fn leaves_missing(memory: Memory) -> Outcome {
    let s = Scene::empty(memory, 2, HAS_RWP, REGISTER_RWP)?;
    s.rwprotect(0, 2)?;
    s.lets_read(0, 0)?;
    s.lets_write(1)
}

/// Two protected pages.
fn scene(memory: Memory) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 2, HAS_RWP, REGISTER_RWP)?;
    s.rwprotect(0, 2)?;
    Ok(s)
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        protects, PLACE;
        "rwprotect-memory-anon", Anon, HAS_RWP => "private anonymous memory is protected";
        "rwprotect-memory-shmem", Shmem, HAS_RWP => "shared memory is protected";
        "rwprotect-memory-private-shmem", PrivateShmem, HAS_RWP => "a private memfd is protected";
        "rwprotect-memory-hugetlb", Hugetlb, HAS_RWP => "private huge pages are protected";
        "rwprotect-memory-shared-hugetlb", SharedHugetlb, HAS_RWP => "shared huge pages are protected";
        "rwprotect-memory-shared-anon", SharedAnon, HAS_RWP => "shared anonymous memory is protected";
    },
    kinds! {
        leaves_missing, SCOPE;
        "rwprotect-missing-anon", Anon, HAS_RWP => "anonymous pages that are not there are left untouched";
        "rwprotect-missing-shmem", Shmem, HAS_RWP => "pages of shared memory that are not there are left untouched";
        "rwprotect-missing-hugetlb", SharedHugetlb, HAS_RWP => "huge pages that are not there are left untouched";
        "rwprotect-missing-private-hugetlb", Hugetlb, HAS_RWP => "private huge pages that are not there are left untouched";
        "rwprotect-missing-private-shmem", PrivateShmem, HAS_RWP => "pages of a private memfd that are not there are left untouched";
        "rwprotect-missing-shared-anon", SharedAnon, HAS_RWP => "pages of shared anonymous memory that are not there are left untouched";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "rwprotect-memory-thp",
        PLACE,
        "transparent huge pages are protected, in whole and in part",
        |_| {
            let s = Scene::of(thp()?, HAS_RWP, REGISTER_RWP)?;
            s.rwprotect(0, s.region.pages())?;
            s.traps_read(7, FIRST + 7)?;
            s.rwunprotect(0, s.region.pages())?;
            s.rwprotect(5, 1)?;
            s.lets_read(4, FIRST + 4)?;
            s.traps_read(5, FIRST + 5)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-memory-file",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP",
        "anonymous and shared memory and huge pages are compatible; other files are EINVAL",
        |_| {
            let uffd = Uffd::open(HAS_RWP)?;
            for memory in [Memory::Anon, Memory::Shmem, Memory::Hugetlb] {
                let region = Region::new(memory, 1)?;
                uffd.register(region.addr, region.len, REGISTER_RWP).ok()?;
            }
            let region = Region::new(Memory::File, 1)?;
            uffd.register(region.addr, region.len, REGISTER_RWP).fails(EINVAL)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-missing-cached",
        "userfaultfd.rst, Read-Write Protection",
        "pages that are in the file but not mapped are left untouched",
        |_| {
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, HAS_RWP, REGISTER_RWP)?;
            s.rwprotect(0, 1)?;
            s.lets_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-missing-with-missing",
        "userfaultfd(2), Userfaultfd read-write-protect mode",
        "with MISSING as well, pages that are not there send missing faults, others RWP faults",
        |m| {
            let mode = REGISTER_RWP | UFFDIO_REGISTER_MODE_MISSING;
            let s = Scene::empty(Memory::Anon, 2, HAS_RWP, mode)?;
            let source = Region::source(1, FIRST)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            s.rwprotect(0, 2)?;
            let reader = Thread::reads(s.at(1));
            waits(&s.uffd, &reader, s.at(1), 0)?;
            s.uffd.zeropage(s.at(1), m.page, 0).gives(m.page)?;
            reader.returns_value(0)?;
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-missing-with-minor",
        "userfaultfd.rst, Read-Write Protection",
        "with MINOR as well, pages that are in the file but not mapped send minor faults",
        |m| {
            let mode = REGISTER_RWP | UFFDIO_REGISTER_MODE_MINOR;
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, HAS_RWP, mode)?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), UFFD_PAGEFAULT_FLAG_MINOR)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)?;
            reader.returns_value(i64::from(FIRST))?;
            s.rwprotect(0, 1)?;
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP | UFFD_FEATURE_MINOR_SHMEM),
    case(
        "rwprotect-dontneed",
        SCOPE,
        "MADV_DONTNEED on anonymous memory drops the protection",
        |_| {
            let s = scene(Memory::Anon)?;
            s.region.madvise(0, 1, libc::MADV_DONTNEED)?;
            s.lets_read(0, 0)?;
            s.traps_read(1, FIRST + 1)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-hole-punch",
        SCOPE,
        "a hole punched into shared memory drops the protection",
        |_| {
            let s = scene(Memory::Shmem)?;
            s.region.madvise(0, 1, libc::MADV_REMOVE)?;
            s.lets_read(0, 0)?;
            s.traps_read(1, FIRST + 1)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-truncate",
        SCOPE,
        "cutting the file off drops the protection",
        |_| {
            let s = scene(Memory::Shmem)?;
            let fd = s.region.fd();
            for len in [0, s.region.len] {
                // SAFETY: plain numbers.
                need("ftruncate", unsafe { libc::ftruncate(fd, len as libc::off_t) })?;
            }
            s.lets_read(0, 0)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-second-mapping",
        "userfaultfd.rst, Read-Write Protection",
        "access through a second mapping of the file is not trapped",
        |_| {
            let s = scene(Memory::Shmem)?;
            let alias = s.region.alias()?;
            let reader = Thread::reads(alias.at(0));
            ensure!(passes(&s.uffd, &reader)? == i64::from(FIRST), "other contents");
            passes(&s.uffd, &Thread::writes(alias.at(0), NEW))?;
            s.traps_read(0, NEW)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-evict",
        "userfaultfd.rst, Read-Write Protection",
        "a thread that waits while its page is punched out of the file is woken by WAKE, and misses",
        |m| {
            let mode = REGISTER_RWP | UFFDIO_REGISTER_MODE_MISSING;
            let s = Scene::new(Memory::Shmem, 1, HAS_RWP, mode)?;
            let source = Region::source(1, NEW)?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ)?;
            let flags = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
            // SAFETY: plain numbers.
            let punched = unsafe {
                libc::fallocate(s.region.fd(), flags, 0, m.page as libc::off_t)
            };
            need("fallocate", punched)?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            s.uffd.expect_fault(s.at(0), 0)?;
            s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            reader.returns_value(i64::from(NEW))
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-mprotect",
        "measured",
        "the protection outlives mprotect(2) to PROT_NONE or PROT_READ and back",
        |_| {
            for protection in [libc::PROT_NONE, libc::PROT_READ] {
                let s = scene(Memory::Anon)?;
                s.region.mprotect(0, 2, protection)?;
                s.region.mprotect(0, 2, libc::PROT_READ | libc::PROT_WRITE)?;
                s.traps_read(0, FIRST)?;
            }
            Ok(())
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-fork",
        "measured",
        "without EVENT_FORK a child is not tracked; the parent's protection outlives fork(2)",
        |_| {
            let s = scene(Memory::Anon)?;
            let addr = s.at(0);
            let mut child = Child::fork(|| i32::from(mapping::read(addr) != FIRST))?;
            child.succeeds()?;
            quiet(&s.uffd)?;
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-kernel-read",
        "measured",
        "write(2) from a protected page waits, and then has its data",
        |_| {
            let s = scene(Memory::Anon)?;
            let (_, pipe) = pipe_with(&[])?;
            let writer = writes_pipe_from(pipe, s.at(0));
            waits(&s.uffd, &writer, s.at(0), RWP_READ)?;
            s.rwunprotect(0, 1)?;
            writer.returns_value(0)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-kernel-write",
        "measured",
        "read(2) into a protected page waits, and then lands",
        |_| {
            let s = scene(Memory::Anon)?;
            let (pipe, _) = pipe_with(&[NEW])?;
            let reader = reads_pipe_into(pipe, s.at(0));
            waits(&s.uffd, &reader, s.at(0), RWP_READ | UFFD_PAGEFAULT_FLAG_WRITE)?;
            s.rwunprotect(0, 1)?;
            reader.returns_value(0)?;
            s.lets_read(0, NEW)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-user-mode-only",
        "measured",
        "with UFFD_USER_MODE_ONLY, write(2) from a protected page is EFAULT, without a message",
        |_| {
            let region = Region::new(Memory::Anon, 2)?;
            region.fill(FIRST);
            let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;
            let uffd = Uffd::open_with(flags, HAS_RWP)?;
            uffd.register(region.addr, region.len, REGISTER_RWP).ok()?;
            let s = Scene { uffd, region };
            s.rwprotect(0, 2)?;
            let (_, pipe) = pipe_with(&[])?;
            let errno = passes(&s.uffd, &writes_pipe_from(pipe, s.at(0)))? as i32;
            ensure!(errno == EFAULT, "write(2) answered {}", errno_name(errno));
            s.traps_read(0, FIRST)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-gup",
        "measured",
        "get_user_pages (vmsplice(2) from a protected page) waits",
        |_| {
            let s = scene(Memory::Anon)?;
            let (_, pipe) = pipe_with(&[])?;
            let addr = s.at(0);
            let splicer = Thread::spawn("the thread in vmsplice(2)", move || {
                let piece = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: 1 };
                // SAFETY: one vector of one byte; the address is the case's own.
                unsafe { libc::vmsplice(pipe, &piece, 1, 0) as i64 }
            });
            waits(&s.uffd, &splicer, s.at(0), RWP_READ)?;
            s.rwunprotect(0, 1)?;
            splicer.returns_value(1)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-sigbus",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "with the feature SIGBUS, access to a protected page raises SIGBUS, without a message",
        |_| {
            let features = HAS_RWP | UFFD_FEATURE_SIGBUS;
            let s = Scene::new(Memory::Anon, 1, features, REGISTER_RWP)?;
            s.rwprotect(0, 1)?;
            Thread::reads(s.at(0)).gets_signal(SIGBUS)?;
            quiet(&s.uffd)
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-thread-id",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_THREAD_ID",
        "with THREAD_ID, the message names the thread",
        |_| {
            let features = HAS_RWP | UFFD_FEATURE_THREAD_ID;
            let s = Scene::new(Memory::Anon, 1, features, REGISTER_RWP)?;
            s.rwprotect(0, 1)?;
            let reader = Thread::reads(s.at(0));
            match s.uffd.next()? {
                Event::Fault { ptid, .. } => {
                    ensure!(ptid == reader.tid(), "the message names another thread");
                    Ok(())
                }
                other => fail!("{} came, not a fault", other.name()),
            }
        },
    )
    .features(HAS_RWP),
    case(
        "rwprotect-pagemap",
        "pagemap.rst, pagemap",
        "bit 57 of a page's entry in /proc/PID/pagemap says that it is read-write-protected",
        |_| {
            let s = scene(Memory::Anon)?;
            ensure!(s.region.pagemap(0)? & (1 << 57) != 0, "the bit is not set");
            s.rwunprotect(0, 1)?;
            ensure!(s.region.pagemap(0)? & (1 << 57) == 0, "the bit is still set");
            Ok(())
        },
    )
    .features(HAS_RWP),
];
