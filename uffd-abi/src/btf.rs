//! A strict reader of BTF, the kernel's own description of its types.
//!
//! Written here because the ABI is this project's core: every offset is
//! checked and every refusal says where, whatever the bytes are, and a file of
//! 5 MB is read without building a model of it. The format is described in the
//! kernel's `Documentation/bpf/btf.rst`.

use std::collections::HashMap;
use std::fmt;

use uffd_sys::abi::{SeenField, SeenStruct};

/// What is wrong with a BTF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn broken<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken(what.into()))
}

/// The number of a type; 0 is `void`.
pub type Id = u32;

/// The kinds that matter here by name; all others are only stepped over.
mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FLOAT: u32 = 16;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// Bytes after the three words that every type begins with.
fn payload(kind: u32, vlen: usize) -> Option<usize> {
    Some(match kind {
        kind::INT | 14 | 17 => 4,
        kind::PTR | 7..=12 | kind::FLOAT | kind::TYPE_TAG => 0,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | 15 | kind::ENUM64 => 12 * vlen,
        kind::ENUM | 13 => 8 * vlen,
        _ => return None,
    })
}

/// C nests types far less deep; a loop among them would have no end.
const DEPTH: usize = 32;

/// A BTF file.
#[derive(Debug)]
pub struct Btf<'a> {
    words: Words<'a>,
    strings: &'a [u8],
    /// Where in the file each type is; the first is number 1.
    types: Vec<usize>,
    /// The structs that have a name, several where it is not unique.
    structs: HashMap<&'a [u8], Vec<Id>>,
}

/// Bytes with an order.
#[derive(Clone, Copy, Debug)]
struct Words<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Words<'_> {
    fn u32(&self, at: usize) -> Result<u32, Broken> {
        let end = at.checked_add(4);
        match end.and_then(|end| self.bytes.get(at..end)) {
            Some(word) => {
                let word = word.try_into().expect("four bytes");
                Ok(if self.big_endian {
                    u32::from_be_bytes(word)
                } else {
                    u32::from_le_bytes(word)
                })
            }
            None => broken(format!("it ends within the word at byte {at}")),
        }
    }
}

/// A type's three words.
struct Type {
    at: usize,
    name: u32,
    kind: u32,
    vlen: usize,
    kind_flag: bool,
    /// A size or another type, as the kind has it.
    word: u32,
}

impl Type {
    fn read(words: Words<'_>, at: usize) -> Result<Type, Broken> {
        let info = words.u32(at + 4)?;
        Ok(Type {
            at,
            name: words.u32(at)?,
            kind: info >> 24 & 0x1f,
            vlen: (info & 0xffff) as usize,
            kind_flag: info >> 31 == 1,
            word: words.u32(at + 8)?,
        })
    }
}

