//! The texts of /proc, read without trust: a process chooses its own name, and a
//! newer kernel may add lines. No function here panics or allocates more than
//! its input.

use std::io::BufRead;

/// What `/proc/PID/fdinfo/FD` says of a userfaultfd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FdInfo {
    /// Threads whose message was not read.
    pub pending: u64,
    /// Threads that wait.
    pub total: u64,
    /// The features that were enabled, with the kernel's own bits.
    pub features: u64,
}

/// Reads the text of fdinfo; none if it is not that of a userfaultfd.
pub fn fdinfo(text: &str) -> Option<FdInfo> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let number = |name| value(name)?.trim().parse().ok();
    let mut api = value("API:")?.trim().split(':');
    let (_, features) = (api.next()?, api.next()?);
    Some(FdInfo {
        pending: number("pending:")?,
        total: number("total:")?,
        features: u64::from_str_radix(features, 16).ok()?,
    })
}

/// A registered mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// The first address behind it.
    pub end: u64,
    /// `missing`, `wp`, `minor`, `rwp`.
    pub modes: Vec<&'static str>,
}

/// The words of VmFlags that a registered range has.
const MODES: [(&str, &str); 4] = [
    ("um", "missing"),
    ("uw", "wp"),
    ("ui", "minor"),
    ("ur", "rwp"),
];

/// Reads smaps line by line, as a process may have millions of mappings, and
/// keeps the registered ones.
///
/// # Errors
///
/// Those of the reader.
pub fn smaps(mut text: impl BufRead) -> std::io::Result<Vec<Range>> {
    let mut ranges = vec![];
    let mut mapping = None;
    let mut line = vec![];
    loop {
        line.clear();
        if text.read_until(b'\n', &mut line)? == 0 {
            return Ok(ranges);
        }
        // A file's name need not be UTF-8; what matters here is ASCII.
        let line = String::from_utf8_lossy(&line);
        if let Some(flags) = line.strip_prefix("VmFlags:") {
            let mut words = flags.split_ascii_whitespace();
            let has = |word| flags.split_ascii_whitespace().any(|other| other == word);
            if words.any(|word| MODES.iter().any(|(flag, _)| *flag == word)) {
                let modes = MODES.iter().filter(|(flag, _)| has(*flag));
                if let Some((start, end)) = mapping {
                    ranges.push(Range {
                        start,
                        end,
                        modes: modes.map(|(_, mode)| *mode).collect(),
                    });
                }
            }
        } else if let Some(addresses) = heading(&line) {
            mapping = Some(addresses);
        }
    }
}

/// `7f00-7f10 rw-p …` as its two addresses; none for `Rss:  4 kB` and the like.
fn heading(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once('-')?;
    let (end, _) = rest.split_once(' ')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some((hex(start)?, hex(end)?))
}

/// The part of `stat` that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name, which its owner chooses: up to 15 bytes, any of them.
    pub name: String,
    /// `R`, `S`, `D`, `T`, `t`, `Z`, …
    pub state: char,
    /// The parent's process id.
    pub parent: u32,
}

/// Reads `stat`. The name may hold spaces and brackets: the last one counts.
pub fn stat(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut words = tail.split_ascii_whitespace();
    Some(Stat {
        name: name.to_owned(),
        state: words.next()?.chars().next()?,
        parent: words.next()?.parse().ok()?,
    })
}

/// Where a thread is, by `/proc/PID/task/TID/syscall`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// It runs, so the kernel does not say.
    Running,
    /// It entered the kernel by a fault at this instruction.
    Fault { pc: u64 },
    /// It is in a system call.
    Call {
        number: i64,
        args: [u64; 6],
        pc: u64,
    },
}

/// Reads `syscall`.
pub fn syscall(text: &str) -> Option<At> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?;
    if first == "running" {
        return Some(At::Running);
    }
    let number = first.parse().ok()?;
    let mut hex = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
    if number == -1 {
        let (_sp, pc) = (hex()?, hex()?);
        return Some(At::Fault { pc });
    }
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = hex()?;
    }
    let (_sp, pc) = (hex()?, hex()?);
    Some(At::Call { number, args, pc })
}

/// How often a thread was switched away from, by `status`: as long as this stays,
/// it has not run since.
pub fn switches(text: &str) -> Option<u64> {
    let number = |name| -> Option<u64> {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().parse().ok()
    };
    number("voluntary_ctxt_switches:")?.checked_add(number("nonvoluntary_ctxt_switches:")?)
}

/// A thread's id as it sees itself, by `status`: its namespace may have another.
pub fn own_id(text: &str) -> Option<u32> {
    let ids = text.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().next_back()?.parse().ok()
}

/// The function of the kernel that a sleeping thread waits in; none where the
/// kernel does not tell.
pub fn wchan(text: &str) -> Option<&str> {
    let name = text.trim();
    (!name.is_empty() && name != "0").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_pretend_to_be_a_state() {
        let stat = stat("7 (a) Z 1 (b) S 42 7 7").unwrap();
        assert_eq!((stat.state, stat.parent), ('S', 42));
        assert_eq!(stat.name, "a) Z 1 (b");
        assert_eq!(super::stat("7 (a"), None);
    }

    #[test]
    fn fdinfo_of_something_else_is_none() {
        let text = "pos:\t0\nflags:\t02\npending:\t1\ntotal:\t3\nAPI:\taa:80000001:1ff\n";
        let info = fdinfo(text).unwrap();
        assert_eq!((info.pending, info.total), (1, 3));
        assert_eq!(info.features, 0x8000_0001);
        assert_eq!(fdinfo("pos:\t0\nflags:\t02\n"), None);
        assert_eq!(fdinfo("pending:\t-1\ntotal:\t3\nAPI:\taa:1:1\n"), None);
    }

    #[test]
    fn only_registered_mappings_are_kept() {
        let text = b"1000-3000 rw-p 00000000 00:00 0 \nRss: 4 kB\nVmFlags: rd wr um uw\n\
            4000-5000 r--p 00000000 00:00 0 /a um-b\xff\nVmFlags: rd\n\
            VmFlags: ui\n";
        let ranges = smaps(&text[..]).unwrap();
        assert_eq!((ranges[0].start, ranges[0].end), (0x1000, 0x3000));
        assert_eq!(ranges[0].modes, ["missing", "wp"]);
        // A heading serves until the next one.
        assert_eq!(ranges[1].start, 0x4000);
        assert_eq!(ranges.len(), 2);
    }

    #[test]
    fn where_a_thread_is() {
        assert_eq!(syscall("running\n"), Some(At::Running));
        assert_eq!(syscall("-1 0x10 0x20\n"), Some(At::Fault { pc: 0x20 }));
        let text = "0 0x3 0x7f 0x20 0x0 0x0 0x0 0x7ffc 0x40\n";
        let Some(At::Call { number, args, pc }) = syscall(text) else {
            panic!("a call")
        };
        assert_eq!((number, args[0], args[2], pc), (0, 3, 0x20, 0x40));
        assert_eq!(syscall("0 0x3"), None);
        assert_eq!(wchan("0"), None);
        assert_eq!(wchan("handle_userfault"), Some("handle_userfault"));
        let status = "voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n";
        assert_eq!(switches(status), Some(7));
        assert_eq!(own_id("Pid:\t70\nNSpid:\t70\t3\n"), Some(3));
        assert_eq!(own_id("Pid:\t70\n"), None);
    }
}
