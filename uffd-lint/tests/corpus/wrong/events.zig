pub const UffdEvent = enum(u8) {
    pagefault = 0x12,
    fork,
    remove,
    remap,
    unmap = 0x16,
};
