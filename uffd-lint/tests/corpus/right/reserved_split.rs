#[repr(C)]
pub struct uffd_msg {
    pub event: u8,
    pub reserved1: [u8; 7],
    pub pagefault: Fault,
}

#[repr(C)]
pub struct Fault {
    pub flags: u64,
    pub address: u64,
    pub ptid: u32,
    pub reserved3: u32,
}
