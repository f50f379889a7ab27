//! Cases: UFFDIO_REGISTER.

use super::scene::*;
use crate::prelude::*;
use uffd_kit::verdict::need_file;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const WP: u64 = UFFDIO_REGISTER_MODE_WP;
const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;
const RWP: u64 = UFFDIO_REGISTER_MODE_RWP;

/// Registered for missing pages, a read of this memory must wait.
fn traps_missing(memory: Memory) -> Outcome {
    let uffd = Uffd::open(0)?;
    let region = Region::new(memory, 2)?;
    uffd.register(region.addr, region.len, MISSING).ok()?;
    let reader = Thread::reads(region.at(1));
    uffd.expect_fault(region.at(1), 0)?;
    reader.still_waits()?;
    let source = Region::source(region.page / page_size(), 5)?;
    uffd.copy(region.at(1), source.addr, region.page, 0)
        .gives(region.page)?;
    reader.returns_value(5)
}

/// Registering a range of one page of anonymous memory, shifted and sized by
/// `change`, must be EINVAL.
fn refuses(m: &Machine, change: impl Fn(usize, usize) -> (usize, usize)) -> Outcome {
    let uffd = Uffd::open(0)?;
    let region = Region::new(Memory::Anon, 4)?;
    let (start, len) = change(region.addr, m.page);
    uffd.register(start, len, MISSING)
        .fails_with(EINVAL, UNTOUCHED)?;
    // Nothing was registered on the way.
    passes(&uffd, &Thread::reads(region.at(0))).map(|_| ())
}

/// The calls that the field `ioctls` offers after registering.
fn ioctls_of(memory: Memory, features: u64, mode: u64) -> Result<u64, Verdict> {
    let uffd = Uffd::open(features)?;
    let region = Region::new(memory, 1)?;
    let answer = uffd.register(region.addr, region.len, mode);
    answer.ok()?;
    Ok(answer.out as u64)
}

/// Are exactly these of the calls offered? Lists are of `_UFFDIO_*`.
fn offers(ioctls: u64, yes: &[u64], no: &[u64]) -> Outcome {
    for number in yes {
        ensure!(
            ioctls >> number & 1 != 0,
            "call {:#x} is not offered",
            number
        );
    }
    for number in no {
        ensure!(ioctls >> number & 1 == 0, "call {:#x} is offered", number);
    }
    Ok(())
}

