//! `uffd-abi inject` of handlers with known mistakes, of their corrected twin, and
//! of commands that it cannot test. The long runs are `make inject-long`.

#[path = "support/compile.rs"]
mod compile;
mod support;

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{is_root, uffd_abi, Ran};

/// Each mistake, a kind that finds it, how it shows, and what inspect says.
fn mistakes() -> impl Iterator<Item = [&'static str; 4]> {
    let lines = include_str!("handlers/mistakes.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.try_into().expect("four words")
    })
}

fn inject(options: &[&str], command: &[&str]) -> Ran {
    let args = [&["inject"], options, &["--"], command].concat();
    uffd_abi(&args)
}

fn json(options: &[&str], command: &[&str]) -> (Value, Ran) {
    let ran = inject(&[options, &["--format", "json"]].concat(), command);
    (ran.json(), ran)
}

/// All five must be found, each with a kind that is not met by chance.
fn finds_all(path: &str, seed: &str) {
    let mut found = 0;
    for [mistake, kind, verdict, says] in mistakes() {
        let (document, ran) = json(&["--only", kind, "--seed", seed], &[path, mistake]);
        let run = &document["inject"]["runs"][1];
        assert_eq!(run["verdict"], verdict, "{mistake}: {}", ran.out);
        assert_eq!(ran.code, Some(1), "{mistake}");
        let seen = run["seen"]["verdict"].as_str().unwrap_or("-");
        assert!(
            says.split('|').any(|word| word == seen),
            "{mistake}: {}",
            ran.out
        );
        found += 1;
    }
    assert_eq!(found, 5);
}

/// Everything that it meets, and more than a few kinds.
fn survives(seed: &str, command: &[&str], at_least: usize) {
    let (document, ran) = json(&["--seed", seed], command);
    let runs = document["inject"]["runs"].as_array().unwrap();
    let of = |verdict: &str| runs.iter().filter(|run| run["verdict"] == verdict).count();
    assert_eq!(ran.code, Some(0), "{command:?}: {}{}", ran.out, ran.err);
    assert_eq!(of("survived") + of("not-met"), runs.len(), "{}", ran.out);
    // The undisturbed one, too.
    assert!(of("survived") > at_least, "{command:?}: {}", ran.out);
}

#[test]
fn the_five_mistakes_are_found_in_c() {
    finds_all(compile::c("handler").path(), "1");
}

#[test]
fn the_five_mistakes_are_found_in_rust() {
    finds_all(compile::rust("handler").path(), "1");
}

#[test]
fn the_corrected_twins_survive() {
    survives("1", &[compile::c("handler").path()], 8);
    survives("1", &[compile::rust("handler").path()], 8);
}

