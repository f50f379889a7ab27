//! `lint` reads what others wrote, whatever that is: it never panics, and
//! never takes long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod hostile;

use uffd_lint::{check, Data, FileReport, Form, Language, Target, MAX_PARSED};
use uffd_sys::abi::table::Encoding;

const LANGUAGES: [Language; 6] = [
    Language::Rust,
    Language::C,
    Language::Cpp,
    Language::Go,
    Language::Zig,
    Language::Python,
];
const DATA: [Data; 3] = [Data::Policy, Data::Profile, Data::Constants];

/// How long this thread has had a processor: what else the machine does does
/// not count.
fn worked() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap())
}

fn checked(form: Form, bytes: &[u8]) -> FileReport {
    // A text without a relevant name is not even parsed.
    let comment = match form {
        Form::Source(Language::Python) | Form::Data(_) => "# ioctl UFFD_API SCMP_ACT_\n",
        Form::Source(_) => "// UFFD_API\n",
    };
    let text = [comment.as_bytes(), bytes].concat();
    let mut last = FileReport::default();
    for encoding in [Encoding::Generic, Encoding::MipsPowerpcSparc] {
        let target = Target {
            encoding,
            ..Target::default()
        };
        last = check(form, Path::new("file"), &text, target);
        for problem in &last.problems {
            assert!(problem.line > 0, "{problem:?}");
            assert!(!problem.message().is_empty());
        }
    }
    last
}

#[test]
fn what_is_nested_or_repeated_without_end_is_read_quickly() {
    for (start, repeated, end) in hostile::PATTERNS {
        let text = format!("{start}{}{end}\n", repeated.repeat(10_000 / repeated.len()));
        for language in LANGUAGES {
            let began = worked();
            checked(Form::Source(language), text.as_bytes());
            let took = worked() - began;
            // Less than a second; what is quadratic takes minutes.
            assert!(
                took < Duration::from_secs(5),
                "{language:?} {repeated:?} took {took:?}"
            );
        }
    }
}

/// A chain of constants that each need the next.
#[test]
fn a_long_chain_of_names_ends() {
    let mut text = String::new();
    for number in 0..100_000 {
        text += &format!(
            "#define A{number} (A{} + sizeof(struct s{number}))\n",
            number + 1
        );
        text += &format!(
            "struct s{number} {{ struct s{} x[A{number}]; }};\n",
            number + 1
        );
    }
    text += "#define UFFDIO_API A0\nstruct uffdio_api { struct s0 x; };\n";
    checked(Form::Source(Language::C), text.as_bytes());
}

/// What is not parsed is counted, and its name told.
fn is_not_read(report: &FileReport, why: &str) {
    let [problem] = report.problems.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(
        (problem.kind, problem.item.as_str()),
        ("not-read", "the file")
    );
    assert!(problem.found.contains(why), "{problem:?}");
    assert!(report.compared.is_empty());
}

#[test]
fn a_huge_file_is_not_read_and_says_so() {
    let text = "int uffd;\n".repeat(MAX_PARSED / 5);
    for language in LANGUAGES {
        let report = checked(Form::Source(language), text.as_bytes());
        is_not_read(&report, "its names are in too much text");
    }
}

/// Of a large file what is around the names is read, with its place in the whole.
#[test]
fn a_large_file_is_read_around_its_names() {
    let rest = "static int a;\n".repeat(MAX_PARSED / 14 + 1);
    let text = format!("{rest}#define UFFDIO_API 1\n{rest}#define UFFD_API 0xAA");
    let report = checked(Form::Source(Language::C), text.as_bytes());
    let lines = rest.lines().count();
    let compared: Vec<_> = report
        .compared
        .iter()
        .map(|compared| compared.line)
        .collect();
    // The first line is that of `checked`.
    assert_eq!(compared, [lines + 2, 2 * lines + 3]);
    assert_eq!(
        (report.problems.len(), report.problems[0].line),
        (1, lines + 2)
    );
}

#[test]
fn deep_nesting_is_not_evaluated_and_says_so() {
    let (open, close) = ("(".repeat(2000), ")".repeat(2000));
    let text = format!("#define UFFDIO_API {open}1{close}\n#define UFFDIO_COPY 0xc028aa03\n");
    let report = checked(Form::Source(Language::C), text.as_bytes());
    assert_eq!(report.compared.len(), 1);
    assert_eq!(
        report.problems[0].message(),
        "not evaluated: it is nested too deeply"
    );
    let (open, close) = ("struct { ".repeat(100), "} x; ".repeat(100));
    let text = format!("struct uffdio_range {{ {open}int a; {close} }};\n");
    let report = checked(Form::Source(Language::C), text.as_bytes());
    assert_eq!(
        report.problems[0].message(),
        "not evaluated: its types are nested too deeply"
    );
}

