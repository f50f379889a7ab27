const fn iowr(number: u32, size: usize) -> u32 {
    3 << 30 | (size as u32) << 16 | 0xAA << 8 | number
}
const fn ior<T>(number: u32) -> u32 {
    2 << 30 | (core::mem::size_of::<T>() as u32) << 16 | 0xAA << 8 | number
}

#[repr(C)]
pub struct Span {
    start: u64,
    len: u64,
    flags: u64,
}

pub const UFFDIO_API: u32 = iowr(0x3f, 24);
pub const UFFDIO_ZEROPAGE: u32 = iowr(0x05, 32);
pub const UFFDIO_WAKE: u32 = ior::<Span>(2);
