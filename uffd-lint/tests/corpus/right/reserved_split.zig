pub const uffd_msg = extern struct {
    event: u8,
    reserved1: [7]u8,
    flags: u64,
    address: u64,
    reserved2: u64,
};
