//! Call by call: what a function returns, what it leaves in `errno` and in its
//! argument is the same from Rust, the library and the header.

use std::fs::{File, OpenOptions};
use std::mem::{size_of, zeroed};
use std::os::unix::io::AsRawFd;
use std::ptr::null_mut;
use std::thread;

use libc::c_int;
use uffd_kit::region::Memory as Kind;
use uffd_sys::*;

use crate::api::{self, header_only, Api};
use crate::memory::{Memory, PAGES};
use crate::support::installed;

/// An errno that no call sets, so that one untouched can be told.
const UNTOUCHED: c_int = 4000;

/// What the calls of one implementation did, a line a call.
struct Log {
    lines: Vec<String>,
}

impl Log {
    /// Makes the call and writes down its result. `out` comes after it, because
    /// it reads what the call has written.
    fn call(&mut self, what: &str, call: impl FnOnce() -> i64) -> i64 {
        // SAFETY: the address of this thread's errno.
        unsafe { *libc::__errno_location() = UNTOUCHED };
        let result = call();
        // SAFETY: as above.
        let errno = unsafe { *libc::__errno_location() };
        // A descriptor's number is of no interest.
        let result_shown = if what.starts_with("open") {
            result.min(0)
        } else {
            result
        };
        self.lines
            .push(format!("{what}: {result_shown}, errno {errno}"));
        result
    }

    fn note(&mut self, what: &str, value: i64) {
        self.lines.push(format!("    {what} = {value:#x}"));
    }
}

/// Calls an ioctl of `$api` with a copy of `$arg`, and notes an out field.
macro_rules! ioctl {
    ($log:ident, $api:ident.$name:ident, $what:literal, $fd:expr, $arg:expr $(, $field:ident)?) => {{
        #[allow(unused_mut)]
        let mut arg = $arg;
        let what = concat!(stringify!($name), ": ", $what);
        // SAFETY: `arg` is the struct of this ioctl, and the memory that it
        // names is this test's own.
        $log.call(what, || unsafe { ($api.$name)($fd, &mut arg) }.into());
        $($log.note(stringify!($field), arg.$field as i64);)?
        arg
    }};
}

fn api_of(features: u64) -> uffdio_api {
    uffdio_api {
        api: UFFD_API,
        features,
        ioctls: 0,
    }
}

fn register(range: uffdio_range, mode: u64) -> uffdio_register {
    uffdio_register {
        range,
        mode,
        ioctls: 0,
    }
}

fn zeropage(range: uffdio_range) -> uffdio_zeropage {
    uffdio_zeropage {
        range,
        mode: 0,
        zeropage: 0,
    }
}

fn protect(range: uffdio_range, mode: u64) -> uffdio_writeprotect {
    uffdio_writeprotect { range, mode }
}

/// The errors that every ioctl has, from each function.
macro_rules! common_errors {
    ($log:ident, $api:ident, $null:expr, $early:expr, $uffd:expr, $($name:ident: $arg:ty),*) => {$(
        // SAFETY: all zero is a value of these structs of integers.
        let zero = || -> $arg { unsafe { zeroed() } };
        ioctl!($log, $api.$name, "not an open descriptor", -1, zero());
        ioctl!($log, $api.$name, "not a userfaultfd", $null, zero());
        ioctl!($log, $api.$name, "before the handshake", $early, zero());
        ioctl!($log, $api.$name, "all zero", $uffd, zero());
        // SAFETY: the kernel answers EFAULT.
        $log.call(concat!(stringify!($name), ": null"), || unsafe { ($api.$name)($uffd, null_mut()) }.into());
    )*};
}

fn open(log: &mut Log, api: &Api) -> c_int {
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY;
    // SAFETY: makes a descriptor.
    let fd = log.call("open", || unsafe { (api.userfaultfd)(flags) }.into()) as c_int;
    assert!(
        fd >= 0,
        "{}: no userfaultfd can be opened here: {:?}",
        api.name,
        log.lines
    );
    fd
}

