// What the examples of the documentation begin with: each of these is None, and
// says so, where the running kernel lacks what the example needs.

use std::ptr;

use uffd_sys::*;

/// Says so where `make test` collects what was not run.
fn not_run(why: &str) {
    use std::io::Write;
    if let Some(path) = std::env::var_os("UFFD_SYS_SKIP_LOG") {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        log.write_all(format!("NOT RUN an example of the documentation: {why}\n").as_bytes()).unwrap();
    }
}

/// A userfaultfd before its handshake.
fn opened() -> Option<i32> {
    // SAFETY: the call takes no address.
    let uffd = unsafe { userfaultfd(libc::O_CLOEXEC | libc::O_NONBLOCK | UFFD_USER_MODE_ONLY) };
    if uffd == -1 {
        not_run(&std::io::Error::last_os_error().to_string());
        return None;
    }
    Some(uffd)
}

/// Private anonymous memory, populated.
fn memory(len: u64) -> u64 {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
    // SAFETY: a new mapping, wherever the kernel has room.
    let start = unsafe { libc::mmap(ptr::null_mut(), len as usize, access, flags, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED);
    start as u64
}

/// A userfaultfd with these features, and a page that is missing.
fn mapped(features: u64) -> Option<(i32, u64, u64)> {
    let uffd = opened()?;
    let mut api = uffdio_api { api: UFFD_API, features, ..Default::default() };
    // SAFETY: `api` lives through the call; nobody else uses the descriptor.
    if unsafe { uffdio_api(uffd, &mut api) } == -1 {
        not_run(&format!("this kernel has not all of the features {features:#x}"));
        return None;
    }
    // SAFETY: asks for a number.
    let len = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    let start = memory(len);
    // SAFETY: the mapping is ours, and nobody has a reference to it.
    assert_eq!(unsafe { libc::madvise(start as *mut _, len as usize, libc::MADV_DONTNEED) }, 0);
    Some((uffd, start, len))
}

fn register(uffd: i32, start: u64, len: u64, mode: u64) {
    let range = uffdio_range { start, len };
    let mut arg = uffdio_register { range, mode, ..Default::default() };
    // SAFETY: the memory is ours, and only the example uses it.
    let result = unsafe { uffdio_register(uffd, &mut arg) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// The same, registered.
fn registered(features: u64, mode: u64) -> Option<(i32, u64, u64)> {
    let (uffd, start, len) = mapped(features)?;
    register(uffd, start, len, mode);
    Some((uffd, start, len))
}

/// A page of shared memory that is in the page cache and not mapped, registered.
fn shared(features: u64, mode: u64) -> Option<(i32, u64, u64)> {
    let (uffd, _, len) = mapped(features)?;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: new mappings of a new file; a page of it is written before any is registered.
    unsafe {
        let file = libc::memfd_create("example\0".as_ptr().cast(), libc::MFD_CLOEXEC);
        assert_eq!(libc::ftruncate(file, len as libc::off_t), 0);
        let map = || libc::mmap(ptr::null_mut(), len as usize, access, libc::MAP_SHARED, file, 0);
        let (contents, start) = (map(), map());
        assert!(contents != libc::MAP_FAILED && start != libc::MAP_FAILED);
        contents.cast::<u8>().write(7);
        register(uffd, start as u64, len, mode);
        Some((uffd, start as u64, len))
    }
}
