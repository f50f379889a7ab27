//! `uffd-abi verify`: the witnesses of the ABI, each against the pinned table. It
//! owns the witnesses; it may use all that the commands share, and `probe::registering`.

pub mod btf;
pub mod compiler;
pub mod headers;
pub mod live;
pub mod masks;

use std::collections::BTreeMap;

use comfy_table::{presets, CellAlignment, Table};
use uffd_sys::abi::table::{Encoding, CONSTANTS, STRUCTS};
use uffd_sys::abi::{self, Difference, Target, Witness};

use crate::cli::VerifyArgs;
use crate::findings::{Check, Exit, Finding, Severity};
use crate::output::{paint, Output, BAD, DIM, GOOD, HEAD, WARN};

/// Runs the command.
pub fn run(args: &VerifyArgs, out: &mut Output) -> Exit {
    let here = abi::target();
    let heading = format!(
        "userfaultfd ABI, Linux 4.3 to 7.3, on {}",
        std::env::consts::ARCH
    );
    out.wrapped(HEAD, &heading, "");
    let mut done = vec![compare(&abi::compiled(), here, Known::All)];
    done[0].check.name = format!("bindings ({})", uffd_sys::BINDINGS);
    done.extend(headers::witnesses(args));
    done.extend(btf::witness(args));
    if args.no_kernel {
        done.push(Compared::skip("kernel, live answers", "--no-kernel"));
    } else {
        done.extend(live::witnesses());
    }
    if args.strict {
        done.iter_mut().for_each(demand);
    }
    report(done, out)
}

/// What a witness ought to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Everything: what it lacks is a difference.
    All,
    /// What this Linux has: what it lacks of that is a difference.
    Since((u32, u32)),
    /// It may lack anything: its age is not known, or it keeps only a part.
    Any,
}

/// A check, with what the summary table shows of it.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// What is reported.
    pub check: Check,
    /// Constants compared.
    pub constants: usize,
    /// Structs compared.
    pub structs: usize,
    /// Fields compared.
    pub fields: usize,
    /// Names of the table that the witness lacks.
    pub absent: usize,
    /// Its name among those that know everything and agree.
    pub short: String,
}

/// Names that a witness lacks, by the Linux that brought them.
#[derive(Clone, Debug, Default)]
pub struct Absent(BTreeMap<(u32, u32), Vec<String>>);

impl Absent {
    /// Adds a name.
    pub fn add(&mut self, since: &str, item: impl Into<String>) {
        self.0.entry(version(since)).or_default().push(item.into());
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One remark for all.
    pub fn note(&self) -> Option<Finding> {
        let (x, y) = self.0.keys().next()?;
        let message = match self.0.len() {
            1 => format!("{} absent until Linux {x}.{y}", self.len()),
            _ => format!("{} absent until later versions of Linux", self.len()),
        };
        let mut finding = Finding::new(Severity::Note, "absent", "", message);
        let group = |((x, y), names): (&(u32, u32), &Vec<String>)| {
            format!("Linux {x}.{y}: {}.", names.join(", "))
        };
        finding.why = Some(self.0.iter().map(group).collect::<Vec<_>>().join(" "));
        Some(finding)
    }
}

impl Compared {
    /// A witness that is not there.
    pub fn skip(name: impl Into<String>, why: impl Into<String>) -> Compared {
        Compared {
            check: Check::skip(name, why),
            ..Compared::default()
        }
    }

