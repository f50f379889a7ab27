//! UFFDIO_MOVE: its errors, and what the field move then says.

use super::scene::*;
use crate::prelude::*;

const MOVE: u64 = UFFD_FEATURE_MOVE;
const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const EBUSY_ENTRY: &str = "UFFDIO_MOVE(2const), ERRORS: EBUSY";
const HOLES_ENTRY: &str = "UFFDIO_MOVE(2const), DESCRIPTION: UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES";

/// Four missing pages, and four pages to move there.
fn scene() -> Result<(Scene, Region), Verdict> {
    let s = Scene::empty(Memory::Anon, 4, 0, MISSING)?;
    Ok((s, Region::source(4, FIRST)?))
}

/// As [`scene`], but of page `hole` of the source there is nothing.
fn scene_with_hole(hole: usize) -> Result<(Scene, Region), Verdict> {
    let (s, source) = scene()?;
    source.madvise(hole, 1, libc::MADV_DONTNEED)?;
    Ok((s, source))
}

/// Pins a page as direct I/O does: io_uring with a registered buffer.
fn pin(addr: usize, len: usize) -> Outcome {
    let cannot = |what: &str| Verdict::Cannot(format!("{}: {}", what, errno_name(errno())));
    // struct io_uring_params: 120 bytes, zero for the defaults.
    let mut params = [0u64; 15];
    // SAFETY: the kernel reads and writes one io_uring_params.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) };
    if ring < 0 {
        return Err(cannot("io_uring_setup"));
    }
    let buffer = libc::iovec {
        iov_base: addr as *mut libc::c_void,
        iov_len: len,
    };
    const IORING_REGISTER_BUFFERS: i32 = 0;
    // SAFETY: one vector, of memory of the case's own; the ring stays open
    // until the process ends.
    let result = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            ring,
            IORING_REGISTER_BUFFERS,
            &buffer,
            1,
        )
    };
    if result != 0 {
        return Err(cannot("io_uring_register"));
    }
    Ok(())
}

