//! For which processors a piece of source is: request codes differ between
//! them, so a number that is wrong on x86 can be right under
//! `#if defined(__powerpc__)`.

use std::ops::BitOr;
use std::path::Path;

use uffd_sys::abi::table::Encoding;

use crate::source::{Kind, Source};

/// A set of processors: a bit for each line of [`PROCESSORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(u16);

struct Processor {
    /// In `target_arch`, Go's file names, paths and Python's strings.
    names: &'static [&'static str],
    /// What C compilers, and kernel configurations, define.
    macros: &'static [&'static str],
}

/// The first [`GENERIC`] have the usual encoding; the others have the one of
/// mips, powerpc, sparc and alpha.
const PROCESSORS: [Processor; 14] = [
    Processor {
        names: &["x86_64", "x86-64", "amd64", "x64"],
        macros: &[
            "__x86_64__",
            "__x86_64",
            "__amd64__",
            "__amd64",
            "_M_X64",
            "CONFIG_X86_64",
        ],
    },
    Processor {
        names: &["x86", "i386", "i586", "i686", "386"],
        macros: &["__i386__", "__i386", "i386", "_M_IX86", "CONFIG_X86_32"],
    },
    Processor {
        names: &["aarch64", "arm64"],
        macros: &["__aarch64__", "_M_ARM64", "CONFIG_ARM64"],
    },
    Processor {
        names: &["arm", "armv7", "armhf", "armel"],
        macros: &["__arm__", "__arm", "_M_ARM", "CONFIG_ARM"],
    },
    Processor {
        names: &["riscv64", "riscv32", "riscv"],
        macros: &["__riscv", "__riscv_xlen", "CONFIG_RISCV"],
    },
    Processor {
        names: &["s390x", "s390"],
        macros: &["__s390x__", "__s390__", "CONFIG_S390"],
    },
    Processor {
        names: &["loongarch64", "loong64", "loongarch"],
        macros: &["__loongarch__", "__loongarch64", "CONFIG_LOONGARCH"],
    },
    Processor {
        names: &["powerpc", "ppc", "ppc32"],
        macros: &[
            "__powerpc__",
            "__powerpc",
            "__ppc__",
            "__PPC__",
            "_ARCH_PPC",
            "CONFIG_PPC",
        ],
    },
    Processor {
        names: &["powerpc64", "powerpc64le", "ppc64", "ppc64le", "ppc64el"],
        macros: &[
            "__powerpc__",
            "__powerpc",
            "__ppc__",
            "__PPC__",
            "_ARCH_PPC",
            "CONFIG_PPC",
            "__powerpc64__",
            "__ppc64__",
            "__PPC64__",
            "_ARCH_PPC64",
            "_CALL_ELF",
            "CONFIG_PPC64",
        ],
    },
    Processor {
        names: &["mips", "mipsel", "mipsle", "mips32r6"],
        macros: &[
            "__mips__",
            "__mips",
            "mips",
            "CONFIG_MIPS",
            "_MIPS_SIM",
            "_MIPS_ISA",
            "_MIPS_SZPTR",
            "__MIPSEL__",
            "__MIPSEB__",
        ],
    },
    Processor {
        names: &["mips64", "mips64el", "mips64le", "mips64r6"],
        macros: &[
            "__mips__",
            "__mips",
            "mips",
            "__mips64",
            "__mips64__",
            "CONFIG_MIPS",
            "_MIPS_SIM",
            "_MIPS_ISA",
            "_MIPS_SZPTR",
            "__MIPSEL__",
            "__MIPSEB__",
            "__mips_n64",
        ],
    },
    Processor {
        names: &["sparc"],
        macros: &["__sparc__", "__sparc", "sparc", "CONFIG_SPARC"],
    },
    Processor {
        names: &["sparc64"],
        macros: &[
            "__sparc__",
            "__sparc",
            "sparc",
            "__arch64__",
            "__sparc64__",
            "CONFIG_SPARC",
        ],
    },
    Processor {
        names: &["alpha"],
        macros: &["__alpha__", "__alpha", "CONFIG_ALPHA"],
    },
];
const GENERIC: u16 = 7;
const GENERIC_BITS: u16 = (1 << GENERIC) - 1;

