//! src/check.rs, on a copy of the package whose committed bindings are spoiled:
//! the build fails, and says what is wrong and what to do.

mod cargo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo::{cargo, run, stderr, target_dir, ROOT};
use uffd_sys::abi::{self, table::Encoding};

/// What the library is made of, as a package of its own.
fn copy() -> PathBuf {
    let dir = target_dir("spoiled");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let mut cp = Command::new("cp");
    cp.current_dir(ROOT).arg("-r");
    cp.args(["build.rs", "build", "wrapper.h", "include", "src"]);
    cp.arg(&dir);
    run(cp);
    let manifest = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let (package, _) = manifest.split_once("[dev-dependencies]").unwrap();
    fs::write(dir.join("Cargo.toml"), format!("{package}[workspace]\n")).unwrap();
    dir
}

/// A kind of mistake.
struct Case {
    /// Where the item of the bindings begins that is spoiled.
    item: &'static str,
    /// What is replaced behind that, one after the other.
    edits: &'static [(&'static str, &'static str)],
    /// What the compiler must say.
    says: &'static [&'static str],
}

const REMEDY: &str = "When cross-compiling, set UFFD_SYS_HEADERS to a folder with the target's \
    headers, or to `none` for this crate's own definitions.";

const CASES: &[Case] = &[
    Case {
        item: "pub struct uffdio_copy {",
        edits: &[
            ("pub dst:", "pub other:"),
            ("pub src:", "pub dst:"),
            ("pub other:", "pub src:"),
        ],
        says: &["uffd-sys: the struct uffdio_copy is not laid out as in Linux: `dst` is not at byte 0. \
               The bindings were made from a header that somebody altered, or of another processor. ", REMEDY],
    },
    Case {
        item: "pub struct uffdio_copy {",
        edits: &[("pub copy: i64", "pub copy: i32")],
        says: &["uffd-sys: the struct uffdio_copy is not laid out as in Linux: `copy` does not end at byte 40. "],
    },
    Case {
        item: "pub union uffd_msg_arg {",
        edits: &[("pub fork: uffd_msg_fork", "pub fork: u64")],
        says: &["uffd-sys: the struct uffd_msg_arg is not laid out as in Linux: `fork` does not end at byte 4. "],
    },
    Case {
        item: "pub struct pm_scan_arg {",
        edits: &[("pub return_mask: u64,", "pub return_mask: u64,\n    pub more: u64,")],
        says: &["uffd-sys: the struct pm_scan_arg is not laid out as in Linux: its size is not 96. "],
    },
    Case {
        item: "",
        edits: &[("#[repr(C, packed)]", "#[repr(C)]")],
        says: &["uffd-sys: the struct uffd_msg is not laid out as in Linux: its alignment is not 1. "],
    },
    Case {
        item: "pub const PM_SCAN_CHECK_WPASYNC:",
        edits: &[("u64 = 2", "u64 = 4")],
        says: &["uffd-sys: PM_SCAN_CHECK_WPASYNC is not 0x2, as Linux has it. \
               The bindings were made from a header that somebody altered. ", REMEDY],
    },
    Case {
        item: "pub const UFFD_API_RANGE_IOCTLS_BASIC:",
        edits: &[("u64 = 972", "u64 = 971")],
        says: &["uffd-sys: UFFD_API_RANGE_IOCTLS_BASIC is not 0x3CC, as Linux has it. "],
    },
    Case {
        item: "pub const UFFDIO_API:",
        edits: &[("3222841919", "1075358271")],
        says: &["uffd-sys: UFFDIO_API is not the number that this target's kernel takes. \
               The bindings were made from the kernel headers of another processor. ", REMEDY],
    },
    Case {
        item: "pub const UFFD_FEATURE_MOVE:",
        edits: &[("u64", "u32")],
        says: &["uffd-sys: UFFD_FEATURE_MOVE is not a u64. "],
    },
];

// Where a u64 is aligned to 4, some of these mistakes change a size instead.
#[cfg(target_pointer_width = "64")]
#[test]
fn spoiled_bindings_are_refused() {
    let dir = copy();
    let bindings = dir.join(match abi::target().encoding {
        Encoding::Generic => "src/bindings/generic.rs",
        Encoding::MipsPowerpcSparc => "src/bindings/mips_powerpc_sparc.rs",
    });
    let right = fs::read_to_string(&bindings).unwrap();
    let check = |text: &str| {
        fs::write(&bindings, text).unwrap();
        let args = ["check", "--lib", "--no-default-features"];
        cargo(&dir, "spoiled-target", &args)
    };
    run(check(&right));
    // A newer header knows more bits of a mask.
    let newer = right.replace(
        "UFFD_API_FEATURES: u64 = 524287",
        "UFFD_API_FEATURES: u64 = 1048575",
    );
    assert_ne!(newer, right);
    run(check(&newer));

    for case in CASES {
        let at = right.find(case.item).expect(case.item);
        let (before, mut after) = (&right[..at], right[at..].to_string());
        for (old, new) in case.edits {
            assert!(after.contains(old), "{}: {old}", case.item);
            after = after.replacen(old, new, 1);
        }
        let output = check(&format!("{before}{after}")).output().unwrap();
        let text = stderr(&output);
        assert!(!output.status.success(), "{}: it was to fail", case.item);
        for sentence in case.says {
            assert!(text.contains(sentence), "{}: {sentence}\n{text}", case.item);
        }
    }
}
