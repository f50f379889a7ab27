fn wake(uffd: i32, range: *mut u8) -> i32 {
    // Another driver's, and the number of nothing.
    unsafe { libc::ioctl(uffd, 0xc010_5512, range) };
    unsafe { libc::ioctl(uffd, 0x8010_aa02, range) }
}
