//! What a later Linux may write into its headers: made-up changes to those of
//! Linux 7.3, each with what must come of it in Rust and in C.
//!
//! Plain data, so that any test can take it with `#[path]`.

/// A change, and what must come of it.
pub struct Addition {
    /// A name for messages and folders.
    pub name: &'static str,
    /// The header, below `include/`.
    pub file: &'static str,
    pub edit: Edit,
    /// In a build whose tree was named. Where the tree is the system's, what
    /// builds is the same, and what is refused is the one-line warning: the
    /// committed bindings serve.
    pub rust: Rust,
    /// A program that includes include/uffd_sys.h.
    pub c: C,
}

pub enum Edit {
    /// Text before the `#endif` that closes the file.
    Append(&'static str),
    /// The first text, which stands there once, becomes the second.
    Replace(&'static str, &'static str),
    /// The file is this and no more.
    Whole(&'static str),
}

pub enum Rust {
    /// It builds, and these items differ from the committed bindings: all new
    /// or changed ones, without `derive` and documentation. What else the
    /// change defines is left out.
    Builds(&'static [&'static str]),
    /// It is refused, with these words.
    Refused(&'static str),
}

pub enum C {
    Compiles,
    /// It is refused, and the compiler's message holds these words, in upper
    /// or lower case.
    Refused(&'static str),
}

use Edit::{Append, Replace, Whole};
use Rust::{Builds, Refused};
use C::Compiles;

impl Edit {
    /// The header after the change.
    pub fn apply(&self, header: &str) -> String {
        match *self {
            Append(text) => {
                let end = header.rfind("#endif").expect("the header is guarded");
                format!("{}{text}\n{}", &header[..end], &header[end..])
            }
            Replace(from, to) => {
                assert_eq!(header.matches(from).count(), 1, "{from:?}");
                header.replace(from, to)
            }
            Whole(text) => text.into(),
        }
    }
}

const fn addition(name: &'static str, edit: Edit, rust: Rust, c: C) -> Addition {
    Addition {
        name,
        file: "linux/userfaultfd.h",
        edit,
        rust,
        c,
    }
}

const fn addition_to_fs(name: &'static str, edit: Edit, rust: Rust, c: C) -> Addition {
    Addition {
        name,
        file: "linux/fs.h",
        edit,
        rust,
        c,
    }
}

pub const ADDITIONS: &[Addition] = &[
    // ---- constants ---------------------------------------------------------
    addition(
        "feature",
        Append("#define UFFD_FEATURE_MADE_UP (1 << 19)"),
        Builds(&["pub const UFFD_FEATURE_MADE_UP: u64 = 524288;"]),
        Compiles,
    ),
    addition(
        "masks-grown",
        Append(
            "#undef UFFD_API_FEATURES\n\
             #define UFFD_API_FEATURES (0x7ffff | (1 << 19))\n\
             #undef UFFD_API_REGISTER_MODES\n\
             #define UFFD_API_REGISTER_MODES ((__u64)0x1f)\n\
             #undef UFFD_API_IOCTLS\n\
             #define UFFD_API_IOCTLS ((__u64)1 << 63 | 0xc03)\n\
             #undef UFFD_API_RANGE_IOCTLS\n\
             #define UFFD_API_RANGE_IOCTLS ((__u64)0xbfc)\n\
             #undef UFFD_API_RANGE_IOCTLS_BASIC\n\
             #define UFFD_API_RANGE_IOCTLS_BASIC ((__u64)0xbcc)",
        ),
        Builds(&[
            "pub const UFFD_API_FEATURES: u64 = 1048575;",
            "pub const UFFD_API_IOCTLS: u64 = 9223372036854778883;",
            "pub const UFFD_API_RANGE_IOCTLS: u64 = 3068;",
            "pub const UFFD_API_RANGE_IOCTLS_BASIC: u64 = 3020;",
            "pub const UFFD_API_REGISTER_MODES: u64 = 31;",
        ]),
        Compiles,
    ),
    addition(
        "constant-signed",
        Append("#define UFFD_MADE_UP_SIGNED ((__s64)7)"),
        Builds(&["pub const UFFD_MADE_UP_SIGNED: u64 = 7;"]),
        Compiles,
    ),
    // As a field of the kernel's, which is a `__u64`, would hold it.
    addition(
        "constant-negative",
        Append("#define UFFD_MADE_UP_NEGATIVE (-2)\n#define UFFDIO_MADE_UP_NEGATIVE ((__s64)-3)"),
        Builds(&[
            "pub const UFFDIO_MADE_UP_NEGATIVE: u64 = 18446744073709551613;",
            "pub const UFFD_MADE_UP_NEGATIVE: u64 = 18446744073709551614;",
        ]),
        Compiles,
    ),
    addition(
        "constant-float",
        Append("#define UFFD_MADE_UP_RATIO 0.5"),
        Builds(&["pub const UFFD_MADE_UP_RATIO: f64 = 0.5;"]),
        Compiles,
    ),
    addition(
        "constant-128-bits",
        Append(
            "#define UFFD_MADE_UP_WIDE ((unsigned __int128)1 << 100)\n\
             #define UFFD_MADE_UP_WIDER (UFFD_MADE_UP_WIDE << 1)",
        ),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "constant-string",
        Append("#define UFFD_MADE_UP_NAME \"pub type; a \\\"b\\\"\""),
        Builds(&["pub const UFFD_MADE_UP_NAME: &[u8; 16] = b\"pub type; a \\\"b\\\"\\0\";"]),
        Compiles,
    ),
    addition(
        "constant-character",
        Append("#define UFFD_MADE_UP_LETTER 'x'"),
        Builds(&["pub const UFFD_MADE_UP_LETTER: u64 = 120;"]),
        Compiles,
    ),
    addition(
        "constant-of-a-size",
        Append("#define UFFD_MADE_UP_SIZE sizeof(struct uffd_msg)"),
        Builds(&["pub const UFFD_MADE_UP_SIZE: u64 = 32;"]),
        Compiles,
    ),
    addition(
        "constant-too-large-for-its-name",
        Append("#define UFFDIO_MADE_UP_LIMIT (1ULL << 40)\n#define UFFD_EVENT_MADE_UP 0x117"),
        Builds(&[
            "pub const UFFDIO_MADE_UP_LIMIT: u64 = 1099511627776;",
            "pub const UFFD_EVENT_MADE_UP: u64 = 279;",
        ]),
        Compiles,
    ),
    addition(
        "constant-of-an-unknown-one",
        Append("#define UFFD_MADE_UP_NEXT (1 << UFFD_MADE_UP_NOWHERE)"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "macro-with-arguments",
        Append("#define UFFD_MADE_UP_BIT(n) (1 << (n))"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "macro-of-a-type",
        Append("#define UFFD_MADE_UP_TYPE __u64"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "macro-that-is-a-word-of-rust",
        Append("#define loop 1\n#define match 2\n#define crate 3"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "macro-named-like-a-function",
        Append("#define uffdio_wake 1\n#define uffd_read 2"),
        Builds(&[]),
        Compiles,
    ),
    // ---- enums and typedefs ------------------------------------------------
    addition(
        "enum",
        Append("enum uffd_made_up { UFFD_MADE_UP_A, UFFD_MADE_UP_B = 5 };"),
        Builds(&[
            "pub const UFFD_MADE_UP_A: u64 = 0;",
            "pub const UFFD_MADE_UP_B: u64 = 5;",
            "pub type uffd_made_up = u32;",
        ]),
        Compiles,
    ),
    addition(
        "enum-anonymous",
        Append("enum { UFFD_FEATURE_MADE_UP = 1 << 19, UFFD_EVENT_MADE_UP = 0x17 };"),
        Builds(&[
            "pub const UFFD_EVENT_MADE_UP: u8 = 23;",
            "pub const UFFD_FEATURE_MADE_UP: u64 = 524288;",
        ]),
        Compiles,
    ),
    addition(
        "enum-with-macros",
        Append("enum { UFFD_MADE_UP_A = 3 };\n#define UFFD_MADE_UP_A UFFD_MADE_UP_A"),
        Builds(&["pub const UFFD_MADE_UP_A: u64 = 3;"]),
        Compiles,
    ),
    addition(
        "enum-negative",
        Append("enum uffd_made_up { UFFD_MADE_UP_NONE = -1, UFFD_MADE_UP_ONE = 1 };"),
        Builds(&[
            "pub const UFFD_MADE_UP_NONE: u64 = 18446744073709551615;",
            "pub const UFFD_MADE_UP_ONE: u64 = 1;",
            "pub type uffd_made_up = i32;",
        ]),
        Compiles,
    ),
    addition(
        "typedef",
        Append("typedef __u64 uffd_made_up_t;"),
        Builds(&["pub type uffd_made_up_t = u64;"]),
        Compiles,
    ),
    addition(
        "typedef-of-a-struct",
        Append("typedef struct { __u64 a; __u32 b, c; } uffd_made_up_t;"),
        Builds(&["#[repr(C)] pub struct uffd_made_up_t { pub a: u64, pub b: u32, pub c: u32, }"]),
        Compiles,
    ),
    // ---- a new ioctl with its struct ---------------------------------------
    addition(
        "struct",
        Append(
            "#define _UFFDIO_MADE_UP (0x0B)\n\
             struct uffdio_made_up { struct uffdio_range range; __u64 mode; __s64 done; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, _UFFDIO_MADE_UP, struct uffdio_made_up)",
        ),
        Builds(&[
            "#[repr(C)] pub struct uffdio_made_up { pub range: uffdio_range, pub mode: u64, pub done: i64, }",
            "pub const UFFDIO_MADE_UP: u32 = 3223366155;",
            "pub const _UFFDIO_MADE_UP: u64 = 11;",
        ]),
        Compiles,
    ),
    addition(
        "struct-arrays",
        Append(
            "struct uffdio_made_up {\n\
             __u8 a[3]; __s8 b[5]; __u16 c[2]; __s16 d[2]; __u32 e[2]; __s32 f[2]; __u64 g[4]; __s64 h[2][3];\n\
             };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&[
            "#[repr(C)] pub struct uffdio_made_up { \
             pub a: [u8; 3], pub b: [i8; 5], pub c: [u16; 2], pub d: [i16; 2], pub e: [u32; 2], pub f: [i32; 2], \
             pub g: [u64; 4], pub h: [[i64; 3]; 2], }",
            "pub const UFFDIO_MADE_UP: u32 = 3228609035;",
        ]),
        Compiles,
    ),
    addition(
        "struct-long-array",
        Append("struct uffdio_made_up { __u64 many[40]; };"),
        Builds(&["#[repr(C)] pub struct uffdio_made_up { pub many: [u64; 40], }"]),
        Compiles,
    ),
    addition(
        "struct-aligned",
        Append("struct uffdio_made_up { __aligned_u64 a; __u32 b; };"),
        Builds(&["#[repr(C)] pub struct uffdio_made_up { pub a: u64, pub b: u32, }"]),
        Compiles,
    ),
    addition(
        "struct-packed",
        Append("struct uffdio_made_up { __u8 a; __u64 b; } __attribute__((packed));"),
        Builds(&["#[repr(C, packed)] pub struct uffdio_made_up { pub a: u8, pub b: u64, }"]),
        Compiles,
    ),
    addition(
        "struct-enum-and-typedef",
        Append(
            "enum uffd_made_up { UFFD_MADE_UP_A };\n\
             typedef __s32 uffd_made_up_t;\n\
             struct uffdio_made_up { enum uffd_made_up a; uffd_made_up_t b; __be32 c; unsigned long d; char e[8]; };",
        ),
        Builds(&[
            "#[repr(C)] pub struct uffdio_made_up { \
             pub a: u32, pub b: i32, pub c: u32, pub d: libc::c_ulong, pub e: [libc::c_char; 8], }",
            "pub const UFFD_MADE_UP_A: u64 = 0;",
            "pub type uffd_made_up = u32;",
            "pub type uffd_made_up_t = i32;",
        ]),
        Compiles,
    ),
    addition(
        "struct-words-of-rust",
        Append("struct uffdio_made_up { __u64 type; __u64 move; __u64 self; };"),
        Builds(&["#[repr(C)] pub struct uffdio_made_up { pub type_: u64, pub move_: u64, pub self_: u64, }"]),
        Compiles,
    ),
    addition(
        "struct-named-like-a-function",
        Append("struct uffd_read { __u64 a; };"),
        Builds(&["#[repr(C)] pub struct uffd_read { pub a: u64, }"]),
        Compiles,
    ),
    // Left out; its request code is a number, which is not.
    addition(
        "struct-bit-fields",
        Append(
            "struct uffdio_made_up { __u64 low : 4; __u64 high : 60; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3221793291;"]),
        Compiles,
    ),
    addition(
        "struct-anonymous-union",
        Append(
            "struct uffdio_made_up { __u64 a; union { __u64 b; __u32 c; }; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3222317579;"]),
        Compiles,
    ),
    addition(
        "struct-named-union",
        Append(
            "union uffd_made_up { __u64 b; __u32 c; };\n\
             struct uffdio_made_up { __u64 a; union uffd_made_up u; };\n\
             struct uffdio_made_up_2 { struct uffdio_made_up inner[2]; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up_2)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3223366155;"]),
        Compiles,
    ),
    addition(
        "struct-flexible-array",
        Append(
            "struct uffdio_made_up { __u64 n; struct uffdio_range ranges[]; };\n\
             struct uffdio_made_up_0 { __u64 n; __u64 values[0]; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3221793291;"]),
        Compiles,
    ),
    addition(
        "struct-pointer",
        Append(
            "struct uffdio_made_up { void *where; __u64 len; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3222317579;"]),
        Compiles,
    ),
    addition(
        "struct-no-integers",
        Append(
            "struct uffdio_made_up { double a; };\n\
             #ifndef __cplusplus\nstruct uffdio_made_up_2 { _Bool a; };\n#endif\n\
             struct uffdio_made_up_3 { unsigned __int128 a; };\n\
             struct uffdio_made_up_4 { };\n\
             struct uffdio_made_up_5;",
        ),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "struct-of-another-header",
        Append(
            "#include <linux/time_types.h>\n\
             struct uffdio_made_up { struct __kernel_timespec timeout; };\n\
             #define UFFDIO_MADE_UP _IOWR(UFFDIO, 0x0B, struct uffdio_made_up)",
        ),
        Builds(&["pub const UFFDIO_MADE_UP: u32 = 3222317579;"]),
        Compiles,
    ),
    addition(
        "declarations",
        Append("extern int uffd_made_up_counter;\nint uffd_made_up(int);"),
        Builds(&[]),
        Compiles,
    ),
    addition_to_fs(
        "pagemap-category",
        Append("#define PAGE_IS_MADE_UP (1 << 10)\n#define PM_SCAN_MADE_UP (1 << 2)"),
        Builds(&[
            "pub const PAGE_IS_MADE_UP: u64 = 1024;",
            "pub const PM_SCAN_MADE_UP: u64 = 4;",
        ]),
        Compiles,
    ),
    // ---- a new event with its part of uffd_msg -----------------------------
    // The part is a struct of its own; the union stays as it is known.
    addition(
        "event",
        Replace(
            "\t\t\t__u64\treserved3;\n\t\t} reserved;\n",
            "\t\t\t__u64\treserved3;\n\t\t} reserved;\n\
             #define UFFD_EVENT_MADE_UP 0x17\n\
             \t\tstruct {\n\t\t\t__u64\twhere;\n\t\t\t__u32\twhy;\n\t\t} made_up;\n",
        ),
        Builds(&[
            "#[repr(C)] pub struct uffd_msg_made_up { pub where_: u64, pub why: u32, }",
            "pub const UFFD_EVENT_MADE_UP: u8 = 23;",
        ]),
        Compiles,
    ),
    // In the middle, so that bindgen numbers the later parts anew.
    addition(
        "event-with-an-anonymous-union",
        Replace(
            "\t\tstruct {\n\t\t\t__u64\tfrom;\n",
            "#define UFFD_EVENT_MADE_UP 0x17\n\
             \t\tstruct {\n\t\t\t__u64\twhere;\n\t\t\tunion {\n\t\t\t\t__u64\twhy;\n\t\t\t\t__u32\twho;\n\t\t\t};\n\t\t} made_up;\n\
             \t\tstruct {\n\t\t\t__u64\tfrom;\n",
        ),
        Builds(&["pub const UFFD_EVENT_MADE_UP: u8 = 23;"]),
        Compiles,
    ),
    addition(
        "event-with-a-flexible-array",
        Replace(
            "\t\tstruct {\n\t\t\t__u64\tfrom;\n",
            "#define UFFD_EVENT_MADE_UP 0x17\n\
             \t\tstruct {\n\t\t\t__u64\tn;\n\t\t\t__u64\twords[];\n\t\t} made_up;\n\
             \t\tstruct {\n\t\t\t__u64\tfrom;\n",
        ),
        Builds(&["pub const UFFD_EVENT_MADE_UP: u8 = 23;"]),
        Compiles,
    ),
    // Both would be `uffd_msg_a_b`.
    addition(
        "event-parts-of-one-name",
        Replace(
            "\t\tstruct {\n\t\t\t__u64\tfrom;\n",
            "\t\tstruct {\n\t\t\t__u64\tx;\n\t\t} a_b;\n\
             \t\tstruct {\n\t\t\tstruct {\n\t\t\t\t__u32\ty;\n\t\t\t} b;\n\t\t} a;\n\
             \t\tstruct {\n\t\t\t__u64\tfrom;\n",
        ),
        Builds(&[]),
        Compiles,
    ),
    // It takes what was padding.
    addition(
        "event-tells-more-of-a-fault",
        Replace("\t\t\t\t__u32 ptid;\n", "\t\t\t\t__u32 ptid;\n\t\t\t\t__u64 made_up;\n"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "event-larger-than-the-message",
        Replace(
            "\t\tstruct {\n\t\t\t__u64\tfrom;\n",
            "#define UFFD_EVENT_MADE_UP 0x17\n\
             \t\tstruct {\n\t\t\t__u64\twords[4];\n\t\t} made_up;\n\
             \t\tstruct {\n\t\t\t__u64\tfrom;\n",
        ),
        Refused("uffd_msg_arg"),
        Compiles,
    ),
    // ---- what is known, changed --------------------------------------------
    addition(
        "known-constant-removed",
        Append("#undef UFFD_FEATURE_MOVE"),
        Builds(&[]),
        Compiles,
    ),
    addition(
        "known-value-changed",
        Append("#undef UFFD_FEATURE_MOVE\n#define UFFD_FEATURE_MOVE (1 << 20)"),
        Refused("UFFD_FEATURE_MOVE is 1048576"),
        C::Refused("uffd_sys.h: UFFD_FEATURE_MOVE is not 1 << 16. "),
    ),
    addition(
        "known-number-changed",
        Append("#undef _UFFDIO_COPY\n#define _UFFDIO_COPY (0x0B)"),
        Refused("_UFFDIO_COPY is 11"),
        C::Refused("uffd_sys.h: UFFDIO_COPY is not the request code RW 0x28AA03. "),
    ),
    addition(
        "known-constant-not-to-be-evaluated",
        Append("#undef UFFD_FEATURE_MOVE\n#define UFFD_FEATURE_MOVE (1 << UFFD_MADE_UP_NOWHERE)"),
        Refused("UFFD_FEATURE_MOVE is missing"),
        C::Refused("UFFD_FEATURE_MOVE"),
    ),
    addition(
        "mask-shrunk",
        Append("#undef UFFD_API_IOCTLS\n#define UFFD_API_IOCTLS ((__u64)1 << _UFFDIO_API)"),
        Refused("UFFD_API_IOCTLS is 9223372036854775808"),
        Compiles,
    ),
    addition(
        "known-code-removed",
        Append("#undef UFFDIO_COPY"),
        Refused("redefinition of 'uffdio_copy'"),
        C::Refused("struct uffdio_copy { /* redefined? remove your fallback */"),
    ),
    addition(
        "known-struct-grown",
        Replace("\t__s64 move;\n", "\t__s64 move;\n\t__u64 made_up;\n"),
        Refused("struct uffdio_move"),
        C::Refused("uffd_sys.h: struct uffdio_move is not 40 bytes. "),
    ),
    // A new ioctl that takes it, too.
    addition(
        "known-struct-grown-for-a-new-ioctl",
        Replace(
            "struct uffdio_set_mode {\n",
            "#define UFFDIO_MADE_UP _IOW(UFFDIO, 0x0B, struct uffdio_set_mode)\n\
             struct uffdio_set_mode {\n\t__u64 made_up;\n",
        ),
        Refused("struct uffdio_set_mode"),
        C::Refused("uffd_sys.h: struct uffdio_set_mode is not 16 bytes. "),
    ),
    addition(
        "known-field-moved",
        Replace(
            "struct uffdio_copy {\n\t__u64 dst;\n\t__u64 src;\n",
            "struct uffdio_copy {\n\t__u64 src;\n\t__u64 dst;\n",
        ),
        Refused("struct uffdio_copy"),
        C::Refused("uffd_sys.h: struct uffdio_copy: dst is not 8 bytes at offset 0. "),
    ),
    addition(
        "known-field-retyped",
        Replace("\t__s64 copy;\n", "\t__u64 copy;\n"),
        Refused("struct uffdio_copy"),
        C::Refused("uffd_sys.h: struct uffdio_copy: copy is not signed. "),
    ),
    addition(
        "known-field-renamed",
        Replace("\t__s64 mapped;\n", "\t__s64 made_up;\n"),
        Refused("struct uffdio_continue"),
        C::Refused("mapped"),
    ),
    // It holds its own size, so the kernel may let it grow; a header that did
    // is of another interface than the functions here.
    addition_to_fs(
        "pm_scan_arg-grown",
        Replace("\t__u64 return_mask;\n", "\t__u64 return_mask;\n\t__u64 made_up;\n"),
        Refused("struct pm_scan_arg"),
        C::Refused("or define UFFD_SYS_NO_LINUX_FS and do not include <linux/fs.h>."),
    ),
    // Part of no request code.
    addition_to_fs(
        "page_region-grown",
        Replace("\t__u64 categories;\n", "\t__u64 categories;\n\t__u64 made_up;\n"),
        Refused("struct page_region"),
        Compiles,
    ),
    // ---- files that are none -----------------------------------------------
    addition(
        "error",
        Append("#error \"made up: this header is not for you\""),
        Refused("made up: this header is not for you"),
        C::Refused("made up: this header is not for you"),
    ),
    addition(
        "include-that-is-not-there",
        Append("#include <linux/made_up.h>"),
        Refused("linux/made_up.h"),
        C::Refused("linux/made_up.h"),
    ),
    addition(
        "empty",
        Whole(""),
        Refused("it is empty, or not the kernel's"),
        Compiles,
    ),
    addition_to_fs("empty-fs", Whole(""), Builds(&[]), Compiles),
    addition(
        "not-c",
        Whole("<!DOCTYPE html>\n<title>404</title>\n"),
        Refused("linux/userfaultfd.h"),
        C::Refused("userfaultfd.h"),
    ),
];
