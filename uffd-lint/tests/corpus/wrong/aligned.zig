pub const uffdio_range = extern struct {
    start: u64,
    len: u64 align(16),
};
