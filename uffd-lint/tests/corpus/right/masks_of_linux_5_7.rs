pub const UFFD_API: u64 = 0xAA;
pub const UFFD_API_FEATURES: u64 = 0x1ff;
pub const UFFD_API_IOCTLS: u64 = 1 << 0x00 | 1 << 0x01 | 1 << 0x3F;
pub const UFFD_API_RANGE_IOCTLS: u64 = 0b101_1100;
pub const UFFD_API_RANGE_IOCTLS_BASIC: i64 = 0xC;
