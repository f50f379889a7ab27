//! `uffd-abi list`: the table.

use comfy_table::{presets, Table};
use serde::Serialize;
use serde_json::json;
use uffd_sys::abi::table::{CONSTANTS, STRUCTS};

use crate::arch::Arch;
use crate::cli::ListArgs;
use crate::findings::Exit;
use crate::output::{paint, Output, DIM, HEAD};
use crate::verify::version;

/// A row, as JSON has it too.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    #[serde(rename = "type")]
    ty: String,
    value: String,
    since: &'static str,
}

/// Runs the command.
pub fn run(args: &ListArgs, out: &mut Output) -> Exit {
    let arch = args.arch.clone().unwrap_or_else(Arch::here);
    out.data("arch", &arch.name);
    if args.seccomp {
        return seccomp(args, &arch, out);
    }
    let rows: Vec<Row> = constants(&arch)
        .chain(structs(&arch))
        .filter(|row| wanted(args, row.since))
        .collect();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["name", "kind", "type", "value", "since"]);
    for row in &rows {
        table.add_row([&*row.name, row.kind, &row.ty, &row.value, row.since]);
    }
    if out.is_narrow(&table) {
        for row in &rows {
            let text = format!(
                "{} {}: {}, since {}",
                row.kind, row.ty, row.value, row.since
            );
            out.line(paint(HEAD, &row.name));
            out.wrapped(DIM, &format!("    {text}"), "    ");
        }
    } else {
        show(&table, out);
    }
    out.data("items", &rows);
    let summary = format!("{} items, values for {}", rows.len(), arch.name);
    out.finish_showing(&paint(DIM, summary))
}

fn show(table: &Table, out: &mut Output) {
    for (i, line) in table.lines().enumerate() {
        let line = line.trim_end().trim_start_matches(' ').to_owned();
        match i {
            0 => out.line(paint(HEAD, line)),
            _ => out.line(line),
        }
    }
}

fn wanted(args: &ListArgs, since: &str) -> bool {
    args.since.is_none_or(|first| version(since) >= first)
}

fn constants(arch: &Arch) -> impl Iterator<Item = Row> + '_ {
    CONSTANTS.iter().map(|constant| Row {
        name: constant.name.to_owned(),
        kind: if constant.is_request() {
            "request"
        } else {
            "constant"
        },
        ty: constant.ty.to_owned(),
        value: format!("{:#x}", constant.value(arch.encoding)),
        since: constant.since,
    })
}

fn structs(arch: &Arch) -> impl Iterator<Item = Row> + '_ {
    STRUCTS.iter().flat_map(|s| {
        let whole = Row {
            name: s.name.to_owned(),
            kind: "struct",
            ty: format!("align {}", s.align_for(arch.align_of_u64())),
            value: format!("{} bytes", s.size_for(arch.align_of_u64())),
            since: s.since,
        };
        let fields = s.fields.iter().map(|field| Row {
            name: format!("{}.{}", s.name, field.c_name()),
            kind: "field",
            ty: format!("{} bytes", s.field_size_for(field, arch.align_of_u64())),
            value: format!("at {}", field.offset),
            since: s.since,
        });
        std::iter::once(whole).chain(fields)
    })
}

/// The numbers for a filter. As JSON, rules of an OCI runtime's profile: they
/// compare the low 32 bits alone, because that is what the kernel looks at,
/// and musl passes a request as a signed number.
fn seccomp(args: &ListArgs, arch: &Arch, out: &mut Output) -> Exit {
    let codes: Vec<_> = CONSTANTS
        .iter()
        .filter(|constant| constant.is_request() && wanted(args, constant.since))
        .map(|constant| (constant.name, constant.value(arch.encoding), constant.since))
        .collect();
    for (name, code, since) in &codes {
        out.line(format!("{code:#010x}  # {name}, since Linux {since}"));
    }
    let rules: Vec<_> = codes
        .iter()
        .map(|(name, code, since)| {
            json!({
                "names": ["ioctl"],
                "action": "SCMP_ACT_ALLOW",
                "args": [{ "index": 1, "op": "SCMP_CMP_MASKED_EQ", "value": 0xffff_ffff_u32, "valueTwo": code }],
                "comment": format!("{name}, since Linux {since}"),
            })
        })
        .collect();
    out.data("syscalls", &rules);
    let text = format!(
        "# ioctl(2), argument 1, low 32 bits, {}. Allow userfaultfd(2) as well, or the device.",
        arch.name
    );
    out.finish_showing(&text)
}
