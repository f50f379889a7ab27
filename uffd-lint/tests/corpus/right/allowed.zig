// uffd-abi: allow(UFFDIO_WAKE) the test of a refusal
pub const UFFDIO_WAKE: u32 = 0x4010aa02;