impl Set {
    /// All: there is no condition.
    pub const ALL: Set = Set((1 << PROCESSORS.len()) - 1);
    /// None: the code is never compiled.
    pub const NONE: Set = Set(0);
    /// Some condition on the processor that is not understood: either encoding
    /// may be meant.
    pub const SOME: Set = Set(1 | 1 << GENERIC | 1 << 15);

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in both.
    pub fn and(self, other: Set) -> Set {
        Set(self.0 & other.0)
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
            (true, true, _) if self == Set::SOME => BOTH,
            // Half of the usual ones are left out: written for a choice of them.
            (true, true, Encoding::Generic) if generic & 1 == 0 => BOTH,
            (true, true, Encoding::MipsPowerpcSparc) | (false, _, _) => &BOTH[1..],
            (true, _, _) => &BOTH[..1],
        }
    }

    /// By the name of a processor.
    pub fn named(name: &str) -> Option<Set> {
        let name = name.to_ascii_lowercase();
        find(|processor| processor.names.contains(&name.as_str()))
    }

    /// By a macro of C.
    fn defined(name: &[u8]) -> Option<Set> {
        find(|processor| {
            processor
                .macros
                .iter()
                .any(|known| known.as_bytes() == name)
        })
    }

    /// For which processors a file is by its path: a folder `powerpc`, or a
    /// name such as `uffd_ppc64le.go` or `mips.rs`.
    pub fn of_path(path: &Path) -> Set {
        let mut set = Set::NONE;
        for component in path.components().rev().take(6) {
            let component = component.as_os_str().to_string_lossy();
            let stem = component.split('.').next().unwrap_or("");
            // x86_64 holds the separator itself.
            for part in stem
                .split(['_', '-'])
                .chain([stem])
                .filter(|part| *part != "x86")
            {
                set = set | Set::named(part).unwrap_or(Set::NONE);
            }
            set = set
                | if stem.ends_with("x86_64") {
                    Set(1)
                } else {
                    Set::NONE
                };
        }
        // A release can be an alpha too.
        let alpha = Set::named("alpha").unwrap_or(Set::NONE);
        match set {
            Set::NONE => Set::ALL,
            set if set == alpha => Set::SOME,
            set => set,
        }
    }

    /// Whether a string names a processor, as `platform.machine()` does.
    pub fn is_named(name: &str) -> bool {
        Set::named(name).is_some()
    }
}

impl BitOr for Set {
    type Output = Set;
    fn bitor(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }
}

fn find(matches: impl Fn(&Processor) -> bool) -> Option<Set> {
    let bits = PROCESSORS
        .iter()
        .enumerate()
        .filter(|(_, processor)| matches(processor));
    let bits = bits.fold(0, |bits, (index, _)| bits | 1 << index);
    (bits != 0).then_some(Set(bits))
}

/// What is known of a condition: for which processors it surely holds, and for
/// which it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Surely.
    pub surely: Set,
    /// Perhaps; never fewer.
    pub perhaps: Set,
}

impl Condition {
    /// Nothing is known.
    pub const UNKNOWN: Condition = Condition {
        surely: Set::NONE,
        perhaps: Set::ALL,
    };
    const TRUE: Condition = Condition {
        surely: Set::ALL,
        perhaps: Set::ALL,
    };

    fn known(set: Option<Set>) -> Condition {
        set.map_or(Condition::UNKNOWN, |set| Condition {
            surely: set,
            perhaps: set,
        })
    }

    /// The opposite.
    pub fn not(self) -> Condition {
        Condition {
            surely: self.perhaps.not(),
            perhaps: self.surely.not(),
        }
    }

    /// Both.
    pub fn and(self, other: Condition) -> Condition {
        Condition {
            surely: self.surely.and(other.surely),
            perhaps: self.perhaps.and(other.perhaps),
        }
    }

    /// Either.
    pub fn or(self, other: Condition) -> Condition {
        Condition {
            surely: self.surely | other.surely,
            perhaps: self.perhaps | other.perhaps,
        }
    }

    /// `#ifdef NAME`.
    pub fn defined(name: &[u8]) -> Condition {
        Condition::known(Set::defined(name))
    }

    /// The tokens of `#if`.
    pub fn preprocessor(source: &Source<'_>, start: usize, end: usize) -> Condition {
        Reader {
            source,
            at: start,
            end,
        }
        .any(0)
    }

    /// The tokens between the parentheses of Rust's `cfg(...)`.
    pub fn cfg(source: &Source<'_>, start: usize, end: usize) -> Condition {
        cfg(source, start, end, 0)
    }

