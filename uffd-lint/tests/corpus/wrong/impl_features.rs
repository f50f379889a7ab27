pub struct UffdFeatures(u64);

impl UffdFeatures {
    pub const EVENT_FORK: u64 = 1 << 1;
    pub const THREAD_ID: u64 = 1 << 8;
    pub const WP_UNPOPULATED: u64 = 1 << 12;
    pub const POISON: u64 = 1 << 14;
    pub const COUNT: usize = 4;
}
