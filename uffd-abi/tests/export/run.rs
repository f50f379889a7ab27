//! The exported Rust at work: see export_compiled.rs.

mod uffd;

use std::os::raw::{c_int, c_long, c_ulong, c_void};
use uffd::*;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    fn mmap(at: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, from: c_long) -> *mut u8;
    fn read(fd: c_int, buffer: *mut uffd_msg, count: usize) -> isize;
}

fn call<T>(fd: c_int, request: u32, argument: &mut T) {
    // SAFETY: the argument is the request's struct.
    let result = unsafe { ioctl(fd, request as c_ulong, argument as *mut T) };
    assert!(result == 0, "{}", std::io::Error::last_os_error());
}

fn main() {
    let number = |at| std::env::args().nth(at).and_then(|it| it.parse().ok()).expect("a number");
    let (userfaultfd, page) = (number(1), number(2) as usize);
    const O_CLOEXEC: c_int = 0o2000000;
    // SAFETY: takes its flags alone.
    let fd = unsafe { syscall(userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY) } as c_int;
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());

    let mut api = uffdio_api { api: UFFD_API, ..Default::default() };
    call(fd, UFFDIO_API, &mut api);
    assert!(api.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP != 0);
    assert!(api.ioctls & 1 << _UFFDIO_REGISTER != 0);

    // SAFETY: a new mapping, private and anonymous.
    let memory = unsafe { mmap(std::ptr::null_mut(), 2 * page, 3, 0x22, -1, 0) };
    assert!(memory as isize != -1);
    let start = memory as usize as u64;
    let mut all = uffdio_range { start, len: 2 * page as u64 };
    let mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    let mut register = uffdio_register { range: all, mode, ioctls: 0 };
    call(fd, UFFDIO_REGISTER, &mut register);
    assert!(register.ioctls & 1 << _UFFDIO_COPY != 0);

    let (data, len) = (vec![0x5a_u8; page], page as u64);
    let src = data.as_ptr() as usize as u64;
    let mut copy = uffdio_copy { dst: start, src, len, mode: UFFDIO_COPY_MODE_WP, copy: 0 };
    call(fd, UFFDIO_COPY, &mut copy);
    // SAFETY: the page is there.
    assert!(unsafe { memory.add(page - 1).read_volatile() } == 0x5a);

    // The write hangs if the protection was not lifted.
    let range = uffdio_range { start, len };
    call(fd, UFFDIO_WRITEPROTECT, &mut uffdio_writeprotect { range, mode: 0 });
    // SAFETY: the page is there.
    unsafe { memory.write_volatile(1) };

    let address = start as usize + page;
    // SAFETY: the second page, which this thread alone touches.
    let thread = std::thread::spawn(move || unsafe { (address as *mut u8).write_volatile(1) });
    let mut msg = uffd_msg::default();
    // SAFETY: there is room for one message.
    assert!(unsafe { read(fd, &mut msg, std::mem::size_of::<uffd_msg>()) } == 32);
    assert!(msg.event == UFFD_EVENT_PAGEFAULT);
    // SAFETY: the event says that it is this part.
    let fault = unsafe { msg.arg.pagefault };
    assert!(fault.flags == UFFD_PAGEFAULT_FLAG_WRITE);
    let range = uffdio_range { start: fault.address, len };
    let mut zero = uffdio_zeropage { range, mode: 0, zeropage: 0 };
    call(fd, UFFDIO_ZEROPAGE, &mut zero);
    thread.join().unwrap();

    call(fd, UFFDIO_WAKE, &mut all);
    call(fd, UFFDIO_UNREGISTER, &mut all);
    let at = fault.address - start;
    println!("copied {}, fault at {at}, zeroed {}", copy.copy, zero.zeropage);
}
