//! Names that resemble the kernel's and are the program's own.
pub struct UffdMsg {
    pub event: Event,
    pub received_at: std::time::Instant,
}
#[repr(C)]
pub struct UffdioRegister {
    pub name: [u8; 16],
    pub priority: u8,
}
pub enum Event {
    Fork = 1,
    Remap = 2,
}
pub const HAVE_UFFDIO_MOVE: bool = true;
pub const UFFDIO_COPY_MODE_DONTWAKE: u64 = 1;
