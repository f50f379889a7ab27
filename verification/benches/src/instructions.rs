//! The instructions of one call, counted by valgrind's callgrind: exact, the
//! same on every run of the same binary.
//!
//! The functions that are counted are compiled as their users' would be: one
//! call, and its result handed on.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::process::Command;

use libc::c_int;
use serde::{Deserialize, Serialize};
use uffd_sys::*;

use crate::contenders::syscall3;
use crate::memory::{Pages, Region};
use crate::uffd::{check, Uffd};

pub const OURS: &str = "uffd-sys";
/// The instruction and ioctl(2)'s contract, written for the purpose.
pub const ASM: &str = "hand-written asm!, same contract";
/// The instruction, and the kernel's answer as it is.
pub const RAW: &str = "hand-written asm!, no errno";
pub const C_HEADER: &str = "C, uffd_sys.h";
pub const C_LIBC: &str = "C, libc";

#[derive(Serialize, Deserialize)]
pub struct Counted {
    pub call: String,
    /// By contender.
    pub counts: Vec<(String, u64)>,
}

impl Counted {
    pub fn of(&self, contender: &str) -> u64 {
        self.counts
            .iter()
            .find(|(name, _)| name == contender)
            .expect("all are counted")
            .1
    }
}

#[inline(always)]
unsafe fn raw(number: i64, a: c_int, b: usize, c: usize) -> isize {
    // SAFETY: the caller's promise.
    unsafe { syscall3(number, a as usize, b, c) }
}

#[cold]
#[inline(never)]
fn failed(errno: c_int) -> isize {
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() = errno };
    -1
}

#[inline(always)]
unsafe fn contract(number: i64, a: c_int, b: usize, c: usize) -> isize {
    // SAFETY: the caller's promise.
    let result = unsafe { raw(number, a, b, c) };
    if result < 0 {
        return failed(-result as c_int);
    }
    result
}

macro_rules! one {
    ($name:ident, $arg:ty, $result:ty, |$fd:ident, $a:ident| $call:expr) => {
        /// # Safety
        ///
        /// The argument is one for this call.
        #[no_mangle]
        #[inline(never)]
        pub unsafe extern "C" fn $name($fd: c_int, $a: *mut $arg) -> $result {
            // SAFETY: the caller's promise.
            unsafe { $call as $result }
        }
    };
}

type Message = uffd_msg;

one!(count_wake_ours, uffdio_range, c_int, |fd, a| uffdio_wake(
    fd, a
));
one!(count_wake_asm, uffdio_range, c_int, |fd, a| contract(
    libc::SYS_ioctl,
    fd,
    UFFDIO_WAKE as usize,
    a as usize
));
one!(count_wake_raw, uffdio_range, c_int, |fd, a| raw(
    libc::SYS_ioctl,
    fd,
    UFFDIO_WAKE as usize,
    a as usize
));
one!(
    count_writeprotect_ours,
    uffdio_writeprotect,
    c_int,
    |fd, a| uffdio_writeprotect(fd, a)
);
one!(
    count_writeprotect_asm,
    uffdio_writeprotect,
    c_int,
    |fd, a| contract(
        libc::SYS_ioctl,
        fd,
        UFFDIO_WRITEPROTECT as usize,
        a as usize
    )
);
one!(
    count_writeprotect_raw,
    uffdio_writeprotect,
    c_int,
    |fd, a| raw(
        libc::SYS_ioctl,
        fd,
        UFFDIO_WRITEPROTECT as usize,
        a as usize
    )
);
one!(count_read_ours, Message, isize, |fd, a| uffd_read(
    fd, a, 64
));
one!(count_read_asm, Message, isize, |fd, a| contract(
    libc::SYS_read,
    fd,
    a as usize,
    64 * size_of::<uffd_msg>()
));
one!(count_read_raw, Message, isize, |fd, a| raw(
    libc::SYS_read,
    fd,
    a as usize,
    64 * size_of::<uffd_msg>()
));
one!(count_scan_ours, pm_scan_arg, c_int, |fd, a| pagemap_scan(
    fd, a
));
one!(count_scan_asm, pm_scan_arg, c_int, |fd, a| contract(
    libc::SYS_ioctl,
    fd,
    PAGEMAP_SCAN as usize,
    a as usize
));
one!(count_scan_raw, pm_scan_arg, c_int, |fd, a| raw(
    libc::SYS_ioctl,
    fd,
    PAGEMAP_SCAN as usize,
    a as usize
));

extern "C" {
    fn count_wake_header(fd: c_int, arg: *mut uffdio_range) -> c_int;
    fn count_wake_libc(fd: c_int, arg: *mut uffdio_range) -> c_int;
    fn count_writeprotect_header(fd: c_int, arg: *mut uffdio_writeprotect) -> c_int;
    fn count_writeprotect_libc(fd: c_int, arg: *mut uffdio_writeprotect) -> c_int;
    fn count_read_header(fd: c_int, msgs: *mut uffd_msg) -> isize;
    fn count_read_libc(fd: c_int, msgs: *mut uffd_msg) -> isize;
    fn count_scan_header(fd: c_int, arg: *mut pm_scan_arg) -> c_int;
    fn count_scan_libc(fd: c_int, arg: *mut pm_scan_arg) -> c_int;
}

