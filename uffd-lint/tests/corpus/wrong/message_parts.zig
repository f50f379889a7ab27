const Fault = extern struct { flags: u64, address: u64, ptid: u32 };
const Removed = extern struct { end: u64, start: u64 };
pub const uffd_msg = extern struct {
    event: u8,
    reserved: [7]u8,
    arg: extern union { pagefault: Fault, remove: Removed, words: [3]u64 },
};
