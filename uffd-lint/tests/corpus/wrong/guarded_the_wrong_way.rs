#[cfg(target_arch = "x86_64")]
mod codes {
    pub const UFFDIO_UNREGISTER: u32 = 0x4010_aa01;
}
#[cfg(any(target_arch = "powerpc64", target_arch = "mips"))]
mod codes {
    pub const UFFDIO_UNREGISTER: u32 = 0x8010_aa01;
}
