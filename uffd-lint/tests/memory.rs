//! How much memory the largest files take. Alone in its
//! process, because the peak is the process's.

use std::fs;
use std::path::Path;

use uffd_lint::{check, Form, Language, Target, MAX_PARSED, MAX_SIZE};

#[test]
fn the_largest_files_fit_into_60_mb() {
    let line = "static int step(struct state *s, int n) { return s->table[n & 7] + n; } /* x */\n";
    let form = Form::Source(Language::C);
    let checked = |text: &str| {
        let report = check(
            form,
            Path::new("large.c"),
            text.as_bytes(),
            Target::default(),
        );
        assert_eq!(report.compared.len(), 1, "{:?}", report.problems);
    };
    let name = "#define UFFD_API 0xAA\n";
    // All of it is parsed.
    checked(&format!(
        "{name}{}",
        line.repeat((MAX_PARSED - name.len()) / line.len())
    ));
    // What is around the name is.
    let half = line.repeat(MAX_SIZE as usize / line.len() / 2);
    checked(&format!("{half}{name}{half}"));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let peak: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!("{peak} KB");
    assert!(peak < 60_000, "{peak} KB");
}
