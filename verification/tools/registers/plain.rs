//! A call in a function without vectors, to compare the instructions.
#[no_mangle]
pub unsafe extern "C" fn hold(
    fd: i32,
    range: *mut uffd_sys::uffdio_range,
    a: f64,
    b: f64,
    c: i64,
) -> f64 {
    let d = a * b;
    match uffd_sys::uffdio_wake(fd, range) {
        0 => d + b + c as f64,
        _ => a,
    }
}