/// Everything, with one implementation.
fn play(api: &Api) -> Vec<String> {
    let mut log = Log { lines: vec![] };
    let null = File::open("/dev/null").unwrap();
    let (early, uffd) = (open(&mut log, api), open(&mut log, api));

    // SAFETY: these make descriptors at most.
    unsafe {
        log.call("userfaultfd: unknown flag", || {
            (api.userfaultfd)(1 << 30).into()
        });
        log.call("userfaultfd_new: not open", || {
            (api.userfaultfd_new)(-1, 0).into()
        });
        log.call("userfaultfd_new: no device", || {
            (api.userfaultfd_new)(null.as_raw_fd(), 0).into()
        });
        if let Ok(device) = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/userfaultfd")
        {
            let device = device.as_raw_fd();
            log.call("userfaultfd_new: flags", || {
                (api.userfaultfd_new)(device, 1 << 30).into()
            });
            let fd = log.call("open the device", || {
                (api.userfaultfd_new)(device, libc::O_CLOEXEC).into()
            });
            libc::close(fd as c_int);
        }
    }

    let request = api_of(UFFD_FEATURE_THREAD_ID);
    ioctl!(
        log,
        api.api,
        "unknown feature",
        early,
        api_of(1 << 63),
        features
    );
    ioctl!(log, api.api, "handshake", uffd, request, features);
    ioctl!(log, api.api, "second handshake", uffd, request, ioctls);

    common_errors!(
        log, api, null.as_raw_fd(), early, uffd,
        api: uffdio_api, register: uffdio_register, unregister: uffdio_range, wake: uffdio_range,
        copy: uffdio_copy, zeropage: uffdio_zeropage, r#move: uffdio_move,
        r#continue: uffdio_continue, poison: uffdio_poison, writeprotect: uffdio_writeprotect,
        rwprotect: uffdio_rwprotect, set_mode: uffdio_set_mode, pagemap_scan: pm_scan_arg
    );

    resolve(&mut log, api, uffd);
    minor(&mut log, api, uffd);
    messages(&mut log, api, uffd, early);
    scan(&mut log, api);
    for fd in [early, uffd] {
        // SAFETY: opened above and used no more.
        unsafe { libc::close(fd) };
    }
    log.lines
}

