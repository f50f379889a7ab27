//! `uffd-abi inject` of commands that it cannot test, where it lacks something, and
//! when it is killed: one clear sentence, and nothing left running.

#[path = "support/compile.rs"]
mod compile;
mod support;

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::{inject, is_root, with_word, Ran};

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
