const UFFDIO: u32 = 0xAA;
const _UFFDIO_COPY: u32 = 0x03;

ioctl_readwrite!(uffdio_api, 0xAA, 0x3F, uffdio_api);
ioctl_read!(
    /// Wakes.
    uffd_wake, UFFDIO, 0x02, uffdio_range
);
ioctl_iowr_nr!(UFFDIO_COPY, UFFDIO, _UFFDIO_COPY, uffdio_copy);
ioctl_io_nr!(USERFAULTFD_IOC_NEW, 0xAA, 0x00);
ioctl_readwrite!(vfio_copy, b';', 100, vfio_copy);
pub const UFFDIO_REGISTER: Opcode = opcode::read_write::<uffdio_register>(0xAA, 0x00);
pub const UFFDIO_ZEROPAGE: u64 =
    nix::request_code_readwrite!(0xAA, 0x04, core::mem::size_of::<uffdio_zeropage>());
pub const UFFDIO_UNREGISTER: u32 = _IOR::<uffdio_range>(UFFDIO, 1);
