fn wake(uffd: i32, argument: usize) usize {
    return std.os.linux.ioctl(uffd, 0x8010aa02, argument);
}
