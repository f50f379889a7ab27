//! Runs a case in a process of its own, so that a hang or a crash is that
//! case's failure.

use std::io::Read;
use std::os::unix::io::FromRawFd;
use std::time::{Duration, Instant};

use uffd_kit::fail;
use uffd_kit::signal::signal_name;
use uffd_kit::verdict::{checks, need, Outcome, Verdict};

use crate::case::Case;
use crate::machine::Machine;

/// Runs one case, in a process group of its own, of which nothing remains.
pub fn run(case: &Case, machine: &Machine) -> Outcome {
    if let Some(why) = case.absent_on(machine) {
        return Err(Verdict::Absent(why));
    }
    let mut pipe = [0; 2];
    // SAFETY: there is room for two descriptors.
    need("pipe", unsafe {
        libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC)
    })?;
    // SAFETY: this program has one thread here, so the child may do anything.
    let pid = unsafe { libc::fork() };
    need("fork", pid)?;
    if pid == 0 {
        // SAFETY: plain numbers; the descriptors are this process's own.
        unsafe {
            libc::setpgid(0, 0);
            libc::close(pipe[0]);
        }
        let text = encode(&perform(case, machine));
        // SAFETY: the text lives through the call. Without atexit handlers,
        // as threads of the case may still wait for their faults.
        unsafe {
            libc::write(pipe[1], text.as_ptr().cast(), text.len());
            libc::_exit(0)
        }
    }
    // SAFETY: plain numbers; the read end is given to the file, which closes it.
    let mut answer = unsafe {
        libc::setpgid(pid, pid);
        libc::close(pipe[1]);
        std::fs::File::from_raw_fd(pipe[0])
    };
    let end = Instant::now() + Duration::from_secs(u64::from(case.limit));
    let status = wait(pid, end);
    // SAFETY: the group is the case's own; what is left of it must not
    // disturb the next one.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
    let status = match status {
        Some(status) => status,
        None => {
            // SAFETY: no status is asked for.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            fail!("hangs: killed after {} s", case.limit);
        }
    };
    if libc::WIFSIGNALED(status) {
        fail!("killed by {}", signal_name(libc::WTERMSIG(status)));
    }
    // Grandchildren may hold the pipe open until the signal has reached them,
    // so this ends soon but not at once.
    let mut text = String::new();
    match answer.read_to_string(&mut text) {
        Ok(_) => decode(&text),
        Err(error) => fail!("the answer of the case cannot be read: {}", error),
    }
}

fn perform(case: &Case, machine: &Machine) -> Outcome {
    // A message on standard error would stand in the middle of the report.
    std::panic::set_hook(Box::new(|_| {}));
    match std::panic::catch_unwind(|| (case.run)(machine)) {
        Ok(Ok(())) if checks() == 0 => fail!("ended without a check"),
        Ok(outcome) => outcome,
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            fail!("panicked: {}", text.unwrap_or("without a text"))
        }
    }
}

fn wait(pid: libc::pid_t, end: Instant) -> Option<libc::c_int> {
    let mut pause = Duration::from_micros(100);
    loop {
        let mut status = 0;
        // SAFETY: `status` may be written.
        if unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == pid {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

fn encode(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "pass".to_owned(),
        Err(Verdict::Fail(text)) => format!("fail {}", text),
        Err(Verdict::Absent(text)) => format!("absent {}", text),
        Err(Verdict::Cannot(text)) => format!("cannot {}", text),
    }
}

fn decode(text: &str) -> Outcome {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "pass" => Ok(()),
        "absent" => Err(Verdict::Absent(rest.to_owned())),
        "cannot" => Err(Verdict::Cannot(rest.to_owned())),
        "fail" => Err(Verdict::Fail(rest.to_owned())),
        _ => fail!("the process of the case ended without an answer"),
    }
}
