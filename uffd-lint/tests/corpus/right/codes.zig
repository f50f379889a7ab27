const linux = @import("std").os.linux;
const page_size: u64 = 4096;
pub const UFFDIO = 0xAA;

pub const uffdio_range = extern struct { start: u64 = 0, len: u64 = page_size };
pub const uffdio_move = extern struct {
    dst: u64,
    src: u64,
    len: u64,
    mode: u64,
    @"move": i64 = 0,

    pub fn init() uffdio_move {
        return .{ .dst = 0, .src = 0, .len = 0, .mode = 0 };
    }
};
pub const uffd_msg = extern struct {
    event: u8,
    reserved1: u8,
    reserved2: u16,
    reserved3: u32,
    arg: extern union {
        pagefault: extern struct { flags: u64, address: u64, feat: extern union { ptid: u32 } },
        fork: extern struct { ufd: u32 },
        reserved: [3]u64,
    },
};
pub const UFFDIO_MOVE = linux.IOCTL.IOWR(UFFDIO, 0x05, uffdio_move);
pub const UFFDIO_WAKE = linux.IOCTL.IOR(UFFDIO, 0x02, uffdio_range);
pub const UFFDIO_COPY_MODE_WP: u64 = @as(u64, 1) << 1;
const text =
    \\ pub const UFFDIO_API = 1;
;