const CALLS: [(&str, &str); 4] = [
    ("wake", "WAKE"),
    ("writeprotect", "WRITEPROTECT"),
    ("read", "read"),
    ("scan", "PAGEMAP_SCAN"),
];
const CONTENDERS: [(&str, &str); 5] = [
    ("ours", OURS),
    ("asm", ASM),
    ("raw", RAW),
    ("header", C_HEADER),
    ("libc", C_LIBC),
];

/// Runs under callgrind: makes one call, which must succeed. `fd` is what the
/// parent opened: valgrind need not know userfaultfd(2).
pub fn one_call(function: &str, fd: c_int, start: u64, len: u64) -> io::Result<()> {
    let range = uffdio_range { start, len };
    let mut wake = range;
    let mut protect = uffdio_writeprotect {
        range,
        mode: UFFDIO_WRITEPROTECT_MODE_WP,
    };
    let mut msgs = vec![uffd_msg::default(); 64];
    let mut scan = pm_scan_arg {
        size: size_of::<pm_scan_arg>() as u64,
        category_mask: PAGE_IS_PRESENT,
        ..Default::default()
    };
    let (w, p, m, s): (*mut _, *mut _, *mut _, *mut _) =
        (&mut wake, &mut protect, msgs.as_mut_ptr(), &mut scan);
    let pagemap = std::fs::File::open("/proc/self/pagemap")?;
    let zero = std::fs::File::open("/dev/zero")?; // read(2) of as many bytes as 64 messages
    let (map, zero) = (pagemap.as_raw_fd(), zero.as_raw_fd());
    // SAFETY: each argument is one for its call, and ours.
    let result = unsafe {
        match function {
            "count_wake_ours" => count_wake_ours(fd, w),
            "count_wake_asm" => count_wake_asm(fd, w),
            "count_wake_raw" => count_wake_raw(fd, w),
            "count_wake_header" => count_wake_header(fd, w),
            "count_wake_libc" => count_wake_libc(fd, w),
            "count_writeprotect_ours" => count_writeprotect_ours(fd, p),
            "count_writeprotect_asm" => count_writeprotect_asm(fd, p),
            "count_writeprotect_raw" => count_writeprotect_raw(fd, p),
            "count_writeprotect_header" => count_writeprotect_header(fd, p),
            "count_writeprotect_libc" => count_writeprotect_libc(fd, p),
            "count_read_ours" => count_read_ours(zero, m) as c_int,
            "count_read_asm" => count_read_asm(zero, m) as c_int,
            "count_read_raw" => count_read_raw(zero, m) as c_int,
            "count_read_header" => count_read_header(zero, m) as c_int,
            "count_read_libc" => count_read_libc(zero, m) as c_int,
            "count_scan_ours" => count_scan_ours(map, s),
            "count_scan_asm" => count_scan_asm(map, s),
            "count_scan_raw" => count_scan_raw(map, s),
            "count_scan_header" => count_scan_header(map, s),
            "count_scan_libc" => count_scan_libc(map, s),
            _ => return Err(io::Error::other(format!("no function {function}"))),
        }
    };
    if result < 0 {
        return Err(io::Error::other(format!(
            "{function}: {}",
            io::Error::last_os_error()
        )));
    }
    Ok(())
}

pub fn measure() -> io::Result<Vec<Counted>> {
    let uffd = Uffd::with(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP)?;
    let region = Region::map(Pages::Small, 4096)?;
    region.populate();
    uffd.register(region.all(), UFFDIO_REGISTER_MODE_WP)?;
    // SAFETY: a descriptor of ours, which the counted programs are to have.
    check(unsafe { libc::fcntl(uffd.fd(), libc::F_SETFD, 0) }, "fcntl")?;
    let mut counted = Vec::new();
    for (key, call) in CALLS {
        let mut counts = Vec::new();
        for (suffix, contender) in CONTENDERS {
            let function = format!("count_{key}_{suffix}");
            let range = region.all();
            let output = Command::new("valgrind")
                .args([
                    "--tool=callgrind",
                    "--callgrind-out-file=/dev/null",
                    "--collect-atstart=no",
                ])
                .arg(format!("--toggle-collect={function}"))
                .arg(std::env::current_exe()?)
                .args(["one-call", &function])
                .args([
                    uffd.fd().to_string(),
                    range.start.to_string(),
                    range.len.to_string(),
                ])
                .output()
                .map_err(|error| {
                    io::Error::other(format!(
                        "valgrind: {error}. Install it: apt install valgrind"
                    ))
                })?;
            let text = String::from_utf8_lossy(&output.stderr);
            let count = text
                .lines()
                .find_map(|line| line.split_once("Collected :"))
                .and_then(|(_, number)| number.trim().parse().ok());
            match count {
                Some(count) if output.status.success() && count > 0 => {
                    counts.push((contender.to_string(), count))
                }
                _ => {
                    return Err(io::Error::other(format!(
                        "{function} under callgrind failed:\n{text}"
                    )))
                }
            }
        }
        counted.push(Counted {
            call: call.to_string(),
            counts,
        });
    }
    Ok(counted)
}
