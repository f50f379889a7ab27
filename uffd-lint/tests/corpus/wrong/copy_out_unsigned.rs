#[repr(C)]
#[derive(Default)]
pub struct UffdioCopy {
    pub dst: u64,
    pub src: u64,
    pub len: u64,
    pub mode: u64,
    pub copy: u64,
}

#[repr(C)]
pub struct uffdio_zeropage {
    pub range: uffdio_range,
    pub mode: u64,
    pub zeropage: u64,
}

#[repr(C)]
pub struct uffdio_range {
    pub start: u64,
    pub len: u64,
}
