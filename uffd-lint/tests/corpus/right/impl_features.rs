pub struct UffdFeatures(u64);

impl UffdFeatures {
    pub const PAGEFAULT_FLAG_WP: u64 = 1;
    pub const EVENT_FORK: u64 = 1 << 1;
    pub const WP_ASYNC: u64 = 1 << 15;
    /// Not a feature of the kernel's.
    pub const ALL: u64 = 0xffff;
}

bitflags! {
    pub struct RegisterMode: u64 {
        const MISSING = 1;
        const WP = 1 << 1;
        const MINOR = 1 << 2;
    }
}
