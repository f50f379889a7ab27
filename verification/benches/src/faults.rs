//! A fault's round trip: from the touch of a missing page until the thread
//! goes on, by the kind of handler, here and in C through libc.

use std::cell::RefCell;
use std::io;
use std::mem::size_of;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::time::Instant;

use libc::{c_int, c_void};
use serde::{Deserialize, Serialize};
use uffd_sys::*;

use crate::memory::{Pages, Region};
use crate::round::{rounds, Effort};
use crate::stats::{quantile, ratio, Ratio};
use crate::uffd::Uffd;

/// One kind of handler.
#[derive(Serialize, Deserialize)]
pub struct Handler {
    pub name: String,
    pub ours: Times,
    pub c: Times,
    /// Ours to C, and C to C once more.
    pub ratio: Ratio,
    pub control: Ratio,
}

/// Nanoseconds a fault.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Times {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub faults: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    Blocking,
    Poll,
    Busy,
}

#[derive(Clone, Copy)]
enum Kind {
    /// A handler thread; `same` pins it to the processor of the thread that
    /// faults; `threads` fault at once, and are handled in batches.
    Thread {
        wait: Wait,
        same: bool,
        threads: usize,
    },
    /// The thread that faults fills the page itself, in a signal handler.
    Sigbus,
}

const KINDS: [(&str, Kind); 6] = [
    (
        "blocking read",
        Kind::Thread {
            wait: Wait::Blocking,
            same: false,
            threads: 1,
        },
    ),
    (
        "blocking read, same processor",
        Kind::Thread {
            wait: Wait::Blocking,
            same: true,
            threads: 1,
        },
    ),
    (
        "poll, then read",
        Kind::Thread {
            wait: Wait::Poll,
            same: false,
            threads: 1,
        },
    ),
    (
        "busy non-blocking read",
        Kind::Thread {
            wait: Wait::Busy,
            same: false,
            threads: 1,
        },
    ),
    (
        "batches, 8 threads fault",
        Kind::Thread {
            wait: Wait::Blocking,
            same: false,
            threads: 8,
        },
    ),
    ("SIGBUS, same thread", Kind::Sigbus),
];

extern "C" {
    fn c_handle(
        fd: c_int,
        source: *const c_void,
        page: u64,
        faults: u64,
        wait: c_int,
        batch: u64,
    ) -> c_int;
    fn c_fill(fd: c_int, source: *const c_void, page: u64, address: u64) -> c_int;
}

#[inline(always)]
fn fill(fd: c_int, source: u64, address: u64) -> c_int {
    let mut copy = uffdio_copy {
        dst: address & !4095,
        src: source,
        len: 4096,
        ..Default::default()
    };
    // SAFETY: `copy` is ours, and the source is a page that stays.
    unsafe { uffdio_copy(fd, &mut copy) }
}

/// Resolves so many faults. The counterpart of `c_handle`.
fn handle(fd: c_int, source: u64, mut faults: usize, wait: Wait, batch: usize) {
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
            assert_eq!(
                fill(fd, source, address),
                0,
                "{}",
                io::Error::last_os_error()
            );
            faults -= 1;
        }
    }
}

/// What the signal handlers need.
static SIGBUS_FD: AtomicI32 = AtomicI32::new(-1);
static SIGBUS_SOURCE: AtomicU64 = AtomicU64::new(0);

extern "C" fn sigbus_ours(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo of SIGBUS, which has an address.
    let address = unsafe { (*info).si_addr() } as u64;
    if fill(
        SIGBUS_FD.load(Ordering::Relaxed),
        SIGBUS_SOURCE.load(Ordering::Relaxed),
        address,
    ) != 0
    {
        // SAFETY: ends the process: returning would fault for ever.
        unsafe { libc::abort() };
    }
}

