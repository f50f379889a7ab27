/// Of messages between processes: a numbering of its own.
#[repr(u8)]
pub enum UffdEvent {
    Fork = 1,
    Remap = 2,
    Remove = 3,
}
pub const UFFD_EVENT_FORK: u8 = 0x13;
