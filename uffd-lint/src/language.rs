//! The six languages, and how they differ where the linter cares.

use std::path::Path;

/// A language that the linter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.c`, `.h`
    C,
    /// `.cc`, `.cpp`, `.hpp`, …
    Cpp,
    /// `.go`
    Go,
    /// `.zig`
    Zig,
    /// `.py`, `.pyi`
    Python,
}

/// A file that holds request codes and is no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// `.policy` of minijail.
    Policy,
    /// `.json`, if it is a seccomp profile as containers have it.
    Profile,
    /// `.const` of syzkaller.
    Constants,
}

/// What a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A program.
    Source(Language),
    /// A table of request codes.
    Data(Data),
}

impl Form {
    /// By the ending of a file's name.
    pub fn of(path: &Path) -> Option<Form> {
        let data = match path.extension()?.to_str()? {
            "policy" => Data::Policy,
            "json" => Data::Profile,
            "const" => Data::Constants,
            _ => return Language::of(path).map(Form::Source),
        };
        Some(Form::Data(data))
    }
}

impl Language {
    /// The language of a file, by its name's ending.
    pub fn of(path: &Path) -> Option<Language> {
        Some(match path.extension()?.to_str()? {
            "rs" => Language::Rust,
            "c" | "h" => Language::C,
            "cc" | "cpp" | "cxx" | "c++" | "C" | "hh" | "hpp" | "hxx" | "h++" | "H" | "inl"
            | "ipp" | "tpp" => Language::Cpp,
            "go" => Language::Go,
            "zig" => Language::Zig,
            "py" | "pyi" => Language::Python,
            _ => return None,
        })
    }

    pub(crate) fn grammar(self) -> tree_sitter::Language {
        match self {
            Language::Rust => tree_sitter_rust::LANGUAGE.into(),
            Language::C => tree_sitter_c::LANGUAGE.into(),
            Language::Cpp => tree_sitter_cpp::LANGUAGE.into(),
            Language::Go => tree_sitter_go::LANGUAGE.into(),
            Language::Zig => tree_sitter_zig::LANGUAGE.into(),
            Language::Python => tree_sitter_python::LANGUAGE.into(),
        }
    }

    /// Whether it has the preprocessor.
    pub fn is_c_family(self) -> bool {
        matches!(self, Language::C | Language::Cpp)
    }

    /// How tightly a binary operator binds: the higher, the tighter.
    pub fn binding(self, operator: &[u8]) -> Option<u8> {
        let (product, sum, shift, and, xor, or) = match self {
            // Go has five levels, and shifts and `&` are products.
            Language::Go => (60, 50, 60, 60, 50, 50),
            Language::Zig => (60, 50, 45, 30, 30, 30),
            _ => (60, 50, 45, 30, 25, 20),
        };
        Some(match operator {
            b"*" | b"/" | b"%" => product,
            b"//" if self == Language::Python => product,
            b"+" | b"-" => sum,
            b"<<" | b">>" => shift,
            b"&" => and,
            b"&^" if self == Language::Go => and,
            b"^" => xor,
            b"|" => or,
            _ => return None,
        })
    }
}
