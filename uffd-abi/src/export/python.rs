//! Python: the kernel's names, with ctypes.

use std::fmt::Write;

use super::model::{self, Constant, Struct, Type};
use super::text::{comment, head, wrapped};

const PROCESSORS: &str = "all processors but parisc";
const LANGUAGE: &str = "Python 3.8 or later.";

/// The file.
pub fn source(command: &str) -> String {
    let lines = head(command, PROCESSORS, LANGUAGE);
    let (made, rest) = lines.split_first().expect("a head has lines");
    let (licence, rest) = rest.split_first().expect("a head has lines");
    let mut text = format!("# {made}\n# {licence}\n\"\"\"");
    let text_of_head = rest.join("\n");
    text.push_str(text_of_head.trim_start());
    text.push_str("\n\"\"\"\n\nimport ctypes\nimport platform\n\n");
    for constant in model::constants() {
        text.push_str(&comment("# ", &constant.doc));
        writeln!(
            text,
            "{} = 0x{:X}",
            constant.public_name(),
            constant.generic
        )
        .unwrap();
    }
    requests(&mut text);
    for whole in model::structs() {
        text.push_str(&structure(&whole));
    }
    text.push_str(CHECK);
    for whole in model::structs() {
        text.push_str(&check(&whole));
    }
    text
}

fn requests(text: &mut String) {
    let (same, differ): (Vec<_>, Vec<_>) =
        model::requests().into_iter().partition(Constant::is_same);
    text.push_str("\n# Request codes.\n");
    for constant in &same {
        text.push_str(&request("", constant, constant.generic));
    }
    text.push_str("if platform.machine().startswith((\"alpha\", \"mips\", \"ppc\", \"sparc\")):\n");
    for constant in &differ {
        text.push_str(&request("    ", constant, constant.mips_powerpc_sparc));
    }
    text.push_str(
        "elif platform.machine().startswith(\"parisc\"):\n    \
         raise ImportError(\"the request codes of parisc are others\")\nelse:\n",
    );
    for constant in &differ {
        text.push_str(&request("    ", constant, constant.generic));
    }
}

fn request(indent: &str, constant: &Constant, value: u64) -> String {
    let doc = comment(&format!("{indent}# "), &constant.doc);
    format!("{doc}{indent}{} = 0x{value:08X}\n", constant.name)
}

/// `from` is a word of Python's.
fn name(field: &str) -> &str {
    match field {
        "from" => "from_",
        _ => field,
    }
}

fn structure(whole: &Struct) -> String {
    let base = if whole.is_union { "Union" } else { "Structure" };
    let doc = wrapped(&whole.doc, 69).join("\n    ");
    let mut text = format!(
        "\n\nclass {}(ctypes.{base}):\n    \"\"\"{doc}\"\"\"\n\n    _fields_ = [\n",
        whole.name
    );
    for field in &whole.fields {
        let ty = match field.ty {
            Type::Unsigned(bits) => format!("ctypes.c_uint{bits}"),
            Type::I64 => "ctypes.c_int64".to_owned(),
            Type::Named(part) => part.to_owned(),
        };
        text.push_str(&comment("        # ", &field.doc));
        writeln!(text, "        (\"{}\", {ty}),", name(field.name)).unwrap();
    }
    text.push_str("    ]\n");
    text
}

const CHECK: &str = "

def _check(struct, size, /, **fields):
    \"\"\"Fails to import where a struct is not laid out as in Linux.\"\"\"
    found = {it: (getattr(struct, it).offset, getattr(struct, it).size) for it in fields}
    if found != fields or size not in (None, ctypes.sizeof(struct)):
        raise ImportError(f\"{struct.__name__} has a wrong layout: {found}\")


";

fn check(whole: &Struct) -> String {
    let size = whole
        .size
        .map_or("None".to_owned(), |size| size.to_string());
    let mut lines = vec![whole.name.to_owned(), size];
    for field in &whole.fields {
        if let Some(size) = field.size {
            lines.push(format!("{}=({}, {size})", name(field.name), field.offset));
        }
    }
    let line = format!("_check({})\n", lines.join(", "));
    match line.len() {
        ..=80 => line,
        _ => format!("_check(\n    {},\n)\n", lines.join(",\n    ")),
    }
}
