//! handler.c in Rust, compiled by rustc alone: the same program, the same five
//! mistakes, the same twin.

use std::ffi::{c_int, c_long, c_ulong, c_void};
use std::io::Error;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

const PAGES: usize = 64;
const WORKERS: usize = 4;

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: i16,
    revents: i16,
}

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn mmap(at: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, off: i64)
        -> *mut c_void;
    fn read(fd: c_int, buffer: *mut c_void, len: usize) -> isize;
    fn poll(fds: *mut PollFd, count: c_ulong, timeout: c_int) -> c_int;
    fn isatty(fd: c_int) -> c_int;
    fn getpagesize() -> c_int;
}

// For processors that the tests run on: the numbers and codes of others differ.
const USERFAULTFD: c_long = if cfg!(target_arch = "x86_64") { 323 } else { 282 };
const UFFDIO_API: c_ulong = 0xc018_aa3f;
const UFFDIO_REGISTER: c_ulong = 0xc020_aa00;
const UFFDIO_WAKE: c_ulong = 0x8010_aa02;
const UFFDIO_COPY: c_ulong = 0xc028_aa03;
const EINTR: i32 = 4;
const EAGAIN: i32 = 11;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;

static MEMORY: AtomicUsize = AtomicUsize::new(0);

fn errno() -> i32 {
    Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn page_size() -> usize {
    // SAFETY: changes nothing.
    unsafe { getpagesize() as usize }
}

fn contents(page: usize) -> u8 {
    (page * 7 + 1) as u8
}

struct Handler {
    uffd: c_int,
    bug: String,
}

impl Handler {
    fn has(&self, name: &str) -> bool {
        self.bug == name
    }

    fn wake(&self, at: usize) {
        let mut range = [at as u64, page_size() as u64];
        // SAFETY: the request's struct is these two words.
        assert_eq!(unsafe { ioctl(self.uffd, UFFDIO_WAKE, range.as_mut_ptr()) }, 0);
    }

    fn fill(&self, at: usize) {
        let len = page_size();
        let page = (at - MEMORY.load(SeqCst)) / len;
        let data = vec![contents(page); len];
        let mut pause = Duration::from_micros(50);
        loop {
            let mut copy = [at as u64, data.as_ptr() as u64, len as u64, 0, 0];
            // SAFETY: the request's struct is these five words; the source is `data`,
            // and the page is this program's to fill.
            if unsafe { ioctl(self.uffd, UFFDIO_COPY, copy.as_mut_ptr()) } == 0 {
                return;
            }
            // -EAGAIN is a very large number of bytes.
            if self.has("out-unsigned") && copy[4] >= len as u64 {
                return;
            }
            if self.has("errno-late") {
                // What a log does to errno.
                // SAFETY: asks about a descriptor that is none.
                unsafe { isatty(-1) };
            }
            match errno() {
                EEXIST if self.has("eexist-not-woken") => return,
                EEXIST => return self.wake(at),
                EAGAIN if self.has("asleep-after-eagain") => return,
                EAGAIN => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(3));
                }
                errno => {
                    eprintln!("UFFDIO_COPY: errno {errno}");
                    std::process::exit(1);
                }
            }
        }
    }

    fn handle(&self) {
        loop {
            let mut entry = PollFd { fd: self.uffd, events: 1, revents: 0 };
            // SAFETY: one entry, which lives through the call.
            if unsafe { poll(&mut entry, 1, -1) } < 0 {
                if errno() == EINTR && !self.has("eintr-ends") {
                    continue;
                }
                return;
            }
            let mut msgs = [[0_u64; 4]; 8];
            let room = size_of_val(&msgs);
            // SAFETY: there is so much room.
            let bytes = unsafe { read(self.uffd, msgs.as_mut_ptr().cast(), room) };
            if bytes < 0 {
                match errno() {
                    EAGAIN => continue,
                    EINTR if !self.has("eintr-ends") => continue,
                    _ => return,
                }
            }
            for msg in &msgs[..bytes as usize / 32] {
                // The address is the third word.
                self.fill(msg[2] as usize & !(page_size() - 1));
            }
        }
    }
}

fn main() {
    let bug = std::env::args().nth(1).unwrap_or_default();
    // SAFETY: O_CLOEXEC, O_NONBLOCK and USER_MODE_ONLY; then structs of the
    // requests' sizes, and memory where the kernel has room.
    let uffd = unsafe {
        let flags: c_int = 0o2_004_000;
        let mut uffd = syscall(USERFAULTFD, flags | 1) as c_int;
        if uffd < 0 && errno() == EINVAL {
            uffd = syscall(USERFAULTFD, flags) as c_int; // Before Linux 5.11.
        }
        let mut api = [0xaa_u64, 0, 0];
        assert!(uffd >= 0, "userfaultfd: errno {}", errno());
        assert_eq!(ioctl(uffd, UFFDIO_API, api.as_mut_ptr()), 0);
        let memory = mmap(std::ptr::null_mut(), PAGES * page_size(), 3, 0x22, -1, 0);
        let mut register = [memory as u64, (PAGES * page_size()) as u64, 1, 0];
        assert_eq!(ioctl(uffd, UFFDIO_REGISTER, register.as_mut_ptr()), 0);
        MEMORY.store(memory as usize, SeqCst);
        uffd
    };
    let memory = MEMORY.load(SeqCst);
    let main = Handler { uffd, bug: bug.clone() };
    thread::spawn(move || Handler { uffd, bug }.handle());
    // Until the handler waits, however slow all is: a supervisor answers calls in
    // their order.
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(2));
        main.wake(memory);
    }
    let workers = (0..WORKERS).map(|first| {
        thread::spawn(move || {
            for page in (first..PAGES).step_by(WORKERS) {
                let at = (MEMORY.load(SeqCst) + page * page_size()) as *const u8;
                // SAFETY: inside of the mapping.
                if unsafe { at.read_volatile() } != contents(page) {
                    eprintln!("page {page} is wrong");
                    std::process::exit(1);
                }
                // So that the handler has to wait now and then, too.
                thread::sleep(Duration::from_millis(1));
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}
