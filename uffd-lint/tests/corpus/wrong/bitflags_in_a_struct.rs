bitflags::bitflags! {
    pub struct Flags: u32 {
        const WRITE_PROTECT = 1;
    }
}

#[repr(C)]
struct uffdio_writeprotect {
    start: u64,
    len: u64,
    mode: Flags,
}
