//! Request codes of a page server.
pub const UFFDIO_COPY: u64 = 0xC028AA03;
pub const UFFDIO_ZEROPAGE: u64 = 0xC020AA04;
pub const UFFDIO_WRITEPROTECT: u64 = 0xC018AA06;
pub const UFFDIO_CONTINUE: u64 = 0xC018AA07;
/// Made of the one above by counting on.
pub const UFFDIO_POISON: u64 = 0xC018AA08;
