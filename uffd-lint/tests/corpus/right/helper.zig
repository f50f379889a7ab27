fn ioc(direction: u32, number: u32, size: u32) u32 {
    return direction << 30 | size << 16 | 0xAA << 8 | number;
}
pub const UFFDIO_SET_MODE = ioc(1, 0x0a, 16);
