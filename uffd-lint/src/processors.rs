//! For which processors a piece of source is: request codes differ between
//! them, so a number that is wrong on x86 can be right under
//! `#if defined(__powerpc__)`. What conditions say of it is in `condition`.

use std::ops::BitOr;
use std::path::Path;

use uffd_sys::abi::table::Encoding;

/// A set of processors: a bit for each line of [`PROCESSORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(u16);

/// What names each: in `target_arch`, Go's file names, paths and Python's
/// strings; and the macros of C compilers and kernel configurations. The first
/// [`GENERIC`] have the usual encoding; the others have the one of mips,
/// powerpc, sparc and alpha.
const PROCESSORS: [&str; 14] = [
    "x86_64 x86-64 amd64 x64 __x86_64__ __x86_64 __amd64__ __amd64 _M_X64 CONFIG_X86_64",
    "x86 i386 i586 i686 386 __i386__ __i386 _M_IX86 CONFIG_X86_32",
    "aarch64 arm64 __aarch64__ _M_ARM64 CONFIG_ARM64",
    "arm armv7 armhf armel __arm__ __arm _M_ARM CONFIG_ARM",
    "riscv64 riscv32 riscv __riscv __riscv_xlen CONFIG_RISCV",
    "s390x s390 __s390x__ __s390__ CONFIG_S390",
    "loongarch64 loong64 loongarch __loongarch__ __loongarch64 CONFIG_LOONGARCH",
    "powerpc ppc ppc32 __powerpc__ __powerpc __ppc__ __PPC__ _ARCH_PPC CONFIG_PPC",
    "powerpc64 powerpc64le ppc64 ppc64le ppc64el __powerpc__ __powerpc __ppc__ __PPC__ _ARCH_PPC \
     CONFIG_PPC __powerpc64__ __ppc64__ __PPC64__ _ARCH_PPC64 _CALL_ELF CONFIG_PPC64",
    "mips mipsel mipsle mips32r6 __mips__ __mips CONFIG_MIPS _MIPS_SIM _MIPS_ISA _MIPS_SZPTR \
     __MIPSEL__ __MIPSEB__",
    "mips64 mips64el mips64le mips64r6 mips __mips__ __mips __mips64 __mips64__ CONFIG_MIPS \
     _MIPS_SIM _MIPS_ISA _MIPS_SZPTR __MIPSEL__ __MIPSEB__ __mips_n64",
    "sparc __sparc__ __sparc CONFIG_SPARC",
    "sparc64 sparc __sparc__ __sparc __arch64__ __sparc64__ CONFIG_SPARC",
    "alpha __alpha__ __alpha CONFIG_ALPHA",
];
const GENERIC: u16 = 7;
const GENERIC_BITS: u16 = (1 << GENERIC) - 1;
/// Beside the processors: which of them are meant is not known.
const UNCLEAR: u16 = 1 << 15;

impl Set {
    /// All: there is no condition.
    pub const ALL: Set = Set((1 << PROCESSORS.len()) - 1);
    /// Those that Rust can be compiled for: all but alpha, the last.
    pub const RUST: Set = Set((1 << (PROCESSORS.len() - 1)) - 1);
    /// None: the code is never compiled.
    pub const NONE: Set = Set(0);
    /// Some condition on the processor that is not understood: either encoding
    /// may be meant.
    pub const SOME: Set = Set(Set::ALL.0 | UNCLEAR);

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 & Set::ALL.0 == 0
    }

    /// Those in both.
    pub fn and(self, other: Set) -> Set {
        Set(self.0 & other.0 | (self.0 | other.0) & UNCLEAR)
    }

    /// Those that are not in it.
    pub fn not(self) -> Set {
        Set(!self.0 & Set::ALL.0)
    }

    /// The encodings that a request code in code for these processors may
    /// have. `preferred` is that of the processor the user names (or of most),
    /// and counts alone if it is among them without a condition.
    pub fn encodings(self, preferred: Encoding) -> &'static [Encoding] {
        const BOTH: &[Encoding] = &[Encoding::Generic, Encoding::MipsPowerpcSparc];
        let generic = self.0 & GENERIC_BITS;
        let others = self.0 & Set::ALL.0 & !GENERIC_BITS;
        match (generic != 0, others != 0, preferred) {
            (true, true, _) if self.0 & UNCLEAR != 0 => BOTH,
            // Half of the usual ones are left out: written for a choice of them.
            (true, true, Encoding::Generic) if generic & 1 == 0 => BOTH,
            (true, true, Encoding::MipsPowerpcSparc) | (false, _, _) => &BOTH[1..],
            (true, _, _) => &BOTH[..1],
        }
    }

    /// By a name in lower case, or by a macro of C.
    pub fn named(name: &str) -> Option<Set> {
        let names = |line: &str| line.split(' ').any(|known| known == name);
        let bits = (0..).zip(PROCESSORS).filter(|(_, line)| names(line));
        let bits = bits.fold(0, |bits, (index, _)| bits | 1 << index);
        (bits != 0).then_some(Set(bits))
    }

    /// For which processors a file is by its path: a folder `powerpc`, or a
    /// name such as `uffd_ppc64le.go` or `mips.rs`.
    pub fn of_path(path: &Path) -> Set {
        let mut set = Set::NONE;
        for component in path.components().rev().take(6) {
            let component = component.as_os_str().to_string_lossy().to_lowercase();
            let stem = component.split('.').next().unwrap_or("");
            // x86_64 holds the separator itself.
            let parts = stem.split(['_', '-']).filter(|part| *part != "x86");
            let whole = if stem.ends_with("x86_64") {
                "x86_64"
            } else {
                stem
            };
            for set_of in parts.chain([whole]).filter_map(Set::named) {
                set = set | set_of;
            }
        }
        match set {
            Set::NONE => Set::ALL,
            // A release can be an alpha too.
            set if Set::named("alpha") == Some(set) => Set::SOME,
            set => set,
        }
    }
}

impl BitOr for Set {
    type Output = Set;
    fn bitor(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
}
