//! Cases: UFFDIO_API.

use super::scene::pipe_with;
use crate::prelude::*;
use libc::c_int;

const FLAGS: c_int = libc::O_CLOEXEC | libc::O_NONBLOCK;

fn bare() -> Result<Uffd, Verdict> {
    Uffd::bare(FLAGS)
        .map_err(|errno| Verdict::Fail(format!("userfaultfd(2): {}", errno_name(errno))))
}

/// The handshake with these features must be EINVAL, and zero the struct.
fn refused(uffd: &Uffd, features: u64, errno: c_int) -> Outcome {
    let (answer, left) = uffd.api(features);
    answer.fails(errno)?;
    let left = (left.api, left.features, left.ioctls);
    ensure!(left == (0, 0, 0), "{}, but the struct is not zero", answer);
    Ok(())
}

/// Enabling features must work, and a descriptor with them must be usable.
fn enables(m: &Machine, features: u64) -> Outcome {
    let uffd = bare()?;
    let (answer, api) = uffd.api(features);
    answer.ok()?;
    ensure!(
        api.features == m.features,
        "answers {:#x} now",
        api.features
    );
    let region = Region::new(Memory::Anon, 1)?;
    uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_MISSING)
        .ok()
}

/// Memory that may be read, and memory that may not be touched at all.
fn read_only_page(m: &Machine) -> Result<usize, Verdict> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    map(0, m.page, libc::PROT_READ, flags, -1)
}

