//! `uffd-abi inspect` of programs that are stuck in a known way: planted.c.

#[path = "support/compile.rs"]
mod compile;
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{uffd_abi, Ran};

/// A planted program that is as it shall be; killed at the end.
struct Planted {
    child: Child,
    input: ChildStdin,
    /// What it printed behind "ready".
    said: String,
    _program: compile::Program,
    /// As long as it lives, the program may.
    _time: Sender<()>,
}

impl Planted {
    fn start(state: &str, lines: usize) -> Planted {
        let program = compile::c("planted");
        let mut child = Command::new(&program.path)
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        for _ in 0..lines {
            output.read_line(&mut said).unwrap();
        }
        assert!(said.starts_with("ready\n"), "{state}: {said}");
        let id = child.id();
        Planted {
            input: child.stdin.take().unwrap(),
            child,
            said,
            _program: program,
            _time: limit(id),
        }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a program after a minute, and with it whatever waits for it.
fn limit(pid: u32) -> Sender<()> {
    let (alive, ended) = channel();
    thread::spawn(move || {
        if ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            // SAFETY: ends a child of this test, which was not waited for yet.
            unsafe { libc::kill(pid as i32, libc::SIGKILL) };
        }
    });
    alive
}

fn inspect(pid: &str) -> (Value, Option<i32>) {
    let ran = uffd_abi(&["inspect", "--format", "json", pid]);
    (ran.json()["inspect"].clone(), ran.code)
}

/// Plants a state, and expects a verdict; the document.
fn verdict(state: &str, expected: &str, exit: i32) -> Value {
    let planted = Planted::start(state, 1);
    let (seen, code) = inspect(&planted.pid());
    assert_eq!(seen["verdict"], expected, "{state}: {seen:#}");
    assert_eq!(code, Some(exit), "{state}");
    seen
}

#[test]
fn messages_that_nobody_reads() {
    let seen = verdict("unread", "unread", 1);
    let target = &seen["target"];
    let descriptor = &target["descriptors"][0];
    assert_eq!(
        (&descriptor["pending"], &descriptor["total"]),
        (&1.into(), &1.into())
    );
    assert_eq!(target["ranges"][0]["modes"][0], "missing");
    let threads = target["threads"].as_array().unwrap();
    let waits = threads.iter().filter(|thread| thread["waits"] == "fault");
    let waits: Vec<&Value> = waits.collect();
    assert_eq!(waits.len(), 1, "{target:#}");
    assert!(
        waits[0]["pc"]
            .as_str()
            .is_some_and(|pc| pc.starts_with("0x")),
        "{target:#}"
    );
}

#[test]
fn messages_that_were_read_and_not_resolved() {
    let seen = verdict("unresolved", "unresolved", 1);
    assert_eq!(seen["target"]["descriptors"][0]["pending"], 0);
}

#[test]
fn a_handler_whose_thread_is_gone() {
    verdict("gone", "handler-gone", 1);
}

#[test]
fn a_handler_that_works_is_fine() {
    verdict("fine", "nothing-waits", 0);
}

#[test]
fn the_text_says_what_is_stuck_and_what_to_look_at() {
    let planted = Planted::start("gone", 1);
    let ran = uffd_abi(&["inspect", &planted.pid()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let first = format!(
        "PID {} (planted): 1 userfaultfd, 1 registered range,",
        planted.pid()
    );
    assert!(ran.out.starts_with(&first), "{ran:?}");
    assert!(ran.out.contains(": waits in a fault at pc 0x"), "{ran:?}");
    assert!(ran.out.contains("futex: waits for thread "), "{ran:?}");
    ran.assert_line("stuck: the handler's thread is gone while its descriptor is open");
}

#[test]
fn a_descriptor_that_was_closed_under_waiting_threads() {
    let mut planted = Planted::start("closes", 1);
    let mut watch = Command::new(env!("CARGO_BIN_EXE_uffd-abi"))
        .args(["inspect", "--watch", &planted.pid()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(watch.stdout.take().unwrap());
    let mut line_with = |word: &str| loop {
        let mut line = String::new();
        assert_ne!(
            output.read_line(&mut line).unwrap(),
            0,
            "ended before {word}"
        );
        if line.contains(word) {
            break;
        }
    };
    // It was seen to be stuck; then it closes, and then it exits.
    line_with("messages wait that nobody reads");
    planted.input.write_all(b"c").unwrap();
    line_with("the descriptor was closed under waiting threads");
    planted.input.write_all(b"e").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert!(
        rest.ends_with("stuck: the descriptor was closed under waiting threads\n"),
        "{rest}"
    );
    assert_eq!(watch.wait().unwrap().code(), Some(1), "{rest}");
}

#[test]
fn memory_that_another_process_handles_is_said_to_be_inferred() {
    let planted = Planted::start("elsewhere", 2);
    let child = planted.said.lines().nth(1).unwrap().to_owned();
    // The one that waits.
    let (seen, code) = inspect(&child);
    assert_eq!(
        (&seen["verdict"], code),
        (&"unread".into(), Some(1)),
        "{seen:#}"
    );
    let handlers = seen["handlers_inferred"].as_array().unwrap();
    let parent: u64 = planted.pid().parse().unwrap();
    assert!(
        handlers.iter().any(|handler| handler["pid"] == parent),
        "{seen:#}"
    );
    // The one with the descriptor.
    let (seen, code) = inspect(&planted.pid());
    assert_eq!(
        (&seen["verdict"], code),
        (&"unread".into(), Some(1)),
        "{seen:#}"
    );
    let handled = seen["handled_inferred"].as_array().unwrap();
    let waits: u64 = child.parse().unwrap();
    assert!(
        handled.iter().any(|handled| handled["pid"] == waits),
        "{seen:#}"
    );
    let text = uffd_abi(&["inspect", &child]);
    assert!(
        text.out.contains("may handle this memory: inferred, as "),
        "{text:?}"
    );
}

#[test]
fn a_handler_in_another_process_is_not_gone_although_the_descriptor_was_kept() {
    let planted = Planted::start("shared", 2);
    let child = &*planted.said.lines().nth(1).unwrap().to_owned();
    let (seen, code) = inspect(child);
    assert_eq!(
        (&seen["verdict"], code),
        (&"unread".into(), Some(1)),
        "{seen:#}"
    );
    let text = uffd_abi(&["inspect", child]);
    let same = format!(
        "PID {} may handle this memory: inferred, as it has the same userfaultfd as PID {child}",
        planted.pid()
    );
    let joined = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(&same), "{text:?}");
    // The child must end with its parent: it holds the output of the tests open.
    let stat = format!("/proc/{child}/stat");
    drop(planted);
    let began = Instant::now();
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed() < Duration::from_secs(10), "{child} lives");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_handler_that_is_stopped() {
    let planted = Planted::start("elsewhere", 2);
    let child = planted.said.lines().nth(1).unwrap();
    // SAFETY: stops a child of this test.
    let stopped = unsafe { libc::kill(planted.child.id() as i32, libc::SIGSTOP) };
    assert_eq!(stopped, 0);
    let (seen, code) = inspect(child);
    // Other tests' programs have messages that wait, too.
    let other = seen["handlers_inferred"].as_array().unwrap().len() > 1;
    assert!(seen["verdict"] == "handler-stopped" || other, "{seen:#}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_process_without_any_is_fine_and_one_that_is_not_there_is_not_seen() {
    let ran = uffd_abi(&["inspect", &std::process::id().to_string()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.assert_line("nothing of userfaultfd in this process");
    let ran = uffd_abi(&["inspect", "2147483647"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("there is no such process"), "{ran:?}");
    assert!(ran.out.contains("pgrep"), "{ran:?}");
}

#[test]
fn an_ordinary_user_is_told_what_is_missing() {
    if !support::is_root("an_ordinary_user_is_told_what_is_missing") {
        return;
    }
    use std::os::unix::process::CommandExt;
    let copy = tempfile::tempdir().unwrap();
    let program = copy.path().join("uffd-abi");
    std::fs::copy(env!("CARGO_BIN_EXE_uffd-abi"), &program).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(copy.path(), open).unwrap();
    let mut command = Command::new(program);
    command
        .args(["inspect", &std::process::id().to_string()])
        .uid(65534)
        .gid(65534);
    let ran = Ran::new(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("permission denied"), "{ran:?}");
    assert!(ran.out.contains("CAP_SYS_PTRACE"), "{ran:?}");
}
