pub unsafe fn register(uffd: i32, argument: *mut u8) -> i32 {
    libc::ioctl(uffd, 0xc040_aa00, argument)
}
