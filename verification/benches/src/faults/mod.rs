//! A fault's round trip: from the access to a missing page until the thread goes on, by
//! the kind of handler, here and in C through libc; and what it could be at best, the
//! handing of work to another thread and back.

mod handover;

use std::cell::RefCell;
use std::io;
use std::mem::size_of;
use std::ops::Range;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use libc::{c_int, c_void, siginfo_t};
use uffd_sys::*;

use crate::cpu::{pin, processors};
use crate::experiment::Plan;
use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::{median, quantile, sorted};
use crate::uffd::Uffd;

pub use handover::{BARE, COPY_ALONE, HANDOVER};

pub const OURS: &str = "uffd-sys";
pub const C: &str = "C, libc";
pub const C_COPY: &str = "C, libc, a copy";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Blocking,
    Poll,
    Busy,
    /// The thread that faults fills the page itself, in a signal handler.
    Sigbus,
}

struct Kind {
    name: &'static str,
    wait: Wait,
    /// On the processor of the thread that faults.
    same: bool,
    /// So many fault at once, and are handled in batches.
    threads: usize,
    /// So many pages are filled for each fault.
    ahead: usize,
}

const fn kind(name: &'static str, wait: Wait) -> Kind {
    Kind {
        name,
        wait,
        same: false,
        threads: 1,
        ahead: 1,
    }
}

pub const OTHER: &str = "blocking read";
pub const SAME: &str = "blocking read, same processor";

const KINDS: [Kind; 7] = [
    kind(OTHER, Wait::Blocking),
    Kind {
        same: true,
        ..kind(SAME, Wait::Blocking)
    },
    kind("poll, then read", Wait::Poll),
    kind("busy non-blocking read", Wait::Busy),
    Kind {
        threads: 8,
        ..kind("batches, 8 threads fault", Wait::Blocking)
    },
    Kind {
        ahead: 16,
        ..kind("16 pages for each fault", Wait::Blocking)
    },
    kind("SIGBUS, same thread", Wait::Sigbus),
];

/// What handlers of a kind are compared by: one access, or where most accesses find the
/// page there, all of them.
pub fn metric(kind: &str) -> &'static str {
    match KINDS.iter().find(|k| k.name == kind) {
        Some(kind) if kind.ahead > 1 => "a page",
        _ => "p50",
    }
}

pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

type Handle = unsafe extern "C" fn(c_int, *const c_void, u64, u64, c_int, u64, u64) -> c_int;
type Fill = unsafe extern "C" fn(c_int, *const c_void, u64, u64, u64) -> c_int;

extern "C" {
    fn c_handle(
        fd: c_int,
        source: *const c_void,
        page: u64,
        faults: u64,
        wait: c_int,
        batch: u64,
        ahead: u64,
    ) -> c_int;
    fn c_handle_copy(
        fd: c_int,
        source: *const c_void,
        page: u64,
        faults: u64,
        wait: c_int,
        batch: u64,
        ahead: u64,
    ) -> c_int;
    fn c_fill(fd: c_int, source: *const c_void, page: u64, address: u64, ahead: u64) -> c_int;
    fn c_fill_copy(fd: c_int, source: *const c_void, page: u64, address: u64, ahead: u64) -> c_int;
}

/// In the order of the contenders.
const IN_C: [(Handle, Fill); 2] = [(c_handle, c_fill), (c_handle_copy, c_fill_copy)];
const CONTENDERS: [&str; 3] = [OURS, C, C_COPY];

#[inline(always)]
fn fill(fd: c_int, source: u64, address: u64, ahead: usize) -> c_int {
    let len = 4096 * ahead as u64;
    let mut copy = uffdio_copy {
        dst: address & !(len - 1),
        src: source,
        len,
        ..Default::default()
    };
    // SAFETY: `copy` is ours, and the source is pages that stay.
    unsafe { uffdio_copy(fd, &mut copy) }
}

/// Resolves so many faults. The counterpart of `c_handle`.
fn handle(fd: c_int, source: u64, mut faults: usize, wait: Wait, batch: usize, ahead: usize) {
    let mut msgs = [uffd_msg_bytes::default(); 64];
    while faults > 0 {
        if wait == Wait::Poll {
            let mut ready = libc::pollfd {
                fd,
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one pollfd of ours.
            assert!(unsafe { libc::poll(&mut ready, 1, -1) } >= 0);
        }
        // SAFETY: room for 64 messages, and `batch` is not more.
        let bytes = unsafe { uffd_read(fd, msgs.as_mut_ptr().cast(), batch) };
        if bytes < 0 {
            let error = io::Error::last_os_error();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "read: {error}");
            continue;
        }
        for msg in &msgs[..bytes as usize / size_of::<uffd_msg>()] {
            let address = msg.pagefault().expect("a fault").address;
            let result = fill(fd, source, address, ahead);
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            faults -= 1;
        }
    }
}

/// What the signal handlers need.
static SIGBUS_FD: AtomicI32 = AtomicI32::new(-1);
static SIGBUS_SOURCE: AtomicU64 = AtomicU64::new(0);

extern "C" fn sigbus_ours(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo of SIGBUS, which has an address.
    let address = unsafe { (*info).si_addr() } as u64;
    let (fd, source) = (SIGBUS_FD.load(Relaxed), SIGBUS_SOURCE.load(Relaxed));
    if fill(fd, source, address, 1) != 0 {
        // SAFETY: ends the process: returning would fault for ever.
        unsafe { libc::abort() };
    }
}

