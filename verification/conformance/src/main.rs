//! The command `uffd-conformance`.

use std::collections::HashSet;
use std::io::Write;
use std::time::Instant;

use uffd_conformance::machine::Machine;
use uffd_conformance::report::{self, Counts};
use uffd_conformance::{cases, errata, init, layout, model, run, stress};
use uffd_kit::hugepages::HugePages;

/// As many huge pages as a case uses.
const HUGE_PAGES: usize = 8;

const USAGE: &str = "\
usage: uffd-conformance [run] [--times] [--fail-fast] [PATTERN...]
       uffd-conformance list
       uffd-conformance layout
       uffd-conformance model ...
       uffd-conformance stress ...

run     runs the cases whose id contains a PATTERN (all without one) and
        reports in KTAP. Needs root. --times tells the milliseconds of each.
list    the cases: id, source, features, first Linux, claim; with tabs
layout  compares the bindings of this build with the pinned table
model   random programs against a model of UFFDIO_WRITEPROTECT
stress  looks for lost writes; for threads that a handler leaves asleep

Exit code: 0 all as expected, 1 not so, 2 wrong usage or surroundings.";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if !init::is_init() {
        std::process::exit(command(&args));
    }
    init::mount_all();
    init::use_swap();
    init::forget_kernel_log();
    let code = command(&args);
    init::print_kernel_complaints();
    println!("# exit code {}", code);
    init::power_off();
}

fn command(args: &[String]) -> i32 {
    let rest = args.get(1..).unwrap_or(&[]);
    match args.first().map(String::as_str) {
        Some("list") => list(),
        // For the case that sees which descriptors exec(2) keeps.
        Some("has") => rest.iter().any(|path| std::fs::read_link(path).is_err()) as i32,
        Some("layout") => layout::main(),
        Some("model") => model::main(rest),
        Some("stress") => stress::main(rest),
        Some("run") => run_cases(rest),
        Some("help") | Some("--help") | Some("-h") => {
            println!("{}", USAGE);
            0
        }
        _ => run_cases(args),
    }
}

fn list() -> i32 {
    let mut out = std::io::stdout().lock();
    for case in cases::all() {
        let (major, minor) = case.since;
        let row = writeln!(
            out,
            "{}\t{}\t{:#x}\t{}.{}\t{}",
            case.id, case.source, case.features, major, minor, case.claim
        );
        // A reader such as head(1) that has seen enough.
        if row.is_err() {
            break;
        }
    }
    0
}

fn run_cases(args: &[String]) -> i32 {
    let (options, patterns): (Vec<&String>, Vec<&String>) =
        args.iter().partition(|a| a.starts_with('-'));
    let known = ["--times", "--fail-fast"];
    if let Some(unknown) = options.iter().find(|o| !known.contains(&o.as_str())) {
        eprintln!("uffd-conformance: unknown option {}\n\n{}", unknown, USAGE);
        return 2;
    }
    let machine = match Machine::detect().and_then(Machine::with_fork_events) {
        Ok(machine) => machine,
        Err(why) => {
            eprintln!("uffd-conformance: {}", why);
            return 2;
        }
    };
    let chosen: Vec<_> = cases::all()
        .filter(|case| patterns.is_empty() || patterns.iter().any(|p| case.id.contains(p.as_str())))
        .collect();
    if chosen.is_empty() {
        eprintln!("uffd-conformance: no such case; see `list`");
        return 2;
    }
    let mut ids = HashSet::new();
    if let Some(case) = chosen.iter().find(|case| !ids.insert(case.id)) {
        eprintln!("uffd-conformance: two cases have the id {}", case.id);
        return 2;
    }
    let errata = errata::all();
    // Kernels without them, and machines with too little memory, say so in the
    // cases that need them.
    let _pages = HugePages::reserve(HUGE_PAGES);
    println!("{}", report::head(&machine, chosen.len()));
    let mut counts = Counts::default();
    for (n, case) in chosen.iter().enumerate() {
        let erratum = errata
            .iter()
            .find(|e| e.id == case.id && e.applies(&machine));
        // Whatever is buffered would be written by the child, too.
        let _ = std::io::stdout().flush();
        let start = Instant::now();
        let outcome = run::run(case, &machine);
        println!(
            "{}",
            report::line(n + 1, case, &outcome, erratum, &mut counts)
        );
        if options.iter().any(|o| *o == "--times") {
            println!("# {} ms", start.elapsed().as_millis());
        }
        if counts.failed > 0 && options.iter().any(|o| *o == "--fail-fast") {
            break;
        }
    }
    println!("{}", report::totals(counts));
    if counts.passed + counts.errata + counts.failed == 0 {
        eprintln!("uffd-conformance: not one of these cases can run here");
        return 1;
    }
    (counts.failed > 0) as i32
}
