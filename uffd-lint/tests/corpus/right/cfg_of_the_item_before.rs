#[cfg(target_arch = "mips")]
pub const UFFDIO_UNREGISTER: u32 = 0x4010_aa01;

pub const UFFDIO_WAKE: u32 = 0x8010_aa02;

#[repr(C)]
pub struct uffdio_range {
    pub start: u64,
    pub len: u64,
}

/// The program's own, in any order.
pub struct UffdioCopy {
    pub dst: u64,
    pub src: u64,
    pub len: u64,
    pub source: String,
}
