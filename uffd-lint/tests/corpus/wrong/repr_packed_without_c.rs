/// Packed, but in an order that the compiler chooses.
#[repr(packed)]
pub struct uffd_msg {
    pub event: u8,
    pub reserved: [u8; 7],
    pub arg: [u64; 3],
}
