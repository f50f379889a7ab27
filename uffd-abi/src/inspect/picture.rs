//! What was seen, as lines of text and as a value for JSON.

use serde_json::{json, Value};

use super::process::{Process, Thread, Waits};
use super::scene::Scene;
use super::verdict::Verdict;
use crate::output::one_line;

/// Ranges and threads of a process that are shown as text.
const SHOWN: usize = 16;

/// The lines for people.
pub fn lines(scene: &Scene) -> Vec<String> {
    let mut lines = vec![];
    of_process(&scene.target, &mut lines);
    for process in &scene.handlers {
        if scene.sharers.contains(&process.pid) {
            lines.push(format!(
                "PID {} may handle this memory: inferred, as it has the same userfaultfd as PID {}",
                process.pid, scene.target.pid
            ));
            of_process(process, &mut lines);
            continue;
        }
        let why = format!(
            "PID {} may handle this memory: inferred, as its userfaultfd {} and PID {} has {}",
            process.pid,
            match process.total() {
                0 => "exists".to_owned(),
                total => format!("has {}", counted(total, "waiting thread")),
            },
            scene.target.pid,
            if scene.target.descriptors.is_empty() {
                "none"
            } else {
                "fewer"
            }
        );
        lines.push(why);
        of_process(process, &mut lines);
    }
    for process in &scene.handled {
        lines.push(format!(
            "PID {} may be what PID {} handles: inferred, as its threads wait and its own \
             descriptors do not account for them",
            process.pid, scene.target.pid
        ));
        of_process(process, &mut lines);
    }
    if scene.unseen > 0 {
        lines.push(format!(
            "{} could not be looked at: one of them may be the handler",
            counted(scene.unseen as u64, "other process").replace("processs", "processes")
        ));
    }
    lines
}

fn of_process(process: &Process, lines: &mut Vec<String>) {
    lines.push(format!(
        "PID {} ({}): {}, {}, {} of {} in a fault or event",
        process.pid,
        one_line(&process.name),
        counted(process.descriptors.len() as u64, "userfaultfd"),
        counted(process.ranges.len() as u64, "registered range"),
        process.waiters().count(),
        counted(process.threads.len() as u64, "thread"),
    ));
    for d in &process.descriptors {
        let features = match d.features.as_slice() {
            [] => String::new(),
            some => format!("; enabled: {}", some.join(" ")),
        };
        let read = d.total.saturating_sub(d.pending);
        lines.push(format!(
            "  descriptor {}: {} not read, {read} read and not resolved{features}",
            d.fd,
            counted(d.pending, "message"),
        ));
    }
    let ranges = process.ranges.iter().map(|range| {
        let size = range.end.saturating_sub(range.start) / 1024;
        let modes = range.modes.join("+");
        format!("  {:x}-{:x}  {size} KiB  {modes}", range.start, range.end)
    });
    shown(ranges, "ranges", lines);
    // Those that wait are what one looks for.
    let (waiting, others): (Vec<_>, Vec<_>) =
        process.threads.iter().partition(|t| t.waits().is_some());
    let threads = waiting.into_iter().chain(others);
    let threads = threads.map(|thread| {
        let name = one_line(&thread.name);
        format!("  thread {} {name}: {}", thread.tid, place(process, thread))
    });
    shown(threads, "threads", lines);
}

fn shown(all: impl Iterator<Item = String>, what: &str, lines: &mut Vec<String>) {
    let mut all = all.peekable();
    lines.extend(all.by_ref().take(SHOWN));
    match all.count() {
        0 => {}
        more => lines.push(format!("  … and {more} more {what}: --format json has all")),
    }
}

/// Where a thread is, in words.
fn place(process: &Process, thread: &Thread) -> String {
    let pc = thread
        .pc()
        .map_or(String::new(), |pc| format!(" at pc {pc:#x}"));
    match (thread.waits(), thread.call()) {
        (Some(Waits::Event), _) => format!("waits for its event to be read{pc}"),
        // The kernel shows the address of no fault; the arguments tell of this one.
        (Some(Waits::Fault), Some((number, args))) => {
            let args = args.map(|arg| format!("{arg:#x}"));
            format!(
                "waits in a fault of {}({}){pc}",
                call_name(number),
                args.join(", ")
            )
        }
        (Some(Waits::Fault), None) => format!("waits in a fault{pc}"),
        (None, _) if thread.is_stopped() => "stopped".to_owned(),
        (None, _) if thread.is_dead() => "ended".to_owned(),
        (None, Some((number, args))) => {
            let call = call_name(number);
            if let Some(joined) = process.joined(thread) {
                return format!("{call}: waits for thread {} to end", joined.tid);
            }
            let fd = u32::try_from(args[0]).ok();
            let own = process.descriptors.iter().find(|d| Some(d.fd) == fd);
            match own.filter(|_| call == "read" || call == "ioctl") {
                Some(d) => format!("{call} of descriptor {}", d.fd),
                None => call,
            }
        }
        (None, None) => match &thread.wchan {
            Some(wchan) => format!("{} in {wchan}", thread.state),
            None if thread.state == 'R' => "runs".to_owned(),
            None => format!("state {}", thread.state),
        },
    }
}

/// The calls that handlers are in; numbers are the processor's.
fn call_name(number: i64) -> String {
    let known = [
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_ioctl, "ioctl"),
        (libc::SYS_ppoll, "ppoll"),
        (libc::SYS_pselect6, "pselect6"),
        (libc::SYS_epoll_pwait, "epoll_pwait"),
        (libc::SYS_futex, "futex"),
        (libc::SYS_nanosleep, "nanosleep"),
        (libc::SYS_clock_nanosleep, "clock_nanosleep"),
        (libc::SYS_wait4, "wait4"),
        (libc::SYS_waitid, "waitid"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
        (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
        (libc::SYS_io_uring_enter, "io_uring_enter"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_select, "select"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll_wait"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause"),
    ];
    let found = known
        .iter()
        .find(|(known, _)| i64::from(*known as i32) == number);
    found.map_or_else(
        || format!("system call {number}"),
        |(_, name)| (*name).to_owned(),
    )
}

pub fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// For programs.
pub fn value(scene: &Scene, verdict: Verdict, observed: f64) -> Value {
    json!({
        "verdict": verdict,
        "sentence": verdict.sentence(),
        "observed_seconds": (observed * 1000.0).round() / 1000.0,
        "target": process(&scene.target),
        "handlers_inferred": scene.handlers.iter().map(process).collect::<Vec<_>>(),
        "handled_inferred": scene.handled.iter().map(process).collect::<Vec<_>>(),
        "processes_not_seen": scene.unseen,
    })
}

fn process(process: &Process) -> Value {
    let ranges = process.ranges.iter().map(|range| {
        json!({
            "start": format!("{:#x}", range.start),
            "end": format!("{:#x}", range.end),
            "modes": range.modes,
        })
    });
    let threads = process.threads.iter().map(|thread| {
        json!({
            "tid": thread.tid,
            "name": thread.name,
            "state": thread.state,
            "waits": thread.waits(),
            "pc": thread.pc().map(|pc| format!("{pc:#x}")),
            "where": place(process, thread),
        })
    });
    json!({
        "pid": process.pid,
        "name": process.name,
        "descriptors": process.descriptors,
        "ranges": ranges.collect::<Vec<_>>(),
        "threads": threads.collect::<Vec<_>>(),
    })
}
