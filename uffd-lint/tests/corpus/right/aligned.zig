pub const uffdio_range = extern struct {
    start: u64 align(8),
    len: u64,
};
