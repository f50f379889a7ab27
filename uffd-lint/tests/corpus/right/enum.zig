pub const Event = enum(u8) {
    UFFD_EVENT_PAGEFAULT = 0x12,
    UFFD_EVENT_FORK = 0x13,
    _,
};
pub const UFFD_FEATURE_SIGBUS: u64 = @intCast(1 << 7);
pub const UFFDIO_API: u32 = switch (builtin.cpu.arch) {
    .powerpc64le => 0xc018aa3f,
    else => 0xc018aa3f,
};
