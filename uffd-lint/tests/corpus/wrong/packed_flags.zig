/// Forgot EVENT_REMOVE, and so all behind it.
pub const UffdFeatures = packed struct(u64) {
    pagefault_flag_wp: bool = false,
    event_fork: bool = false,
    event_remap: bool = false,
    missing_hugetlbfs: bool = false,
    missing_shmem: bool = false,
    _: u59 = 0,
};
