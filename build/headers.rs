//! Which kernel headers bindgen reads.

use std::env;
use std::fmt;
use std::path::PathBuf;

/// Which kernel headers bindgen reads before `include/uffd_sys.h`.
#[derive(PartialEq)]
pub enum Headers {
    /// The installed ones.
    System,
    /// None: the back-fill alone.
    None,
    /// Those in this folder (the one that holds `linux/`), and no others.
    Tree(PathBuf),
}

impl Headers {
    /// What UFFD_SYS_HEADERS says.
    pub fn from_env() -> Result<Headers, String> {
        let dir = match env::var_os("UFFD_SYS_HEADERS") {
            None => return Ok(Headers::System),
            Some(dir) if dir.is_empty() => return Ok(Headers::System),
            Some(dir) if dir == "none" => return Ok(Headers::None),
            Some(dir) => PathBuf::from(dir),
        };
        let holds_header = |dir: &PathBuf| dir.join("linux/userfaultfd.h").is_file();
        [dir.join("include"), dir.join("usr/include"), dir.clone()]
            .into_iter()
            .find(holds_header)
            .map(Headers::Tree)
            .ok_or_else(|| {
                let missing = if dir.is_dir() { "" } else { " (no such folder)" };
                let dir = dir.display();
                format!(
                    "UFFD_SYS_HEADERS={dir}{missing}: there is no linux/userfaultfd.h in {dir}/include, \
                     {dir}/usr/include or {dir} itself.\n\
                     Give a tree made by the kernel's `make headers_install`, an unpacked package \
                     (Debian: linux-libc-dev, Fedora: kernel-headers, Alpine: linux-headers, \
                     Arch: linux-api-headers), or `none` for this crate's own definitions."
                )
            })
    }

    pub fn clang_args(&self, target: &str) -> Vec<String> {
        match self {
            Headers::System => vec![],
            Headers::None => vec!["-nostdlibinc".into(), "-DUFFD_SYS_NO_LINUX_HEADERS".into()],
            // Nothing but the tree: the machine's own asm/ may be of another processor.
            Headers::Tree(dir) => {
                let multiarch = debian_multiarch(target).map(|name| dir.join(name));
                let asm = multiarch
                    .into_iter()
                    .find(|dir| dir.join("asm/types.h").is_file());
                std::iter::once("-nostdlibinc".into())
                    .chain([Some(dir.clone()), asm].into_iter().flatten().map(|dir| {
                        // bindgen hands clang strings.
                        format!("-isystem{}", dir.display())
                    }))
                    .collect()
            }
        }
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Headers::System => f.write_str("headers of the system"),
            Headers::None => f.write_str("include/uffd_sys.h alone"),
            Headers::Tree(dir) => write!(f, "headers in {}", dir.display()),
        }
    }
}

/// The folders in which Debian's packages may keep a processor's `asm/`, the
/// best first. It is under a glibc name, which also serves musl and Android.
fn debian_multiarch(target: &str) -> [String; 3] {
    let arch = match target.split('-').next().unwrap_or_default() {
        "i586" | "i686" => "i386",
        "riscv64gc" => "riscv64",
        arm if arm.starts_with("arm") || arm.starts_with("thumb") => "arm",
        other => other,
    };
    let libc = target.rsplit('-').next().unwrap_or_default();
    let gnu = ["musl", "uclibc", "android", "ohos"]
        .iter()
        .find_map(|other| libc.strip_prefix(other))
        .map_or(libc.into(), |abi| format!("gnu{abi}"));
    [libc, &gnu, &format!("{gnu}hf")].map(|libc| format!("{arch}-linux-{libc}"))
}
