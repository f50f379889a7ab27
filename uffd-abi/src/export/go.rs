//! Go: constants with the kernel's names, as golang.org/x/sys/unix has them, and
//! types in Go's own style. No cgo.
//!
//! A constant of Go cannot depend on the processor, so there are two files for
//! those who need both, and a build constraint in each.

use std::fmt::Write;

use uffd_sys::abi::table::Encoding;

use super::model::{self, Constant, Struct, Type};
use super::text::{comment, head, head_comment};

const OTHERS: &str =
    "alpha || mips || mipsle || mips64 || mips64le || ppc || ppc64 || ppc64le || sparc || sparc64";

/// The file for processors of this encoding.
pub fn source(encoding: Encoding, package: &str, command: &str) -> String {
    let (processors, constraint) = match encoding {
        Encoding::Generic => (
            "amd64, arm64, riscv64 and all others but mips, powerpc, sparc and alpha",
            format!("linux && !({OTHERS})"),
        ),
        Encoding::MipsPowerpcSparc => (
            "mips, powerpc, sparc and alpha",
            format!("linux && ({OTHERS})"),
        ),
    };
    let mut text = head_comment("//", &head(command, processors, "Go, without cgo."));
    write!(
        text,
        "\n//go:build {constraint}\n\npackage {package}\n\nimport \"unsafe\"\n"
    )
    .unwrap();
    block(&mut text, "Constants.", &model::constants(), encoding);
    block(&mut text, "Request codes.", &model::requests(), encoding);
    for whole in model::structs() {
        // Go has no unions: see MESSAGE.
        if !whole.is_union && whole.name != "uffd_msg_reserved" {
            text.push_str(&structure(&whole));
        }
    }
    text.push_str(MESSAGE);
    text.push_str("\n// Layouts, as Linux has them: anything else does not compile.\nvar (\n");
    for whole in model::structs().iter().filter(|it| !it.is_union) {
        if whole.name != "uffd_msg_reserved" {
            text.push_str(&checks(whole));
        }
    }
    text.push_str(")\n");
    text
}

fn block(text: &mut String, title: &str, constants: &[Constant], encoding: Encoding) {
    write!(text, "\n// {title}\nconst (\n").unwrap();
    for constant in constants {
        let value = match encoding {
            Encoding::Generic => constant.generic,
            Encoding::MipsPowerpcSparc => constant.mips_powerpc_sparc,
        };
        text.push_str(&comment("\t// ", &constant.doc));
        writeln!(text, "\t{} = {value:#x}", constant.public_name()).unwrap();
    }
    text.push_str(")\n");
}

/// `UffdioCopy` for `uffdio_copy`.
fn camel(name: &str) -> String {
    let part = |part: &str| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_uppercase() + rest
    };
    name.split('_').map(part).collect()
}

fn structure(whole: &Struct) -> String {
    let name = camel(whole.name);
    let mut text = String::from("\n");
    text.push_str(&comment("// ", &format!("{name}: {}", whole.doc)));
    writeln!(text, "type {name} struct {{").unwrap();
    for field in &whole.fields {
        let (name, ty) = match (field.name, field.ty) {
            ("arg", _) => ("Arg".to_owned(), "[3]uint64".to_owned()),
            ("feat", _) => ("Ptid".to_owned(), "uint32".to_owned()),
            (name, Type::Unsigned(bits)) => (camel(name), format!("uint{bits}")),
            (name, Type::I64) => (camel(name), "int64".to_owned()),
            (name, Type::Named(part)) => (camel(name), camel(part)),
        };
        text.push_str(&comment("\t// ", &field.doc));
        writeln!(text, "\t{name} {ty}").unwrap();
    }
    text.push_str("}\n");
    text
}

const MESSAGE: &str = "
// Pagefault is what UFFD_EVENT_PAGEFAULT tells.
func (m *UffdMsg) Pagefault() *UffdMsgPagefault {
	return (*UffdMsgPagefault)(unsafe.Pointer(&m.Arg))
}

// Fork is what UFFD_EVENT_FORK tells.
func (m *UffdMsg) Fork() *UffdMsgFork {
	return (*UffdMsgFork)(unsafe.Pointer(&m.Arg))
}

// Remap is what UFFD_EVENT_REMAP tells.
func (m *UffdMsg) Remap() *UffdMsgRemap {
	return (*UffdMsgRemap)(unsafe.Pointer(&m.Arg))
}

// Remove is what UFFD_EVENT_REMOVE and UFFD_EVENT_UNMAP tell.
func (m *UffdMsg) Remove() *UffdMsgRemove {
	return (*UffdMsgRemove)(unsafe.Pointer(&m.Arg))
}
";

fn checks(whole: &Struct) -> String {
    let name = camel(whole.name);
    let line = |bytes: u64, what: String| {
        format!("\t_ {:8} = [{what}]byte{{}}\n", format!("[{bytes}]byte"))
    };
    let mut text = String::new();
    if let Some(size) = whole.size {
        text.push_str(&line(size, format!("unsafe.Sizeof({name}{{}})")));
    }
    for field in &whole.fields {
        let own = match field.name {
            "feat" => "Ptid".to_owned(),
            own => camel(own),
        };
        let own = format!("{name}{{}}.{own}");
        text.push_str(&line(field.offset, format!("unsafe.Offsetof({own})")));
        if let Some(size) = field.size {
            text.push_str(&line(size, format!("unsafe.Sizeof({own})")));
        }
    }
    text
}