    /// The line of `//go:build` or `// +build`, for the first lines of a file.
    pub fn go_build(bytes: &[u8]) -> Condition {
        let mut all = Condition::TRUE;
        for line in bytes.split(|byte| *byte == b'\n').take(64) {
            let line = line.trim_ascii();
            if line.starts_with(b"package ") {
                break;
            }
            let Some(expression) = line.strip_prefix(b"//go:build ") else {
                continue;
            };
            let mut source = Source::new(crate::language::Language::Go, expression);
            let end = source.lex(0..expression.len()).end;
            all = all.and(
                Reader {
                    source: &source,
                    at: 0,
                    end,
                }
                .any(0),
            );
        }
        all
    }
}

const DEPTH: usize = 64;

/// `||`, `&&`, `!`, parentheses, `defined`; anything else is unknown.
struct Reader<'a> {
    source: &'a Source<'a>,
    at: usize,
    end: usize,
}

impl Reader<'_> {
    fn is(&self, text: &[u8]) -> bool {
        self.at < self.end && self.source.is(self.at, text)
    }

    fn any(&mut self, depth: usize) -> Condition {
        let mut condition = self.all(depth);
        while self.is(b"||") {
            self.at += 1;
            condition = condition.or(self.all(depth));
        }
        condition
    }

    fn all(&mut self, depth: usize) -> Condition {
        let mut condition = self.one(depth);
        while self.is(b"&&") {
            self.at += 1;
            condition = condition.and(self.one(depth));
        }
        condition
    }

    fn one(&mut self, depth: usize) -> Condition {
        if depth > DEPTH {
            self.at = self.end;
            return Condition::UNKNOWN;
        }
        let mut condition = Condition::UNKNOWN;
        if self.is(b"!") {
            self.at += 1;
            return self.one(depth + 1).not();
        } else if self.is(b"(") {
            self.at += 1;
            condition = self.any(depth + 1);
            self.at += usize::from(self.is(b")"));
        } else if self.is(b"defined") {
            self.at += 1;
            let parenthesis = self.is(b"(");
            self.at += usize::from(parenthesis);
            condition = Condition::defined(self.source.text(self.at));
            self.at += 1 + usize::from(parenthesis);
        } else if self.at < self.end {
            let text = self.source.text(self.at);
            condition = match self.source.kind(self.at) {
                Some(Kind::Number) if text == b"0" => Condition::TRUE.not(),
                Some(Kind::Number) => Condition::TRUE,
                _ if self.source.language.is_c_family() => Condition::defined(text),
                _ => Condition::known(Set::named(&String::from_utf8_lossy(text))),
            };
            self.at += 1;
        }
        // A comparison, a call, a sum: not understood.
        let rest = self.at;
        while self.at < self.end && !self.is(b"||") && !self.is(b"&&") && !self.is(b")") {
            self.at = self.source.skip(self.at);
        }
        let compared = matches!(self.source.text(rest), b"==" | b">=" | b">");
        if rest >= self.end || rest == self.at {
            condition
        } else if compared && self.source.text(rest + 1) != b"0" {
            // `__mips == 64` holds nowhere but on mips.
            Condition {
                surely: Set::NONE,
                perhaps: condition.perhaps,
            }
        } else {
            Condition::UNKNOWN
        }
    }
}

fn cfg(source: &Source<'_>, start: usize, end: usize, depth: usize) -> Condition {
    if depth > DEPTH {
        return Condition::UNKNOWN;
    }
    let list = source
        .close(start + 1)
        .map(|close| source.split(start + 2..close.min(end), b","));
    let parts = list.unwrap_or_default().into_iter();
    let mut parts = parts.map(|part| cfg(source, part.start, part.end, depth + 1));
    match source.text(start) {
        b"any" => parts.fold(Condition::TRUE.not(), Condition::or),
        b"all" => parts.fold(Condition::TRUE, Condition::and),
        b"not" => parts.next().unwrap_or(Condition::UNKNOWN).not(),
        b"target_arch" if source.is(start + 1, b"=") => {
            let text = String::from_utf8_lossy(source.text(start + 2));
            Condition::known(Some(
                Set::named(text.trim_matches('"')).unwrap_or(Set::NONE),
            ))
        }
        _ => Condition::UNKNOWN,
    }
}
