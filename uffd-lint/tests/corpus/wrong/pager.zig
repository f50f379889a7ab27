const std = @import("std");
const linux = std.os.linux;

pub const UFFDIO: u8 = 0xAA;
pub const uffdio_range = extern struct { start: u64, len: u64 };
pub const uffdio_move = extern struct {
    dst: u64,
    src: u64,
    len: u64,
    mode: u64,
    move: u64,
};
pub const UFFDIO_MOVE = linux.IOCTL.IOWR(UFFDIO, 0x05, uffdio_move);
pub const UFFDIO_WAKE = linux.IOCTL.IOW(UFFDIO, 0x02, uffdio_range);
pub const UFFDIO_COPY: u32 = @as(u32, 0xc020_aa03);
