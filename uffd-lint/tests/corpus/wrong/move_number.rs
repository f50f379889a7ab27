mod raw {
    pub const UFFDIO_MOVE: libc::c_ulong = 0xc028_aa09;
    pub const _UFFDIO_MOVE: u64 = 9;
    pub const UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES: u64 = 1 << 0;
}
