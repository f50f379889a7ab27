//! A program in Rust and C that finds the C header through the crate. It owns
//! nothing else; the test `dependent` builds it as a user would.

use uffd_sys::{uffdio_writeprotect, UFFDIO_WRITEPROTECT};

extern "C" {
    fn protect_nothing(arg: *mut uffdio_writeprotect) -> i32;
    fn protect_request(size: *mut u32) -> u32;
}

fn main() {
    let mut arg = uffdio_writeprotect::default();
    // SAFETY: the kernel reads `arg` at most; -1 is no descriptor.
    let result = unsafe { protect_nothing(&mut arg) };
    let error = std::io::Error::last_os_error();
    assert_eq!((result, error.raw_os_error()), (-1, Some(9)));

    let mut size = 0;
    // SAFETY: writes one `u32`.
    let request = unsafe { protect_request(&mut size) };
    assert_eq!(size as usize, std::mem::size_of::<uffdio_writeprotect>());
    assert_eq!(request, UFFDIO_WRITEPROTECT);
    println!("C and Rust agree on {size} bytes and {request:#x}");
}
