//! Calls that fill a page where there is no room for it: no huge page is free, the
//! file system is full, the file ends before it, or the range leaves its mapping.

use super::calls::*;
use super::scene::*;
use crate::prelude::*;
use uffd_kit::file;
use uffd_kit::mapping::RW;
use uffd_kit::pages::huge_page_size;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;

/// A missing huge page that was not promised to the mapping, and data for it.
pub fn unpromised() -> Result<(Uffd, usize, Region), Verdict> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB | libc::MAP_NORESERVE;
    let len = huge_page_size();
    if len == 0 {
        return Err(Verdict::Cannot("no huge pages on this kernel".to_owned()));
    }
    let addr = map(0, len, RW, flags, -1)?;
    let uffd = Uffd::open(0)?;
    uffd.register(addr, len, MISSING).prepares()?;
    let source = Region::new(Memory::Anon, len / page_size())?;
    (0..source.pages()).for_each(|n| source.fill_page(n, NEW));
    Ok((uffd, addr, source))
}

/// Has all free huge pages promised to mappings, and returns those.
pub fn take_all() -> Result<Vec<usize>, Verdict> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    let mut taken = vec![];
    while let Ok(addr) = map(0, huge_page_size(), RW, flags, -1) {
        taken.push(addr);
        if taken.len() > 512 {
            return Err(Verdict::Cannot("there are too many huge pages".to_owned()));
        }
    }
    Ok(taken)
}

/// Ends the promises of [`take_all`].
pub fn give_back(taken: Vec<usize>) -> Outcome {
    let mut all = taken.into_iter();
    all.try_for_each(|addr| mapping::munmap(addr, huge_page_size()))
}

/// The mapping of the call's pages is two, and a call over both must fail so,
/// with nothing done.
fn over_two_mappings(call: Call, errno: libc::c_int) -> Outcome {
    let t = call.trial(0)?;
    t.scene.region.mprotect(2, 2, libc::PROT_READ)?;
    call.fails_over(&t, 0, 4, errno)?;
    call.did_nothing(&t)
}

/// Two pages of a memfd that was cut off after the first; the call on the second
/// must fail so.
fn beyond_the_file(call: Beyond, mode: u64, errno: libc::c_int) -> Outcome {
    let s = Scene::empty(Memory::Shmem, 2, 0, mode)?;
    // SAFETY: plain numbers.
    let cut = unsafe { libc::ftruncate(s.region.fd(), s.page() as libc::off_t) };
    need("ftruncate", cut)?;
    call(&s, s.at(1)).fails_in_out(errno)?;
    ensure!(!s.region.is_mapped(1)?, "a page was filled");
    Ok(())
}

type Beyond = fn(&Scene, usize) -> Answer;

fn copies(s: &Scene, at: usize) -> Answer {
    match Region::source(1, NEW) {
        Ok(source) => s.uffd.copy(at, source.addr, s.page(), 0),
        Err(why) => panic!("{}", why.text()),
    }
}

fn zeroes(s: &Scene, at: usize) -> Answer {
    s.uffd.zeropage(at, s.page(), 0)
}

fn continues(s: &Scene, at: usize) -> Answer {
    s.uffd.continue_(at, s.page(), 0)
}

fn poisons(s: &Scene, at: usize) -> Answer {
    s.uffd.poison(at, s.page(), 0)
}

macro_rules! beyond {
    ($($id:literal, $call:ident, $mode:ident, $errno:ident, since $since:tt until $until:tt, $features:expr => $claim:literal;)*) => {
        &[$(case($id, "measured", $claim, |_| beyond_the_file($call, $mode, $errno))
            .features($features).since $since.until $until),*]
    };
}

macro_rules! two_mappings {
    ($($id:literal, $call:ident, $errno:ident => $claim:literal;)*) => {
        &[$(case($id, "measured", $claim, |_| over_two_mappings($call, $errno)).features($call.features)),*]
    };
}

const MINOR: u64 = UFFDIO_REGISTER_MODE_MINOR;

