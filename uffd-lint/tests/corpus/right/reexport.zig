const c = @cImport(@cInclude("linux/userfaultfd.h"));
pub const UFFDIO_COPY = c.UFFDIO_COPY;
pub const UFFDIO_WAKE: u32 = 0x8010aa02;