#[test]
fn a_static_program_is_tested_too() {
    let program = compile::c_static("handler");
    survives("2", &[program.path()], 8);
    let ran = inject(&["--only", "eexist"], &[program.path(), "eexist-not-woken"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_program_that_another_one_starts_is_tested_too() {
    let program = compile::c("handler");
    let script = format!("{0} && exec {0} eexist-not-woken", program.path());
    let ran = inject(&["--only", "eexist"], &["sh", "-c", &script]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out
            .contains("hung: messages were read and not resolved"),
        "{ran:?}"
    );
}

/// The handler of the examples gets its descriptor from another process, fills
/// many pages at once, and follows forks: it meets what the small ones do not.
#[test]
fn the_handler_of_the_examples_survives() {
    let deps = std::env::current_exe().unwrap();
    let example = deps.ancestors().nth(2).unwrap().join("examples/handler");
    if !example.exists() {
        support::say_not_run(
            "the_handler_of_the_examples_survives",
            "the example is not built; cargo build --example handler",
        );
        return;
    }
    survives("1", &[example.to_str().unwrap(), "--pages", "256"], 8);
}

#[test]
fn the_picture_shows_where_it_hangs() {
    let program = compile::c("handler");
    let ran = inject(&["--only", "eintr"], &[program.path(), "eintr-ends"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("  undisturbed    succeeds  "), "{ran:?}");
    assert!(ran.out.contains("  eintr          hung      "), "{ran:?}");
    assert!(ran.out.contains(": waits in a fault at pc 0x"), "{ran:?}");
    assert!(ran.out.contains("    PID "), "{ran:?}");
    ran.assert_line("0 of 1 kinds survived, 1 not (seed 1)");
    assert_eq!(with_word(program.path()), 0, "what hung is still there");
}

#[test]
fn the_other_formats() {
    let program = compile::c("handler");
    let command = [program.path(), "errno-late"];
    let only = ["--only", "eagain-once", "--only", "eagain-part"];
    let ran = inject(&[&only[..], &["--format", "ktap"]].concat(), &command);
    assert!(ran.out.starts_with("KTAP version 1\n1..2\n"), "{ran:?}");
    assert!(ran.out.contains("not ok 1 eagain-once: "), "{ran:?}");
    assert!(ran.out.contains("ok 2 eagain-part: "), "{ran:?}");
    assert!(
        ran.out
            .contains(" # SKIP the program never filled several pages"),
        "{ran:?}"
    );
    let ran = inject(&[&only[..], &["--format", "github"]].concat(), &command);
    assert!(ran.out.starts_with("::error title="), "{ran:?}");
    assert!(ran.out.contains("failed: exit code 1"), "{ran:?}");
    assert!(
        ran.out.contains("UFFDIO_COPY: Bad file descriptor"),
        "{ran:?}"
    );
}

/// What is said of a command that cannot be tested: exit code 2 each.
fn refuses(options: &[&str], command: &[&str], words: &[&str]) {
    let ran = inject(options, command);
    assert_eq!(ran.code, Some(2), "{command:?}: {ran:?}");
    for word in words {
        assert!(ran.out.contains(word), "{command:?}: no {word} in {ran:?}");
    }
}

#[test]
fn what_cannot_be_tested_is_said_so() {
    refuses(
        &[],
        &["/no/such/command"],
        &["/no/such/command: there is no such command"],
    );
    refuses(&[], &["/dev/null"], &["/dev/null: cannot be run: EACCES"]);
    refuses(
        &[],
        &["true"],
        &[
            "the program never used a userfaultfd",
            "epoll and io_uring are not",
        ],
    );
    let fails = ["sh", "-c", "echo no luck; exit 3"];
    refuses(
        &[],
        &fails,
        &["fails without any disturbance: exit code 3", "no luck"],
    );
    refuses(&[], &["sh", "-c", "kill -9 $$"], &["killed by signal 9"]);
    // It waits for ever, or as good as.
    refuses(
        &["--timeout", "1"],
        &["sleep", "1000"],
        &["does not end by itself"],
    );
    let program = compile::c("planted");
    refuses(
        &[],
        &[program.path(), "unread"],
        &["does not end by itself"],
    );
    // No kind is met: the handler fills single pages.
    let program = compile::c("handler");
    refuses(
        &["--only", "eagain-part"],
        &[program.path()],
        &["no disturbance was met"],
    );
}

/// A command under a filter that denies a system call, as a container's profile
/// does, and as a kernel that lacks it.
fn denied(number: libc::c_long, errno: i32, command: &mut Command) -> &mut Command {
    let statement = |code: u32, k, jt, jf| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let code = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            number as u32,
            0,
            1,
        ),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let deny = move || {
        let program = libc::sock_fprog {
            len: code.len() as u16,
            filter: code.as_ptr().cast_mut(),
        };
        // SAFETY: the kernel copies the program, which lives through the call.
        let result = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program)
        };
        match result {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: two system calls and no allocation between fork and exec.
    unsafe { command.pre_exec(deny) }
}

#[test]
fn what_a_kernel_or_a_container_lacks_is_said() {
    let handler = compile::c("handler");
    let inject = |number, errno, only: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uffd-abi"));
        let only = only.iter().flat_map(|kind| ["--only", kind]);
        command
            .arg("inject")
            .args(only)
            .args(["--", handler.path()]);
        Ran::new(denied(number, errno, &mut command).output().unwrap())
    };
    let none: [(libc::c_long, i32, &[&str]); 5] = [
        // Linux before 5.0 has no listener for seccomp(2), or not even that.
        (
            libc::SYS_seccomp,
            libc::EINVAL,
            &["calls cannot be disturbed here", "came with Linux 5.0"],
        ),
        (
            libc::SYS_unshare,
            libc::EPERM,
            &["no PID namespace can be made (EPERM)", "run it as root"],
        ),
        (
            libc::SYS_pidfd_open,
            libc::ENOSYS,
            &["pidfd_open(2): ", "it came with Linux 5.3"],
        ),
        (
            libc::SYS_userfaultfd,
            libc::EPERM,
            &[
                "the command fails without any disturbance",
                "userfaultfd: Operation not permitted",
            ],
        ),
        (
            libc::SYS_pidfd_getfd,
            libc::EPERM,
            &["pidfd_getfd(2) is refused here", "no kind can be run here"],
        ),
    ];
    for (number, errno, words) in none {
        let ran = inject(number, errno, &["eexist"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        for word in words {
            assert!(ran.out.contains(word), "no {word} in {ran:?}");
        }
    }
    // The other kinds do without.
    let ran = inject(
        libc::SYS_pidfd_getfd,
        libc::EPERM,
        &["eagain-once", "eexist"],
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.assert_line("survived all 1 kinds that it met (seed 1); 1 not run here");
}

#[test]
fn a_tool_under_a_tool_is_refused() {
    let ours = env!("CARGO_BIN_EXE_uffd-abi");
    let words = [
        "without any disturbance: exit code 2",
        "a seccomp listener is on this process",
    ];
    refuses(&[], &[ours, "inject", "--", "true"], &words);
}

/// Processes whose arguments hold a word.
fn with_word(word: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains(word)).count()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn nothing_is_left_when_the_tool_is_killed_or_done() {
    let word = format!("left-by-{}", std::process::id());
    // It ignores SIGTERM, has a child of its own in a session of its own, and one
    // whose parent is gone.
    let script =
        format!("trap '' TERM; (setsid sh -c 'sleep 1000; : {word}' &); sleep 1000; : {word}");
    let mut tool = Command::new(env!("CARGO_BIN_EXE_uffd-abi"))
        .args(["inject", "--timeout", "100", "--", "sh", "-c", &script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The tool, the two shells; and the tool's two forks, which look like it.
    until("it runs", || with_word(&word) == 5);
    tool.kill().unwrap();
    tool.wait().unwrap();
    until("all is ended after SIGKILL", || with_word(&word) == 0);
    // A handler whose call waits for the tool's answer.
    let handler = compile::c("handler");
    let script = format!("while {}; do :; done; : {word}", handler.path());
    let mut tool = Command::new(env!("CARGO_BIN_EXE_uffd-abi"))
        .args(["inject", "--timeout", "100", "--", "sh", "-c", &script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the handler runs", || with_word(handler.path()) > 4);
    tool.kill().unwrap();
    tool.wait().unwrap();
    until("all is ended after SIGKILL", || {
        with_word(&word) + with_word(handler.path()) == 0
    });
    // The command ends and leaves a child: so does the tool.
    let script = format!("setsid sh -c 'sleep 1000; : {word}' & exit 3");
    let ran = inject(&[], &["sh", "-c", &script]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(with_word(&word), 0);
}

#[test]
fn an_ordinary_user_can_test_or_is_told_why_not() {
    if !is_root("an_ordinary_user_can_test_or_is_told_why_not") {
        return;
    }
    let program = compile::c("handler");
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode;
    for (from, to) in [
        (env!("CARGO_BIN_EXE_uffd-abi"), "uffd-abi"),
        (program.path(), "handler"),
    ] {
        std::fs::copy(from, folder.path().join(to)).unwrap();
    }
    std::fs::set_permissions(folder.path(), open(0o755)).unwrap();
    let mut command = Command::new(folder.path().join("uffd-abi"));
    command.args(["inject", "--only", "eagain-once", "--only", "eexist", "--"]);
    command
        .arg(folder.path().join("handler"))
        .uid(65534)
        .gid(65534);
    let ran = Ran::new(command.current_dir("/").output().unwrap());
    match ran.code {
        Some(0) => ran.assert_line("survived all 2 kinds that it met (seed 1)"),
        Some(2) => {
            assert!(ran.out.contains("no PID namespace can be made"), "{ran:?}");
            return;
        }
        _ => panic!("{ran:?}"),
    }
    // What its user cannot read, nobody but root can look into.
    std::fs::set_permissions(folder.path().join("handler"), open(0o711)).unwrap();
    let ran = Ran::new(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.out.contains("the program's calls cannot be read"),
        "{ran:?}"
    );
}

/// In full, 20 times, each time with another seed.
fn twenty_times(program: &compile::Program) {
    for seed in 1..=20 {
        finds_all(program.path(), &seed.to_string());
        survives(&seed.to_string(), &[program.path()], 5);
    }
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_c() {
    twenty_times(&compile::c("handler"));
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_rust() {
    twenty_times(&compile::rust("handler"));
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_go() {
    let Some(program) = compile::go("handler") else {
        support::say_not_run("twenty_times_in_go", "there is no Go; install golang-go");
        return;
    };
    // The signals of Go's preemption make threads fault again, which heals a lost wake.
    std::env::set_var("GODEBUG", "asyncpreemptoff=1");
    twenty_times(&program);
}
