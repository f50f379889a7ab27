const std = @import("std");
pub fn move(fd: i32, argument: usize) usize {
    return std.os.linux.ioctl(fd, 0xc020aa05, argument);
}
