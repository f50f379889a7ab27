//! What UFFDIO_REGISTER takes and what it offers: more than works.

use super::scene::*;
use crate::prelude::*;
use uffd_kit::mapping::RW;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const WP: u64 = UFFDIO_REGISTER_MODE_WP;
const RWP: u64 = UFFDIO_REGISTER_MODE_RWP;
const ASYNC: u64 = UFFD_FEATURE_WP_ASYNC;
const MAP_DROPPABLE: i32 = 8;

/// Registers a page of this memory so: the calls that are offered.
fn ioctls_of(memory: Memory, features: u64, mode: u64) -> Result<(Scene, u64), Verdict> {
    let region = Region::new(memory, 1)?;
    let uffd = Uffd::open(features)?;
    let answer = uffd.register(region.addr, region.len, mode);
    answer.ok()?;
    Ok((Scene { uffd, region }, answer.out as u64))
}

fn offered(ioctls: u64, numbers: &[u64]) -> Outcome {
    for number in numbers {
        ensure!(
            ioctls >> number & 1 != 0,
            "call {:#x} is not offered",
            number
        );
    }
    Ok(())
}

/// Anonymous memory that the kernel may drop; since Linux 6.11.
fn droppable() -> Result<(usize, usize), Verdict> {
    let (len, flags) = (page_size(), MAP_DROPPABLE | libc::MAP_ANONYMOUS);
    Ok((map(0, len, RW, flags, -1)?, len))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "register-ioctls-move-shmem",
        "measured",
        "the field ioctls offers MOVE for shared memory, where the call is EINVAL",
        |m| {
            let (s, ioctls) = ioctls_of(Memory::Shmem, 0, MISSING)?;
            offered(ioctls, &[_UFFDIO_MOVE])?;
            let source = Region::source(1, FIRST)?;
            let answer = s.uffd.move_(s.at(0), source.addr, m.page, 0);
            answer.fails_in_out(EINVAL)
        },
    )
    .features(UFFD_FEATURE_MOVE),
    case(
        "register-ioctls-file-async",
        "measured",
        "the field ioctls offers COPY, ZEROPAGE and MOVE for a file with WP_ASYNC, where they are EINVAL",
        |m| {
            let (s, ioctls) = ioctls_of(Memory::File, ASYNC, WP)?;
            offered(ioctls, &[_UFFDIO_COPY, _UFFDIO_ZEROPAGE, _UFFDIO_MOVE])?;
            let source = Region::source(1, FIRST)?;
            let (at, from) = (s.at(0), source.addr);
            s.uffd.copy(at, from, m.page, 0).fails_in_out(EINVAL)?;
            s.uffd.zeropage(at, m.page, 0).fails_in_out(EINVAL)?;
            s.uffd.move_(at, from, m.page, 0).fails_in_out(EINVAL)
        },
    )
    .features(ASYNC | UFFD_FEATURE_MOVE),
    case(
        "register-async-vdso",
        "measured",
        "WP_ASYNC does not take mappings of the kernel's own, as the vDSO: EINVAL",
        |m| {
            // SAFETY: a plain number.
            let vdso = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
            if vdso == 0 {
                return Err(Verdict::Cannot("no vDSO".to_owned()));
            }
            Uffd::open(ASYNC)?
                .register(vdso, m.page, WP)
                .fails_with(EINVAL, UNTOUCHED)
        },
    )
    .features(ASYNC),
    case(
        "register-async-read-only-shared",
        "measured",
        "WP_ASYNC does not take a shared mapping of a file that the process may not write: EPERM",
        |_| {
            use std::os::unix::io::{AsRawFd, FromRawFd};
            let file = uffd_kit::file::on_ramfs(page_size())?;
            let path = format!("/proc/self/fd/{}\0", file.as_raw_fd());
            let flags = libc::O_RDONLY | libc::O_CLOEXEC;
            // SAFETY: the path ends in zero; the descriptor is nobody else's.
            let fd = need("open", unsafe { libc::open(path.as_ptr().cast(), flags) })?;
            // SAFETY: as above.
            let read_only = unsafe { std::fs::File::from_raw_fd(fd as i32) };
            let r = Region::of_file(read_only, 1, libc::PROT_READ, libc::MAP_SHARED)?;
            Uffd::open(ASYNC)?
                .register(r.addr, r.len, WP)
                .fails_with(EPERM, UNTOUCHED)
        },
    )
    .features(ASYNC),
    case(
        "register-einval-droppable",
        "measured",
        "since Linux 6.17, memory that the kernel may drop (MAP_DROPPABLE) cannot be registered: EINVAL",
        |_| {
            let (addr, len) = droppable()?;
            let uffd = Uffd::open(ASYNC)?;
            [WP, MISSING]
                .iter()
                .try_for_each(|mode| uffd.register(addr, len, *mode).fails(EINVAL))
        },
    )
    .features(ASYNC)
    .since(6, 17),
    case(
        "register-droppable",
        "measured",
        "until Linux 6.16, memory that the kernel may drop (MAP_DROPPABLE) could be registered",
        |_| {
            let (addr, len) = droppable()?;
            Uffd::open(ASYNC)?.register(addr, len, WP).ok()
        },
    )
    .features(ASYNC)
    .since(6, 11)
    .until(6, 16),
    case(
        "register-einval-rwp-without-access",
        "measured",
        "the mode RWP is EINVAL for memory without access (PROT_NONE)",
        |_| {
            let r = Region::source(1, FIRST)?;
            r.mprotect(0, 1, libc::PROT_NONE)?;
            Uffd::open(HAS_RWP)?
                .register(r.addr, r.len, RWP)
                .fails_with(EINVAL, UNTOUCHED)
        },
    )
    .features(HAS_RWP),
    case(
        "register-offers-part-of-mask",
        "measured",
        "no kind of memory is offered all calls of UFFD_API_RANGE_IOCTLS: a test for all of them fails",
        |_| {
            for memory in [Memory::Anon, Memory::Shmem] {
                let (_s, ioctls) = ioctls_of(memory, 0, MISSING)?;
                ensure!(
                    ioctls & UFFD_API_RANGE_IOCTLS != UFFD_API_RANGE_IOCTLS,
                    "all are offered"
                );
            }
            Ok(())
        },
    ),
    case(
        "api-features-informative",
        "measured",
        "MISSING_*, MINOR_*, WP of all kinds, POISON and MOVE work although their features were not enabled",
        |m| {
            for memory in [Memory::Anon, Memory::Shmem] {
                let s = Scene::empty(memory, 2, 0, MISSING_WP)?;
                let source = Region::source(1, FIRST)?;
                s.uffd.copy(s.at(0), source.addr, m.page, 0).gives(m.page)?;
                s.protect(0, 1)?;
                s.traps_write(0)?;
                s.uffd.poison(s.at(1), m.page, 0).gives(m.page)?;
            }
            let s = Scene::empty(Memory::Anon, 1, 0, MISSING)?;
            let source = Region::source(1, FIRST)?;
            s.uffd.move_(s.at(0), source.addr, m.page, 0).gives(m.page)?;
            let mode = UFFDIO_REGISTER_MODE_MINOR;
            let (s, _alias) = Scene::cached(Memory::Shmem, 1, 0, mode)?;
            s.uffd.continue_(s.at(0), m.page, 0).gives(m.page)
        },
    )
    .features(
        HAS_WP_SHARED | UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_POISON | UFFD_FEATURE_MOVE,
    ),
];
