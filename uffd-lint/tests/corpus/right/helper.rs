const AA: u32 = 0xAA;
const fn ioc(direction: u32, number: u32, size: u32) -> u32 {
    direction << 30 | size << 16 | AA << 8 | number
}
const fn iowr<T>(number: u32) -> u32 {
    ioc(3, number, core::mem::size_of::<T>() as u32)
}
const fn ior(number: u32, size: u32) -> u32 {
    let direction = 2;
    direction << 30 | size << 16 | AA << 8 | number
}

pub const UFFDIO_API: u32 = iowr::<uffdio_api>(0x3f);
pub const UFFDIO_COPY: u32 = ioc(3, 3, 40);
pub const UFFDIO_WAKE: u32 = ior(2, 16);
