//! Writes BTF files, right ones and wrong ones.

use uffd_sys::abi::table::{Struct, STRUCTS};

/// A BTF file in the making.
pub struct Writer {
    big_endian: bool,
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Writer {
    pub fn new(big_endian: bool) -> Writer {
        Writer {
            big_endian,
            types: vec![],
            strings: vec![0],
            count: 0,
        }
    }

    fn word(&self, word: u32) -> [u8; 4] {
        if self.big_endian {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let at = self.strings.len() as u32;
        self.strings.extend(name.bytes().chain([0]));
        at
    }

    /// Adds a type of any kind with its words; answers its number.
    pub fn add(&mut self, name: &str, kind: u32, vlen: u32, word: u32, rest: &[u32]) -> u32 {
        let name = self.name(name);
        for word in [name, kind << 24 | vlen, word].iter().chain(rest) {
            let word = self.word(*word);
            self.types.extend(word);
        }
        self.count += 1;
        self.count
    }

    pub fn int(&mut self, bytes: u32) -> u32 {
        self.add("int", 1, 0, bytes, &[bytes * 8])
    }

    pub fn typedef(&mut self, name: &str, ty: u32) -> u32 {
        self.add(name, 8, 0, ty, &[])
    }

    /// A struct of fields: name, type, offset in bytes.
    pub fn composite(
        &mut self,
        name: &str,
        union: bool,
        size: u32,
        fields: &[(&str, u32, u32)],
    ) -> u32 {
        let mut words = vec![];
        for (field, ty, offset) in fields {
            words.extend([self.name(field), *ty, offset * 8]);
        }
        self.add(
            name,
            4 + u32::from(union),
            fields.len() as u32,
            size,
            &words,
        )
    }

    pub fn finish(self) -> Vec<u8> {
        let magic = if self.big_endian {
            [0xeb, 0x9f]
        } else {
            [0x9f, 0xeb]
        };
        let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
        let mut file = [magic[0], magic[1], 1, 0].to_vec();
        for word in [24, 0, types, types, strings] {
            file.extend(self.word(word));
        }
        file.extend(self.types);
        file.extend(self.strings);
        file
    }
}

/// A field as a test may alter it: offset and size.
pub type Alter<'a> = &'a dyn Fn(&str, &str, &mut u32, &mut u32);

/// BTF of every struct of the table, as a kernel has it: the anonymous parts
/// of `uffd_msg` without names, integers behind typedefs. `alter` sees each
/// field (struct, field, offset, size) and each struct (struct, "", 0, size).
pub fn table(big_endian: bool, alter: Alter<'_>) -> Vec<u8> {
    let mut writer = Writer::new(big_endian);
    let mut ints = vec![];
    for bytes in [1, 2, 4, 8] {
        let int = writer.int(bytes);
        ints.push((bytes, writer.typedef("typedef", int)));
    }
    let mut made: Vec<(&str, u32)> = vec![];
    let mut waiting: Vec<&Struct> = STRUCTS.iter().collect();
    // What is inside of others comes first.
    while !waiting.is_empty() {
        let mut later = vec![];
        for s in waiting {
            let inner = |field: &str| match (s.name, field) {
                ("uffd_msg", "arg") => Some("uffd_msg_arg"),
                ("uffd_msg_arg", part) => STRUCTS
                    .iter()
                    .map(|s| s.name)
                    .find(|n| *n == format!("uffd_msg_{part}")),
                ("uffd_msg_pagefault", "feat") => Some("uffd_msg_pagefault_feat"),
                (_, "range") => Some("uffdio_range"),
                _ => None,
            };
            let ready =
                |field: &str| inner(field).is_none_or(|name| made.iter().any(|(n, _)| *n == name));
            if !s.fields.iter().all(|field| ready(field.c_name())) {
                later.push(s);
                continue;
            }
            let mut fields = vec![];
            for field in s.fields {
                let (mut offset, mut size) = (field.offset as u32, field.size as u32);
                alter(s.name, field.c_name(), &mut offset, &mut size);
                let ty = match inner(field.c_name()) {
                    Some(name) => made.iter().find(|(n, _)| *n == name).unwrap().1,
                    None => ints.iter().find(|(bytes, _)| *bytes == size).unwrap().1,
                };
                fields.push((field.c_name(), ty, offset));
            }
            let (mut zero, mut size) = (0, s.size as u32);
            alter(s.name, "", &mut zero, &mut size);
            let name = if s.is_anonymous() { "" } else { s.name };
            let union = matches!(s.name, "uffd_msg_arg" | "uffd_msg_pagefault_feat");
            made.push((s.name, writer.composite(name, union, size, &fields)));
        }
        waiting = later;
    }
    writer.finish()
}
