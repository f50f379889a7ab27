pub const UFFDIO_API: u64 = bindings::UFFDIO_API as u64;
pub const UFFDIO_COPY: u64 = linux_raw_sys::ioctl::UFFDIO_COPY as u64;
pub const UFFD_API: u64 = 0xAA;
