//! Everything of Linux 6.8, typed in.
pub const UFFDIO_API: u64 = 0xc018_aa3f;
pub const UFFDIO_REGISTER: u64 = 0xc020_aa00;
pub const UFFDIO_UNREGISTER: u64 = 0x8010_aa01;
pub const UFFDIO_WAKE: u64 = 0x8010_aa02;
pub const UFFDIO_COPY: u64 = 0xc028_aa03;
pub const UFFDIO_ZEROPAGE: u64 = 0xc020_aa04;
pub const UFFDIO_MOVE: u64 = 0xc028_aa05;
pub const UFFDIO_WRITEPROTECT: u64 = 0xc018_aa06;
pub const UFFDIO_CONTINUE: u64 = 0xc020_aa07;
pub const UFFDIO_POISON: u64 = 0xc020_aa08;
pub const UFFDIO_API_SIZE: usize = 24;
