bitflags::bitflags! {
    pub struct Features: u64 {
        const UFFD_FEATURE_EXACT_ADDRESS = 1 << 11;
        const UFFD_FEATURE_WP_HUGETLBFS_SHMEM = 1 << 12;
        const UFFD_FEATURE_WP_ASYNC = 1 << 13;
        const UFFD_FEATURE_POISON = 0b100_0000_0000_0000;
        const UFFD_FEATURE_MOVE = 1 << 15;
    }
}
