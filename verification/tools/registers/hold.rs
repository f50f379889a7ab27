//! As hold.c: vectors held over a call, and whether they are what they were.
//! Rust has no type for them; a SIMD type as long as they are is kept in one.
#![feature(repr_simd)]
#![allow(dead_code)] // `main`, when its code is looked at as a library.

use uffd_sys::{uffdio_api, uffdio_range, uffdio_wake};

#[cfg(target_arch = "aarch64")]
const BYTES: usize = 64;
#[cfg(target_arch = "riscv64")]
const BYTES: usize = 32;

#[repr(simd)]
#[derive(Clone, Copy)]
pub struct Vector([u8; BYTES]);

/// # Safety
///
/// The pointers are valid.
#[inline(never)]
#[no_mangle]
pub unsafe extern "C" fn hold(
    fd: i32,
    range: *mut uffdio_range,
    from: *const Vector,
    to: *mut Vector,
) -> i32 {
    let (a, b) = (*from, *from.add(1));
    let result = uffdio_wake(fd, range);
    if result >= 0 {
        *to = a;
        *to.add(1) = b;
    }
    result
}

fn main() {
    let mut api = uffdio_api {
        api: uffd_sys::UFFD_API,
        ..Default::default()
    };
    let mut range = uffdio_range {
        start: 1 << 20,
        len: 1 << 16,
    };
    let from: [[u8; BYTES]; 2] =
        [0, 1].map(|n| std::array::from_fn(|i| (i * 37 + n * 101 + 11) as u8));
    let from: [Vector; 2] = from.map(Vector);
    let mut to = [Vector([0; BYTES]); 2];
    // SAFETY: the structs are alive, and no range is registered.
    let result = unsafe {
        let fd = uffd_sys::userfaultfd(0);
        if fd < 0 || uffd_sys::uffdio_api(fd, &mut api) < 0 {
            -1
        } else {
            hold(fd, &mut range, from.as_ptr(), to.as_mut_ptr())
        }
    };
    if result < 0 {
        println!("# {}", std::io::Error::last_os_error());
        std::process::exit(2);
    }
    // SAFETY: arrays of bytes, twice.
    let [from, to]: [[[u8; BYTES]; 2]; 2] = unsafe { std::mem::transmute([from, to]) };
    let wrong = (0..2 * BYTES)
        .filter(|&i| from[i / BYTES][i % BYTES] != to[i / BYTES][i % BYTES])
        .count();
    println!("# {} bytes a vector, {} bytes wrong", BYTES, wrong);
    std::process::exit((wrong != 0) as i32);
}