    /// A witness that was asked for by name, or ought to work, and does not.
    pub fn failed(name: impl Into<String>, why: impl Into<String>) -> Compared {
        let mut check = Check::new(name);
        let finding = Finding::new(Severity::Unchecked, "unreadable", "", why);
        check.findings.push(finding);
        Compared {
            check,
            ..Compared::default()
        }
    }
}

/// Compares a witness with the table.
pub fn compare(witness: &Witness, target: Target, known: Known) -> Compared {
    let report = abi::compare(std::slice::from_ref(witness), target);
    let mut check = Check::new(&witness.name);
    check.compared = report.compared();
    let mut absent = Absent::default();
    for found in report.findings {
        let item = found.item;
        match found.difference {
            // A witness without any constants has none to lack: BTF.
            Difference::Missing { .. } if is_constant(&item) && witness.constants.is_empty() => {}
            Difference::Missing { since } if lacks(known, since) => {
                absent.add(since, item);
            }
            Difference::Missing { since } => {
                let message = match known {
                    Known::Since((x, y)) => format!(
                        "missing, although this is Linux {x}.{y} and it exists since Linux {since}"
                    ),
                    _ => format!("missing (since Linux {since})"),
                };
                check
                    .findings
                    .push(Finding::new(Severity::Error, "missing", item, message));
            }
            Difference::Unknown => check.findings.push(newer(item)),
            Difference::Mismatch {
                property,
                found,
                expected,
            } => {
                let message = format!("{property} is {found}, expected {expected}");
                let why = why(&item, property, &found, target.encoding);
                let mut finding = Finding::new(Severity::Error, "mismatch", item, message);
                finding.why = Some(why);
                finding.found = Some(found);
                finding.expected = Some(expected);
                check.findings.push(finding);
            }
        }
    }
    check.findings.extend(absent.note());
    Compared {
        check,
        constants: report.constants,
        structs: report.structs,
        fields: report.fields,
        absent: absent.len(),
        short: witness.name.clone(),
    }
}

fn lacks(known: Known, since: &str) -> bool {
    match known {
        Known::All => false,
        Known::Since(witness) => witness < version(since),
        Known::Any => true,
    }
}

/// A name that the table does not have.
pub fn newer(item: impl Into<String>) -> Finding {
    let message = "not in the table, which knows Linux 7.3: newer, or no name of the kernel's";
    Finding::new(Severity::Note, "newer", item, message)
}

fn why(item: &str, property: &str, found: &str, encoding: Encoding) -> String {
    let pinned = CONSTANTS.iter().find(|constant| constant.name == item);
    if let Some(constant) = pinned.filter(|constant| constant.is_request() && property == "value") {
        let (other, whose) = match encoding {
            Encoding::Generic => (Encoding::MipsPowerpcSparc, "mips, powerpc and sparc"),
            Encoding::MipsPowerpcSparc => (Encoding::Generic, "x86, arm, riscv and s390x"),
        };
        if found == format!("{:#x}", constant.value(other)) {
            return format!(
                "That is the request code on {whose}. This processor's kernel refuses it."
            );
        }
        return "The kernel refuses any other request code with EINVAL.".to_owned();
    }
    match property {
        "value" => "The kernel gives these bits another meaning, or none.",
        "type" => "Code written for the right type does not compile, or loses bits in a mask.",
        _ => "The kernel reads and writes other bytes than the program means.",
    }
    .to_owned()
}

fn is_constant(item: &str) -> bool {
    CONSTANTS.iter().any(|constant| constant.name == item)
}

/// A version out of the table.
pub fn version(since: &str) -> (u32, u32) {
    crate::cli::parse_version(since).expect("the table's versions are of this form")
}

/// With --strict a witness that is not there is a failure, and so is one that
/// could not be asked everything.
fn demand(compared: &mut Compared) {
    for finding in &mut compared.check.findings {
        if finding.kind == "not-asked" {
            finding.severity = Severity::Unchecked;
        }
    }
    if let Some(why) = compared.check.skipped.take() {
        let finding = Finding::new(Severity::Unchecked, "skipped", "", why);
        compared.check.findings.push(finding);
    }
}

/// How many names and fields the table has.
fn table_size() -> (usize, usize, usize) {
    let fields = STRUCTS.iter().map(|s| s.fields.len()).sum();
    (CONSTANTS.len(), STRUCTS.len(), fields)
}

/// Prints it all.
pub fn report(done: Vec<Compared>, out: &mut Output) -> Exit {
    let (constants, structs, fields) = table_size();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["witness", "constants", "structs", "fields", "result"]);
    table.add_row([
        "pinned table".to_owned(),
        constants.to_string(),
        structs.to_string(),
        fields.to_string(),
        "the reference".to_owned(),
    ]);
    let mut narrow = vec!["witness: constants + structs + fields".to_owned()];
    let mut complete = vec!["table".to_owned()];
    let mut witnesses = 1;
    for compared in &done {
        let check = &compared.check;
        if check.compared > 0 {
            witnesses += 1;
        }
        let all = (compared.constants, compared.structs, compared.fields);
        if all == (constants, structs, fields) && check.worst().is_none() {
            complete.push(compared.short.clone());
        }
        narrow.push(shortened(&check.name));
        narrow.push(format!(
            "    {} + {} + {}  {}",
            compared.constants,
            compared.structs,
            compared.fields,
            result(compared)
        ));
        table.add_row([
            shortened(&check.name),
            compared.constants.to_string(),
            compared.structs.to_string(),
            compared.fields.to_string(),
            result(compared),
        ]);
    }
    for column in 1..4 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    complete.dedup();
    let skipped: Vec<(String, String)> = done
        .iter()
        .filter_map(|compared| Some((compared.check.name.clone(), compared.check.skipped.clone()?)))
        .collect();
    done.into_iter()
        .for_each(|compared| out.check(compared.check));
    if out.is_narrow(&table) {
        narrow.iter().for_each(|text| out.line(colour(text)));
    } else {
        for line in table.lines() {
            out.line(colour(line.trim_end()));
        }
    }
    for (name, why) in skipped {
        let wrap = textwrap::Options::new(out.width()).subsequent_indent("    ");
        let text = textwrap::fill(&format!("not asked: {name}: {why}"), wrap);
        out.line(paint(WARN, text));
    }
    out.line("");
    if complete.len() > 1 {
        let text = format!(
            "{constants} constants, {structs} structs, {fields} fields: {}",
            complete.join(" = ")
        );
        let width = out.width();
        out.line(textwrap::fill(&text, width));
    }
    let items = constants + structs + fields;
    out.data("items", items);
    out.data("witnesses", witnesses);
    let end = end(out);
    out.finish(&format!(
        "{items} items compared by {witnesses} witnesses ({} comparisons): {end}",
        out.compared()
    ))
}

