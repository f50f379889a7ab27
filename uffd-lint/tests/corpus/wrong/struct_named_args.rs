#[repr(C)]
pub struct UffdioRegisterArgs {
    pub start: u64,
    pub len: u64,
    pub ioctls: u64,
    pub mode: u64,
}
