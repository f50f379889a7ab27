//! The examples do what they say, on the running kernel: trackers find exactly
//! what was written, a snapshot comes back as it was, damage is refused.

mod cargo;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use cargo::{cargo, not_run, run, stderr, target_dir, ROOT};

/// An example, built as it is now.
fn example(name: &str, args: &[&str]) -> Output {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let args = ["build", "--no-default-features", "--examples"];
        run(cargo(ROOT, "examples", &args));
    });
    let binary = target_dir("examples").join("debug/examples").join(name);
    let mut command = Command::new("timeout");
    command.arg("120").arg(binary).args(args);
    command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    command.output().expect("timeout(1) runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn succeeds(name: &str, args: &[&str]) -> String {
    let output = example(name, args);
    assert!(
        output.status.success(),
        "{name} {args:?}: {}\n{}{}",
        output.status,
        stdout(&output),
        stderr(&output)
    );
    stdout(&output)
}

/// Fails with this text and exit code.
fn refuses(name: &str, args: &[&str], code: i32, text: &str) {
    let output = example(name, args);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{name} {args:?}: {said}");
    assert!(said.contains(text), "{name} {args:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// `dirty_pages` by each method that this kernel has.
fn by_each_method(args: &[&str], check: impl Fn(&str)) {
    for method in ["async", "sync", "sigsegv", "rwp"] {
        let output = example("dirty_pages", &[&["--method", method], args].concat());
        let said = stderr(&output);
        if method == "rwp" && said.contains("this kernel lacks RWP_ASYNC") {
            let expected = std::env::var("UFFD_SYS_EXPECT").unwrap_or_default();
            let bits = u64::from_str_radix(expected.trim_start_matches("0x"), 16).unwrap_or(0);
            assert_eq!(bits & 0x60000, 0, "UFFD_SYS_EXPECT={expected}, yet {said}");
            not_run("examples", "dirty_pages --method rwp needs Linux 7.3");
            continue;
        }
        assert!(
            output.status.success(),
            "{method}: {}\n{said}",
            output.status
        );
        check(&stdout(&output));
    }
}

#[test]
fn each_method_finds_exactly_the_written_pages() {
    for pattern in ["mixed", "sequential", "random", "clustered"] {
        let args = [
            "--epochs",
            "6",
            "--pages",
            "2048",
            "--lockstep",
            "300",
            "--check",
        ];
        by_each_method(&[&args[..], &["--pattern", pattern]].concat(), |text| {
            assert!(
                text.contains("checked: 6 epochs, exactly the pages"),
                "{text}"
            );
            // The check had something to check.
            let total = text
                .lines()
                .find(|line| line.contains("dirty pages in 6 epochs"));
            let total: usize = total.unwrap().split(' ').next().unwrap().parse().unwrap();
            assert!((300..=1800).contains(&total), "{text}");
        });
    }
}

#[test]
fn each_method_loses_no_write_of_a_running_writer() {
    let args = [
        "--epochs",
        "20",
        "--epoch-ms",
        "20",
        "--pages",
        "512",
        "--check",
    ];
    by_each_method(&[&args[..], &["--pattern", "random"]].concat(), |text| {
        assert!(
            text.contains("checked: the copy of the reported pages is equal"),
            "{text}"
        );
    });
}

#[test]
fn events_are_read_and_eagain_is_overcome() {
    let args = [
        "--method",
        "sync",
        "--events",
        "--epochs",
        "20",
        "--epoch-ms",
        "50",
    ];
    let text = succeeds(
        "dirty_pages",
        &[&args[..], &["--pages", "512", "--check"]].concat(),
    );
    assert!(text.contains("checked: the copy"), "{text}");
    let line = text
        .lines()
        .find(|line| line.contains("EAGAIN"))
        .expect("the counters");
    let numbers: Vec<u64> = line
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [faults, events, _reads, again] = numbers[..] else {
        panic!("{line}")
    };
    assert!(faults > 0 && events > 0 && again > 0, "{line}");
}

#[test]
fn the_picture_fits_a_terminal_and_a_pipe() {
    let text = succeeds("dirty_pages", &["--epochs", "3", "--epoch-ms", "20"]);
    assert!(
        !text.contains('\x1b'),
        "no control codes where no terminal is"
    );
    let map = text.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(map, 3 * 8, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_heat_map_is_drawn() {
    let file = target_dir("heat-map.svg");
    let _ = fs::remove_file(&file);
    let path = file.to_str().unwrap();
    succeeds(
        "dirty_pages",
        &["--epochs", "5", "--epoch-ms", "20", "--out", path],
    );
    let svg = fs::read_to_string(&file).unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    assert!(svg.matches("<rect ").count() > 30, "{svg}");
    refuses(
        "dirty_pages",
        &["--epochs", "1", "--out", "/nowhere/x.svg"],
        1,
        "/nowhere/x.svg: No such file",
    );
}

#[test]
fn bad_arguments_of_dirty_pages() {
    for (args, text) in [
        (
            &["--method", "magic"][..],
            "--method magic: async, sync, sigsegv or rwp",
        ),
        (&["--epochs", "many"], "--epochs many: not a value"),
        (&["--epochs"], "--epochs needs a value"),
        (&["--epochs", "0"], "not 0"),
        (&["--pages", "3"], "--pages must be 16 or more"),
        (&["--pattern", "spiral"], "--pattern spiral"),
        (&["--events"], "--events needs --method sync"),
        (&["--frobnicate"], "--frobnicate: no such option"),
    ] {
        refuses("dirty_pages", args, 2, text);
    }
}

/// A fresh folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = target_dir("snapshots").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn save(path: &Path, more: &[&str]) -> String {
    let path = path.to_str().unwrap();
    let args = ["save", path, "--pages", "2048", "--interval-ms", "30"];
    succeeds("snapshot", &[&args[..], more].concat())
}

#[test]
fn a_snapshot_comes_back_as_the_memory_was() {
    let path = folder("whole");
    let said = save(&path, &["--snapshots", "3", "--writers", "3", "--expect"]);
    // Writers ran into pages that were not saved yet: the test has a point.
    let overtaken = said.lines().filter_map(|line| {
        line.split("; ")
            .nth(1)?
            .split(' ')
            .next()?
            .parse::<usize>()
            .ok()
    });
    assert!(
        overtaken.clone().count() == 3 && overtaken.sum::<usize>() > 0,
        "{said}"
    );
    let text = path.to_str().unwrap();
    for number in 0..3 {
        let out = path.join(format!("{number}.restored"));
        let args = [
            "restore",
            text,
            "--snapshot",
            &number.to_string(),
            "--out",
            out.to_str().unwrap(),
        ];
        let said = succeeds("snapshot", &args);
        assert!(said.contains("the sum of all accounts is right"), "{said}");
        let expected = fs::read(path.join(format!("{number:04}.expected"))).unwrap();
        assert_eq!(expected.len(), 2048 * page_size());
        assert!(
            fs::read(&out).unwrap() == expected,
            "snapshot {number} came back otherwise"
        );
    }
    let said = succeeds("snapshot", &["verify", text]);
    assert_eq!(said.matches("2048 pages are whole").count(), 3, "{said}");
    // Each moment is another one, or nothing was shown.
    let moment = |number| fs::read(path.join(format!("{number:04}.expected"))).unwrap();
    assert!(moment(0) != moment(1) && moment(1) != moment(2));
}

fn page_size() -> usize {
    // SAFETY: takes a number, touches no memory.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

#[test]
fn an_increment_is_smaller() {
    let path = folder("small");
    let path_text = path.to_str().unwrap();
    // The writers of this size write to a small part in so short a time.
    succeeds(
        "snapshot",
        &[
            "save",
            path_text,
            "--pages",
            "16384",
            "--snapshots",
            "2",
            "--interval-ms",
            "1",
        ],
    );
    let size = |number: u32| {
        fs::metadata(path.join(format!("{number:04}.snapshot")))
            .unwrap()
            .len()
    };
    assert!(
        size(0) > 16384 * 4096 && size(1) < size(0),
        "{} {}",
        size(0),
        size(1)
    );
}

#[test]
fn damage_is_refused_and_nothing_is_written() {
    let path = folder("damaged");
    save(&path, &["--snapshots", "2"]);
    let other = folder("other");
    save(&other, &["--snapshots", "2"]);
    let text = path.to_str().unwrap();
    let out = path.join("out");
    let restore = ["restore", text, "--out", out.to_str().unwrap()];
    let (full, increment) = (path.join("0000.snapshot"), path.join("0001.snapshot"));
    let (whole, second) = (fs::read(&full).unwrap(), fs::read(&increment).unwrap());
    let refused = |args: &[&str], said: &str| {
        refuses("snapshot", args, 1, said);
        assert!(!out.exists(), "{said}: yet something was written");
    };

    for len in [0, 10, 100, whole.len() - 1] {
        fs::write(&full, &whole[..len]).unwrap();
        refused(&restore, "0000.snapshot: truncated");
    }
    fs::write(&full, [&whole[..], b"more"].concat()).unwrap();
    refused(&restore, "0000.snapshot: damaged");
    for (at, said) in [
        (0, "not a snapshot"),
        (8, "0000.snapshot: "),  // the page size
        (40, "0000.snapshot: "), // the number of records
        (80, "header and index do not match"),
    ] {
        fs::write(&full, &whole).unwrap();
        let file = File::options().write(true).open(&full).unwrap();
        file.write_all_at(&[whole[at] ^ 0x41], at as u64).unwrap();
        refused(&restore, said);
    }
    // The last page's data, in the newest file: found when it is loaded.
    fs::write(&full, &whole).unwrap();
    let mut bytes = second.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&increment, &bytes).unwrap();
    refused(&restore, "does not match its checksum");
    refused(&["verify", text], "does not match its checksum");
    // Of another chain.
    fs::copy(other.join("0001.snapshot"), &increment).unwrap();
    refused(&restore, "does not belong to the snapshot before it");
    // Put back, all is well: nothing else was damaged.
    fs::write(&increment, &second).unwrap();
    succeeds("snapshot", &restore);
    assert!(out.exists());
    fs::remove_file(&full).unwrap();
    refuses(
        "snapshot",
        &["restore", text, "--snapshot", "1"],
        1,
        "0000.snapshot: No such file",
    );
}

#[test]
fn snapshots_are_never_overwritten() {
    let path = folder("kept");
    save(&path, &["--snapshots", "1"]);
    let before = fs::read(path.join("0000.snapshot")).unwrap();
    refuses(
        "snapshot",
        &["save", path.to_str().unwrap()],
        1,
        "holds snapshots already",
    );
    assert!(fs::read(path.join("0000.snapshot")).unwrap() == before);
    // And nothing half-done is left.
    let names: Vec<_> = fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["0000.snapshot"]);
}

#[test]
fn bad_arguments_of_snapshot() {
    let empty = folder("empty");
    fs::create_dir_all(&empty).unwrap();
    for (args, code, text) in [
        (&[][..], 2, "a command is missing"),
        (&["save"], 2, "save needs a FOLDER"),
        (&["frobnicate", "x"], 2, "frobnicate: no such command"),
        (&["save", "x", "--pages", "0"], 2, "must not be 0"),
        (
            &["save", "x", "--pages", "-1"],
            2,
            "--pages -1: not a value",
        ),
        (
            &["restore", "x", "--frob"],
            2,
            "restore: --frob: no such option",
        ),
        (
            &["restore", empty.to_str().unwrap()],
            1,
            "no snapshots here",
        ),
        (&["verify", "/nowhere"], 1, "/nowhere: no snapshots here"),
        (&["save", "/proc/x"], 1, "/proc/x: "),
    ] {
        refuses("snapshot", args, code, text);
    }
}

#[test]
fn the_handler_fills_every_page_rightly() {
    let said = succeeds("handler", &["--pages", "1024"]);
    for part in [
        "every page held what it should",
        "1 remaps, 1 removes",
        "EAGAIN",
    ] {
        assert!(said.contains(part), "{said}");
    }
    if said.contains("no fork") {
        not_run("examples", "handler: a fork needs CAP_SYS_PTRACE");
    } else {
        assert!(
            said.contains("1 forks") && said.contains("2 exits"),
            "{said}"
        );
    }
    for (args, text) in [
        (&["--pages", "3"][..], "--pages must be 64 or more"),
        (&["--pages"], "--pages needs a value"),
        (&["--frobnicate"], "--frobnicate: no such option"),
    ] {
        refuses("handler", args, 2, text);
    }
}
