fn iowr(number: u32, comptime T: type) u32 {
    return 3 << 30 | @as(u32, @sizeOf(T)) << 16 | 0xAA << 8 | number;
}
pub const uffdio_range = extern struct { start: u64, len: u64 };
pub const uffdio_writeprotect = extern struct { range: uffdio_range, mode: u64 };
pub const UFFDIO_WRITEPROTECT = iowr(0x07, uffdio_writeprotect);
pub const UFFDIO_REGISTER = iowr(0x00, uffdio_range);