/// What is nested is looked at with what it is in: the square of the size, if
/// nothing stopped it.
#[test]
fn what_is_looked_at_in_each_level_stops() {
    for (language, start, open, close) in [
        (Language::C, "", "struct uffdio_copy { ", "} a;"),
        (Language::C, "int a = ", "ioctl(0, ", ")"),
        (Language::Rust, "", "const UFFDIO_API: u8 = { ", "};"),
        (Language::Rust, "m! ", "{ struct uffdio_copy ", "}"),
        (
            Language::Go,
            "package a\nvar UFFDIO_API = ",
            "ioctl(0, ",
            ")",
        ),
        (Language::Python, "", "ioctl(0, ", ")"),
    ] {
        // Less than a parser is given, and more.
        for levels in [2400, 2600] {
            let text = format!("{start}{}{}", open.repeat(levels), close.repeat(levels));
            let began = worked();
            let report = checked(Form::Source(language), text.as_bytes());
            assert!(worked() - began < Duration::from_secs(20), "{open}");
            let [problem, ..] = &report.problems[..] else {
                panic!("{open} {levels}")
            };
            assert_eq!(
                (problem.kind, &*problem.found),
                ("not-read", "it is nested too deeply")
            );
        }
    }
    // The system call is in every table, and no copy of anything.
    let text = format!("int userfaultfd; {}", "struct a { ".repeat(20_000));
    let form = Form::Source(Language::C);
    let report = check(form, Path::new("a.c"), text.as_bytes(), Target::default());
    assert!(report.problems.is_empty(), "{report:?}");
}

/// The parser frees what is nested by recursion. The command is aborted if that
/// takes more than a stack; this one is smaller than a thread usually has.
#[test]
fn what_is_nested_fits_into_a_small_stack() {
    let worker = std::thread::Builder::new().stack_size(512 << 10);
    let all = || {
        for repeated in ["#[cfg(not(", "(", "[2", "f(", "{", "a(b["] {
            let text = repeated.repeat((MAX_PARSED - 100) / repeated.len());
            for language in LANGUAGES {
                checked(Form::Source(language), text.as_bytes());
            }
        }
    };
    worker.spawn(all).unwrap().join().unwrap();
}

#[test]
fn what_is_not_text_is_read() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let latin = b"const UFFDIO_API: u64 = 1; // \xe9\xff\n\xc3(\nconst \xf0\x9f: u8 = 1;".to_vec();
    for language in LANGUAGES {
        let form = Form::Source(language);
        checked(form, &bytes);
        checked(form, &latin);
        checked(form, b"");
    }
    for data in DATA {
        checked(Form::Data(data), &bytes);
        checked(Form::Data(data), &latin);
        checked(Form::Data(data), b"");
    }
}

/// Small and quick, and the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit.max(1)
    }
}

fn sources(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if Form::of(&path).is_some() {
            found.push(fs::read(path).unwrap());
        }
    }
}

const PIECES: [&str; 24] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "/*",
    "*/",
    "//",
    "\n",
    "#if ",
    "#endif\n",
    "struct ",
    "<<",
    "@\"",
    "r#\"",
    "as ",
    "-1",
    "99999999999999999999",
    "sizeof(",
    "\\\n",
    "\0",
];

fn mutate(text: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let from = random.below(text.len() + 1);
    let to = from + random.below(text.len() - from + 1).min(200);
    match random.below(6) {
        0 if from < text.len() => text[from] = random.below(256) as u8,
        1 => drop(text.drain(from..to)),
        2 => {
            let copy = text[from..to].to_vec();
            text.splice(from..from, copy);
        }
        3 => text.truncate(to),
        4 => {
            let other = &corpus[random.below(corpus.len())];
            let start = random.below(other.len());
            let end = (start + random.below(300)).min(other.len());
            text.splice(from..from, other[start..end].iter().copied());
        }
        _ => drop(text.splice(from..from, PIECES[random.below(PIECES.len())].bytes())),
    }
}

/// `UFFD_LINT_SEED=…` repeats a run; `UFFD_LINT_MUTATION_SECONDS=…` lengthens it.
#[test]
fn mutations_of_the_corpus_never_panic() {
    let mut corpus = vec![];
    sources(
        &PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"),
        &mut corpus,
    );
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64
    };
    let seed = number("UFFD_LINT_SEED").unwrap_or_else(now).max(1);
    let seconds = number("UFFD_LINT_MUTATION_SECONDS").unwrap_or(3);
    println!("UFFD_LINT_SEED={seed}");
    let mut random = Random(seed);
    let began = worked();
    let mut rounds = 0;
    while worked() - began < Duration::from_secs(seconds) {
        let mut text = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(8) {
            mutate(&mut text, &corpus, &mut random);
        }
        let form = match random.below(LANGUAGES.len() + 1) {
            6 => Form::Data(DATA[random.below(DATA.len())]),
            index => Form::Source(LANGUAGES[index]),
        };
        let round = worked();
        checked(form, &text);
        assert!(
            worked() - round < Duration::from_secs(5),
            "a text of {} bytes",
            text.len()
        );
        rounds += 1;
    }
    println!("{rounds} texts");
    assert!(rounds > 50, "only {rounds} texts in {seconds} s");
}
