//! The processor that a source is for.

use uffd_sys::abi::table::Encoding;

/// What differs between processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// How request codes are put together.
    pub encoding: Encoding,
    /// Bytes of C's `long`, and of a pointer.
    pub long: u64,
    /// How a `u64` in a struct is aligned: 4 on i686, 2 on m68k.
    pub align_of_u64: u64,
}

impl Default for Target {
    /// x86-64, aarch64 and most others.
    fn default() -> Target {
        Target {
            encoding: Encoding::Generic,
            long: 8,
            align_of_u64: 8,
        }
    }
}

/// The bits of a request code that say neither direction, writing, reading and
/// both; and how far to the left they are.
pub(crate) fn directions(encoding: Encoding) -> ([i128; 4], u32) {
    match encoding {
        Encoding::Generic => ([0, 1, 2, 3], 30),
        Encoding::MipsPowerpcSparc => ([1, 4, 2, 6], 29),
    }
}