/// What a child does that is only there.
fn wait_for_ever() -> i32 {
    loop {
        // SAFETY: no arguments.
        unsafe { libc::pause() };
    }
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "move-eexist",
        "UFFDIO_MOVE(2const), ERRORS: EEXIST",
        "a destination that has the page already is EEXIST; nothing is moved, move says so",
        |m| {
            let (s, source) = scene()?;
            s.uffd.zeropage(s.at(0), m.page, 0).gives(m.page)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EEXIST)?;
            source.holds(0, FIRST)?;
            s.region.holds(0, 0)
        },
    )
    .features(MOVE),
    case(
        "move-eexist-partial",
        "UFFDIO_MOVE(2const), ERRORS: EEXIST",
        "a destination of which a later page is there is EEXIST",
        |m| {
            let (s, source) = scene()?;
            s.uffd.zeropage(s.at(2), m.page, 0).gives(m.page)?;
            s.uffd
                .move_(s.at(0), source.at(0), 4 * m.page, 0)
                .fails(EEXIST)
        },
    )
    .features(MOVE),
    case(
        "move-eagain-partial",
        "UFFDIO_MOVE(2const), ERRORS: EAGAIN",
        "if only a first part could be moved it is EAGAIN, and move says how much",
        |m| {
            let (s, source) = scene()?;
            s.uffd.zeropage(s.at(2), m.page, 0).gives(m.page)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), 4 * m.page, 0);
            answer.fails_with(EAGAIN, 2 * m.page as i64)?;
            s.region.holds(0, FIRST)?;
            s.region.holds(1, FIRST + 1)?;
            source.holds(2, FIRST + 2)?;
            source.holds(3, FIRST + 3)
        },
    )
    .features(MOVE),
    case(
        "move-enoent-hole",
        "UFFDIO_MOVE(2const), ERRORS: ENOENT",
        "a source without a page is ENOENT, and move says so",
        |m| {
            let (s, source) = scene_with_hole(0)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), 4 * m.page, 0);
            answer.fails_in_out(ENOENT)?;
            ensure!(
                !s.region.is_mapped(1)?,
                "the page behind the hole was moved"
            );
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-enoent-hole-later",
        HOLES_ENTRY,
        "a source of which a later page is not there is ENOENT",
        |m| {
            let (s, source) = scene_with_hole(1)?;
            s.uffd
                .move_(s.at(0), source.at(0), 4 * m.page, 0)
                .fails(ENOENT)
        },
    )
    .features(MOVE),
    case(
        "move-hole-partial",
        "UFFDIO_MOVE(2const), ERRORS: EAGAIN",
        "before a hole in the source the pages are moved: EAGAIN, and move says how much",
        |m| {
            let (s, source) = scene_with_hole(1)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), 4 * m.page, 0);
            answer.fails_with(EAGAIN, m.page as i64)?;
            s.region.holds(0, FIRST)
        },
    )
    .features(MOVE),
    case(
        "move-holes-not-mapped",
        "UFFDIO_MOVE(2const), ERRORS: ENOENT",
        "a source at which nothing is mapped is ENOENT",
        |m| {
            let (s, source) = scene()?;
            source.munmap(0, 4)?;
            s.uffd.move_(s.at(0), source.at(0), m.page, 0).fails(ENOENT)
        },
    )
    .features(MOVE),
    case(
        "move-ebusy-fork",
        EBUSY_ENTRY,
        "pages that fork(2) made shared with a child are EBUSY, and move says so",
        |m| {
            let (s, source) = scene()?;
            let child = Child::fork(wait_for_ever)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EBUSY)?;
            drop(child);
            source.holds(0, FIRST)
        },
    )
    .features(MOVE),
    case(
        "move-ebusy-written-after-fork",
        EBUSY_ENTRY,
        "a page that was written since fork(2), and so copied, can be moved",
        |m| {
            let (s, source) = scene()?;
            let _child = Child::fork(wait_for_ever)?;
            source.fill_page(0, NEW);
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, NEW)
        },
    )
    .features(MOVE),
    case(
        "move-ebusy-partial",
        "UFFDIO_MOVE(2const), ERRORS: EAGAIN",
        "pages moved before one that is busy: EAGAIN, and move says how much",
        |m| {
            let (s, source) = scene()?;
            let _child = Child::fork(wait_for_ever)?;
            source.fill_page(0, NEW);
            let answer = s.uffd.move_(s.at(0), source.at(0), 2 * m.page, 0);
            answer.fails_with(EAGAIN, m.page as i64)?;
            s.region.holds(0, NEW)
        },
    )
    .features(MOVE),
    case(
        "move-dontfork",
        EBUSY_ENTRY,
        "with MADV_DONTFORK before fork(2), the source can be moved",
        |m| {
            let (s, source) = scene()?;
            source.madvise(0, 4, libc::MADV_DONTFORK)?;
            let _child = Child::fork(wait_for_ever)?;
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, FIRST)
        },
    )
    .features(MOVE),
    case(
        "move-ebusy-pinned",
        EBUSY_ENTRY,
        "pages that are pinned, as a registered buffer of io_uring, are EBUSY",
        |m| {
            let (s, source) = scene()?;
            pin(source.at(0), m.page)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EBUSY)?;
            source.holds(0, FIRST)?;
            s.uffd.move_(s.at(0), source.at(1), m.page, 0).gives(m.page)
        },
    )
    .features(MOVE),
    case(
        "move-einval-shared",
        "measured",
        "only private anonymous memory can be moved, and moved to: others are EINVAL",
        |m| {
            let (s, source) = scene()?;
            let shared = Region::new(Memory::Shmem, 1)?;
            shared.fill(FIRST);
            let answer = s.uffd.move_(s.at(0), shared.at(0), m.page, 0);
            answer.fails_in_out(EINVAL)?;
            let to = Scene::empty(Memory::Shmem, 1, 0, MISSING)?;
            let answer = to.uffd.move_(to.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EINVAL)
        },
    )
    .features(MOVE),
    case(
        "move-einval-read-only-source",
        "measured",
        "a source that must not be written is EINVAL",
        |m| {
            let (s, source) = scene()?;
            source.mprotect(0, 4, libc::PROT_READ)?;
            let answer = s.uffd.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EINVAL)
        },
    )
    .features(MOVE),
    case(
        "move-not-registered",
        "measured",
        "a destination that is not registered is EINVAL, and one that is not mapped ENOENT",
        |m| {
            let (s, source) = scene()?;
            s.uffd.unregister(s.at(0), m.page).ok()?;
            let answer = s.uffd.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EINVAL)?;
            s.region.munmap(1, 1)?;
            let answer = s.uffd.move_(s.at(1), source.at(0), m.page, 0);
            answer.fails_in_out(ENOENT)
        },
    )
    .features(MOVE),
    case(
        "move-other-userfaultfd",
        "measured",
        "a destination registered with another userfaultfd is EINVAL",
        |m| {
            let (s, source) = scene()?;
            let other = Uffd::open(0)?;
            let answer = other.move_(s.at(0), source.at(0), m.page, 0);
            answer.fails_in_out(EINVAL)
        },
    )
    .features(MOVE),
    case(
        "move-efault",
        "measured",
        "an argument that cannot be read is EFAULT",
        |_| {
            let (s, _) = scene()?;
            refuses_unreadable(&s.uffd, "UFFDIO_MOVE", uffdio_move)
        },
    )
    .features(MOVE),
    case(
        "move-efault-read-only",
        "measured",
        "EFAULT when the argument cannot be written, but the page is moved",
        |m| {
            let (s, source) = scene()?;
            let arg = uffdio_move {
                dst: s.at(0) as u64,
                src: source.addr as u64,
                len: m.page as u64,
                mode: 0,
                move_: UNTOUCHED,
            };
            with_read_only(&s.uffd, "UFFDIO_MOVE", uffdio_move, arg)?.fails(EFAULT)?;
            s.region.holds(0, FIRST)?;
            ensure!(!source.is_mapped(0)?, "the source is still there");
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-unknown-ioctl",
        "UFFDIO_API(2const), DESCRIPTION: UFFD_FEATURE_MOVE",
        "a kernel whose features lack MOVE refuses the call with EINVAL, and does not offer it",
        |m| {
            let region = Region::new(Memory::Anon, 1)?;
            let source = Region::source(1, FIRST)?;
            let uffd = Uffd::open(0)?;
            let answer = uffd.register(region.addr, region.len, MISSING);
            answer.ok()?;
            let offered = answer.out as u64 & (1 << _UFFDIO_MOVE) != 0;
            ensure!(!offered, "MOVE is offered");
            uffd.move_(region.addr, source.addr, m.page, 0)
                .fails_with(EINVAL, UNTOUCHED)?;
            source.holds(0, FIRST)
        },
    )
    .lacking(MOVE),
    case(
        "move-register-ioctls",
        "UFFDIO_REGISTER(2const), DESCRIPTION: _UFFDIO_MOVE",
        "UFFDIO_REGISTER offers MOVE for anonymous memory if the kernel answers the feature",
        |m| {
            let region = Region::new(Memory::Anon, 1)?;
            let answer = Uffd::open(0)?.register(region.addr, region.len, MISSING);
            answer.ok()?;
            let offered = answer.out as u64 & (1 << _UFFDIO_MOVE) != 0;
            ensure!(offered == m.has(MOVE), "MOVE is offered wrongly");
            Ok(())
        },
    ),
];
