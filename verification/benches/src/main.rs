//! What userfaultfd costs, measured: see USAGE.
//!
//! It owns the contenders, the processes and rounds in which they take turns, and the
//! document made of their figures. It may use `uffd_kit` for memory and huge pages,
//! `uffd_sys`, the snapshots of the examples, and the crates that are compared with it.

mod alloc;
mod build_cost;
mod calls;
mod contenders;
mod cpu;
mod data;
mod experiment;
mod faults;
mod growth;
mod hugepages;
mod instructions;
mod lazy;
mod load;
mod machine;
mod memory;
mod places;
mod report;
mod round;
mod snapshots;
mod stats;
mod svg;
mod targets;
mod tracking;
mod uffd;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use data::Data;
use experiment::{Experiment, Plan, Sheet};
use machine::Machine;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const USAGE: &str = "\
usage: uffd-bench COMMAND
  run FOLDER           measure all; the data goes to FOLDER/run.json
  run --again FOLDER   only what is missing there, or was disturbed
  run --short FOLDER   the same in a minute: it runs, and its answers are right
  instructions FOLDER  count the instructions of a call (needs valgrind);
                       fails if this crate has more than hand-written assembly
  build FOLDER         time a consumer's cold build by dependency
  report FOLDER DOCS   write performance.md and its plots into DOCS";

type Measure = fn(&mut Plan) -> io::Result<()>;