/// The cases that differ in the kind of memory alone.
pub static KINDS: &[&[Case]] = &[
    kinds! {
        traps_missing, "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_MISSING";
        "register-missing-anon", Anon, 0 => "private anonymous memory can be registered for missing pages";
        "register-missing-shmem", Shmem, UFFD_FEATURE_MISSING_SHMEM => "shared memory can be registered for missing pages";
        "register-missing-shared-hugetlb", SharedHugetlb, UFFD_FEATURE_MISSING_HUGETLBFS => "shared huge pages can be registered for missing pages";
    },
    kinds! {
        traps_missing, "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_MISSING_SHMEM";
        "register-missing-shared-anon", SharedAnon, UFFD_FEATURE_MISSING_SHMEM => "shared anonymous memory, as of mmap(2) with MAP_SHARED, is shared memory too";
        "register-missing-private-shmem", PrivateShmem, UFFD_FEATURE_MISSING_SHMEM => "a private mapping of a memfd can be registered for missing pages";
    },
    kinds! {
        traps_missing, "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_MISSING; UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_MISSING_HUGETLBFS";
        "register-missing-hugetlb", Hugetlb, UFFD_FEATURE_MISSING_HUGETLBFS => "private huge pages can be registered for missing pages";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "register-einval-system-v",
        "measured",
        "shared memory of System V (shmat(2)) cannot be registered: EINVAL",
        |m| {
            let uffd = Uffd::open(UFFD_FEATURE_MISSING_SHMEM)?;
            let size = m.page;
            // SAFETY: new memory, wherever the kernel has room; it goes with the process.
            let addr = unsafe {
                let id = libc::shmget(libc::IPC_PRIVATE, size, 0o600);
                let addr = libc::shmat(id, std::ptr::null(), 0);
                libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut());
                addr
            };
            ensure!(addr as isize != -1, "shmat answered {}", std::io::Error::last_os_error());
            let addr = addr as usize;
            uffd.register(addr, size, UFFDIO_REGISTER_MODE_MISSING)
                .fails(EINVAL)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "register-mode-wp",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_WP",
        "private anonymous memory can be registered for write-protection",
        |_| ioctls_of(Memory::Anon, 0, WP).map(|_| ()),
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-mode-minor-shmem",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_MINOR",
        "shared memory can be registered for minor faults",
        |_| ioctls_of(Memory::Shmem, 0, MINOR).map(|_| ()),
    )
    .features(UFFD_FEATURE_MINOR_SHMEM),
    case(
        "register-mode-minor-hugetlb",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_MINOR",
        "shared huge pages can be registered for minor faults",
        |_| ioctls_of(Memory::SharedHugetlb, 0, MINOR).map(|_| ()),
    )
    .features(UFFD_FEATURE_MINOR_HUGETLBFS),
    case(
        "register-mode-rwp",
        "userfaultfd(2), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP; UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP",
        "anonymous and shared memory can be registered for read-write-protection",
        |_| {
            ioctls_of(Memory::Anon, UFFD_FEATURE_RWP, RWP)?;
            ioctls_of(Memory::Shmem, UFFD_FEATURE_RWP, RWP).map(|_| ())
        },
    )
    .features(UFFD_FEATURE_RWP),
    case(
        "register-einval-rwp-with-wp",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP UFFDIO_REGISTER_MODE_WP",
        "the modes RWP and WP together are EINVAL",
        |_| {
            let uffd = Uffd::open(UFFD_FEATURE_RWP)?;
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, RWP | WP).fails_with(EINVAL, UNTOUCHED)
        },
    )
    .features(UFFD_FEATURE_RWP),
    case(
        "register-all-modes",
        "userfaultfd(2), DESCRIPTION",
        "several modes can be enabled for one range: MISSING, WP and MINOR",
        |_| ioctls_of(Memory::Shmem, 0, MISSING | WP | MINOR).map(|_| ()),
    )
    .features(
        UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_MINOR_SHMEM,
    ),
    case(
        "register-ioctls-anon",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_COPY _UFFDIO_WAKE _UFFDIO_ZEROPAGE",
        "the field ioctls offers COPY, WAKE and ZEROPAGE for anonymous memory",
        |_| {
            let ioctls = ioctls_of(Memory::Anon, 0, MISSING)?;
            offers(ioctls, &[_UFFDIO_COPY, _UFFDIO_WAKE, _UFFDIO_ZEROPAGE], &[_UFFDIO_CONTINUE])
        },
    ),
    case(
        "register-ioctls-hugetlb",
        "measured",
        "the field ioctls offers COPY and WAKE for huge pages, but not ZEROPAGE",
        |_| {
            let ioctls = ioctls_of(Memory::Hugetlb, 0, MISSING)?;
            offers(ioctls, &[_UFFDIO_COPY, _UFFDIO_WAKE], &[_UFFDIO_ZEROPAGE])
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "register-ioctls-writeprotect",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_WRITEPROTECT",
        "the field ioctls offers WRITEPROTECT with the mode WP, and not without it",
        |_| {
            offers(ioctls_of(Memory::Anon, 0, MISSING | WP)?, &[_UFFDIO_WRITEPROTECT], &[])?;
            offers(ioctls_of(Memory::Anon, 0, MISSING)?, &[], &[_UFFDIO_WRITEPROTECT])
        },
    )
    .features(UFFD_FEATURE_PAGEFAULT_FLAG_WP),
    case(
        "register-ioctls-continue",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_CONTINUE",
        "the field ioctls offers CONTINUE with the mode MINOR, and not without it",
        |_| {
            offers(ioctls_of(Memory::Shmem, 0, MINOR)?, &[_UFFDIO_CONTINUE], &[])?;
            offers(ioctls_of(Memory::Shmem, 0, MISSING)?, &[], &[_UFFDIO_CONTINUE])
        },
    )
    .features(UFFD_FEATURE_MINOR_SHMEM),
    case(
        "register-ioctls-poison",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_POISON",
        "the field ioctls offers POISON, for huge pages too",
        |_| {
            offers(ioctls_of(Memory::Anon, 0, MISSING)?, &[_UFFDIO_POISON], &[])?;
            offers(ioctls_of(Memory::Hugetlb, 0, MISSING)?, &[_UFFDIO_POISON], &[])
        },
    )
    .features(UFFD_FEATURE_POISON),
    case(
        "register-ioctls-move",
        "measured",
        "the field ioctls offers MOVE for anonymous memory, and not for huge pages",
        |_| {
            offers(ioctls_of(Memory::Anon, 0, MISSING)?, &[_UFFDIO_MOVE], &[])?;
            offers(ioctls_of(Memory::Hugetlb, 0, MISSING)?, &[], &[_UFFDIO_MOVE])
        },
    )
    .features(UFFD_FEATURE_MOVE),
    case(
        "register-ioctls-rwprotect",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_RWPROTECT",
        "the field ioctls offers RWPROTECT with the mode RWP, and not without it",
        |_| {
            let with = ioctls_of(Memory::Anon, UFFD_FEATURE_RWP, RWP)?;
            offers(with, &[_UFFDIO_RWPROTECT], &[])?;
            let without = ioctls_of(Memory::Anon, UFFD_FEATURE_RWP, MISSING)?;
            offers(without, &[], &[_UFFDIO_RWPROTECT])
        },
    )
    .features(UFFD_FEATURE_RWP),
    case(
        "register-ebusy",
        "UFFDIO_REGISTER(2const), ERRORS: EBUSY",
        "a range of which another userfaultfd has a part is EBUSY",
        |m| {
            let (one, two) = (Uffd::open(0)?, Uffd::open(0)?);
            let region = Region::new(Memory::Anon, 3)?;
            one.register(region.at(1), m.page, MISSING).ok()?;
            two.register(region.at(1), m.page, MISSING).fails_with(EBUSY, UNTOUCHED)?;
            two.register(region.addr, region.len, MISSING).fails_with(EBUSY, UNTOUCHED)?;
            two.register(region.at(2), m.page, MISSING).ok()
        },
    ),
    case(
        "register-ebusy-ends",
        "UFFDIO_REGISTER(2const), ERRORS: EBUSY",
        "after the other has unregistered or closed, the range is free",
        |m| {
            let (one, two) = (Uffd::open(0)?, Uffd::open(0)?);
            let region = Region::new(Memory::Anon, 2)?;
            one.register(region.addr, region.len, MISSING).ok()?;
            one.unregister(region.at(0), m.page).ok()?;
            two.register(region.at(0), m.page, MISSING).ok()?;
            drop(one);
            two.register(region.at(1), m.page, MISSING).ok()
        },
    ),
    case(
        "register-efault",
        "UFFDIO_REGISTER(2const), ERRORS: EFAULT",
        "an argument outside of the address space is EFAULT",
        |_| {
            let uffd = Uffd::open(0)?;
            for bad in [std::ptr::null_mut::<uffdio_register>(), 8 as *mut uffdio_register] {
                // SAFETY: the kernel checks the address.
                Answer::of("UFFDIO_REGISTER", || unsafe { uffdio_register(uffd.fd, bad) })
                    .fails(EFAULT)?;
            }
            Ok(())
        },
    ),
    case(
        "register-efault-read-only",
        "measured",
        "an argument that can be read alone is EFAULT, but the range is registered",
        |_| {
            let uffd = Uffd::open(0)?;
            let region = Region::new(Memory::Anon, 1)?;
            let range = uffdio_range { start: region.addr as u64, len: region.len as u64 };
            let arg = uffdio_register { range, mode: MISSING, ioctls: 0 };
            with_read_only(&uffd, "UFFDIO_REGISTER", uffdio_register, arg)?.fails(EFAULT)?;
            let reader = Thread::reads(region.addr);
            uffd.expect_fault(region.addr, 0)?;
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "register-einval-mode-zero",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL",
        "mode 0 is EINVAL",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 1)?);
            uffd.register(region.addr, region.len, 0).fails_with(EINVAL, UNTOUCHED)
        },
    ),
    case(
        "register-einval-mode-unsupported",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL",
        "a mode whose feature the kernel lacks is EINVAL",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Shmem, 1)?);
            let modes = [
                (UFFD_FEATURE_PAGEFAULT_FLAG_WP, WP),
                (UFFD_FEATURE_MINOR_SHMEM, MINOR),
                (UFFD_FEATURE_RWP, RWP),
            ];
            for (_, mode) in modes.iter().filter(|(feature, _)| !m.has(*feature)) {
                uffd.register(region.addr, region.len, *mode).fails_with(EINVAL, UNTOUCHED)?;
            }
            uffd.register(region.addr, region.len, MISSING).ok()
        },
    )
    .lacking(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_RWP),
    case(
        "register-einval-rwp-not-enabled",
        "UFFDIO_REGISTER(2const), DESCRIPTION: UFFDIO_REGISTER_MODE_RWP",
        "the mode RWP is EINVAL where UFFD_FEATURE_RWP was not enabled",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 1)?);
            uffd.register(region.addr, region.len, RWP).fails_with(EINVAL, UNTOUCHED)
        },
    )
    .features(UFFD_FEATURE_RWP),
    case(
        "register-einval-no-mapping",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL.2",
        "a range in which nothing is mapped is EINVAL",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
            region.munmap(1, 2)?;
            uffd.register(region.at(1), 2 * m.page, MISSING).fails_with(EINVAL, UNTOUCHED)
        },
    ),
    case(
        "register-einval-no-mapping-above",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL.2",
        "registering above the highest mapping of the process is EINVAL",
        |m| {
            let maps = need_file("maps", std::fs::read_to_string("/proc/self/maps"))?;
            let ends = maps.lines().filter_map(|l| l.split(&['-', ' '][..]).nth(1));
            let ends = ends.filter_map(|end| u64::from_str_radix(end, 16).ok());
            // Not the gate page at the very top, which is no mapping of ours.
            let highest = ends.filter(|end| *end < 1 << 63).max().unwrap_or(0) as usize;
            ensure!(highest > 0, "no mapping was found");
            let uffd = Uffd::open(0)?;
            uffd.register(highest + m.page, m.page, MISSING).fails_with(EINVAL, UNTOUCHED)
        },
    ),
    case(
        "register-einval-start-zero",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL.3",
        "a range below the lowest address for mappings is EINVAL",
        |m| refuses(m, |_, len| (0, len)),
    ),
    case(
        "register-einval-hugetlb-unaligned",
        "measured",
        "huge pages can be registered in whole huge pages alone, else EINVAL",
        |m| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Hugetlb, 2)?);
            uffd.register(region.addr, m.page, MISSING).fails_with(EINVAL, UNTOUCHED)?;
            uffd.register(region.addr + m.page, region.page, MISSING).fails(EINVAL)?;
            uffd.register(region.addr, region.page, MISSING).ok()
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "register-einval-file",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL.4",
        "memory of a kind that cannot be registered, as of an ordinary file, is EINVAL",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::File, 2)?);
            uffd.register(region.addr, region.len, MISSING).fails_with(EINVAL, UNTOUCHED)
        },
    ),
    case(
        "register-einval-minor-anon",
        "UFFDIO_REGISTER(2const), ERRORS: EINVAL.4",
        "the mode MINOR is EINVAL for anonymous memory",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 2)?);
            uffd.register(region.addr, region.len, MINOR).fails_with(EINVAL, UNTOUCHED)?;
            uffd.register(region.addr, region.len, MINOR | MISSING).fails(EINVAL)
        },
    ),
    case(
        "register-eperm-read-only-shared",
        "measured",
        "shared memory that the process may not write is EPERM",
        |m| {
            let region = Region::new(Memory::Shmem, 1)?;
            let fd = region.fd();
            let path = format!("/proc/self/fd/{}", fd);
            let file = need_file("the memfd", std::fs::File::open(path))?;
            use std::os::unix::io::AsRawFd;
            let addr = map(0, m.page, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd())?;
            Uffd::open(0)?.register(addr, m.page, MISSING).fails_with(EPERM, UNTOUCHED)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "register-read-only-anon",
        "measured",
        "anonymous memory without access can be registered; the fault comes when it may be accessed",
        |_| {
            let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 1)?);
            region.mprotect(0, 1, libc::PROT_NONE)?;
            uffd.register(region.addr, region.len, MISSING).ok()?;
            Thread::reads(region.addr).gets_signal(SIGSEGV)?;
            quiet(&uffd)?;
            region.mprotect(0, 1, libc::PROT_READ)?;
            let reader = Thread::reads(region.addr);
            uffd.expect_fault(region.addr, 0)?;
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            reader.returns_value(0)
        },
    ),
];
