//! Zig: the kernel's names, as std.os.linux has them.

use std::fmt::Write;

use super::model::{self, Constant, Struct, Type};
use super::text::{comment, head, head_comment};

const PROCESSORS: &str = "all processors but alpha and parisc";
const LANGUAGE: &str = "Zig, without libc.";

/// Request codes are put together, because half of them would have two numbers
/// otherwise; `check` compares each with the pinned ones.
const CODES: &str = "
const others = switch (builtin.cpu.arch) {
    .mips, .mipsel, .mips64, .mips64el => true,
    .powerpc, .powerpcle, .powerpc64, .powerpc64le => true,
    .sparc, .sparc64 => true,
    else => false,
};

fn ioc(direction: u32, group: u32, number: u32, size: u32) u32 {
    const shift = if (others) 29 else 30;
    return direction << shift | size << 16 | group << 8 | number;
}

fn io(group: u32, number: u32) u32 {
    return ioc(if (others) 1 else 0, group, number, 0);
}

fn ior(group: u32, number: u32, comptime T: type) u32 {
    return ioc(2, group, number, @sizeOf(T));
}

fn iow(group: u32, number: u32, comptime T: type) u32 {
    return ioc(if (others) 4 else 1, group, number, @sizeOf(T));
}

fn iowr(group: u32, number: u32, comptime T: type) u32 {
    return ioc(if (others) 6 else 3, group, number, @sizeOf(T));
}

";

const CHECKS: &str = "
fn member(comptime T: type, comptime name: []const u8, size: usize) void {
    const it: T = undefined;
    assert(@sizeOf(@TypeOf(@field(it, name))) == size);
}

fn field(comptime T: type, comptime name: []const u8, at: usize, size: usize) void {
    assert(@offsetOf(T, name) == at);
    member(T, name, size);
}

// Request codes and layouts, as Linux has them.
comptime {
";

/// The file.
pub fn source(command: &str) -> String {
    let mut text = head_comment("//!", &head(command, PROCESSORS, LANGUAGE));
    text.push_str(
        "\nconst builtin = @import(\"builtin\");\nconst assert = @import(\"std\").debug.assert;\n\n",
    );
    for constant in model::constants() {
        let ty = constant.ty;
        text.push_str(&comment("/// ", &constant.doc));
        writeln!(
            text,
            "pub const {}: {ty} = {:#x};",
            constant.name, constant.generic
        )
        .unwrap();
    }
    let structs = model::structs();
    for whole in &structs {
        text.push('\n');
        text.push_str(&structure(whole));
    }
    text.push_str(CODES);
    for constant in model::requests() {
        text.push_str(&request(&constant));
    }
    text.push_str(CHECKS);
    for constant in model::requests() {
        let Constant {
            name,
            generic,
            mips_powerpc_sparc,
            ..
        } = constant;
        let value = match generic == mips_powerpc_sparc {
            true => format!("{generic:#010x}"),
            false => format!("if (others) {mips_powerpc_sparc:#010x} else {generic:#010x}"),
        };
        writeln!(text, "    assert({name} == {});", parenthesised(&value)).unwrap();
    }
    for whole in &structs {
        let name = whole.name;
        if let Some(size) = whole.size {
            writeln!(text, "    assert(@sizeOf({name}) == {size});").unwrap();
        }
        for field in &whole.fields {
            if let Some(size) = field.size {
                let (own, at) = (field.name, field.offset);
                let check = if whole.is_union { "member" } else { "field" };
                let at = if whole.is_union {
                    String::new()
                } else {
                    format!("{at}, ")
                };
                writeln!(text, "    {check}({name}, \"{own}\", {at}{size});").unwrap();
            }
        }
    }
    text.push_str("}\n");
    text
}

fn parenthesised(value: &str) -> String {
    match value.contains(' ') {
        true => format!("({value})"),
        false => value.to_owned(),
    }
}

/// A request code, of the parts that its generic number shows.
fn request(constant: &Constant) -> String {
    let code = constant.generic;
    let (number, group) = (
        code & 0xff,
        match code >> 8 & 0xff {
            0xaa if constant.name.starts_with("UFFDIO") => "UFFDIO",
            0xaa => "USERFAULTFD_IOC",
            _ => "PROCFS_IOCTL_MAGIC",
        },
    );
    let function = ["io", "iow", "ior", "iowr"][(code >> 30) as usize];
    let argument = model::argument(constant.name);
    let argument = argument.map(|it| format!(", {it}")).unwrap_or_default();
    format!(
        "{}pub const {} = {function}({group}, {number:#04x}{argument});\n",
        comment("/// ", &constant.doc),
        constant.name
    )
}

fn structure(whole: &Struct) -> String {
    let kind = if whole.is_union { "union" } else { "struct" };
    let mut text = comment("/// ", &whole.doc);
    writeln!(text, "pub const {} = extern {kind} {{", whole.name).unwrap();
    for field in &whole.fields {
        let ty = match field.ty {
            Type::Unsigned(bits) => format!("u{bits}"),
            Type::I64 => "i64".to_owned(),
            Type::Named(part) => part.to_owned(),
        };
        text.push_str(&comment("    /// ", &field.doc));
        writeln!(text, "    {}: {ty},", field.name).unwrap();
    }
    text.push_str("};\n");
    text
}