/// What the exit code says, in words.
fn end(out: &Output) -> String {
    let findings = || out.checks().iter().flat_map(|check| &check.findings);
    let count = |severity| findings().filter(|f| f.severity == severity).count();
    let unchecked = count(Severity::Unchecked);
    match (count(Severity::Error), unchecked) {
        (0, 0) => "no difference".to_owned(),
        (0, n) => format!("no difference in these, but {n} could not be checked"),
        (1, 0) => "1 difference".to_owned(),
        (n, 0) => format!("{n} differences"),
        (1, n) => format!("1 difference, and {n} could not be checked"),
        (n, m) => format!("{n} differences, and {m} could not be checked"),
    }
}

/// The end of a long path says more than its beginning.
fn shortened(name: &str) -> String {
    const ROOM: usize = 36;
    let excess = name.chars().count().saturating_sub(ROOM);
    let (Some((before, path)), true) = (name.split_once(" /"), excess > 0) else {
        return name.to_owned();
    };
    let end: String = path.chars().skip(excess + 1).collect();
    format!("{before} …{end}")
}

fn result(compared: &Compared) -> String {
    let check = &compared.check;
    let count = |severity| {
        check
            .findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    };
    let mut parts = vec![];
    match (count(Severity::Error), count(Severity::Unchecked)) {
        (0, 0) if check.skipped.is_some() => parts.push("not asked".to_owned()),
        (0, 0) => parts.push("same".to_owned()),
        (0, _) => parts.push("not checked".to_owned()),
        (errors, _) => parts.push(format!("{errors} different")),
    }
    if compared.absent > 0 {
        parts.push(format!("{} absent", compared.absent));
    }
    parts.join(", ")
}

/// The table is laid out as plain text; its last column is then coloured.
fn colour(line: &str) -> String {
    for (word, style) in [
        ("  same", GOOD),
        (" different", BAD),
        ("not checked", WARN),
        ("not asked", DIM),
    ] {
        if let Some(at) = line.rfind(word) {
            let start = line[..at + word.len()]
                .rfind("  ")
                .map_or(at, |gap| gap + 2);
            return format!("{}{}", &line[..start], paint(style, &line[start..]));
        }
    }
    line.to_owned()
}
