// uffd-abi: allow(UFFDIO_WAKE) the test of a refusal
pub const UFFDIO_WAKE: u32 = 0x4010aa02;
#[repr(C)]
pub struct UffdioCopy {
    pub dst: u64,
    pub src: u64,
    pub len: u64,
    pub mode: u64,
    // uffd-abi: allow(uffdio_copy) read as i64 below
    pub copy: u64,
}
