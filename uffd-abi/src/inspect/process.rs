//! One process at one moment: its userfaultfds, its registered ranges, and where
//! its threads are.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};

use serde::Serialize;
use uffd_sys::names;

use super::texts::{self, At, Range};

/// A userfaultfd in a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// Its number there.
    pub fd: u32,
    /// Threads whose message was not read.
    pub pending: u64,
    /// Threads that wait.
    pub total: u64,
    /// The features that were enabled.
    pub features: Vec<String>,
}

/// Where a thread is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub tid: u32,
    /// The same as it sees itself, in its namespace.
    pub own_id: u32,
    pub name: String,
    pub state: char,
    /// The kernel's function that it sleeps in, where the kernel tells.
    pub wchan: Option<String>,
    pub at: Option<At>,
    /// How often it was switched away from.
    pub switches: Option<u64>,
}

/// What a thread waits for, as far as userfaultfd is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Waits {
    /// For a fault to be resolved.
    Fault,
    /// For the message of what it does (a fork, a remap) to be read.
    Event,
}

impl Thread {
    /// Whether it waits for a handler.
    pub fn waits(&self) -> Option<Waits> {
        match self.wchan.as_deref()? {
            "handle_userfault" => Some(Waits::Fault),
            "userfaultfd_event_wait_completion" | "dup_userfaultfd_complete" => Some(Waits::Event),
            _ => None,
        }
    }

    /// Whether it was stopped by a signal or a debugger.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }

    /// Whether it has ended.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// The instruction that it left user mode at.
    pub fn pc(&self) -> Option<u64> {
        match self.at? {
            At::Running => None,
            At::Fault { pc } | At::Call { pc, .. } => Some(pc),
        }
    }

    /// The system call and its arguments, if it is in one.
    pub fn call(&self) -> Option<(i64, [u64; 6])> {
        match self.at? {
            At::Call { number, args, .. } => Some((number, args)),
            _ => None,
        }
    }

    /// Whether nothing of it has changed: it has not run in between.
    pub fn is_where_it_was(&self, earlier: &Thread) -> bool {
        self.tid == earlier.tid
            && self.switches == earlier.switches
            && self.wchan == earlier.wchan
            && self.state == earlier.state
    }
}

/// A process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    pub descriptors: Vec<Descriptor>,
    pub ranges: Vec<Range>,
    pub threads: Vec<Thread>,
}

/// Why a process cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// It is not there, or has exited.
    Gone,
    /// Reading this file is not permitted.
    Forbidden(String),
    /// Something else went wrong with this file.
    Failed(String, String),
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unseen::Gone => write!(f, "there is no such process, or it has exited"),
            Unseen::Forbidden(file) => write!(f, "{file}: permission denied"),
            Unseen::Failed(file, why) => write!(f, "{file}: {why}"),
        }
    }
}

impl Unseen {
    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Unseen::Gone => {
                "Name a process that is running: `pgrep -a NAME` prints ids. One in a \
                 container has another id outside of it."
            }
            Unseen::Forbidden(_) => {
                "A process can be seen by root (sudo), by whoever has CAP_SYS_PTRACE, and by \
                 its own user as long as it is dumpable. In a container, add the capability: \
                 --cap-add SYS_PTRACE."
            }
            Unseen::Failed(..) => "Is /proc mounted?",
        }
    }

    fn of(file: &str, error: &io::Error) -> Unseen {
        // ESRCH: it exited after the file was opened.
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::NotFound, _) | (_, Some(libc::ESRCH)) => Unseen::Gone,
            (ErrorKind::PermissionDenied, _) => Unseen::Forbidden(file.to_owned()),
            _ => Unseen::Failed(file.to_owned(), error.to_string()),
        }
    }
}