impl<'a> Btf<'a> {
    /// Reads the header and finds every type.
    ///
    /// # Errors
    ///
    /// Where it breaks the format.
    pub fn new(bytes: &'a [u8]) -> Result<Btf<'a>, Broken> {
        let big_endian = match bytes {
            [0x9f, 0xeb, ..] => false,
            [0xeb, 0x9f, ..] => true,
            [0x7f, b'E', b'L', b'F', ..] => {
                return broken(
                    "it is an ELF file; BTF is its section .BTF: take it out with \
                     `objcopy -O binary --only-section=.BTF --set-section-flags .BTF=alloc IN OUT`",
                )
            }
            [] => return broken("it is empty"),
            _ => return broken("it does not begin with BTF's magic number 0xeb9f"),
        };
        let words = Words { bytes, big_endian };
        match bytes.get(2) {
            Some(1) => {}
            Some(version) => {
                return broken(format!("it has BTF version {version}; only 1 is known"))
            }
            None => return broken("it ends within the header"),
        }
        let header_len = words.u32(4)? as usize;
        if header_len < 24 {
            return broken(format!("its header has {header_len} bytes, fewer than 24"));
        }
        let section = |what: &str, at: usize| -> Result<std::ops::Range<usize>, Broken> {
            let start = header_len.checked_add(words.u32(at)? as usize);
            let end = start.and_then(|start| start.checked_add(words.u32(at + 4).ok()? as usize));
            match (start, end) {
                (Some(start), Some(end)) if end <= bytes.len() => Ok(start..end),
                _ => broken(format!(
                    "its {what} end after the file's {} bytes",
                    bytes.len()
                )),
            }
        };
        let types = section("types", 8)?;
        let strings = &bytes[section("strings", 16)?];
        if strings.first() != Some(&0) || strings.last() != Some(&0) {
            return broken("its strings do not begin and end with a zero byte");
        }
        let mut btf = Btf {
            words: Words {
                bytes: &bytes[..types.end],
                big_endian,
            },
            strings,
            types: Vec::with_capacity(types.len() / 24),
            structs: HashMap::new(),
        };
        btf.find_types(types.start)?;
        Ok(btf)
    }

    fn find_types(&mut self, mut at: usize) -> Result<(), Broken> {
        let end = self.words.bytes.len();
        while at < end {
            let number = self.types.len() + 1;
            let ty = Type::read(self.words, at)?;
            let Some(payload) = payload(ty.kind, ty.vlen) else {
                return broken(format!(
                    "type {number} has the kind {}, which is not known",
                    ty.kind
                ));
            };
            let next = at + 12 + payload;
            if next > end {
                return broken(format!("type {number} runs over the end of the types"));
            }
            let name = self.string(ty.name)?;
            if matches!(ty.kind, kind::STRUCT | kind::UNION) && !name.is_empty() {
                self.structs.entry(name).or_default().push(number as Id);
            }
            self.types.push(at);
            at = next;
        }
        Ok(())
    }

    /// How many types there are.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The structs and unions of a name; more than one where drivers use it
    /// for their own.
    pub fn structs(&self, name: &str) -> &[Id] {
        self.structs.get(name.as_bytes()).map_or(&[], Vec::as_slice)
    }

    /// The layout of a struct or union.
    ///
    /// # Errors
    ///
    /// That the file is broken, or that it is no struct.
    pub fn layout(&self, id: Id) -> Result<SeenStruct, Broken> {
        let ty = self.resolve(id)?;
        let mut fields = vec![];
        for member in self.members(&ty)? {
            let mut name = member.name;
            if member.bits != 0 || member.bit_offset % 8 != 0 {
                name.push_str(" (a bit-field)");
            }
            fields.push(SeenField {
                name,
                offset: u64::from(member.bit_offset / 8),
                size: self.size(member.ty, DEPTH)?,
            });
        }
        Ok(SeenStruct {
            size: u64::from(ty.word),
            align: None,
            fields,
        })
    }

    /// The type of the field that `path` leads to, such as `arg.pagefault`.
    ///
    /// # Errors
    ///
    /// That the file is broken. No such field is `None`.
    pub fn field(&self, id: Id, path: &str) -> Result<Option<Id>, Broken> {
        let mut id = id;
        for name in path.split('.') {
            let ty = self.resolve(id)?;
            if !matches!(ty.kind, kind::STRUCT | kind::UNION) {
                return Ok(None);
            }
            match self
                .members(&ty)?
                .into_iter()
                .find(|member| member.name == name)
            {
                Some(member) => id = member.ty,
                None => return Ok(None),
            }
        }
        Ok(Some(id))
    }

    fn members(&self, ty: &Type) -> Result<Vec<Member>, Broken> {
        if !matches!(ty.kind, kind::STRUCT | kind::UNION) {
            return broken(format!("a struct was expected at byte {}", ty.at));
        }
        let member = |i: usize| {
            let at = ty.at + 12 + 12 * i;
            let offset = self.words.u32(at + 8)?;
            let (bits, bit_offset) = if ty.kind_flag {
                (offset >> 24, offset & 0xff_ffff)
            } else {
                (0, offset)
            };
            Ok(Member {
                name: String::from_utf8_lossy(self.string(self.words.u32(at)?)?).into_owned(),
                ty: self.words.u32(at + 4)?,
                bits,
                bit_offset,
            })
        };
        (0..ty.vlen).map(member).collect()
    }

    fn get(&self, id: Id) -> Result<Type, Broken> {
        match (id as usize)
            .checked_sub(1)
            .and_then(|index| self.types.get(index))
        {
            Some(at) => Type::read(self.words, *at),
            None => broken(format!(
                "type {id} is referred to, but there are {}",
                self.types.len()
            )),
        }
    }

    /// Through typedefs and qualifiers.
    fn resolve(&self, id: Id) -> Result<Type, Broken> {
        let mut ty = self.get(id)?;
        for _ in 0..DEPTH {
            match ty.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    ty = self.get(ty.word)?;
                }
                _ => return Ok(ty),
            }
        }
        broken(format!("type {id} refers to itself, or is nested too deep"))
    }

    fn size(&self, id: Id, depth: usize) -> Result<u64, Broken> {
        let ty = self.resolve(id)?;
        match ty.kind {
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::FLOAT | kind::ENUM64 => {
                Ok(u64::from(ty.word))
            }
            kind::ARRAY if depth > 0 => {
                let element = self.size(self.words.u32(ty.at + 12)?, depth - 1)?;
                let count = u64::from(self.words.u32(ty.at + 20)?);
                let size = element.checked_mul(count);
                size.map_or_else(|| broken(format!("array {id} has no size")), Ok)
            }
            kind::PTR => broken(format!("type {id} is a pointer, which no ABI struct holds")),
            _ => broken(format!("type {id} has no size")),
        }
    }

    fn string(&self, offset: u32) -> Result<&'a [u8], Broken> {
        match self.strings.get(offset as usize..) {
            Some(rest) if !rest.is_empty() => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(rest.len());
                Ok(&rest[..end])
            }
            _ => broken(format!("a name is at {offset}, after the strings")),
        }
    }
}

struct Member {
    name: String,
    ty: Id,
    bits: u32,
    bit_offset: u32,
}
