//! UFFDIO_MOVE: what it does, and whom it wakes.

use super::scene::*;
use crate::prelude::*;

const MOVE: u64 = UFFD_FEATURE_MOVE;
const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const HOLES: u64 = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
const HOLES_ENTRY: &str = "UFFDIO_MOVE(2const), DESCRIPTION: UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES";
/// The low bits of a pagemap entry: which page of the machine it is.
const FRAME: u64 = (1 << 55) - 1;

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

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "move-moves",
        "UFFDIO_MOVE(2const), DESCRIPTION",
        "the pages are at the destination, and the source has none; move says len",
        |m| {
            let (s, source) = scene()?;
            s.uffd
                .move_(s.at(0), source.at(0), 4 * m.page, 0)
                .gives(4 * m.page)?;
            for n in 0..4 {
                s.region.holds(n, FIRST + n as u8)?;
                ensure!(!source.is_mapped(n)?, "the source still has page {}", n);
                source.holds(n, 0)?;
            }
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-same-frame",
        "UFFDIO_MOVE(2const), DESCRIPTION",
        "it is moved, not copied: the same page of the machine's memory",
        |m| {
            let (s, source) = scene()?;
            let frame = source.pagemap(1)? & FRAME;
            ensure!(frame != 0, "pagemap does not tell the frame");
            s.uffd
                .move_(s.at(0), source.at(1), m.page, 0)
                .gives(m.page)?;
            ensure!(
                s.region.pagemap(0)? & FRAME == frame,
                "it is another page of the machine"
            );
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-wakes",
        "UFFDIO_MOVE(2const), DESCRIPTION",
        "resolves a missing fault: the thread that waits is woken, and sees the contents",
        |m| {
            let (s, source) = scene()?;
            let reader = Thread::reads(s.at(2));
            waits(&s.uffd, &reader, s.at(2), 0)?;
            s.uffd
                .move_(s.at(2), source.at(0), m.page, 0)
                .gives(m.page)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(MOVE),
    case(
        "move-writable",
        "UFFDIO_MOVE(2const), DESCRIPTION",
        "a thread that waits to write is woken, and writes",
        |m| {
            let (s, source) = scene()?;
            let writer = Thread::writes(s.at(2), NEW);
            waits(&s.uffd, &writer, s.at(2), UFFD_PAGEFAULT_FLAG_WRITE)?;
            s.uffd
                .move_(s.at(2), source.at(0), m.page, 0)
                .gives(m.page)?;
            writer.returns()?;
            ensure!(s.region.read(2) == NEW, "the write was lost");
            Ok(())
        },
    )
    .features(MOVE),
    case(
        "move-mode-dontwake",
        "UFFDIO_MOVE(2const), DESCRIPTION: UFFDIO_MOVE_MODE_DONTWAKE",
        "with DONTWAKE the page is moved and the thread waits on until UFFDIO_WAKE",
        |m| {
            let (s, source) = scene()?;
            let reader = Thread::reads(s.at(0));
            waits(&s.uffd, &reader, s.at(0), 0)?;
            let mode = UFFDIO_MOVE_MODE_DONTWAKE;
            s.uffd
                .move_(s.at(0), source.at(0), m.page, mode)
                .gives(m.page)?;
            reader.still_waits()?;
            s.uffd.wake(s.at(0), m.page).ok()?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(MOVE),
    case(
        "move-source-registered",
        "userfaultfd.rst, Initializing a userfaultfd: UFFD_FEATURE_MOVE",
        "of a source that is registered, too, the moved pages are missing afterwards",
        |m| {
            let (s, source) = scene()?;
            s.uffd.register(source.addr, source.len, MISSING).ok()?;
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            let reader = Thread::reads(source.at(0));
            waits(&s.uffd, &reader, source.at(0), 0)?;
            // And back again.
            s.uffd
                .move_(source.at(0), s.at(0), m.page, 0)
                .gives(m.page)?;
            reader.returns_value(i64::from(FIRST))
        },
    )
    .features(MOVE),
    case(
        "move-zero-page",
        "measured",
        "pages that were read but never written, the zero page, are moved as zeros",
        |m| {
            let (s, _) = scene()?;
            let source = Region::new(Memory::Anon, 1)?;
            ensure!(source.read(0) == 0, "new memory is not zero");
            s.uffd
                .move_(s.at(0), source.at(0), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, 0)?;
            s.lets_write(0)
        },
    )
    .features(MOVE),
    case(
        "move-thp",
        HOLES_ENTRY,
        "a whole transparent huge page is moved, and need not be split",
        |_| {
            let source = thp()?;
            let region = Region::new(Memory::Thp, source.pages())?;
            let s = Scene::of(region, 0, MISSING)?;
            s.uffd
                .move_(s.at(0), source.at(0), source.len, 0)
                .gives(source.len)?;
            need_thp(&s.region).map_err(|_| Verdict::Fail("the huge page was split".to_owned()))?;
            (0..s.region.pages()).try_for_each(|n| {
                let expected = FIRST.wrapping_add(n as u8);
                ensure!(
                    s.region.read(n) == expected,
                    "page {} has other contents",
                    n
                );
                Ok(())
            })
        },
    )
    .features(MOVE),
    case(
        "move-thp-part",
        "UFFDIO_MOVE(2const), DESCRIPTION",
        "one small page of a transparent huge page can be moved",
        |m| {
            let source = thp()?;
            let (s, _) = scene()?;
            s.uffd
                .move_(s.at(0), source.at(5), m.page, 0)
                .gives(m.page)?;
            s.region.holds(0, FIRST + 5)?;
            source.holds(4, FIRST + 4)?;
            source.holds(5, 0)?;
            source.holds(6, FIRST + 6)
        },
    )
    .features(MOVE),
    case(
        "move-mode-allow-src-holes",
        HOLES_ENTRY,
        "with ALLOW_SRC_HOLES, holes count as moved; the destination has holes there, too",
        |m| {
            let (s, source) = scene_with_hole(1)?;
            s.uffd
                .move_(s.at(0), source.at(0), 4 * m.page, HOLES)
                .gives(4 * m.page)?;
            s.region.holds(0, FIRST)?;
            s.region.holds(2, FIRST + 2)?;
            ensure!(!s.region.is_mapped(1)?, "the hole became a page");
            let reader = Thread::reads(s.at(1));
            waits(&s.uffd, &reader, s.at(1), 0)
        },
    )
    .features(MOVE),
    case(
        "move-mode-allow-src-holes-all",
        HOLES_ENTRY,
        "with ALLOW_SRC_HOLES, a source of holes alone is a success",
        |m| {
            let (s, _) = scene()?;
            let source = Region::new(Memory::Anon, 4)?;
            s.uffd
                .move_(s.at(0), source.at(0), 4 * m.page, HOLES)
                .gives(4 * m.page)
        },
    )
    .features(MOVE),
];