fn read(file: &str) -> Result<String, Unseen> {
    let bytes = fs::read(file).map_err(|error| Unseen::of(file, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The entries of a folder of /proc that are numbers.
pub fn numbers(folder: &str) -> Result<Vec<u32>, Unseen> {
    let failed = |error| Unseen::of(folder, &error);
    let mut numbers = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether a descriptor is a userfaultfd; `id` is that of a process or a thread.
pub fn is_userfaultfd(id: u32, fd: u64) -> bool {
    fs::read_link(format!("/proc/{id}/fd/{fd}"))
        .is_ok_and(|target| target.as_os_str() == "anon_inode:[userfaultfd]")
}

/// The userfaultfds of a process.
///
/// # Errors
///
/// They cannot be seen.
pub fn descriptors(pid: u32) -> Result<Vec<Descriptor>, Unseen> {
    let mut found = vec![];
    for fd in numbers(&format!("/proc/{pid}/fd"))? {
        if !is_userfaultfd(pid, fd.into()) {
            continue;
        }
        let info = match read(&format!("/proc/{pid}/fdinfo/{fd}")) {
            Ok(text) => texts::fdinfo(&text),
            Err(Unseen::Gone) => None, // Closed since.
            Err(unseen) => return Err(unseen),
        };
        found.extend(info.map(|info| Descriptor {
            fd,
            pending: info.pending,
            total: info.total,
            features: feature_names(info.features),
        }));
    }
    Ok(found)
}

/// Without the prefix. The kernel's own mark, bit 31, is no feature.
fn feature_names(features: u64) -> Vec<String> {
    let bits = (0..64).map(|bit| 1_u64 << bit);
    let set = bits.filter(|bit| features & bit != 0 && *bit != 1 << 31);
    set.map(|bit| {
        let name = names::FEATURES.show(bit).to_string();
        name.trim_start_matches("UFFD_FEATURE_").to_owned()
    })
    .collect()
}

/// The threads of a process. One that ends meanwhile is left out.
///
/// # Errors
///
/// They cannot be seen.
pub fn threads(pid: u32) -> Result<Vec<Thread>, Unseen> {
    let tids = numbers(&format!("/proc/{pid}/task"))?;
    let threads = tids.into_iter().filter_map(|tid| thread(pid, tid));
    let threads: Vec<Thread> = threads.collect();
    // It has exited, and its parent has not seen that yet.
    if threads.iter().all(Thread::is_dead) {
        return Err(Unseen::Gone);
    }
    Ok(threads)
}

fn thread(pid: u32, tid: u32) -> Option<Thread> {
    let file = |name: &str| read(&format!("/proc/{pid}/task/{tid}/{name}")).ok();
    let stat = texts::stat(&file("stat")?)?;
    let told = file("wchan").and_then(|text| texts::wchan(&text).map(str::to_owned));
    let status = file("status").unwrap_or_default();
    let mut thread = Thread {
        tid,
        own_id: texts::own_id(&status).unwrap_or(tid),
        name: stat.name,
        state: stat.state,
        wchan: told.or_else(|| by_stack(&file("stack")?)),
        at: file("syscall").and_then(|text| texts::syscall(&text)),
        switches: texts::switches(&status),
    };
    if thread.waits() == Some(Waits::Fault) {
        thread.at = thread.at.map(|at| of_fault(at, TELLS_FAULTS));
    }
    Some(thread)
}

/// Whether `syscall` tells a fault from a call. On these processors it takes the
/// number from where a call would have left it.
const TELLS_FAULTS: bool = !cfg!(any(target_arch = "riscv64", target_arch = "arm"));

/// Where a thread is that waits in a fault: in a call only if that can be told.
fn of_fault(at: At, tells: bool) -> At {
    match at {
        At::Call { pc, .. } if !tells => At::Fault { pc },
        at => at,
    }
}

/// Where wchan does not tell, root can see the whole stack.
fn by_stack(stack: &str) -> Option<String> {
    let known = ["handle_userfault", "userfaultfd_event_wait_completion"];
    let found = known.iter().find(|name| stack.contains(*name));
    found.map(|name| (*name).to_owned())
}

impl Process {
    /// All of a process.
    ///
    /// # Errors
    ///
    /// It cannot be seen.
    pub fn read(pid: u32) -> Result<Process, Unseen> {
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let smaps = format!("/proc/{pid}/smaps");
        let failed = |error: io::Error| Unseen::of(&smaps, &error);
        // Before the ranges: taking a snapshot of a large process takes a while.
        let (threads, descriptors) = (threads(pid)?, descriptors(pid)?);
        let text = File::open(&smaps).map_err(failed)?;
        Ok(Process {
            pid,
            name: texts::stat(&stat).ok_or(Unseen::Gone)?.name,
            descriptors,
            ranges: texts::smaps(BufReader::new(text)).map_err(failed)?,
            threads,
        })
    }

    /// The same without the ranges, which take long to read.
    ///
    /// # Errors
    ///
    /// It cannot be seen.
    pub fn glance(pid: u32) -> Result<Process, Unseen> {
        let stat = read(&format!("/proc/{pid}/stat"))?;
        Ok(Process {
            pid,
            name: texts::stat(&stat).ok_or(Unseen::Gone)?.name,
            threads: threads(pid)?,
            descriptors: descriptors(pid)?,
            ranges: vec![],
        })
    }

    /// The threads that wait for a handler.
    pub fn waiters(&self) -> impl Iterator<Item = &Thread> {
        self.threads.iter().filter(|t| t.waits().is_some())
    }

    /// How many threads wait for its descriptors.
    pub fn total(&self) -> u64 {
        let totals = self.descriptors.iter().map(|d| d.total);
        totals.fold(0, u64::saturating_add)
    }

    /// How many of their messages were not read.
    pub fn pending(&self) -> u64 {
        let pending = self.descriptors.iter().map(|d| d.pending);
        pending.fold(0, u64::saturating_add)
    }

    /// Whether one of its threads could still read a message: it is alive, waits for
    /// no handler, and not for the end of a thread that does.
    pub fn can_handle(&self, thread: &Thread) -> bool {
        thread.waits().is_none() && !thread.is_dead() && self.joined(thread).is_none()
    }

    /// The thread whose end one of its threads waits for: pthread_join(3) of the C
    /// libraries is a futex whose expected value is that thread's id.
    pub fn joined(&self, thread: &Thread) -> Option<&Thread> {
        let (number, args) = thread.call()?;
        // FUTEX_WAIT or FUTEX_WAIT_BITSET, private or not, with either clock.
        let waits = matches!(args[1] & 0x7f, 0 | 9);
        if number != i64::from(libc::SYS_futex as i32) || !waits {
            return None;
        }
        let joined = u32::try_from(args[2]).ok()?;
        self.threads.iter().find(|other| other.own_id == joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_calls_is_not_shown_as_one() {
        let at = texts::syscall("63 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x40").unwrap();
        assert_eq!(of_fault(at, false), At::Fault { pc: 0x40 });
        assert_eq!(of_fault(at, true), at);
    }
}
