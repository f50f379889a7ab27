pub const UffdFeatures = packed struct(u64) {
    pagefault_flag_wp: bool = false,
    event_fork: bool = false,
    event_remap: bool = false,
    event_remove: bool = false,
    _middle: u3 = 0,
    sigbus: bool = false,
    _: u56 = 0,
};