extern "C" fn sigbus_c(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let source = SIGBUS_SOURCE.load(Ordering::Relaxed) as *const c_void;
    // SAFETY: as above; the source is a page that stays.
    unsafe {
        let address = (*info).si_addr() as u64;
        if c_fill(SIGBUS_FD.load(Ordering::Relaxed), source, 4096, address) != 0 {
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

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    // SAFETY: an all-zero set is valid, and the calls stay inside it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&cpu| libc::CPU_ISSET(cpu, &set))
            .collect()
    }
}

/// Binds this thread to a processor, as far as it may.
fn pin(cpu: usize) {
    // SAFETY: as above.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

struct Bench {
    region: Region,
    source: Region,
}

impl Bench {
    /// Touches some pages, and notes how long each touch took.
    fn touch(&self, pages: std::ops::Range<usize>, times: &mut Vec<f64>) {
        for page in pages {
            let begin = Instant::now();
            let value = self.region.read(page);
            times.push(begin.elapsed().as_nanos() as f64);
            assert_eq!(value, 1, "the page was filled with the source");
        }
    }

    /// Faults through all pages once.
    fn turn(&self, kind: Kind, in_c: bool, cpus: &[usize], times: &mut Vec<f64>) -> io::Result<()> {
        let pages = self.region.pages();
        let (features, flags) = match kind {
            Kind::Sigbus => (UFFD_FEATURE_SIGBUS, 0),
            Kind::Thread {
                wait: Wait::Blocking,
                ..
            } => (0, 0),
            Kind::Thread { .. } => (0, libc::O_NONBLOCK),
        };
        self.region.discard();
        let uffd = Uffd::with(flags, features)?;
        uffd.register(self.region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
        let (fd, source) = (uffd.fd(), self.source.address(0));
        let (here, other) = (cpus[0], *cpus.last().unwrap());
        let Kind::Thread {
            wait,
            same,
            threads,
        } = kind
        else {
            SIGBUS_FD.store(fd, Ordering::Relaxed);
            SIGBUS_SOURCE.store(source, Ordering::Relaxed);
            on_sigbus(if in_c { sigbus_c } else { sigbus_ours });
            self.touch(0..pages, times);
            return Ok(());
        };
        let batch = if threads > 1 { 64 } else { 1 };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                pin(if same { here } else { other });
                if in_c {
                    // SAFETY: the source is a page that stays; the descriptor
                    // is open until this scope ends.
                    let line = unsafe {
                        c_handle(
                            fd,
                            source as *const c_void,
                            4096,
                            pages as u64,
                            wait as c_int,
                            batch as u64,
                        )
                    };
                    assert_eq!(
                        line,
                        0,
                        "c/handlers.c:{line}: {}",
                        io::Error::last_os_error()
                    );
                } else {
                    handle(fd, source, pages, wait, batch);
                }
            });
            if threads == 1 {
                return self.touch(0..pages, times);
            }
            let share = pages / threads;
            let touchers: Vec<_> = (0..threads)
                .map(|i| {
                    scope.spawn(move || {
                        let mut times = Vec::with_capacity(share);
                        self.touch(i * share..(i + 1) * share, &mut times);
                        times
                    })
                })
                .collect();
            for toucher in touchers {
                times.extend(toucher.join().unwrap());
            }
        });
        Ok(())
    }
}

fn times(mut all: Vec<f64>) -> Times {
    all.sort_by(f64::total_cmp);
    Times {
        p50: quantile(&all, 0.5),
        p99: quantile(&all, 0.99),
        p999: quantile(&all, 0.999),
        faults: all.len(),
    }
}

pub fn measure(effort: Effort, done: &mut dyn FnMut(&Handler)) -> io::Result<Vec<Handler>> {
    let bench = Bench {
        region: Region::map(Pages::Small, 512 * 4096)?,
        source: Region::map(Pages::Small, 4096)?,
    };
    bench.source.populate();
    let cpus = processors();
    pin(cpus[0]);
    let mut handlers = Vec::new();
    for (name, kind) in KINDS {
        // Ours, in C, in C again.
        let all = RefCell::new([Vec::new(), Vec::new(), Vec::new()]);
        let mut failed = None;
        let samples = rounds(3, effort, |who| {
            let mut these = Vec::with_capacity(bench.region.pages());
            if let Err(error) = bench.turn(kind, who > 0, &cpus, &mut these) {
                failed.get_or_insert(error);
                return 1.0;
            }
            all.borrow_mut()[who].extend_from_slice(&these);
            these.sort_by(f64::total_cmp);
            quantile(&these, 0.5)
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let [ours, c, again] = all.into_inner();
        let handler = Handler {
            name: name.to_string(),
            ours: times(ours),
            c: times([c, again].concat()),
            ratio: ratio(&samples[0], &samples[1]),
            control: ratio(&samples[2], &samples[1]),
        };
        done(&handler);
        handlers.push(handler);
    }
    // The measurements that follow may use all processors again.
    // SAFETY: an all-zero set is valid, and the calls stay inside it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cpus.iter().for_each(|&cpu| libc::CPU_SET(cpu, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
    Ok(handlers)
}
