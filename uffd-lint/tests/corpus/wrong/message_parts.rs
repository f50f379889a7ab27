#[repr(C)]
#[derive(Clone, Copy)]
pub struct Fault {
    pub address: u64,
    pub flags: u64,
    pub ptid: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Moved {
    pub to: u64,
    pub from: u64,
    pub len: u64,
}

#[repr(C)]
pub union MessageArgument {
    pub pagefault: Fault,
    pub remap: Moved,
    pub words: [u64; 3],
}

#[repr(C)]
pub struct uffd_msg {
    pub event: u8,
    pub _pad: [u8; 7],
    pub arg: MessageArgument,
}
