//! UFFDIO_WRITEPROTECT: its argument and its errors.

use super::scene::*;
use crate::prelude::*;

const WP: u64 = UFFDIO_WRITEPROTECT_MODE_WP;
const DONTWAKE: u64 = UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
const EINVAL_ENTRY: &str = "UFFDIO_WRITEPROTECT(2const), ERRORS: EINVAL";
const ENOENT_ENTRY: &str = "UFFDIO_WRITEPROTECT(2const), ERRORS: ENOENT";

fn scene() -> Result<Scene, Verdict> {
    Scene::new(Memory::Anon, 4, 0, UFFDIO_REGISTER_MODE_WP)
}

/// The call must fail so, and protect nothing of pages 0 to 3.
fn refused(s: &Scene, start: usize, len: usize, mode: u64, errno: i32) -> Outcome {
    s.uffd.writeprotect(start, len, mode).fails(errno)?;
    (0..4).try_for_each(|n| s.lets_write(n))
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "writeprotect-einval-beyond-address-space",
        EINVAL_ENTRY,
        "a range beyond the addresses of a process is EINVAL",
        |m| {
            let s = scene()?;
            let mut beyond = uffdio_writeprotect {
                range: uffdio_range {
                    start: 1 << 63,
                    len: m.page as u64,
                },
                mode: WP,
            };
            // SAFETY: the struct lives through the call.
            let make = || unsafe { uffdio_writeprotect(s.uffd.fd, &mut beyond) };
            Answer::of("UFFDIO_WRITEPROTECT", make).fails(EINVAL)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-einval-wp-with-dontwake",
        "UFFDIO_WRITEPROTECT(2const), DESCRIPTION: UFFDIO_WRITEPROTECT_MODE_DONTWAKE",
        "DONTWAKE is for lifting alone: together with MODE_WP it is refused, with EINVAL",
        |m| {
            let s = scene()?;
            refused(&s, s.at(0), m.page, WP | DONTWAKE, EINVAL)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-einval-before-api",
        "userfaultfd(2), Userfaultfd operation",
        "before UFFDIO_API the call is EINVAL",
        |m| {
            let region = Region::source(1, FIRST)?;
            let uffd = match Uffd::bare(libc::O_CLOEXEC) {
                Ok(uffd) => uffd,
                Err(errno) => fail!("userfaultfd(2) answered {}", errno_name(errno)),
            };
            uffd.writeprotect(region.addr, m.page, WP).fails(EINVAL)?;
            uffd.api(0).0.ok()?;
            uffd.writeprotect(region.addr, m.page, WP).fails(ENOENT)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-enoent-not-mapped",
        ENOENT_ENTRY,
        "an address at which nothing is mapped is ENOENT",
        |m| {
            let s = scene()?;
            s.region.munmap(0, 2)?;
            s.uffd.writeprotect(s.at(0), 2 * m.page, WP).fails(ENOENT)?;
            s.uffd.writeprotect(s.at(2), 2 * m.page, WP).ok()
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-enoent-not-registered",
        ENOENT_ENTRY,
        "memory that is not registered is ENOENT",
        |m| {
            let s = scene()?;
            let other = Region::source(1, FIRST)?;
            s.uffd.writeprotect(other.addr, m.page, WP).fails(ENOENT)?;
            s.uffd.writeprotect(other.addr, m.page, 0).fails(ENOENT)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-enoent-registered-without-wp",
        ENOENT_ENTRY,
        "memory registered for missing pages alone is ENOENT",
        |m| {
            let s = Scene::new(Memory::Anon, 4, 0, UFFDIO_REGISTER_MODE_MISSING)?;
            refused(&s, s.at(0), m.page, WP, ENOENT)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-enoent-after-unregister",
        ENOENT_ENTRY,
        "memory that was unregistered is ENOENT",
        |m| {
            let s = scene()?;
            s.uffd.unregister(s.at(0), s.region.len).ok()?;
            refused(&s, s.at(0), m.page, WP, ENOENT)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-enoent-partial",
        "measured",
        "a range that ends in memory that is not registered is ENOENT, its first part protected",
        |m| {
            let region = Region::new(Memory::Anon, 4)?;
            region.fill(FIRST);
            let uffd = Uffd::open(0)?;
            uffd.register(region.at(0), 2 * m.page, UFFDIO_REGISTER_MODE_WP)
                .ok()?;
            let s = Scene { uffd, region };
            s.uffd.writeprotect(s.at(0), 4 * m.page, WP).fails(ENOENT)?;
            s.traps_write(0)?;
            s.traps_write(1)?;
            s.lets_write(2)?;
            s.lets_write(3)
        },
    )
    .features(HAS_WP)
    .since(6, 4),
    case(
        "writeprotect-one-mapping",
        "measured",
        "before Linux 6.4, a range that spans two mappings is ENOENT, and nothing is protected",
        |m| {
            let s = scene()?;
            s.region.mprotect(2, 2, libc::PROT_READ)?;
            s.uffd.writeprotect(s.at(0), 4 * m.page, WP).fails(ENOENT)?;
            s.lets_write(0)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP)
    .until(6, 3),
    case(
        "writeprotect-enoent-hole",
        ENOENT_ENTRY,
        "a range with a hole in it is ENOENT",
        |m| {
            let s = scene()?;
            s.region.munmap(1, 1)?;
            s.uffd.writeprotect(s.at(0), 4 * m.page, WP).fails(ENOENT)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-efault",
        "UFFDIO_WRITEPROTECT(2const), ERRORS: EFAULT",
        "an argument that cannot be read is EFAULT",
        |_| {
            let s = scene()?;
            refuses_unreadable(&s.uffd, "UFFDIO_WRITEPROTECT", uffdio_writeprotect)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-argument-only-read",
        "measured",
        "the argument is only read: it may be in memory that cannot be written",
        |m| {
            let s = scene()?;
            let arg = uffdio_writeprotect {
                range: uffdio_range {
                    start: s.at(0) as u64,
                    len: m.page as u64,
                },
                mode: WP,
            };
            let page = Region::new(Memory::Anon, 1)?;
            let at = page.addr as *mut uffdio_writeprotect;
            // SAFETY: the page is the case's own, and large enough.
            unsafe { at.write(arg) };
            page.mprotect(0, 1, libc::PROT_READ)?;
            // SAFETY: the argument may be read.
            let make = || unsafe { uffdio_writeprotect(s.uffd.fd, at) };
            Answer::of("UFFDIO_WRITEPROTECT", make).ok()?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-eagain-retry",
        "UFFDIO_WRITEPROTECT(2const), ERRORS: EAGAIN",
        "EAGAIN means an interruption, after which calling again is all that is needed",
        |m| {
            let features = UFFD_FEATURE_EVENT_REMOVE;
            let s = Scene::new(Memory::Anon, 4, features, UFFDIO_REGISTER_MODE_WP)?;
            while_event_waits(&s, |s| {
                for _ in 0..100 {
                    let answer = s.uffd.writeprotect(s.at(0), m.page, WP);
                    if answer.errno != EAGAIN {
                        return answer.ok();
                    }
                }
                fail!("EAGAIN a hundred times while an event waits to be read")
            })
        },
    )
    .features(HAS_WP | UFFD_FEATURE_EVENT_REMOVE),
    case(
        "writeprotect-unknown-ioctl",
        "measured",
        "a kernel whose features lack PAGEFAULT_FLAG_WP refuses the mode WP with EINVAL, and the call \
         with EINVAL, or ENOENT if it knows the call",
        |m| {
            let region = Region::source(1, FIRST)?;
            let uffd = Uffd::open(0)?;
            uffd.register(region.addr, m.page, UFFDIO_REGISTER_MODE_WP)
                .fails(EINVAL)?;
            uffd.register(region.addr, m.page, UFFDIO_REGISTER_MODE_MISSING)
                .ok()?;
            let answer = uffd.writeprotect(region.addr, m.page, WP);
            // Kernels that know the call, on processors that cannot do it.
            ensure!([EINVAL, ENOENT].contains(&answer.errno), "{}", answer);
            Ok(())
        },
    )
    .lacking(HAS_WP),
];
