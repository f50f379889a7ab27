#[cfg(not(any(
    target_arch = "mips", target_arch = "mips64", target_arch = "powerpc",
    target_arch = "powerpc64", target_arch = "sparc", target_arch = "sparc64",
)))]
pub const UFFDIO_WAKE: u32 = 0x8010aa02;
#[cfg(any(
    target_arch = "mips", target_arch = "mips64", target_arch = "powerpc",
    target_arch = "powerpc64", target_arch = "sparc", target_arch = "sparc64",
))]
pub const UFFDIO_WAKE: u32 = 0x4010aa02;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "powerpc64")] {
        pub const UFFDIO_UNREGISTER: u32 = 0x4010aa01;
    } else if #[cfg(target_arch = "mips")] {
        pub const UFFDIO_UNREGISTER: u32 = 0x4010aa01;
    } else {
        pub const UFFDIO_UNREGISTER: u32 = 0x8010aa01;
    }
}

cfg_if! {
    if #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64"))] {
        pub const UFFDIO_SET_MODE: u32 = 0x4010aa0a;
    } else if #[cfg(not(any(target_arch = "powerpc64", target_arch = "mips64")))] {
        // Not told for which.
    } else {
        pub const UFFDIO_SET_MODE: u32 = 0x8010aa0a;
    }
}

mod inner {
    #![cfg(target_arch = "sparc64")]
    pub const USERFAULTFD_IOC_NEW: u32 = 0x2000_AA00;
}
