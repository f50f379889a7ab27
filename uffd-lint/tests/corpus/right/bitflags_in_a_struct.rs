bitflags::bitflags! {
    #[repr(transparent)]
    pub struct Categories: u64 {
        const WRITTEN = 1 << 1;
        const PRESENT = 1 << 3;
    }
}

#[repr(C)]
struct pm_scan_arg {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: Categories,
    category_mask: Categories,
    category_anyof_mask: Categories,
    return_mask: Categories,
}
