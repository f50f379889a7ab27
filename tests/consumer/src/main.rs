//! Uses the crate from outside: prints what it was built from, and holds a
//! caller of uffdio_writeprotect whose machine code tests/consumer.rs reads.

use std::mem::size_of;

/// Nothing but the call, so that its whole cost is in sight.
#[no_mangle]
#[inline(never)]
pub unsafe extern "C" fn hot_writeprotect(fd: i32, arg: *mut uffd_sys::uffdio_writeprotect) -> i32 {
    // SAFETY: the caller's promise is that of the function.
    unsafe { uffd_sys::uffdio_writeprotect(fd, arg) }
}

fn main() {
    println!("bindings: {}", uffd_sys::BINDINGS);
    println!("UFFDIO_WRITEPROTECT: {:#x}", uffd_sys::UFFDIO_WRITEPROTECT);
    println!("uffd_msg: {}", size_of::<uffd_sys::uffd_msg>());
    let mut arg = uffd_sys::uffdio_writeprotect::default();
    // SAFETY: a bad descriptor is refused before the argument is read.
    let result = unsafe { hot_writeprotect(-1, &mut arg) };
    let error = std::io::Error::last_os_error();
    println!("hot_writeprotect: {result}, {error}");
}
