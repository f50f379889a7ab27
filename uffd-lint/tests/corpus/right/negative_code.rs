// musl's ioctl takes a c_int.
pub const UFFDIO_WAKE: i32 = 0x8010_aa02_u32 as i32;
pub const UFFDIO_COPY: i32 = -0x3fd7_55fd;
pub const UFFD_API_IOCTLS: i64 = 0x8000_0000_0000_0003_u64 as i64;
