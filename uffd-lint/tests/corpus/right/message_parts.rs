#[repr(C)]
#[derive(Clone, Copy)]
pub struct Removed {
    pub start: u64,
    pub end: u64,
}

#[repr(C)]
pub union Argument {
    pub pagefault: [u64; 3],
    pub remove: Removed,
    pub fork_fd: u32,
}

#[repr(C)]
pub struct uffd_msg {
    pub event: u8,
    pub pad: [u8; 7],
    pub arg: Argument,
}
