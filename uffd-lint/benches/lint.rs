//! How fast a tree is read, and with how much memory. The tree is like that of
//! a large VMM: real sources, of the packages that this workspace is built of,
//! as cargo has unpacked them already, with one file in fifty of the corpus.
//! The bindings of the whole kernel, for every processor, are left out.
//! Prints MB/s on one core as the median of several runs, and the peak of the
//! memory; exits with 1 if a goal is missed. A first run is not counted: it
//! brings the files from the disk, whose speed is not measured.
//!
//! `cargo bench -p uffd-lint` for that tree, or `cargo bench -p uffd-lint -- DIR`
//! for another. `-- --copy DIR` only makes the tree there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use uffd_lint::{lint, Language, Options};

/// Like the sources of QEMU, and what is larger than any of them is left out.
const TREE_SIZE: usize = 80_000_000;
const FILE_SIZE: usize = 512 << 10;
const PASSES: usize = 7;
const GOAL_MB_PER_SECOND: f64 = 200.0;
const GOAL_MEMORY_MB: f64 = 60.0;

fn main() -> ExitCode {
    // cargo adds --bench.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments
        .iter()
        .find(|argument| !argument.starts_with("--"));
    if let Some(folder) = named.filter(|_| arguments.iter().any(|it| it == "--copy")) {
        make_tree(Path::new(folder));
        return ExitCode::SUCCESS;
    }
    let made = tempfile::tempdir().expect("a folder");
    let tree = named.map(PathBuf::from).unwrap_or_else(|| {
        make_tree(made.path());
        made.path().to_owned()
    });
    let mut rates: Vec<f64> = vec![];
    let mut read = 0;
    for pass in 0..=PASSES {
        let began = Instant::now();
        let report = lint(std::slice::from_ref(&tree), &Options::default()).expect("no patterns");
        let seconds = began.elapsed().as_secs_f64();
        assert!(report.files_read > 0, "nothing was read");
        read = report.bytes_read;
        if pass > 0 {
            rates.push(read as f64 / 1e6 / seconds);
        }
    }
    rates.sort_by(f64::total_cmp);
    let (least, median, most) = (rates[0], rates[PASSES / 2], rates[PASSES - 1]);
    let memory = peak_memory();
    println!(
        "lint: {median:.0} MB/s (median of {PASSES} after the first; {least:.0} to {most:.0}; \
         {:.0} MB each, from the page cache); goal: {GOAL_MB_PER_SECOND}",
        read as f64 / 1e6
    );
    println!("lint: {memory:.0} MB of memory at most; goal: {GOAL_MEMORY_MB}");
    let reached = median >= GOAL_MB_PER_SECOND && memory <= GOAL_MEMORY_MB;
    ExitCode::from(u8::from(!reached))
}

/// All sources under a folder, in the order of their names.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, found);
        } else if Language::of(&path).is_some() {
            found.push(path);
        }
    }
}

/// Where cargo unpacked the packages of the workspace's lock file.
fn packages() -> Vec<PathBuf> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).expect("the lock file");
    let value = |line: &str| line.split('"').nth(1).unwrap_or("").to_owned();
    let lines: Vec<&str> = lock.lines().collect();
    let named = lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("name = "));
    let names: Vec<String> = named
        .map(|pair| format!("{}-{}", value(pair[0]), value(pair[1])))
        .collect();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").expect("HOME")).join(".cargo"));
    let registries = fs::read_dir(home.join("registry/src")).expect("cargo's sources");
    let folders = registries
        .flatten()
        .flat_map(|registry| names.iter().map(move |name| registry.path().join(name)));
    folders.filter(|folder| folder.is_dir()).collect()
}

fn make_tree(tree: &Path) {
    let (mut all, mut corpus) = (vec![], vec![]);
    packages()
        .iter()
        .for_each(|folder| sources(folder, &mut all));
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/right");
    sources(&right, &mut corpus);
    let mut relevant = corpus.iter().cycle();
    let mut left = TREE_SIZE;
    for (number, path) in all.iter().enumerate() {
        let text = fs::read(path).expect("a source");
        let has = |name: &&str| memchr::memmem::find(&text, name.as_bytes()).is_some();
        if text.len() > FILE_SIZE || ["userfaultfd", "UFFD", "PM_SCAN"].iter().any(has) {
            continue;
        }
        let folder = tree.join(format!("part{}", number / 50));
        if number % 50 == 0 {
            fs::create_dir_all(&folder).expect("a folder");
            let path = relevant.next().expect("the corpus");
            fs::copy(path, folder.join(path.file_name().expect("a name"))).expect("a file");
        }
        let name = path.file_name().expect("a name").to_string_lossy();
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{number}-{name}")), &text).expect("a file");
        left = left.saturating_sub(text.len());
        if left == 0 {
            return;
        }
    }
}

/// In MB, since the process began.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("the peak");
    let kilobytes: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .expect("a number");
    kilobytes / 1e3
}
