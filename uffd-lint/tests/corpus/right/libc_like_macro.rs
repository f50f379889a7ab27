s! {
    pub struct uffdio_range {
        pub start: u64,
        pub len: u64,
    }

    #[derive(Debug)]
    pub struct uffdio_api {
        pub api: u64,
        pub features: u64,
        pub ioctls: u64,
    }
}
