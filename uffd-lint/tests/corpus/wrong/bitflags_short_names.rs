use bitflags::bitflags;

bitflags! {
    /// What UFFDIO_REGISTER may ask for.
    #[derive(Debug)]
    pub struct RegisterMode: u64 {
        const MISSING = 1 << 0;
        const WP = 1 << 1;
        const MINOR = 1 << 3;
    }

    pub struct PagefaultFlags: u64 {
        const WRITE = 1;
        const WP = 4;
    }
}