extern "C" fn sigbus_c<const COPY: usize>(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    let (fd, source) = (SIGBUS_FD.load(Relaxed), SIGBUS_SOURCE.load(Relaxed));
    // SAFETY: as above; the source is a page that stays.
    unsafe {
        let address = (*info).si_addr() as u64;
        if IN_C[COPY].1(fd, source as *const c_void, 4096, address, 1) != 0 {
            libc::abort();
        }
    }
}

fn on_sigbus(handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)) {
    // SAFETY: an all-zero sigaction is valid, and the handler is one for
    // SA_SIGINFO that makes async-signal-safe calls alone.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(
            libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()),
            0
        );
    }
}

struct Bench {
    region: Region,
    source: Region,
    cpus: Vec<usize>,
}

impl Bench {
    /// Reads some pages, and notes how long each access took.
    fn access(&self, pages: Range<usize>, times: &mut Vec<f64>) {
        for page in pages {
            let begin = Instant::now();
            let value = self.region.read(page);
            times.push(begin.elapsed().as_nanos() as f64);
            assert_eq!(value, 1, "the page was filled with the source");
        }
    }

    /// Faults through all pages once; the time of all.
    fn turn(&self, kind: &Kind, who: usize, times: &mut Vec<f64>) -> io::Result<f64> {
        let pages = self.region.pages();
        let (features, flags) = match kind.wait {
            Wait::Sigbus => (UFFD_FEATURE_SIGBUS, 0),
            Wait::Blocking => (0, 0),
            Wait::Poll | Wait::Busy => (0, libc::O_NONBLOCK),
        };
        self.region.discard();
        let uffd = Uffd::with(flags, features)?;
        uffd.register(self.region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
        let (fd, source) = (uffd.fd(), self.source.address(0));
        let begin = Instant::now();
        if kind.wait == Wait::Sigbus {
            SIGBUS_FD.store(fd, Relaxed);
            SIGBUS_SOURCE.store(source, Relaxed);
            on_sigbus([sigbus_ours, sigbus_c::<0>, sigbus_c::<1>][who]);
            self.access(0..pages, times);
            return Ok(begin.elapsed().as_nanos() as f64);
        }
        let batch = if kind.threads > 1 { 64 } else { 1 };
        let faults = pages / kind.ahead;
        let cpu = if kind.same {
            self.cpus[0]
        } else {
            *self.cpus.last().expect("a processor")
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                pin(&[cpu]);
                let Some(c) = who.checked_sub(1) else {
                    return handle(fd, source, faults, kind.wait, batch, kind.ahead);
                };
                let (source, wait) = (source as *const c_void, kind.wait as c_int);
                let (faults, batch, ahead) = (faults as u64, batch as u64, kind.ahead as u64);
                // SAFETY: the source is pages that stay; the descriptor is open
                // until this scope ends.
                let line = unsafe { IN_C[c].0(fd, source, 4096, faults, wait, batch, ahead) };
                let error = io::Error::last_os_error();
                assert_eq!(line, 0, "c/handlers.c:{line}: {error}");
            });
            if kind.threads == 1 {
                return self.access(0..pages, times);
            }
            let share = pages / kind.threads;
            let threads: Vec<_> = (0..kind.threads)
                .map(|i| {
                    scope.spawn(move || {
                        let mut times = Vec::with_capacity(share);
                        self.access(i * share..(i + 1) * share, &mut times);
                        times
                    })
                })
                .collect();
            for thread in threads {
                times.extend(thread.join().unwrap());
            }
        });
        Ok(begin.elapsed().as_nanos() as f64)
    }
}

pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let effort = if plan.short {
        Effort::ms(30, 2)
    } else {
        Effort::ms(700, 7)
    };
    let bench = Bench {
        region: Region::map(Pages::Small, 512 * 4096)?,
        source: Region::map(Pages::Small, 16 * 4096)?,
        cpus: processors(),
    };
    bench.source.populate();
    pin(&bench.cpus[..1]);
    for kind in &KINDS {
        let all = RefCell::new([const { (Vec::new(), Vec::new()) }; 3]);
        let mut failed = None;
        let medians = rounds(3, effort, |who| {
            let mut times = Vec::with_capacity(bench.region.pages());
            match bench.turn(kind, who, &mut times) {
                Ok(whole) => all.borrow_mut()[who].1.push(whole / times.len() as f64),
                Err(error) => {
                    failed.get_or_insert(error);
                    return 1.0;
                }
            }
            all.borrow_mut()[who].0.extend_from_slice(&times);
            median(&times)
        });
        if let Some(error) = failed {
            return Err(error);
        }
        for (who, (times, wholes)) in all.into_inner().into_iter().enumerate() {
            let times = sorted(&times);
            let mut put = |metric, value| plan.sheet.put(kind.name, CONTENDERS[who], metric, value);
            put("p50", median(&medians[who]));
            put("p99", quantile(&times, 0.99));
            put("p99.9", quantile(&times, 0.999));
            put("a page", median(&wholes));
        }
    }
    handover::measure(plan, &bench.cpus, &bench.region, &bench.source)?;
    // What follows in this process may use all processors again.
    pin(&bench.cpus);
    Ok(())
}
