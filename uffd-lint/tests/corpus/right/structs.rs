use libc::{c_uchar, c_ulonglong};
type Address = u64;

/// Flat, and with what the program does not use left out.
#[repr(C)]
pub struct UffdMsg {
    pub event: c_uchar,
    pub reserved: [u8; 7],
    pub flags: u64,
    pub address: Address,
    pub ptid: u32,
    _rest: u32,
}

#[repr(C, packed)]
pub struct uffd_msg {
    event: u8,
    reserved1: u8,
    reserved2: u16,
    reserved3: u32,
    arg: uffd_arg,
}

#[repr(C)]
pub union uffd_arg {
    pagefault: Pagefault,
    reserved: [u64; 3],
}

#[repr(C)]
pub struct Pagefault {
    flags: u64,
    address: Address,
    ptid: u32,
}

#[repr(C)]
pub struct uffdio_register {
    pub start: c_ulonglong,
    pub len: c_ulonglong,
    pub mode: c_ulonglong,
    pub ioctls: c_ulonglong,
}

#[repr(C)]
pub struct uffdio_move {
    pub dst: u64,
    pub src: u64,
    pub len: u64,
    pub mode: u64,
    pub r#move: i64,
}
