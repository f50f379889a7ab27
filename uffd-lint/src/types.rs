//! What is known of types: their sizes, and the places of fields.

/// What is known of a type.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub align: u64,
    /// Whether it is an integer, and if so whether it has a sign.
    pub signed: Option<bool>,
    /// Its fields, if it is a struct or union of this file.
    pub fields: Vec<Placed<'a>>,
}

impl Layout<'_> {
    /// Of a type without fields.
    pub fn plain(size: u64, align: u64, signed: Option<bool>) -> Self {
        Layout {
            size,
            align,
            signed,
            fields: vec![],
        }
    }
}

/// A field with its place.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    pub name: &'a [u8],
    pub at: usize,
    /// Bytes from the start of the struct.
    pub offset: u64,
    pub layout: Layout<'a>,
}

/// The integer types of all languages: those of 1, 2, 4 and 8 bytes and those
/// of a pointer's size, of each first the ones without a sign.
const INTEGERS: [&str; 10] = [
    "u8|__u8|uint8_t|u_int8_t|unsigned char|c_uchar|uint8|byte|c_uint8|c_ubyte|uchar|bool|_Bool|\
     c_bool",
    "i8|__s8|int8_t|s8|char|c_char|c_schar|int8|c_int8|c_byte|signed char",
    "u16|__u16|uint16_t|u_int16_t|unsigned short|unsigned short int|short unsigned int|c_ushort|\
     uint16|c_uint16|ushort",
    "i16|__s16|int16_t|s16|short|short int|c_short|int16|c_int16",
    "u32|__u32|uint32_t|u_int32_t|unsigned|unsigned int|c_uint|uint32|c_uint32|uint",
    "i32|__s32|int32_t|s32|int|c_int|int32|c_int32|pid_t|rune|RawFd",
    "u64|__u64|uint64_t|u_int64_t|unsigned long long|unsigned long long int|\
     long long unsigned int|c_ulonglong|uint64|c_uint64|ulonglong|__le64|__aligned_u64|uintmax_t",
    "i64|__s64|int64_t|s64|long long|long long int|c_longlong|int64|c_int64|longlong",
    "unsigned long|long unsigned int|unsigned long int|c_ulong|ulong|usize|size_t|uintptr_t|\
     uintptr|c_size_t|c_void_p",
    "long|long int|c_long|isize|ssize_t|intptr_t|off_t|c_ssize_t",
];

/// An integer type by its name in any of the languages, where a `long` and a
/// pointer have so many bytes.
pub fn primitive(name: &str, long: u64) -> Option<Layout<'static>> {
    let is = |names: &str| names.split('|').any(|known| known == name);
    let index = INTEGERS.iter().position(|names| is(names))?;
    let size = [1, 2, 4, 8, long][index / 2];
    Some(Layout::plain(size, size, Some(index % 2 == 1)))
}
