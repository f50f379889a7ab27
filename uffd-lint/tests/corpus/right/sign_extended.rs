pub const UFFDIO_API: u64 = 0xffff_ffff_c018_aa3f;
pub const UFFDIO_COPY: i64 = 0xc028_aa03_u32 as i32 as i64;
