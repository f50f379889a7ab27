// The direction of an early release candidate of Linux 5.13.
const fn ioc(direction: u32, group: u32, number: u32, size: u32) -> u32 {
    direction << 30 | size << 16 | group << 8 | number
}
const READ: u32 = 2;
const WRITE: u32 = 1;

const UFFDIO_ZEROPAGE: u32 = ioc(READ | WRITE, 0xAA, 0x04, 32);
const UFFDIO_CONTINUE: u32 = ioc(READ, 0xAA, 0x07, 32);
