//! `uffd-abi probe`: what this kernel can do, and what stands in the way. It owns
//! the causes and remedies of refusals, and what can be registered how; it may use
//! `memory`, `uffd`, `output` and `findings`.

pub mod features;
pub mod opening;
pub mod registering;

use comfy_table::{presets, ContentArrangement, Table};
use serde_json::json;
use uffd_sys::names;

use crate::findings::{Check, Exit, Finding, Severity};
use crate::memory::Kind;
use crate::output::{paint, Output, BAD, DIM, GOOD, HEAD};
use crate::uffd::{self, errno_name, Way};
use opening::{Surroundings, Tried};
use registering::Answer;

/// Runs the command.
pub fn run(out: &mut Output) -> Exit {
    let here = Surroundings::here();
    let (release, _) = uffd::kernel_release();
    out.line(paint(
        HEAD,
        format!("Linux {release} on {}", std::env::consts::ARCH),
    ));
    out.data("kernel", &release);
    out.data("surroundings", &here);

    let tries = opening::tries(&here);
    show_tries(&tries, &here, out);
    let working = Way::ALL
        .into_iter()
        .zip(&tries)
        .find(|(_, tried)| tried.works);
    out.data("open", &tries);
    let Some((way, _)) = working else {
        return out.finish("no way to open a userfaultfd here: nothing else can be asked");
    };
    match way
        .open(0)
        .map_err(|refusal| refusal.errno)
        .and_then(|fd| uffd::api(&fd, 0))
    {
        Ok(api) => {
            let features = show_features(&api, out);
            let registered = show_memory(way, api.features, out);
            let works = tries.iter().filter(|tried| tried.works).count();
            out.finish(&format!(
                "{works} of {} ways to open it work; {features} features; {registered} ways to register",
                tries.len()
            ))
        }
        Err(errno) => {
            let mut check = Check::new("handshake");
            let message = format!("UFFDIO_API fails with {}", errno_name(errno));
            check
                .findings
                .push(Finding::new(Severity::Unchecked, "refused", "", message));
            out.check(check);
            out.finish("the kernel could not be asked")
        }
    }
}

fn show_tries(tries: &[Tried], here: &Surroundings, out: &mut Output) {
    out.line("");
    out.line(paint(HEAD, "Opening a userfaultfd"));
    let none = tries.iter().all(|tried| !tried.works);
    for tried in tries {
        let mut check = Check::new(format!("open: {}", tried.way));
        check.compared = usize::from(tried.works);
        let result = match (&tried.errno, tried.call) {
            (Some(errno), Some(call)) => paint(BAD, format!("{errno} from {call}")),
            _ => paint(GOOD, "works"),
        };
        // Side by side they take up to 62 columns.
        if out.width() < 64 {
            out.line(format!("  {}", tried.way));
            out.line(format!("    {result}"));
        } else {
            out.line(format!("  {:<29}{result}", tried.way));
        }
        if let (Some(errno), Some(remedy)) = (&tried.errno, &tried.remedy) {
            let wrap = textwrap::Options::new(out.width())
                .initial_indent("      ")
                .subsequent_indent("      ");
            out.line(textwrap::fill(remedy, wrap));
            // One that is closed matters only if all are.
            let severity = if none {
                Severity::Unchecked
            } else {
                Severity::Note
            };
            let mut finding = Finding::new(
                severity,
                tried.cause.unwrap_or("refused"),
                "",
                errno.clone(),
            );
            finding.why = Some(remedy.clone());
            check.findings.push(finding);
        }
        // As text it has just been said.
        out.record(check);
    }
    let told = |known: bool, text: String, what: &str| {
        if known {
            text
        } else {
            format!("{what} unknown")
        }
    };
    let facts = [
        told(
            here.sysctl.is_some(),
            format!("vm.unprivileged_userfaultfd {}", here.sysctl.unwrap_or(0)),
            "vm.unprivileged_userfaultfd",
        ),
        told(
            here.sys_ptrace.is_some(),
            format!(
                "CAP_SYS_PTRACE {}",
                if here.sys_ptrace == Some(true) {
                    "yes"
                } else {
                    "no"
                }
            ),
            "CAP_SYS_PTRACE",
        ),
        told(
            here.seccomp.is_some(),
            format!(
                "seccomp {}",
                ["none", "strict", "filter"]
                    .get(here.seccomp.unwrap_or(0) as usize)
                    .unwrap_or(&"?")
            ),
            "seccomp",
        ),
    ];
    out.wrapped(DIM, &format!("  ({})", facts.join("; ")), "   ");
    if !here.proc {
        out.line(paint(
            DIM,
            "  (/proc is not there: causes are guessed from the errno alone)",
        ));
    }
}

