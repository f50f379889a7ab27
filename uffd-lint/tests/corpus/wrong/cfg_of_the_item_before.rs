#[cfg(target_arch = "powerpc64")]
pub const UFFDIO_UNREGISTER: u32 = 0x4010_aa01;
pub const UFFDIO_WAKE: u32 = 0x4010_aa02;

#[repr(C)]
pub struct uffdio_range {
    pub start: u64,
    pub len: u64,
}
pub struct uffdio_api {
    pub api: u64,
    pub features: u64,
    pub ioctls: u64,
}
