#[repr(C, align(32))]
#[derive(Clone, Copy)]
pub struct uffdio_writeprotect {
    pub start: u64,
    pub len: u64,
    pub mode: u64,
}
