#[repr(u8)]
pub enum UffdEvent {
    Pagefault = 0x12,
    Fork = 0x13,
    Remap = 0x14,
    Remove = 0x16,
    Unmap = 0x15,
}
