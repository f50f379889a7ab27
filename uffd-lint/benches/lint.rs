//! How fast a tree is read, and with how much memory. Most files of a tree have
//! nothing of userfaultfd; one in fifty has here, and one is as large as is
//! parsed at all. Prints MB/s on one core, and the peak of the memory; exits
//! with 1 if a goal is missed.
//!
//! `cargo bench -p uffd-lint` for a tree made here, or
//! `cargo bench -p uffd-lint -- DIR` for another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use uffd_lint::{lint, Language, Options, MAX_PARSED};

const FILES: usize = 4000;
const FILE_SIZE: usize = 32 << 10;
const PASSES: usize = 7;
const GOAL_MB_PER_SECOND: f64 = 200.0;
const GOAL_MEMORY_MB: f64 = 60.0;

fn main() -> ExitCode {
    // cargo adds --bench.
    let named = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let made = tempfile::tempdir().expect("a folder");
    let tree = named.map(PathBuf::from).unwrap_or_else(|| {
        make_tree(made.path());
        made.path().to_owned()
    });
    let mut rates: Vec<f64> = vec![];
    let mut read = 0;
    for _ in 0..PASSES {
        let began = Instant::now();
        let report = lint(std::slice::from_ref(&tree), &Options::default()).expect("no patterns");
        let seconds = began.elapsed().as_secs_f64();
        assert!(report.files_read > 0, "nothing was read");
        read = report.bytes_read;
        rates.push(read as f64 / 1e6 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let (least, median, most) = (rates[0], rates[PASSES / 2], rates[PASSES - 1]);
    let memory = peak_memory();
    println!(
        "lint: {median:.0} MB/s (median of {PASSES}; {least:.0} to {most:.0}; {:.0} MB each); \
         goal: {GOAL_MB_PER_SECOND}",
        read as f64 / 1e6
    );
    println!("lint: {memory:.0} MB of memory at most; goal: {GOAL_MEMORY_MB}");
    let reached = median >= GOAL_MB_PER_SECOND && memory <= GOAL_MEMORY_MB;
    ExitCode::from(u8::from(!reached))
}

fn make_tree(tree: &Path) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/right");
    let mut copies = vec![];
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("the corpus").path();
        if Language::of(&path) == Some(Language::C) {
            copies.push(fs::read_to_string(path).expect("a source"));
        }
    }
    let line = "static int step(struct state *s, int n) { return s->table[n & 7] + n; } /* x */\n";
    let filler = line.repeat(FILE_SIZE / line.len());
    for number in 0..FILES {
        let folder = tree.join(format!("part{}", number / 100));
        fs::create_dir_all(&folder).expect("a folder");
        let start = if number % 50 == 0 {
            &*copies[number / 50 % copies.len()]
        } else {
            ""
        };
        fs::write(
            folder.join(format!("file{number}.c")),
            format!("{start}{filler}"),
        )
        .expect("a file");
    }
    let mut large = String::from("#define UFFD_API 0xAA\n");
    large += &line.repeat((MAX_PARSED - large.len()) / line.len());
    fs::write(tree.join("large.c"), large).expect("a file");
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
