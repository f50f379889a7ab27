//! Write-protect faults with the features that shape all faults, on and off.

use super::scene::*;
use crate::prelude::*;

const REGISTER_WP: u64 = UFFDIO_REGISTER_MODE_WP;

/// A protected page with these features on.
fn scene(memory: Memory, features: u64) -> Result<Scene, Verdict> {
    let s = Scene::new(memory, 2, features, REGISTER_WP)?;
    s.protect(0, 2)?;
    Ok(s)
}

/// What the message of a write at this offset of page 1 says: the address as
/// an offset, and the thread's id, and the writer.
fn message(s: &Scene, offset: usize) -> Result<(usize, u32, Thread), Verdict> {
    let writer = Thread::writes(s.at(1) + offset, NEW);
    match s.uffd.next()? {
        Event::Fault {
            address,
            ptid,
            flags,
        } => {
            ensure!(flags == WP_WRITE, "the fault has other flags");
            s.unprotect(1, 1)?;
            writer.returns()?;
            Ok((address.wrapping_sub(s.at(1)), ptid, writer))
        }
        other => fail!("{} came, not a fault", other.name()),
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "writeprotect-thread-id-on",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_THREAD_ID",
        "with THREAD_ID, the message of a write-protect fault names the thread",
        |_| {
            let s = scene(Memory::Anon, UFFD_FEATURE_THREAD_ID)?;
            let (_, ptid, writer) = message(&s, 0)?;
            ensure!(ptid == writer.tid(), "the message names another thread");
            Ok(())
        },
    )
    .features(HAS_WP | UFFD_FEATURE_THREAD_ID),
    case(
        "writeprotect-thread-id-off",
        "userfaultfd(2), DESCRIPTION",
        "without THREAD_ID, no thread is named",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            let (_, ptid, _) = message(&s, 0)?;
            ensure!(ptid == 0, "the message names a thread");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-exact-address-on",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EXACT_ADDRESS",
        "with EXACT_ADDRESS, the address of a write-protect fault is exact",
        |_| {
            let s = scene(Memory::Anon, UFFD_FEATURE_EXACT_ADDRESS)?;
            let (offset, _, _) = message(&s, 123)?;
            ensure!(offset == 123, "the address is not exact");
            Ok(())
        },
    )
    .features(HAS_WP | UFFD_FEATURE_EXACT_ADDRESS),
    case(
        "writeprotect-exact-address-off",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EXACT_ADDRESS",
        "without EXACT_ADDRESS, the address of a write-protect fault is the page's",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            let (offset, _, _) = message(&s, 123)?;
            ensure!(offset == 0, "the address is not the page's");
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-exact-address-hugetlb",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_EXACT_ADDRESS",
        "with EXACT_ADDRESS, the address of a write-protect fault in a huge page is exact",
        |m| {
            let s = scene(Memory::Hugetlb, UFFD_FEATURE_EXACT_ADDRESS)?;
            let (offset, _, _) = message(&s, 3 * m.page + 123)?;
            ensure!(offset == 3 * m.page + 123, "the address is not exact");
            Ok(())
        },
    )
    .features(HAS_WP_SHARED | UFFD_FEATURE_EXACT_ADDRESS),
    case(
        "writeprotect-exact-address-hugetlb-off",
        "measured",
        "without EXACT_ADDRESS, the address of a fault in a huge page is the huge page's",
        |m| {
            let s = scene(Memory::Hugetlb, 0)?;
            let (offset, _, _) = message(&s, 3 * m.page + 123)?;
            ensure!(
                offset != 3 * m.page,
                "the address is that of the small page"
            );
            ensure!(
                offset == 0,
                "the address is neither the huge page's nor the small page's"
            );
            Ok(())
        },
    )
    .features(HAS_WP_SHARED),
    case(
        "writeprotect-sigbus",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "with SIGBUS, a write to a protected page raises SIGBUS at the address, without a message",
        |_| {
            let s = scene(Memory::Anon, UFFD_FEATURE_SIGBUS)?;
            let (_, address) = Thread::writes(s.at(1) + 123, NEW).gets_signal(SIGBUS)?;
            ensure!(address == s.at(1) + 123, "the signal has another address");
            quiet(&s.uffd)?;
            ensure!(s.region.read(1) == FIRST + 1, "the write came through");
            s.unprotect(1, 1)?;
            s.lets_write(1)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_SIGBUS),
    case(
        "writeprotect-sigbus-read",
        "userfaultfd(2), Userfaultfd operation: UFFD_FEATURE_SIGBUS",
        "with SIGBUS, a read of a protected page passes",
        |_| {
            let s = scene(Memory::Anon, UFFD_FEATURE_SIGBUS)?;
            s.lets_read(1, FIRST + 1)
        },
    )
    .features(HAS_WP | UFFD_FEATURE_SIGBUS),
    case(
        "writeprotect-register-ioctls",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_WRITEPROTECT",
        "UFFDIO_REGISTER offers WRITEPROTECT if the mode has WP",
        |_| {
            let bit = 1 << _UFFDIO_WRITEPROTECT;
            for (mode, offered) in [
                (REGISTER_WP, bit),
                (MISSING_WP, bit),
                (UFFDIO_REGISTER_MODE_MISSING, 0),
            ] {
                let region = Region::new(Memory::Anon, 1)?;
                let answer = Uffd::open(0)?.register(region.addr, region.len, mode);
                answer.ok()?;
                ensure!(
                    answer.out as u64 & bit == offered,
                    "WRITEPROTECT is offered wrongly"
                );
            }
            Ok(())
        },
    )
    .features(HAS_WP),
    case(
        "writeprotect-reregister-drops-wp",
        "userfaultfd.rst, Initializing a userfaultfd",
        "registering a range again without WP is EBUSY",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            let mode = UFFDIO_REGISTER_MODE_MISSING;
            s.uffd.register(s.at(0), s.region.len, mode).fails(EBUSY)?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP)
    .since(7, 3),
    case(
        "writeprotect-reregister-replaces",
        "userfaultfd.rst, Initializing a userfaultfd",
        "until Linux 7.2, registering a range again without WP silently replaces its mode",
        |m| {
            let s = scene(Memory::Anon, 0)?;
            let mode = UFFDIO_REGISTER_MODE_MISSING;
            s.uffd.register(s.at(0), s.region.len, mode).ok()?;
            let answer = s
                .uffd
                .writeprotect(s.at(0), m.page, UFFDIO_WRITEPROTECT_MODE_WP);
            answer.fails(ENOENT)
        },
    )
    .features(HAS_WP)
    .until(7, 2),
    case(
        "writeprotect-reregister-adds",
        "userfaultfd.rst, Initializing a userfaultfd",
        "registering a range again with WP and another mode keeps its protection",
        |_| {
            let s = scene(Memory::Anon, 0)?;
            s.uffd.register(s.at(0), s.region.len, MISSING_WP).ok()?;
            s.traps_write(0)
        },
    )
    .features(HAS_WP),
];