/// The calls that fill, move and protect private memory.
fn resolve(log: &mut Log, api: &Api, uffd: c_int) {
    let (memory, source) = (Memory::new(Kind::Anon), Memory::new(Kind::Anon));
    let page = memory.page;
    // SAFETY: within `source`, which nothing else refers to.
    unsafe { std::ptr::write_bytes(source.start as *mut u8, 7, (page * PAGES as u64) as usize) };
    let all = memory.all();
    let right = register(all, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    ioctl!(log, api.register, "all", uffd, right, ioctls);
    ioctl!(
        log,
        api.register,
        "unknown mode",
        uffd,
        register(all, 1 << 63),
        ioctls
    );

    let copy = uffdio_copy {
        dst: memory.start,
        src: source.start,
        len: page,
        mode: 0,
        copy: 0,
    };
    ioctl!(log, api.copy, "a page", uffd, copy, copy);
    ioctl!(log, api.copy, "again", uffd, copy, copy);
    for (what, dst) in [
        ("elsewhere", source.start),
        ("not aligned", memory.start + 1),
    ] {
        log.note(what, 0);
        ioctl!(
            log,
            api.copy,
            "to a wrong place",
            uffd,
            uffdio_copy { dst, ..copy },
            copy
        );
    }
    let zero = zeropage(memory.pages(1, 1));
    ioctl!(log, api.zeropage, "a page", uffd, zero, zeropage);
    ioctl!(log, api.zeropage, "again", uffd, zero, zeropage);

    let dst = memory.pages(2, 1).start;
    let moved = uffdio_move {
        dst,
        src: source.pages(2, 1).start,
        len: page,
        mode: 0,
        move_: 0,
    };
    ioctl!(log, api.r#move, "a page", uffd, moved, move_);
    ioctl!(log, api.r#move, "again", uffd, moved, move_);

    let poison = uffdio_poison {
        range: memory.pages(3, 2),
        mode: 0,
        updated: 0,
    };
    ioctl!(log, api.poison, "two pages", uffd, poison, updated);
    ioctl!(log, api.poison, "again", uffd, poison, updated);

    let (two, wp) = (memory.pages(0, 2), UFFDIO_WRITEPROTECT_MODE_WP);
    ioctl!(log, api.writeprotect, "two pages", uffd, protect(two, wp));
    ioctl!(log, api.writeprotect, "lift", uffd, protect(two, 0));
    ioctl!(log, api.writeprotect, "both bits", uffd, protect(two, 3));
    ioctl!(
        log,
        api.writeprotect,
        "elsewhere",
        uffd,
        protect(source.all(), wp)
    );

    let rwp = uffdio_rwprotect {
        range: memory.pages(0, 2),
        mode: UFFDIO_RWPROTECT_MODE_RWP,
    };
    ioctl!(log, api.rwprotect, "not registered for it", uffd, rwp);
    let set = uffdio_set_mode {
        enable: UFFD_FEATURE_RWP_ASYNC,
        disable: 0,
    };
    ioctl!(log, api.set_mode, "without RWP", uffd, set);

    ioctl!(log, api.wake, "all", uffd, memory.all());
    // Still registered: EEXIST, not ENOENT.
    ioctl!(log, api.copy, "after waking", uffd, copy, copy);
    ioctl!(log, api.unregister, "all", uffd, memory.all());
    ioctl!(log, api.copy, "after that", uffd, copy, copy);
}

/// UFFDIO_CONTINUE, which needs shared memory.
fn minor(log: &mut Log, api: &Api, uffd: c_int) {
    let shared = Memory::new(Kind::SharedAnon);
    let minor = register(shared.all(), UFFDIO_REGISTER_MODE_MINOR);
    ioctl!(log, api.register, "minor", uffd, minor);
    let page = uffdio_continue {
        range: shared.pages(0, 1),
        mode: 0,
        mapped: 0,
    };
    ioctl!(
        log,
        api.r#continue,
        "not in the page cache",
        uffd,
        page,
        mapped
    );
    ioctl!(log, api.unregister, "minor", uffd, shared.all());
    // SAFETY: within `shared`, whose faults nobody handles any more.
    unsafe { *(shared.start as *mut u8) = 1 };
    // The page is in the cache, and again not mapped.
    // SAFETY: drops the mapping's page, not that of the cache.
    unsafe {
        libc::madvise(
            shared.start as *mut _,
            shared.page as usize,
            libc::MADV_DONTNEED,
        )
    };
    ioctl!(log, api.register, "minor", uffd, minor);
    ioctl!(log, api.r#continue, "a page", uffd, page, mapped);
    ioctl!(log, api.r#continue, "again", uffd, page, mapped);
}

/// read(2): none, no room, and a fault of another thread.
fn messages(log: &mut Log, api: &Api, uffd: c_int, early: c_int) {
    let mut messages = [uffd_msg_bytes::default(); 4];
    let room = messages.as_mut_ptr().cast();
    // SAFETY: `room` is for four messages; no address at all is EFAULT.
    unsafe {
        log.call("read: none", || (api.read)(uffd, room, 4) as i64);
        log.call("read: no room", || (api.read)(uffd, room, 0) as i64);
        log.call("read: before the handshake", || {
            (api.read)(early, room, 4) as i64
        });
        log.call("read: not open", || (api.read)(-1, room, 4) as i64);
    }
    let memory = Memory::new(Kind::Anon);
    let missing = register(memory.all(), UFFDIO_REGISTER_MODE_MISSING);
    ioctl!(log, api.register, "missing", uffd, missing);
    let range = memory.pages(3, 1);
    let address = range.start;
    // SAFETY: within `memory`, which lives until the thread has ended.
    let thread = thread::spawn(move || unsafe { (address as *mut u8).write_volatile(1) });
    let mut poll = libc::pollfd {
        fd: uffd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd.
    let ready = unsafe { libc::poll(&mut poll, 1, 10_000) };
    assert_eq!(ready, 1, "no fault in ten seconds");
    // SAFETY: as above.
    unsafe { log.call("read: a fault", || (api.read)(uffd, room, 4) as i64) };
    log.note("event", messages[0].event().into());
    let fault = messages[0].pagefault().expect("a fault");
    log.note("flags", fault.flags as i64);
    log.note("thread is named", (fault.ptid() != 0).into());
    log.note("address", (fault.address as i64) - address as i64);
    ioctl!(
        log,
        api.zeropage,
        "the fault",
        uffd,
        zeropage(range),
        zeropage
    );
    thread.join().unwrap();
}

/// PAGEMAP_SCAN with asynchronous write-protection.
fn scan(log: &mut Log, api: &Api) {
    let uffd = open(log, api);
    let features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED;
    ioctl!(log, api.api, "asynchronous", uffd, api_of(features), ioctls);
    let memory = Memory::new(Kind::Anon);
    let (range, mode) = (memory.all(), UFFDIO_REGISTER_MODE_WP);
    ioctl!(
        log,
        api.register,
        "asynchronous",
        uffd,
        register(range, mode)
    );
    let wp = protect(range, UFFDIO_WRITEPROTECT_MODE_WP);
    ioctl!(log, api.writeprotect, "asynchronous", uffd, wp);
    for page in [1, 2, 5] {
        // SAFETY: within `memory`; the kernel lets the write through.
        unsafe { (memory.pages(page, 1).start as *mut u8).write_volatile(1) };
    }
    let pagemap = File::open("/proc/self/pagemap").unwrap();
    let mut regions = [page_region::default(); 4];
    let arg = pm_scan_arg {
        size: size_of::<pm_scan_arg>() as u64,
        flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
        start: range.start,
        end: range.start + range.len,
        vec: regions.as_mut_ptr() as u64,
        vec_len: 4,
        category_mask: PAGE_IS_WRITTEN,
        return_mask: PAGE_IS_WRITTEN,
        ..pm_scan_arg::default()
    };
    for _ in 0..2 {
        ioctl!(log, api.pagemap_scan, "written", pagemap.as_raw_fd(), arg);
        for region in std::mem::take(&mut regions) {
            log.note("region", region.start.saturating_sub(range.start) as i64);
            log.note("categories", region.categories as i64);
        }
    }
    let unknown = pm_scan_arg {
        flags: 1 << 63,
        ..arg
    };
    ioctl!(
        log,
        api.pagemap_scan,
        "unknown flag",
        pagemap.as_raw_fd(),
        unknown
    );
    // SAFETY: opened above and used no more.
    unsafe { libc::close(uffd) };
}

#[test]
fn every_call_does_the_same_from_rust_the_library_and_the_header() {
    let rust = play(&api::rust());
    let expected = |line: &str| assert!(rust.iter().any(|l| l == line), "{line}\n{rust:#?}");
    // What is compared is not a row of refusals.
    expected("open: 0, errno 4000");
    expected("copy: a page: 0, errno 4000");
    expected("copy: again: -1, errno 17");
    expected("writeprotect: two pages: 0, errno 4000");
    expected("read: a fault: 32, errno 4000");
    expected("copy: after waking: -1, errno 17");
    expected("wake: not an open descriptor: -1, errno 9");
    assert!(rust.len() > 130, "{} lines", rust.len());
    for other in [
        api::load(
            "library",
            &installed().join("lib/libuffd_sys.so.0"),
            "uffd_sys_",
        ),
        header_only("header-only", &[]),
        header_only("header-only syscall", &["-DUFFD_SYS_LIBC"]),
    ] {
        let lines = play(&other);
        for (rust, line) in rust.iter().zip(&lines) {
            assert_eq!(rust, line, "Rust on the left, {} on the right", other.name);
        }
        assert_eq!(rust.len(), lines.len(), "{}", other.name);
    }
}
