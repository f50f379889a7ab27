const UFFDIO_API: i32 = @bitCast(@as(u32, 0xc018aa3f));
const UFFDIO_COPY: u64 = 0xffff_ffff_c028_aa03;
