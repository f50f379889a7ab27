//! Incremental snapshots of a live process's memory, each of one moment while
//! its threads go on writing; and lazy restoring, by another process.
//!
//! `cargo run --release --example snapshot -- --help`
//!
//! - `snapshot/save.rs`: the snapshot; `snapshot/file.rs`: its file
//! - `snapshot/restore.rs`: the restored process; `snapshot/pager.rs`: who
//!   fills its memory

#[path = "snapshot/bank.rs"]
mod bank;
#[path = "snapshot/file.rs"]
mod file;
#[path = "snapshot/pager.rs"]
mod pager;
#[path = "snapshot/progress.rs"]
mod progress;
#[path = "snapshot/restore.rs"]
mod restore;
#[path = "snapshot/save.rs"]
mod save;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bank::Bank;
use save::Snapshots;
use support::{end, value, Failure, Memory};

const USAGE: &str = "\
usage: snapshot save FOLDER [OPTIONS]     run a process, take snapshots of it
         --snapshots N    how many: one full, then increments (default 4)
         --interval-ms N  between two (default 200)
         --pages N        of the process's memory (default 16384)
         --writers N      threads that write to it (default 2)
         --expect         also keep each moment's memory, as NNNN.expected
       snapshot restore FOLDER [OPTIONS]  start a process from a snapshot
         --snapshot N     which one (default the newest)
         --out FILE       write the restored memory there
       snapshot verify FOLDER             check all pages of all snapshots";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match (args.first().map(String::as_str), args.get(1)) {
        (Some("save"), Some(folder)) => save_command(folder.into(), &args[2..]),
        (Some("restore"), Some(folder)) => restore_command(Path::new(folder), &args[2..]),
        (Some("verify"), Some(folder)) if args.len() == 2 => verify(Path::new(folder)),
        // What `restore` starts; standard input is the socket.
        (Some("pager"), Some(folder)) => match args.get(2).map(|number| number.parse()) {
            Some(Ok(number)) => pager::serve(Path::new(folder), number).map_err(Failure::Run),
            _ => Err(Failure::Usage("pager is started by restore".to_string())),
        },
        (Some("--help" | "-h"), _) => {
            println!("{USAGE}");
            Ok(())
        }
        (Some(command @ ("save" | "restore" | "verify")), None) => {
            Err(Failure::Usage(format!("{command} needs a FOLDER")))
        }
        (Some(command), _) => Err(Failure::Usage(format!("{command}: no such command"))),
        (None, _) => Err(Failure::Usage("a command is missing".to_string())),
    };
    end("snapshot", USAGE, result)
}

fn save_command(folder: PathBuf, args: &[String]) -> Result<(), Failure> {
    let (mut snapshots, mut interval, mut pages, mut writers, mut expect) =
        (4, 200, 16384, 2, false);
    let mut args = args.iter().cloned();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--snapshots" => snapshots = value(&arg, args.next()).map_err(Failure::Usage)?,
            "--interval-ms" => interval = value(&arg, args.next()).map_err(Failure::Usage)?,
            "--pages" => pages = value(&arg, args.next()).map_err(Failure::Usage)?,
            "--writers" => writers = value(&arg, args.next()).map_err(Failure::Usage)?,
            "--expect" => expect = true,
            _ => return Err(Failure::Usage(format!("save: {arg}: no such option"))),
        }
    }
    if pages == 0 || snapshots == 0 || !(1..=64).contains(&writers) {
        let what = "--pages and --snapshots must not be 0; --writers is 1 to 64";
        return Err(Failure::Usage(what.to_string()));
    }
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    if file::newest(&folder).is_ok() {
        let what = "holds snapshots already; nothing was changed. Choose another folder";
        return Err(Failure::Run(format!("{} {what}", folder.display())));
    }
    let memory = Arc::new(Memory::anonymous(pages)?);
    let _ = memory.advise(libc::MADV_NOHUGEPAGE);
    let bank = Bank::found(memory.clone(), writers);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let bank = &bank;
            scope.spawn(move || bank.work(writer));
        }
        let result = take_all(&bank, &folder, snapshots, interval, expect);
        // After a failure too: the writers that wait were let go when the
        // descriptors were closed.
        bank.gate.end();
        result
    })
}

fn take_all(
    bank: &Bank,
    folder: &Path,
    count: u64,
    interval: u64,
    expect: bool,
) -> Result<(), Failure> {
    let mut snapshots = Snapshots::new(bank, folder.to_path_buf())?;
    for number in 0..count {
        std::thread::sleep(Duration::from_millis(interval));
        let mut moment = Vec::new();
        let taken = snapshots.take(|| {
            if expect {
                moment = vec![0; bank.memory.len()];
                bank.memory.copy_to(&(0..bank.memory.pages()), &mut moment);
            }
        })?;
        if expect {
            let path = folder.join(format!("{number:04}.expected"));
            fs::write(&path, &moment).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        println!(
            "snapshot {number}: {} pages in {:.1} ms",
            taken.pages,
            taken.time.as_secs_f64() * 1e3
        );
        println!(
            "  the writers stood {:.2} + {:.2} ms; {} pages saved before they were overwritten",
            taken.stops[0].as_secs_f64() * 1e3,
            taken.stops[1].as_secs_f64() * 1e3,
            taken.faults
        );
    }
    Ok(())
}

fn restore_command(folder: &Path, args: &[String]) -> Result<(), Failure> {
    let (mut number, mut out): (Option<u64>, Option<PathBuf>) = (None, None);
    let mut args = args.iter().cloned();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--snapshot" => number = Some(value(&arg, args.next()).map_err(Failure::Usage)?),
            "--out" => out = Some(value(&arg, args.next()).map_err(Failure::Usage)?),
            _ => return Err(Failure::Usage(format!("restore: {arg}: no such option"))),
        }
    }
    let number = number.map_or_else(|| file::newest(folder), Ok)?;
    Ok(restore::restore(folder, number, out.as_deref())?)
}

fn verify(folder: &Path) -> Result<(), Failure> {
    for number in 0..=file::newest(folder)? {
        let chain = file::Chain::open(folder, number)?;
        let mut buffer = vec![0; 64 * chain.page_size()];
        let mut page = 0;
        while page < chain.pages() {
            page += chain.load(page, &mut buffer)?;
        }
        println!("snapshot {number}: {page} pages are whole");
    }
    Ok(())
}
