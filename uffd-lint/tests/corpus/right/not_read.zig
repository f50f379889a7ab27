const UFFDIO_WAKE = 0x8010aa02;
const const UFFDIO_COPY u32 0xc028aa04;
