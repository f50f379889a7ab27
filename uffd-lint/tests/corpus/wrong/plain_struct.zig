pub const uffdio_api = struct {
    api: u64 = 0xAA,
    features: u64 = 0,
    ioctls: u64 = 0,
};
pub const UFFD_USER_MODE_ONLY = 1 << 1;
