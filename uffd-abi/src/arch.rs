//! Processors, as users name them.

use uffd_sys::abi::table::Encoding;

/// A processor for `--arch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arch {
    /// As the user wrote it.
    pub name: String,
    /// How its request codes are put together.
    pub encoding: Encoding,
}

/// Those that align a u64 to less than 8 bytes in a struct.
const ALIGN_4: &[&str] = &["x86", "i386", "i586", "i686", "386"];
const ALIGN_2: &[&str] = &["m68k"];

/// Those of 32 bits.
const LONG_4: &[&str] = &[
    "x86", "i386", "i586", "i686", "386", "arm", "armhf", "armel", "armv7", "riscv32", "m68k",
    "mips", "mipsel", "mipsle", "mips32r6", "powerpc", "ppc", "sparc",
];

/// Every name taken, of Rust, the kernel, Debian and Go. parisc is not among
/// them: it swaps the two bits of direction, and the table does not hold that.
const GENERIC: &[&str] = &[
    "x86_64",
    "amd64",
    "x86",
    "i386",
    "i586",
    "i686",
    "386",
    "aarch64",
    "arm64",
    "arm",
    "armhf",
    "armel",
    "armv7",
    "riscv64",
    "riscv32",
    "s390x",
    "loongarch64",
    "loong64",
    "m68k",
];
const MIPS_POWERPC_SPARC: &[&str] = &[
    "mips",
    "mipsel",
    "mips64",
    "mips64el",
    "mipsle",
    "mips64le",
    "mips32r6",
    "mips64r6",
    "powerpc",
    "powerpc64",
    "powerpc64le",
    "ppc",
    "ppc64",
    "ppc64le",
    "ppc64el",
    "sparc",
    "sparc64",
    "alpha",
];

impl Arch {
    /// The processor this program was compiled for.
    pub fn here() -> Arch {
        let name = std::env::consts::ARCH;
        Arch {
            name: name.to_owned(),
            encoding: Encoding::of_arch(name),
        }
    }

    /// How a u64 in a struct is aligned.
    pub fn align_of_u64(&self) -> u64 {
        match &*self.name {
            name if ALIGN_4.contains(&name) => 4,
            name if ALIGN_2.contains(&name) => 2,
            _ => 8,
        }
    }

    /// Bytes of C's `long`, and of a pointer.
    pub fn size_of_long(&self) -> u64 {
        if LONG_4.contains(&&*self.name) {
            4
        } else {
            8
        }
    }

    /// The parser of `--arch`.
    ///
    /// # Errors
    ///
    /// An unknown name, with all known ones: a guessed encoding would accept
    /// wrong request codes in silence.
    pub fn parse(name: &str) -> Result<Arch, String> {
        let encoding = if GENERIC.contains(&name) {
            Encoding::Generic
        } else if MIPS_POWERPC_SPARC.contains(&name) {
            Encoding::MipsPowerpcSparc
        } else {
            return Err(format!(
                "no such processor; known are {}, {}",
                GENERIC.join(", "),
                MIPS_POWERPC_SPARC.join(", ")
            ));
        };
        Ok(Arch {
            name: name.to_owned(),
            encoding,
        })
    }
}
