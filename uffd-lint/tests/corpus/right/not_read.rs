pub const UFFDIO_WAKE: u32 = 0x8010aa02;
pub const const UFFDIO_COPY u32 = 0xc028aa04;