/// The cases that differ in the call alone.
pub static CALLS: &[&[Case]] = &[
    two_mappings! {
        "zeropage-enoent-across-mappings", ZEROPAGE, ENOENT => "ENOENT, with nothing filled, when the range is not within one mapping";
        "continue-enoent-across-mappings", CONTINUE, ENOENT => "ENOENT, with nothing mapped, when the range is not within one mapping";
        "poison-enoent-across-mappings", POISON, ENOENT => "ENOENT, with nothing poisoned, when the range is not within one mapping";
        "move-einval-across-mappings", MOVE, EINVAL => "EINVAL, with nothing moved, when the destination is not within one mapping";
    },
    beyond! {
        "copy-beyond-file", copies, MISSING, EFAULT, since (4, 3) until (7, 0), UFFD_FEATURE_MISSING_SHMEM => "until Linux 7.0, a page beyond the end of the file is EFAULT";
        "copy-beyond-file-enomem", copies, MISSING, ENOMEM, since (7, 1) until (99, 0), UFFD_FEATURE_MISSING_SHMEM => "since Linux 7.1, a page beyond the end of the file is ENOMEM";
        "zeropage-beyond-file", zeroes, MISSING, EFAULT, since (4, 3) until (7, 0), UFFD_FEATURE_MISSING_SHMEM => "until Linux 7.0, a page beyond the end of the file is EFAULT";
        "zeropage-beyond-file-enomem", zeroes, MISSING, ENOMEM, since (7, 1) until (99, 0), UFFD_FEATURE_MISSING_SHMEM => "since Linux 7.1, a page beyond the end of the file is ENOMEM";
        "continue-beyond-file", continues, MINOR, EINVAL, since (4, 3) until (7, 0), UFFD_FEATURE_MINOR_SHMEM => "until Linux 7.0, a page beyond the end of the file is EINVAL";
        "continue-beyond-file-efault", continues, MINOR, EFAULT, since (7, 1) until (99, 0), UFFD_FEATURE_MINOR_SHMEM => "since Linux 7.1, a page beyond the end of the file is EFAULT";
        "poison-beyond-file", poisons, MISSING, EFAULT, since (4, 3) until (99, 0), UFFD_FEATURE_POISON => "a page beyond the end of the file is EFAULT";
    },
];

/// The other cases.
pub static CASES: &[Case] = &[
    case(
        "copy-hugetlb-exhausted",
        "measured",
        "when no huge page is free it is ENOMEM, with -ENOMEM in the field copy",
        |_| {
            let (uffd, addr, source) = unpromised()?;
            let _taken = take_all()?;
            let answer = uffd.copy(addr, source.addr, source.len, 0);
            answer.fails_in_out(ENOMEM)
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "copy-hugetlb-exhausted-no-page",
        "measured",
        "when no huge page is free, whatever the error, none is there: a thread that is woken faults again, and COPY succeeds once one is free",
        |_| {
            let (uffd, addr, source) = unpromised()?;
            let taken = take_all()?;
            let reader = Thread::reads(addr);
            uffd.expect_fault(addr, 0)?;
            let answer = uffd.copy(addr, source.addr, source.len, 0);
            ensure!(answer.errno != 0, "{}", answer);
            uffd.wake(addr, source.len).ok()?;
            uffd.expect_fault(addr, 0)?;
            give_back(taken)?;
            uffd.copy(addr, source.addr, source.len, 0).gives(source.len)?;
            reader.returns_value(i64::from(NEW))
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
    case(
        "copy-tmpfs-full",
        "measured",
        "when the file system of shared memory is full it is ENOMEM, with -ENOMEM in the field copy",
        |m| {
            let file = file::on("tmpfs", &format!("size={}", 2 * m.page), 8 * m.page)?;
            let region = Region::of_file(file, 8, RW, libc::MAP_SHARED)?;
            let s = Scene::of(region, 0, MISSING)?;
            let source = Region::source(1, NEW)?;
            for n in 0..2 {
                s.uffd.copy(s.at(n), source.addr, m.page, 0).gives(m.page)?;
            }
            let answer = s.uffd.copy(s.at(2), source.addr, m.page, 0);
            answer.fails_in_out(ENOMEM)
        },
    )
    .features(UFFD_FEATURE_MISSING_SHMEM),
    case(
        "copy-hugetlbfs-full",
        "measured",
        "when a file system of huge pages is full no page is there, and the error is not ENOSPC",
        |m| {
            let huge = m.huge_page;
            if huge == 0 {
                return Err(Verdict::Cannot("no huge pages on this kernel".to_owned()));
            }
            let file = file::on("hugetlbfs", &format!("size={}", huge), 2 * huge)?;
            let pages = 2 * huge / m.page;
            let flags = libc::MAP_SHARED | libc::MAP_NORESERVE;
            let s = Scene::of(Region::of_file(file, pages, RW, flags)?, 0, MISSING)?;
            let source = Region::source(huge / m.page, NEW)?;
            s.uffd.copy(s.at(0), source.addr, huge, 0).gives(huge)?;
            let second = s.region.addr + huge;
            let answer = s.uffd.copy(second, source.addr, huge, 0);
            ensure!(answer.errno == ENOMEM || answer.errno == EEXIST, "{}", answer);
            let reader = Thread::reads(second);
            s.uffd.expect_fault(second, 0)?;
            reader.still_waits()
        },
    )
    .features(UFFD_FEATURE_MISSING_HUGETLBFS),
];
