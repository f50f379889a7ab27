//! Calls that need threads which wait in a page: reading their messages, and a
//! handler's loop.

use std::io;
use std::time::{Duration, Instant};

use uffd_sys::*;

use super::{at, measure_field, HANDLER, LOOP};
use crate::contenders::{Handled, Messages};
use crate::experiment::Sheet;
use crate::memory::{Pages, Region};
use crate::places::{handler_copy, handler_lift, read_1, read_64};
use crate::round::Effort;
use crate::uffd::{check, pending, Uffd};

const THREADS: usize = 256;

/// Wakes all threads, which fault again, and waits until they all have.
fn fault_again(uffd: &Uffd, region: &Region) {
    uffd.wake(region.all()).unwrap();
    let begin = Instant::now();
    while pending(uffd) < THREADS {
        let waited = begin.elapsed();
        assert!(waited < Duration::from_secs(20), "threads do not fault");
        std::thread::yield_now();
    }
}

fn with_threads(
    region: &Region,
    access: fn(&Region, usize),
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    std::thread::scope(|scope| {
        for page in 0..THREADS {
            std::thread::Builder::new()
                .stack_size(64 << 10)
                .spawn_scoped(scope, move || access(region, page))?;
        }
        work()
    })
}

/// Threads that wait in a missing page give messages; waking them without
/// filling the page gives the same messages again.
pub fn missing(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(libc::O_NONBLOCK, 0)?;
    let region = Region::map(Pages::Small, THREADS * 4096)?;
    let source = Region::map(Pages::Small, 4096)?;
    source.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let again = || fault_again(&uffd, &region);
    let access = |region: &Region, page| assert_eq!(region.read(page), 0);
    with_threads(&region, access, || {
        let mut rooms = vec![Messages([uffd_msg::default(); 64]); THREADS];
        let group = at("read of 1 message", LOOP);
        measure_field(
            sheet,
            &group,
            &read_1(),
            uffd.fd(),
            &mut rooms,
            effort,
            again,
        );
        let (group, rooms) = (at("read of 64 messages", LOOP), &mut rooms[..THREADS / 64]);
        measure_field(sheet, &group, &read_64(), uffd.fd(), rooms, effort, again);
        assert_eq!(
            pending(&uffd),
            0,
            "{THREADS} messages in {} reads",
            THREADS / 64
        );
        // Filled pages are taken away again before the threads are woken.
        let again = || {
            region.discard();
            fault_again(&uffd, &region);
        };
        let mut args = vec![
            Handled {
                source: source.address(0)
            };
            THREADS
        ];
        let group = at("read and COPY", HANDLER);
        measure_field(
            sheet,
            &group,
            &handler_copy(),
            uffd.fd(),
            &mut args,
            effort,
            again,
        );
        // Lets all threads end.
        region.discard();
        let mut zero = uffdio_zeropage {
            range: region.all(),
            ..Default::default()
        };
        // SAFETY: `zero` is ours, and the pages are missing.
        check(
            unsafe { uffdio_zeropage(uffd.fd(), &mut zero) },
            "UFFDIO_ZEROPAGE",
        )
        .map(drop)
    })
}

/// The same with threads that write to protected pages.
pub fn protected(sheet: &mut Sheet, effort: Effort) -> io::Result<()> {
    let uffd = Uffd::with(libc::O_NONBLOCK, UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
    let region = Region::map(Pages::Small, THREADS * 4096)?;
    region.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
    let protect = |mode| uffd.write_protect(region.all(), mode);
    protect(UFFDIO_WRITEPROTECT_MODE_WP)?;
    with_threads(
        &region,
        |region, page| region.write(page, 2),
        || {
            let mut args = vec![Handled { source: 0 }; THREADS];
            let again = || {
                protect(UFFDIO_WRITEPROTECT_MODE_WP).unwrap();
                fault_again(&uffd, &region);
            };
            let group = at("read and WRITEPROTECT", HANDLER);
            measure_field(
                sheet,
                &group,
                &handler_lift(),
                uffd.fd(),
                &mut args,
                effort,
                again,
            );
            assert!(
                (0..THREADS).all(|page| region.read(page) == 1),
                "no thread was let go"
            );
            protect(0)
        },
    )
}
