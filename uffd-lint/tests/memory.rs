//! How much memory a folder of the worst files takes. Alone in its process,
//! because the peak is the process's.

use std::fs;
use std::path::{Path, PathBuf};

use uffd_lint::{lint, FileReport, Options, MAX_PARSED, MAX_SIZE};

mod hostile;

const ENDINGS: [&str; 7] = ["rs", "c", "h", "cpp", "go", "zig", "py"];
/// In KB, of the whole process so far.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Files as large as one can be, of which little or nothing is parsed.
fn largest() -> Vec<(&'static str, String)> {
    let fill = |start: &str, repeated: &str, end: &str| {
        let times = (MAX_SIZE as usize - start.len() - end.len()) / repeated.len();
        format!("{start}{}{end}", repeated.repeat(times))
    };
    let wrong = "#define UFFD_API 0xAB\n";
    vec![
        ("lines.c", fill(wrong, "\n", wrong)),
        ("joined.c", fill("#define UFFD_API 0xAB", " + 1 \\\n", "\n")),
        ("allowed.c", fill(wrong, "//uffd-abi: allow(a)b\n", "")),
        ("packed.c", fill(wrong, "\n__packed", "")),
        ("names.c", fill(wrong, "int uffd;\n", "")),
        ("lines.policy", fill("ioctl: 1\n", "1 1 1 1\n", "")),
        ("line.policy", fill("ioctl: 1", " 1", "\n")),
        ("line.json", fill("\"SCMP_ACT_\" \"ioctl\" ", "[", "\n")),
        ("lines.const", fill("UFFD_API = 1\n", "A = 1\n", "")),
    ]
}

fn write(folder: &Path) {
    for (number, (start, repeated, end)) in hostile::PATTERNS.iter().enumerate() {
        for ending in ENDINGS {
            let comment = if ending == "py" { "#" } else { "//" };
            let name = format!("{comment} UFFD_API\n");
            let file = |size: usize| {
                let left = size - name.len() - start.len() - end.len();
                let text = repeated.repeat(left / repeated.len());
                let path = folder.join(format!("{number}-{size}.{ending}"));
                fs::write(path, format!("{name}{start}{text}{end}")).unwrap();
            };
            file(10_000);
            // Those that parsers take most for.
            if ["-", "a: ", "[2]", "f(", "_IOWR(", "#[cfg(not("].contains(repeated) {
                file(MAX_PARSED);
            }
        }
    }
    for (name, text) in largest() {
        fs::write(folder.join(name), text).unwrap();
    }
    // An ordinary file, all of which is parsed.
    let line = "static int step(struct state *s, int n) { return s->table[n & 7] + n; } /* x */\n";
    let name = "#define UFFD_API 0xAA\n";
    let text = line.repeat((MAX_PARSED - name.len()) / line.len());
    fs::write(folder.join("ordinary.c"), format!("{name}{text}")).unwrap();
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    // What writes them has taken memory, too.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let report = lint(&[folder.path().to_owned()], &Options::default()).unwrap();
    let all = fs::read_dir(folder.path()).unwrap().count();
    println!(
        "memory: {before} KB before, {} KB at most, of {all} files",
        peak()
    );
    assert!(peak() < 60_000, "{} KB", peak());
    assert_eq!(report.files_read, all);
    let ordinary = |(path, _): &&(PathBuf, FileReport)| path.ends_with("ordinary.c");
    let (_, ordinary) = report.files.iter().find(ordinary).unwrap();
    assert_eq!(ordinary.compared.len(), 1, "{:?}", ordinary.problems);
}