fn show_features(api: &uffd_sys::uffdio_api, out: &mut Output) -> usize {
    out.line("");
    out.line(paint(
        HEAD,
        format!("Features {:#x}, ioctls {:#x}", api.features, api.ioctls),
    ));
    let mut check = Check::new("features");
    let mut rows = vec![];
    for bit in 0..64 {
        let offered = api.features >> bit & 1 == 1;
        let mut all = names::FEATURES.all().iter();
        let Some(known) = all.find(|known| known.value == 1 << bit) else {
            if offered {
                check.compared += 1;
                out.line(format!(
                    "  {} {bit:>2}  bit {bit}: newer than this program",
                    paint(GOOD, "yes")
                ));
                rows.push(json!({ "bit": bit, "offered": true }));
            }
            continue;
        };
        check.compared += 1;
        let name = known.name.trim_start_matches("UFFD_FEATURE_");
        let meaning = features::meaning(known.name);
        let line = format!("{bit:>2}  {name:<19} {:>4}  {meaning}", known.since);
        // The meaning below, where it does not fit beside.
        let wrap = textwrap::Options::new(out.width() - 6).subsequent_indent("          ");
        let line = textwrap::fill(&line, wrap);
        out.line(match offered {
            true => format!("  {} {line}", paint(GOOD, "yes")),
            false => format!("  {}", paint(DIM, format!("no  {line}"))),
        });
        rows.push(json!({
            "bit": bit, "name": known.name, "since": known.since,
            "meaning": meaning, "offered": offered,
        }));
    }
    out.data(
        "features",
        json!({ "mask": api.features, "ioctls": api.ioctls, "bits": rows }),
    );
    out.check(check);
    api.features.count_ones() as usize
}

fn show_memory(way: Way, features: u64, out: &mut Output) -> usize {
    out.line("");
    out.line(paint(HEAD, "Ioctls of registered memory, by kind and mode"));
    let answers = registering::all(way, features);
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(out.width() as u16);
    let mut rows = vec![];
    let mut registered = 0;
    for kind in Kind::ALL {
        let mut check = Check::new(format!("register: {}", kind.name()));
        let mut absent = None;
        for (_, mode, answer) in answers.iter().filter(|(k, ..)| *k == kind) {
            if mode.needs != 0 && features & mode.needs == 0 {
                continue;
            }
            let text = match answer {
                Answer::Ioctls(ioctls) => {
                    registered += 1;
                    check.compared += 1;
                    ioctl_names(*ioctls).join(" ")
                }
                Answer::Refused(errno) => {
                    check.compared += 1;
                    format!("{} from UFFDIO_REGISTER", errno_name(*errno))
                }
                Answer::Absent(why) => {
                    absent.get_or_insert_with(|| why.clone());
                    why.clone()
                }
            };
            table.add_row([kind.name(), mode.name, &text]);
            rows.push(json!({ "memory": kind.name(), "mode": mode.name, "answer": answer }));
        }
        if check.compared == 0 {
            check.skipped = absent;
        }
        out.record(check);
    }
    out.data("memory", rows);
    for line in table.lines() {
        let line = format!(" {}", line.trim_end());
        let closed = line.contains(" from UFFDIO_REGISTER");
        out.line(if closed { paint(DIM, line) } else { line });
    }
    let lacking = registering::MODES
        .iter()
        .filter(|mode| mode.needs != 0 && features & mode.needs == 0);
    let lacking: Vec<&str> = lacking.map(|mode| mode.name).collect();
    if !lacking.is_empty() {
        let text = format!("  not in this kernel: {}", lacking.join("; "));
        out.wrapped(DIM, &text, "    ");
    }
    out.line("");
    registered
}

/// `copy` for bit 3, and `bit 40` for what the table does not know.
fn ioctl_names(bits: u64) -> Vec<String> {
    (0..64)
        .filter(|n| bits >> n & 1 == 1)
        .map(|n| match names::IOCTLS.name(n) {
            Some(name) => name.trim_start_matches("_UFFDIO_").to_lowercase(),
            None => format!("bit {n}"),
        })
        .collect()
}