/// The experiments, and how many processes each is made of.
const EXPERIMENTS: [(&str, usize, Measure); 6] = [
    (data::CALLS, 15, calls::measure),
    (data::FAULTS, 15, faults::measure),
    (data::TRACKING, 9, tracking::measure),
    (data::LAZY, 9, lazy::measure),
    (data::SNAPSHOTS, 25, snapshots::measure),
    (data::GROWTH, 6, growth::measure),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match &args[..] {
        ["run", "--short", folder] => run(folder, true, false),
        ["run", "--again", folder] => run(folder, false, true),
        ["run", folder] => run(folder, false, false),
        ["instructions", folder] => count(Path::new(folder)),
        ["build", folder] => {
            let folder = Path::new(folder);
            build_cost::measure(&folder.join("build"))
                .and_then(|builds| save(folder, "build.json", &builds))
        }
        ["report", folder, docs] => report(Path::new(folder), Path::new(docs)),
        // What this program calls itself with.
        ["measure", name, effort, folder, process] => {
            measure_here(name, *effort == "short", folder, process)
        }
        ["one-call", function, fd, start, len] => match (fd.parse(), start.parse(), len.parse()) {
            (Ok(fd), Ok(start), Ok(len)) => instructions::one_call(function, fd, start, len),
            _ => Err(io::Error::other("one-call: not numbers")),
        },
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("uffd-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn save<T: serde::Serialize>(folder: &Path, name: &str, data: &T) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // A line for each figure, so that two runs can be compared.
    let text = serde_json::to_string(data)?.replace("},{", "},\n{");
    fs::write(folder.join(name), text + "\n")
}

fn load<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read(folder.join(name)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// One process of an experiment: its sheet, on standard output.
fn measure_here(name: &str, short: bool, folder: &str, process: &str) -> io::Result<()> {
    let unknown = || io::Error::other(format!("no experiment {name}"));
    // Another machine is emulated to measure this.
    let alone = (data::ALONE, 0, tracking::alone::measure as Measure);
    let (.., measure) = EXPERIMENTS
        .into_iter()
        .chain([alone])
        .find(|(other, ..)| *other == name)
        .ok_or_else(unknown)?;
    round::SEED.store(process.parse().map_err(io::Error::other)?, Relaxed);
    // A thread that fails would leave others waiting in a page for ever.
    std::panic::set_hook(Box::new(|what| {
        eprintln!("{what}");
        std::process::exit(1);
    }));
    let sheet = Sheet::default();
    let mut plan = Plan {
        short,
        folder,
        sheet,
    };
    measure(&mut plan)?;
    serde_json::to_writer(io::stdout(), &plan.sheet)?;
    println!(); // A line of its own, also on an emulated machine's console.
    Ok(())
}

/// What an earlier run measured in peace, of this very program on this machine.
fn undisturbed(folder: &Path, machine: &Machine) -> io::Result<Vec<Experiment>> {
    let written = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    let program = written(&std::env::current_exe()?)?;
    let is_newer = written(&folder.join("run.json")).is_ok_and(|run| run > program);
    let data: Option<Data> = load(folder, "run.json")?.filter(|_| is_newer);
    let data =
        data.filter(|data| data.format == data::FORMAT && !data.short && data.machine == *machine);
    let experiments = data.map_or(Vec::new(), |data| data.experiments);
    let in_peace = |e: &Experiment| e.load.is_loaded().is_none();
    Ok(experiments.into_iter().filter(in_peace).collect())
}

/// What is measured is kept at once: a run that is stopped goes on with `--again`.
fn run(folder: &str, short: bool, again: bool) -> io::Result<()> {
    let begin = Instant::now();
    fs::create_dir_all(folder)?;
    let machine = Machine::this();
    let mut kept = if again {
        undisturbed(Path::new(folder), &machine)?
    } else {
        Vec::new()
    };
    let watch = load::Watch::start();
    std::thread::sleep(Duration::from_secs(if short { 0 } else { 3 }));
    if let (false, Some(why)) = (short, watch.load().is_loaded()) {
        eprintln!("This machine is busy: {why}. The document will say so.");
    }
    let mut data = Data {
        format: data::FORMAT,
        machine,
        short,
        experiments: Vec::new(),
        instructions: None,
        builds: None,
        emulated: None,
    };
    for (i, (name, processes, _)) in EXPERIMENTS.into_iter().enumerate() {
        let (processes, of) = (if short { 2 } else { processes }, EXPERIMENTS.len());
        let said = format!("[{}/{of}, {} s]", i + 1, begin.elapsed().as_secs());
        let measured = match kept.iter().position(|e| e.name == name) {
            Some(at) => kept.swap_remove(at),
            None => experiment::measure(name, processes, short, folder, &said)?,
        };
        data.experiments.push(measured);
        let rest = data.experiments.len();
        data.experiments.append(&mut kept);
        save(Path::new(folder), "run.json", &data)?;
        kept = data.experiments.split_off(rest);
    }
    eprintln!("Measured in {} s.", begin.elapsed().as_secs());
    targets::say(&data);
    Ok(())
}

fn count(folder: &Path) -> io::Result<()> {
    let counted = instructions::measure()?;
    save(folder, "instructions.json", &counted)?;
    let mut more = Vec::new();
    for call in &counted {
        println!("{}", call.call);
        for (name, count) in &call.counts {
            println!("    {name:<36} {count:>4}");
        }
        if call.of(instructions::OURS) > call.of(instructions::ASM) {
            more.push(call.call.as_str());
        }
    }
    if more.is_empty() {
        println!("This crate has no instruction more than hand-written assembly.");
        return Ok(());
    }
    let more = more.join(", ");
    let why = format!("more instructions than hand-written assembly: {more}");
    Err(io::Error::other(why))
}

fn report(folder: &Path, docs: &Path) -> io::Result<()> {
    let mut data: Data = load(folder, "run.json")?.ok_or_else(|| {
        io::Error::other(format!("{} has no run.json: make bench", folder.display()))
    })?;
    data.instructions = load(folder, "instructions.json")?;
    data.builds = load(folder, "build.json")?;
    data.emulated = load(folder, "emulated.json")?;
    save(&docs.join("performance"), "data.json", &data)?;
    // As read back: what the committed data says, to the last digit.
    let data: Data = load(&docs.join("performance"), "data.json")?.expect("it was just written");
    // Plots of an older program would stay for ever.
    for entry in fs::read_dir(docs.join("performance"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "svg") {
            fs::remove_file(path)?;
        }
    }
    for (name, text) in report::render(&data) {
        fs::write(docs.join(&name), text)?;
        println!("wrote {}", docs.join(&name).display());
    }
    Ok(())
}