/// One more of the same: the feature can be enabled alone.
macro_rules! feature {
    ($id:literal, $feature:ident, $claim:literal) => {
        case(
            concat!("api-feature-", $id),
            concat!("UFFDIO_API(2const), DESCRIPTION: ", stringify!($feature)),
            $claim,
            |m| enables(m, $feature),
        )
        .features($feature)
    };
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "api-answers",
        "UFFDIO_API(2const), DESCRIPTION: _UFFDIO_API _UFFDIO_REGISTER _UFFDIO_UNREGISTER",
        "answers all features, and the calls API, REGISTER and UNREGISTER: `1 << _UFFDIO_*`",
        |_| {
            let (answer, api) = bare()?.api(0);
            answer.ok()?;
            ensure!(api.api == UFFD_API, "the field api was changed");
            ensure!(api.features != 0, "no features");
            let wanted = 1 << _UFFDIO_API | 1 << _UFFDIO_REGISTER | 1 << _UFFDIO_UNREGISTER;
            ensure!(api.ioctls & wanted == wanted, "ioctls is {:#x}", api.ioctls);
            Ok(())
        },
    ),
    case(
        "api-ioctls-set-mode",
        "UFFDIO_API(2const), DESCRIPTION: _UFFDIO_SET_MODE",
        "a kernel that has read-write-protection offers the call SET_MODE, another does not",
        |m| {
            let (offered, has) = (
                m.ioctls >> _UFFDIO_SET_MODE & 1 != 0,
                m.has(UFFD_FEATURE_RWP),
            );
            ensure!(
                offered == has,
                "features {:#x} but ioctls {:#x}",
                m.features,
                m.ioctls
            );
            Ok(())
        },
    ),
    case(
        "api-answers-all-features",
        "UFFDIO_API(2const), DESCRIPTION",
        "the features answered are all that there are, not those that were enabled",
        |m| {
            let (answer, api) = bare()?.api(m.features & (UFFD_FEATURE_THREAD_ID | 1));
            answer.ok()?;
            ensure!(api.features == m.features, "answers {:#x}", api.features);
            Ok(())
        },
    ),
    case(
        "api-all-features-at-once",
        "UFFDIO_API(2const), DESCRIPTION",
        "all features that the kernel answers can be enabled together",
        |m| enables(m, m.features),
    ),
    case(
        "api-einval-version",
        "UFFDIO_API(2const), ERRORS: EINVAL",
        "another API version than 0xaa is EINVAL, and the struct is zero",
        |_| {
            for api in [0, UFFD_API - 1, UFFD_API + 1, UFFD_API | 1 << 32, u64::MAX] {
                let uffd = bare()?;
                let mut arg = uffdio_api {
                    api,
                    features: 0,
                    ioctls: 77,
                };
                // SAFETY: `arg` lives through the call.
                let answer = Answer::of("UFFDIO_API", || unsafe { uffdio_api(uffd.fd, &mut arg) });
                answer.fails(EINVAL)?;
                let left = (arg.api, arg.features, arg.ioctls);
                ensure!(left == (0, 0, 0), "{}, but the struct is not zero", answer);
            }
            Ok(())
        },
    ),
    case(
        "api-einval-unknown-feature",
        "UFFDIO_API(2const), ERRORS: EINVAL",
        "each feature bit that the kernel does not tell is EINVAL, and the struct is zero",
        |m| {
            for bit in (0..64).map(|n| 1 << n).filter(|bit| m.features & bit == 0) {
                refused(&bare()?, bit, EINVAL)?;
            }
            Ok(())
        },
    ),
    case(
        "api-retry-after-error",
        "UFFDIO_API(2const), CAVEATS",
        "after a refused handshake the descriptor can be tried again",
        |_| {
            let uffd = bare()?;
            refused(&uffd, 1 << 63, EINVAL)?;
            uffd.api(0).0.ok()
        },
    ),
    case(
        "api-two-steps",
        "UFFDIO_API(2const), ERRORS: EINVAL.2",
        "after a handshake that enabled nothing, a second one may enable features",
        |_| {
            let uffd = bare()?;
            uffd.api(0).0.ok()?;
            uffd.api(UFFD_FEATURE_THREAD_ID).0.ok()
        },
    ),
    case(
        "api-second-handshake",
        "UFFDIO_API(2const), BUGS",
        "a second handshake is refused even if the first enabled nothing: close and open anew",
        |_| {
            let uffd = bare()?;
            uffd.api(0).0.ok()?;
            refused(&uffd, 0, EINVAL)?;
            refused(&uffd, UFFD_FEATURE_THREAD_ID, EINVAL)
        },
    ),
    case(
        "api-einval-enabled-before",
        "UFFDIO_API(2const), ERRORS: EINVAL.2",
        "a second handshake after one that enabled features is EINVAL",
        |_| {
            let uffd = bare()?;
            uffd.api(UFFD_FEATURE_THREAD_ID).0.ok()?;
            refused(&uffd, 0, EINVAL)?;
            refused(&uffd, UFFD_FEATURE_THREAD_ID, EINVAL)
        },
    ),
    case(
        "api-second-handshake-harmless",
        "measured",
        "a refused second handshake leaves the features of the first as they are",
        |_| {
            let uffd = bare()?;
            uffd.api(UFFD_FEATURE_THREAD_ID).0.ok()?;
            refused(&uffd, 0, EINVAL)?;
            let region = Region::new(Memory::Anon, 1)?;
            uffd.register(region.addr, region.len, UFFDIO_REGISTER_MODE_MISSING)
                .ok()?;
            let reader = Thread::reads(region.addr);
            match uffd.next()? {
                Event::Fault { ptid, .. } => ensure!(ptid == reader.tid(), "no thread id"),
                other => fail!("{} came, not a fault", other.name()),
            }
            uffd.zeropage(region.addr, region.len, 0).ok()?;
            reader.returns_value(0)
        },
    ),
    case(
        "api-efault",
        "UFFDIO_API(2const), ERRORS: EFAULT; ioctl_userfaultfd(2), ERRORS: EFAULT",
        "an argument outside of the address space is EFAULT, and the descriptor stays fresh",
        |_| {
            let uffd = bare()?;
            for bad in [std::ptr::null_mut::<uffdio_api>(), 8 as *mut uffdio_api] {
                // SAFETY: the kernel checks the address.
                Answer::of("UFFDIO_API", || unsafe { uffdio_api(uffd.fd, bad) }).fails(EFAULT)?;
            }
            uffd.api(0).0.ok()
        },
    ),
    case(
        "api-other-descriptor",
        "measured",
        "UFFDIO_API is ENOTTY on another kind of descriptor, and EBADF on none",
        |_| {
            let (pipe, _) = pipe_with(b"x")?;
            for (fd, errno) in [(pipe, ENOTTY), (-1, EBADF)] {
                let mut arg = uffdio_api::default();
                // SAFETY: the argument lives through the call.
                Answer::of("UFFDIO_API", || unsafe { uffdio_api(fd, &mut arg) }).fails(errno)?;
            }
            Ok(())
        },
    ),
    case(
        "api-efault-read-only",
        "UFFDIO_API(2const), ERRORS: EFAULT",
        "an argument that can be read but not written is EFAULT",
        |m| {
            let (uffd, page) = (bare()?, read_only_page(m)?);
            let protect = |protection| {
                // SAFETY: the page is this case's own.
                unsafe { libc::mprotect(page as *mut libc::c_void, m.page, protection) }
            };
            protect(libc::PROT_READ | libc::PROT_WRITE);
            // SAFETY: the page can be written now.
            unsafe {
                (page as *mut uffdio_api).write_volatile(uffdio_api {
                    api: UFFD_API,
                    features: 0,
                    ioctls: 0,
                })
            };
            protect(libc::PROT_READ);
            let arg = page as *mut uffdio_api;
            // SAFETY: the kernel checks the address.
            Answer::of("UFFDIO_API", || unsafe { uffdio_api(uffd.fd, arg) }).fails(EFAULT)
        },
    ),
    case(
        "api-eperm-event-fork",
        "UFFDIO_API(2const), ERRORS: EPERM",
        "UFFD_FEATURE_EVENT_FORK without CAP_SYS_PTRACE is EPERM",
        |_| {
            let (one, two) = (bare()?, bare()?);
            keep_capabilities(!CAP_SYS_PTRACE)?;
            refused(&one, UFFD_FEATURE_EVENT_FORK, EPERM)?;
            two.api(UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE)
                .0
                .ok()
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK)
    .since(5, 4),
    case(
        "api-cap-sys-ptrace-event-fork",
        "UFFDIO_API(2const), ERRORS: EPERM",
        "CAP_SYS_PTRACE alone is enough for UFFD_FEATURE_EVENT_FORK",
        |_| {
            let uffd = bare()?;
            keep_capabilities(CAP_SYS_PTRACE)?;
            uffd.api(UFFD_FEATURE_EVENT_FORK).0.ok()
        },
    )
    .features(UFFD_FEATURE_EVENT_FORK),
    case(
        "api-rwp-async-needs-rwp",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_RWP_ASYNC",
        "UFFD_FEATURE_RWP_ASYNC without UFFD_FEATURE_RWP in the same call is EINVAL",
        |_| refused(&bare()?, UFFD_FEATURE_RWP_ASYNC, EINVAL),
    )
    .features(UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC),
    case(
        "api-feature-rwp-async",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_RWP_ASYNC",
        "UFFD_FEATURE_RWP_ASYNC can be enabled together with UFFD_FEATURE_RWP",
        |m| enables(m, UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC),
    )
    .features(UFFD_FEATURE_RWP | UFFD_FEATURE_RWP_ASYNC),
    case(
        "api-unknown-request",
        "measured",
        "a request that no kernel knows is EINVAL on a userfaultfd",
        |_| {
            let uffd = Uffd::open(0)?;
            let request = UFFDIO_API & !0xff | 0x3e;
            let mut arg = [0_u64; 8];
            // SAFETY: nobody knows this request, so the argument is not used.
            Answer::of("request 0x3e", || unsafe {
                libc::syscall(
                    libc::SYS_ioctl,
                    uffd.fd,
                    request as libc::c_ulong,
                    arg.as_mut_ptr(),
                ) as c_int
            })
            .fails(EINVAL)
        },
    ),
    feature!(
        "event-fork",
        UFFD_FEATURE_EVENT_FORK,
        "EVENT_FORK can be enabled alone"
    ),
    feature!(
        "event-remap",
        UFFD_FEATURE_EVENT_REMAP,
        "EVENT_REMAP can be enabled alone"
    ),
    feature!(
        "event-remove",
        UFFD_FEATURE_EVENT_REMOVE,
        "EVENT_REMOVE can be enabled alone"
    ),
    feature!(
        "event-unmap",
        UFFD_FEATURE_EVENT_UNMAP,
        "EVENT_UNMAP can be enabled alone"
    ),
    feature!(
        "missing-hugetlbfs",
        UFFD_FEATURE_MISSING_HUGETLBFS,
        "MISSING_HUGETLBFS can be enabled"
    ),
    feature!(
        "missing-shmem",
        UFFD_FEATURE_MISSING_SHMEM,
        "MISSING_SHMEM can be enabled"
    ),
    feature!("sigbus", UFFD_FEATURE_SIGBUS, "SIGBUS can be enabled alone"),
    feature!(
        "thread-id",
        UFFD_FEATURE_THREAD_ID,
        "THREAD_ID can be enabled alone"
    ),
    feature!(
        "pagefault-flag-wp",
        UFFD_FEATURE_PAGEFAULT_FLAG_WP,
        "PAGEFAULT_FLAG_WP can be enabled"
    ),
    feature!(
        "minor-hugetlbfs",
        UFFD_FEATURE_MINOR_HUGETLBFS,
        "MINOR_HUGETLBFS can be enabled alone"
    ),
    feature!(
        "minor-shmem",
        UFFD_FEATURE_MINOR_SHMEM,
        "MINOR_SHMEM can be enabled alone"
    ),
    feature!(
        "exact-address",
        UFFD_FEATURE_EXACT_ADDRESS,
        "EXACT_ADDRESS can be enabled alone"
    ),
    feature!(
        "wp-hugetlbfs-shmem",
        UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
        "WP_HUGETLBFS_SHMEM can be enabled"
    ),
    feature!(
        "wp-unpopulated",
        UFFD_FEATURE_WP_UNPOPULATED,
        "WP_UNPOPULATED can be enabled alone"
    ),
    feature!("poison", UFFD_FEATURE_POISON, "POISON can be enabled alone"),
    feature!(
        "wp-async",
        UFFD_FEATURE_WP_ASYNC,
        "WP_ASYNC can be enabled alone"
    ),
    feature!("move", UFFD_FEATURE_MOVE, "MOVE can be enabled alone"),
    feature!("rwp", UFFD_FEATURE_RWP, "RWP can be enabled alone"),
];
