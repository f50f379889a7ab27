//! What userfaultfd costs, measured: see USAGE.
//!
//! It owns the contenders, the rounds in which they take turns, and the document
//! made of their data. It may use `uffd_kit` for memory and huge pages, `uffd_sys`,
//! and the crates that are compared with it.

mod alloc;
mod build_cost;
mod calls;
mod contenders;
mod data;
mod faults;
mod hugepages;
mod instructions;
mod machine;
mod memory;
mod report;
mod round;
mod stats;
mod svg;
mod tracking;
mod uffd;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use calls::Samples;
use data::Data;
use machine::Machine;
use round::Effort;
use stats::Verdict;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

const USAGE: &str = "\
usage: uffd-bench COMMAND
  run FOLDER           measure all; the data goes to FOLDER/run.json
  run --short FOLDER   the same in less than a minute, for a first look
  instructions FOLDER  count the instructions of a call (needs valgrind);
                       fails if this crate has more than hand-written assembly
  build FOLDER         time a consumer's cold build by dependency
  report FOLDER DOCS   write performance.md and its plots into DOCS";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match &args[..] {
        ["run", "--short", folder] => run(Path::new(folder), true),
        ["run", folder] => run(Path::new(folder), false),
        ["instructions", folder] => count(Path::new(folder)),
        ["build", folder] => {
            let folder = Path::new(folder);
            build_cost::measure(&folder.join("build"))
                .and_then(|builds| save(folder, "build.json", &builds))
        }
        ["report", folder, docs] => report(Path::new(folder), Path::new(docs)),
        // What this program calls itself with.
        ["calls", milliseconds] => calls_here(milliseconds),
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
    fs::write(folder.join(name), serde_json::to_string_pretty(data)?)
}

fn load<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> io::Result<Option<T>> {
    match fs::read(folder.join(name)) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn calls_here(milliseconds: &str) -> io::Result<()> {
    let time = Duration::from_millis(milliseconds.parse().map_err(io::Error::other)?);
    let samples = calls::measure(Effort {
        time,
        least: 5,
        most: 301,
    })?;
    serde_json::to_writer(io::stdout(), &samples)?;
    Ok(())
}

/// The calls, in several processes.
fn calls_in_processes(processes: usize, time: Duration) -> io::Result<Vec<calls::Call>> {
    let mut all: Vec<Samples> = Vec::new();
    for process in 0..processes {
        eprintln!("calls: process {} of {processes}", process + 1);
        let output = Command::new(std::env::current_exe()?)
            .args(["calls", &time.as_millis().to_string()])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other(
                "the process that measures the calls failed",
            ));
        }
        let samples: Vec<Samples> = serde_json::from_slice(&output.stdout)?;
        if all.is_empty() {
            all = samples;
        } else {
            all.iter_mut()
                .zip(samples)
                .for_each(|(mine, other)| mine.append(other));
        }
    }
    Ok(all.iter().map(Samples::call).collect())
}

fn run(folder: &Path, short: bool) -> io::Result<()> {
    let begin = Instant::now();
    let ms = Duration::from_millis;
    let (processes, call, fault, track) = if short {
        (3, ms(150), ms(800), ms(200))
    } else {
        (11, ms(900), ms(12_000), ms(2_500))
    };
    let machine = Machine::this();
    let busy = machine::load();
    if busy > 0.5 * machine.processors as f64 {
        eprintln!("The load average is {busy}: other programs run here. Expect too much noise to conclude.");
    }
    let calls = calls_in_processes(processes, call)?;
    let effort = Effort {
        time: fault,
        least: 5,
        most: 301,
    };
    let faults = faults::measure(effort, &mut |handler| eprintln!("fault: {}", handler.name))?;
    let mut left_out = Vec::new();
    let effort = Effort {
        time: track,
        least: 3,
        most: 101,
    };
    let said = &mut |situation: &tracking::Situation| eprintln!("tracking: {}", situation.title());
    let tracking = tracking::measure(effort, short, said, &mut left_out)?;
    let data = Data {
        machine,
        short,
        processes,
        calls,
        faults,
        tracking,
        left_out,
        instructions: None,
        builds: None,
    };
    save(folder, "run.json", &data)?;
    eprintln!("Measured in {} s.", begin.elapsed().as_secs());
    say_targets(&data);
    Ok(())
}

/// 80 columns: the bound, what was measured, and the verdict on a second line.
fn say_targets(data: &Data) {
    let targets = data.targets();
    for target in &targets {
        println!("{}", target.what);
        println!(
            "    at most {:<6} {:<28} {}",
            target.bound,
            target.measured,
            target.verdict.text()
        );
    }
    let count = |verdict| {
        targets
            .iter()
            .filter(|target| target.verdict == verdict)
            .count()
    };
    println!(
        "\n{} bounds: {} reached, {} not reached, {} too noisy to conclude, {} not measured",
        targets.len(),
        count(Verdict::Reached),
        count(Verdict::NotReached),
        count(Verdict::TooNoisy),
        count(Verdict::NotMeasured)
    );
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
    Err(io::Error::other(format!(
        "more instructions than hand-written assembly: {}",
        more.join(", ")
    )))
}

fn report(folder: &Path, docs: &Path) -> io::Result<()> {
    let mut data: Data = load(folder, "run.json")?.ok_or_else(|| {
        io::Error::other(format!("{} has no run.json: make bench", folder.display()))
    })?;
    data.instructions = load(folder, "instructions.json")?;
    data.builds = load(folder, "build.json")?;
    save(&docs.join("performance"), "data.json", &data)?;
    // As read back: what the committed data says, to the last digit.
    let data: Data = load(&docs.join("performance"), "data.json")?.expect("it was just written");
    for (name, text) in report::render(&data) {
        fs::write(docs.join(&name), text)?;
        println!("wrote {}", docs.join(&name).display());
    }
    Ok(())
}
