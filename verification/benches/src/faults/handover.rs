//! The machine's limit for a fault's round trip: handing work to another thread and
//! back, by eventfd and by futex; and the bare UFFDIO_COPY.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Instant;

use uffd_sys::*;

use crate::cpu::pin;
use crate::experiment::Plan;
use crate::memory::Region;
use crate::round::{rounds, Effort};
use crate::stats::median;
use crate::uffd::{check, Uffd};

pub const HANDOVER: &str = "work to another thread and back";
pub const BARE: &str = "without a fault";
pub const COPY_ALONE: &str = "UFFDIO_COPY of a page";

const TRIPS: u32 = 1000;

fn eventfd() -> io::Result<File> {
    // SAFETY: a new descriptor, so ours.
    unsafe {
        let fd = check(libc::eventfd(0, libc::EFD_CLOEXEC), "eventfd")?;
        Ok(File::from_raw_fd(fd))
    }
}

fn by_eventfd(cpu: usize) -> io::Result<f64> {
    let (there, back) = (eventfd()?, eventfd()?);
    let ring = |mut bell: &File| bell.write_all(&1u64.to_ne_bytes());
    let wait = |mut bell: &File| bell.read_exact(&mut [0; 8]);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            pin(&[cpu]);
            (0..TRIPS).try_for_each(|_| wait(&there).and_then(|()| ring(&back)))
        });
        let begin = Instant::now();
        (0..TRIPS).try_for_each(|_| ring(&there).and_then(|()| wait(&back)))?;
        let time = begin.elapsed().as_nanos() as f64;
        other.join().expect("the other thread")?;
        Ok(time / f64::from(TRIPS))
    })
}

/// Sleeps while the word has this value.
fn wait_while(word: &AtomicU32, value: u32) {
    while word.load(SeqCst) == value {
        let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        let no_timeout = std::ptr::null::<libc::timespec>();
        // SAFETY: the word lives; the kernel only compares it.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wait, value, no_timeout) };
    }
}

fn set(word: &AtomicU32, value: u32) {
    word.store(value, SeqCst);
    let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word lives.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wake, 1) };
}

fn by_futex(cpu: usize) -> f64 {
    // Odd: the other thread's turn.
    let word = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            pin(&[cpu]);
            for trip in 0..TRIPS {
                wait_while(&word, 2 * trip);
                set(&word, 2 * trip + 2);
            }
        });
        let begin = Instant::now();
        for trip in 0..TRIPS {
            set(&word, 2 * trip + 1);
            wait_while(&word, 2 * trip + 1);
        }
        assert_eq!(word.load(SeqCst), 2 * TRIPS);
        begin.elapsed().as_nanos() as f64 / f64::from(TRIPS)
    })
}

pub fn measure(
    plan: &mut Plan,
    cpus: &[usize],
    region: &Region,
    source: &Region,
) -> io::Result<()> {
    let effort = if plan.short {
        Effort::ms(20, 2)
    } else {
        Effort::ms(500, 7)
    };
    let (same, other) = (cpus[0], *cpus.last().expect("a processor"));
    let ways = [
        ("eventfd, same processor", same),
        ("eventfd, other processor", other),
        ("futex, same processor", same),
        ("futex, other processor", other),
    ];
    let mut failed = None;
    let samples = rounds(ways.len(), effort, |way| {
        let (name, cpu) = ways[way];
        if name.starts_with("futex") {
            return by_futex(cpu);
        }
        by_eventfd(cpu).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            1.0
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    for ((name, _), samples) in ways.iter().zip(&samples) {
        plan.sheet.put(HANDOVER, name, "p50", median(samples));
    }
    let uffd = Uffd::with(0, 0)?;
    region.discard();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING)?;
    let samples = rounds(1, effort, |_| {
        region.discard();
        let begin = Instant::now();
        for page in 0..region.pages() {
            let result = super::fill(uffd.fd(), source.address(0), region.address(page), 1);
            assert_eq!(result, 0, "UFFDIO_COPY: {}", io::Error::last_os_error());
        }
        begin.elapsed().as_nanos() as f64 / region.pages() as f64
    });
    plan.sheet.put(BARE, COPY_ALONE, "p50", median(&samples[0]));
    Ok(())
}
