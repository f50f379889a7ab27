//! How fast `lint` reads an ordinary tree: most files have nothing of
//! userfaultfd, one in fifty has. Prints MB/s on one core; 100 is the least
//! that is wanted.
//!
//! `cargo bench -p uffd-abi --bench lint`

use std::fs;
use std::path::Path;
use std::time::Instant;

use uffd_abi::cli::{Format, LintArgs};
use uffd_abi::findings::Exit;
use uffd_abi::output::Output;
use uffd_lint::language::Language;

const FILES: usize = 2000;
const FILE_SIZE: usize = 32 << 10;
const PASSES: usize = 7;

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../uffd-lint/tests/corpus/right");
    let mut copies = vec![];
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let path = entry.expect("the corpus").path();
        if Language::of(&path).is_some() {
            copies.push(fs::read_to_string(path).expect("a source"));
        }
    }
    let tree = tempfile::tempdir().expect("a folder");
    let line = "static int step(struct state *s, int n) { return s->table[n & 7] + n; } /* x */\n";
    let filler = line.repeat(FILE_SIZE / line.len());
    for number in 0..FILES {
        let folder = tree.path().join(format!("part{}", number / 100));
        fs::create_dir_all(&folder).expect("a folder");
        let start = if number % 50 == 0 {
            &copies[number / 50 % copies.len()]
        } else {
            ""
        };
        fs::write(
            folder.join(format!("file{number}.c")),
            format!("{start}{filler}"),
        )
        .expect("a file");
    }
    let args = LintArgs {
        paths: vec![tree.path().into()],
        arch: None,
    };
    let mut rates: Vec<f64> = vec![];
    for _ in 0..PASSES {
        let mut out = Output::plain("lint", Format::Json, Box::new(std::io::sink()));
        let began = Instant::now();
        let exit = uffd_abi::lint::run(&args, &mut out);
        let seconds = began.elapsed().as_secs_f64();
        assert_ne!(exit, Exit::Unchecked, "nothing was compared");
        rates.push((FILES * FILE_SIZE) as f64 / 1e6 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let (least, median, most) = (rates[0], rates[PASSES / 2], rates[PASSES - 1]);
    println!("lint: {median:.0} MB/s (median of {PASSES}; {least:.0} to {most:.0}); goal: 100");
}
