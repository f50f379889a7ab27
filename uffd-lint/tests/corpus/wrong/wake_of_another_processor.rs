//! A snapshot loader that wakes its guest after each restored page.

const UFFDIO_API: u64 = 0xc018_aa3f;
const UFFDIO_REGISTER: u64 = 0xc020_aa00;
const UFFDIO_WAKE: u64 = 0x4010_aa02;

#[repr(C)]
struct UffdioRange {
    start: u64,
    len: u64,
}
