pub const UffdEvent = enum(u8) { pagefault = 0x12, fork, remap, remove, unmap, _ };
pub const State = enum { fork, remap };
