pub struct uffdio_writeprotect {
    pub range: uffdio_range,
    pub mode: u64,
}

#[repr(C)]
pub struct uffdio_range {
    pub start: u64,
    pub len: u64,
}
