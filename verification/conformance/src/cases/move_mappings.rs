//! UFFDIO_MOVE: which mappings go together, and what becomes of protection.

use super::scene::*;
use crate::prelude::*;

const MOVE: u64 = UFFD_FEATURE_MOVE;
const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

/// A missing page, and a page to move there.
fn scene() -> Result<(Scene, Region), Verdict> {
    let s = Scene::empty(Memory::Anon, 1, 0, MISSING)?;
    Ok((s, Region::source(1, FIRST)?))
}

/// Locks it once it is touched, and puts nothing there.
fn lock(region: &Region) -> Outcome {
    const MLOCK_ONFAULT: libc::c_uint = 1;
    let (addr, len) = (region.addr as *const libc::c_void, region.len);
    // SAFETY: the memory is the case's own.
    let result = unsafe { libc::syscall(libc::SYS_mlock2, addr, len, MLOCK_ONFAULT) };
    need("mlock2", result as i64).map(|_| ())
}

fn moves(s: &Scene, source: &Region) -> Answer {
    s.uffd.move_(s.at(0), source.at(0), s.page(), 0)
}

fn refused(s: &Scene, source: &Region) -> Outcome {
    moves(s, source).fails_in_out(EINVAL)?;
    ensure!(!s.region.is_mapped(0)?, "a page arrived");
    Ok(())
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "move-both-locked",
        "measured",
        "both mappings may be locked by mlock(2)",
        |m| {
            let (s, source) = scene()?;
            lock(&s.region)?;
            lock(&source)?;
            moves(&s, &source).gives(m.page)?;
            s.region.holds(0, FIRST)
        },
    )
    .features(MOVE),
    case(
        "move-einval-one-locked",
        "measured",
        "if one mapping is locked and the other is not it is EINVAL",
        |_| {
            let (s, source) = scene()?;
            lock(&s.region)?;
            refused(&s, &source)?;
            let (s, source) = scene()?;
            lock(&source)?;
            refused(&s, &source)
        },
    )
    .features(MOVE),
    case(
        "move-einval-both-read-only",
        "measured",
        "mappings of equal permissions that may not be written are EINVAL",
        |_| {
            let (s, source) = scene()?;
            s.region.mprotect(0, 1, libc::PROT_READ)?;
            source.mprotect(0, 1, libc::PROT_READ)?;
            refused(&s, &source)
        },
    )
    .features(MOVE),
    case(
        "move-einval-other-permissions",
        "measured",
        "mappings of other permissions are EINVAL: one may be executed, or one not be written",
        |_| {
            let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            for (to, from) in [
                (libc::PROT_READ | libc::PROT_WRITE, all),
                (all, libc::PROT_READ | libc::PROT_WRITE),
                (libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE),
            ] {
                let (s, source) = scene()?;
                s.region.mprotect(0, 1, to)?;
                source.mprotect(0, 1, from)?;
                refused(&s, &source)?;
            }
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-einval-source-across-mappings",
        "measured",
        "a source that is not within one mapping is EINVAL, with nothing moved",
        |_| {
            let s = Scene::empty(Memory::Anon, 2, 0, MISSING)?;
            let source = Region::source(2, FIRST)?;
            source.mprotect(1, 1, libc::PROT_READ)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), s.region.len, 0);
            answer.fails_in_out(EINVAL)?;
            ensure!(!s.region.is_mapped(0)?, "a page arrived");
            source.holds(0, FIRST)
        },
    )
    .features(MOVE),
    case(
        "move-loses-write-protection",
        "measured",
        "a page that is write-protected arrives without protection",
        |m| {
            let to = Scene::empty(Memory::Anon, 1, 0, MISSING_WP)?;
            let from = Region::source(1, FIRST)?;
            to.uffd
                .register(from.addr, from.len, UFFDIO_REGISTER_MODE_WP)
                .ok()?;
            to.uffd
                .writeprotect(from.addr, from.len, UFFDIO_WRITEPROTECT_MODE_WP)
                .ok()?;
            moves(&to, &from).gives(m.page)?;
            to.lets_read(0, FIRST)?;
            to.lets_write(0)
        },
    )
    .features(MOVE | HAS_WP),
    case(
        "move-into-rwp",
        "measured",
        "a page that arrives in a range registered for RWP is protected: the thread is woken, and faults again",
        |m| {
            let mode = MISSING | UFFDIO_REGISTER_MODE_RWP;
            let s = Scene::empty(Memory::Anon, 1, HAS_RWP, mode)?;
            let source = Region::source(1, FIRST)?;
            let reader = Thread::reads(s.at(0));
            s.uffd.expect_fault(s.at(0), 0)?;
            moves(&s, &source).gives(m.page)?;
            s.uffd.expect_fault(s.at(0), RWP_READ)?;
            s.rwunprotect(0, 1)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(MOVE | HAS_RWP),
];
