//! What `make new-kernel` says of headers, tried on those of a Linux that does not
//! exist yet. What it says of the manual pages needs a network.

mod cargo;

use std::fs;
use std::process::{Command, Output};

use cargo::{stderr, target_dir, ROOT};

fn new_kernel(tree: &str, userfaultfd_h: Option<&str>) -> Output {
    let dir = target_dir(tree);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("include/linux")).unwrap();
    if let Some(text) = userfaultfd_h {
        fs::write(dir.join("include/linux/userfaultfd.h"), text).unwrap();
        fs::write(
            dir.join("include/linux/fs.h"),
            "#define PAGE_IS_FILE (1 << 2)\n",
        )
        .unwrap();
        // 9.1.0
        let code = "#define LINUX_VERSION_CODE 590080\n";
        fs::write(dir.join("include/linux/version.h"), code).unwrap();
    }
    Command::new("python3")
        .arg("verification/tools/new_kernel.py")
        .arg(&dir)
        .current_dir(ROOT)
        .output()
        .expect("python3 is installed")
}

const KNOWN: &str = "\
#define UFFDIO 0xAA
#define _UFFDIO_API (0x3F)
#define UFFDIO_API _IOWR(UFFDIO, _UFFDIO_API, struct uffdio_api)
struct uffdio_api { __u64 api; };
";

#[test]
fn what_is_known_lacks_nothing() {
    let output = new_kernel("kernel-known", Some(KNOWN));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", stderr(&output));
    assert!(
        said.starts_with(
            "Linux 9.1: 5 names, 0 of them not in the pinned table\nNothing is missing."
        ),
        "{said}"
    );
}

#[test]
fn what_is_new_is_listed_with_what_it_lacks() {
    let new = "\
#define _UFFDIO_TELEPORT (0x0B)
#define UFFDIO_TELEPORT _IOWR(UFFDIO, _UFFDIO_TELEPORT, \\
	struct uffdio_teleport)
#define UFFD_FEATURE_TELEPORT (1<<19)
/* #define UFFD_FEATURE_IN_A_COMMENT 1 */
struct uffdio_teleport { __u64 where; };
";
    let output = new_kernel("kernel-new", Some(&format!("{KNOWN}{new}")));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(!said.contains("IN_A_COMMENT"), "{said}");
    let expected = "\
Linux 9.1: 9 names, 4 of them not in the pinned table

constant UFFD_FEATURE_TELEPORT = (1<<19)
  lacks a row in the pinned table        src/abi/table.rs
  lacks a back-fill for older headers    include/uffd_sys.h
  lacks a case of the conformance suite  verification/conformance/src/cases/
  lacks committed bindings               src/bindings/

constant _UFFDIO_TELEPORT = (0x0B)
  lacks a row in the pinned table        src/abi/table.rs
  lacks a back-fill for older headers    include/uffd_sys.h
  lacks a case of the conformance suite  verification/conformance/src/cases/
  lacks committed bindings               src/bindings/

ioctl UFFDIO_TELEPORT = _IOWR(UFFDIO, _UFFDIO_TELEPORT, struct uffdio_teleport)
  lacks a row in the pinned table        src/abi/table.rs
  lacks a back-fill for older headers    include/uffd_sys.h
  lacks a call for Rust                  src/
  lacks a call for C                     include/uffd_sys.h
  lacks a case of the conformance suite  verification/conformance/src/cases/
  lacks committed bindings               src/bindings/

struct uffdio_teleport
  lacks a row in the pinned table        src/abi/table.rs
";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("docs/new-kernel.md"), "{said}");
}

#[test]
fn every_name_of_this_repository_has_all_its_pieces() {
    let ours = fs::read_to_string(format!("{ROOT}/include/uffd_sys.h")).unwrap();
    // Its own helpers are not the kernel's.
    let output = new_kernel("kernel-ours", Some(&ours.replace("UFFD_SYS_", "OWN_")));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", stderr(&output));
}

#[test]
fn a_folder_without_headers_is_refused() {
    let output = new_kernel("kernel-none", None);
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("has no linux/userfaultfd.h"), "{said}");
    assert!(said.contains("make headers_install"), "{said}");
}
