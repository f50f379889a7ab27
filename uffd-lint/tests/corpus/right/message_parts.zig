pub const uffd_msg = extern struct {
    event: u8,
    reserved: [7]u8,
    arg: extern union {
        pagefault: extern struct { flags: u64, address: u64, ptid: u32 },
        fork: extern struct { ufd: u32 },
        remap: extern struct { from: u64, to: u64, len: u64 },
    },
};
