/// As the kernel numbers them.
#[repr(u8)]
pub enum UffdEvent {
    Pagefault = 0x12,
    Fork = 0x13,
    Remap = 0x14,
    Remove = 0x15,
    Unmap = 0x16,
}
/// The program's own.
pub enum TraceEvent {
    Fork = 1,
    Remap = 2,
}
