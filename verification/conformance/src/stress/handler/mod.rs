//! `uffd-conformance stress handler`: the handler of the examples under load.
//!
//! A process touches memory that the handler fills, while other threads of it
//! discard, move and unmap that memory, fork, send signals; and it exits, also
//! in the middle. No thread may stay asleep, no page may be wrong, and the
//! handler may not loop without sleeping. It owns the process, what its pages
//! must hold, and the counts; the handler is that of examples/handler.
//!
//! | file | what it owns |
//! |---|---|
//! | `target` | the process: its threads, and what they do |
//! | `child` | its forked children, which can make system calls only |
//! | `world` | its memory, and what each page may hold |
//! | `shared` | counts and findings, which outlive the process |

#[path = "../../../../../examples/handler/calls.rs"]
pub(crate) mod calls;
mod child;
#[path = "../../../../../examples/handler/pages.rs"]
pub(crate) mod pages;
#[path = "../../../../../examples/handler/serve.rs"]
pub(crate) mod serve;
mod shared;
#[allow(dead_code, unreachable_pub)]
pub(crate) mod support;
mod target;
mod world;

use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uffd_kit::child::{Child, Exit};
use uffd_kit::random::{self, Random};
use uffd_kit::verdict::{need, Verdict};
use uffd_kit::{ensure, fail};

use crate::machine::Machine;
use pages::{Contents, Pages};
use serve::{Counts, Handler, Source};
use shared::Shared;
use target::{Ending, Plan};
use world::{number, CHUNKS};

const USAGE: &str = "\
usage: uffd-conformance stress handler [--seconds N] [--episodes N] [--seed S]

Serves processes that fork, move, discard and unmap their memory, for N seconds
(60), or so many of them.";

/// Longer than any episode, on an emulated processor, too.
const LIMIT: Duration = Duration::from_secs(90);

/// The subcommand; the exit code.
pub fn main(args: &[String]) -> i32 {
    let machine = || Machine::detect()?.with_fork_events();
    let (options, machine) = match parse(args).and_then(|o| Ok((o, machine()?))) {
        Ok(both) => both,
        Err(why) => {
            eprintln!("uffd-conformance stress handler: {}\n\n{}", why, USAGE);
            return 2;
        }
    };
    println!(
        "# stress handler: Linux {}, seed {}",
        machine.release_text, options.seed
    );
    let mut totals = Totals::default();
    let result = run(&options, &machine, &mut totals);
    let text = match &result {
        Ok(()) => String::new(),
        Err(verdict) => format!("# stress handler: {}\n", verdict.text()),
    };
    println!(
        "{}# stress handler: {} seed {}",
        text,
        totals.text(),
        options.seed
    );
    match result {
        Ok(()) => 0,
        Err(Verdict::Cannot(_)) | Err(Verdict::Absent(_)) => 2,
        Err(Verdict::Fail(_)) => 1,
    }
}

struct Options {
    seconds: u64,
    episodes: u64,
    seed: u64,
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        seconds: 60,
        episodes: u64::MAX,
        seed: random::seed(),
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let option = match name.as_str() {
            "--seconds" => &mut options.seconds,
            "--episodes" => &mut options.episodes,
            "--seed" => &mut options.seed,
            _ => return Err(format!("unknown option {}", name)),
        };
        let value = args.next().ok_or(format!("{} needs a value", name))?;
        *option = value
            .parse()
            .map_err(|_| format!("{} is not a number", value))?;
    }
    if options.seconds < 1 || options.episodes < 1 {
        return Err("--seconds and --episodes are at least 1".to_owned());
    }
    Ok(options)
}

/// What was done, for the last line.
#[derive(Default)]
struct Totals {
    episodes: u64,
    done: [u64; shared::WHAT.len()],
    handler: Counts,
    /// Milliseconds of processor time that the handler took.
    cpu: u64,
}

impl Totals {
    fn named(&self) -> Vec<(&'static str, u64)> {
        let h = &self.handler;
        let mut named = vec![("episodes", self.episodes)];
        named.extend(shared::WHAT.iter().copied().zip(self.done.iter().copied()));
        named.extend([
            ("faults", h.faults),
            ("filled", h.filled),
            ("fork-events", h.forks),
            ("remap-events", h.remaps),
            ("remove-events", h.removes),
            ("unmap-events", h.unmaps),
            ("exits-seen", h.exits),
            ("eagain", h.changing),
            ("partial", h.partial),
            ("eexist", h.exists),
            ("enoent", h.gone),
            ("emfile", h.no_descriptor),
            ("sleeps", h.sleeps),
            ("waits", h.waits),
            ("cpu-ms", self.cpu),
        ]);
        named
    }

    fn text(&self) -> String {
        let words = self.named().into_iter();
        let words: Vec<_> = words.map(|(name, n)| format!("{} {}", name, n)).collect();
        words.join(" ")
    }

    fn add(&mut self, c: &Counts) {
        let h = &mut self.handler;
        for (sum, n) in [
            (&mut h.faults, c.faults),
            (&mut h.forks, c.forks),
            (&mut h.remaps, c.remaps),
            (&mut h.removes, c.removes),
            (&mut h.unmaps, c.unmaps),
            (&mut h.filled, c.filled),
            (&mut h.changing, c.changing),
            (&mut h.partial, c.partial),
            (&mut h.exists, c.exists),
            (&mut h.gone, c.gone),
            (&mut h.exits, c.exits),
            (&mut h.no_descriptor, c.no_descriptor),
            (&mut h.sleeps, c.sleeps),
            (&mut h.waits, c.waits),
        ] {
            *sum += n;
        }
    }
}

/// What must have happened at least once, or nothing was shown.
const NEEDED: [&str; 13] = [
    "touches", "discards", "moves", "unmaps", "forks", "signals", "races", "returned", "exited",
    "killed", "faults", "filled", "eagain",
];

fn run(options: &Options, machine: &Machine, totals: &mut Totals) -> Result<(), Verdict> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut reported = Instant::now();
    let mut random = Random::new(options.seed);
    let source = Numbers::new(machine.page);
    while Instant::now() < end && totals.episodes < options.episodes {
        let plan = Plan {
            seed: random.number(),
            time: Duration::from_millis(100 + random.below(300) as u64),
            ending: Ending::ALL[totals.episodes as usize % Ending::ALL.len()],
            forks_alone: random.one_in(2),
            signals: random.one_in(2),
            few_descriptors: random.one_in(4),
        };
        episode(&plan, machine, source.clone(), totals).map_err(|verdict| match verdict {
            Verdict::Fail(text) => Verdict::Fail(format!("{}; {:?}", text, plan)),
            other => other,
        })?;
        totals.episodes += 1;
        if reported.elapsed() > Duration::from_secs(5) {
            reported = Instant::now();
            println!("# stress handler: {}", totals.text());
        }
    }
    for (name, n) in totals.named() {
        ensure!(n > 0 || !NEEDED.contains(&name), "no {} in this time", name);
    }
    Ok(())
}

/// The source: a number in each word, made of its offset. All of it is made
/// once, so that the handler is as fast as one that has its data at hand.
#[derive(Clone)]
struct Numbers(Arc<Vec<u8>>);

impl Numbers {
    fn new(page: usize) -> Numbers {
        let words = (0..CHUNKS * world::chunk_len(page)).step_by(8);
        Numbers(Arc::new(
            words
                .flat_map(|at| number(at as u64).to_ne_bytes())
                .collect(),
        ))
    }
}

impl Source for Numbers {
    fn read(&mut self, at: u64, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0[at as usize..][..buffer.len()]);
    }
}

/// A process from its start to the exit of its last child.
fn episode(
    plan: &Plan,
    machine: &Machine,
    source: Numbers,
    totals: &mut Totals,
) -> Result<(), Verdict> {
    let shared = Shared::new()?;
    let (ours, theirs) = UnixStream::pair().map_err(|e| Verdict::Cannot(e.to_string()))?;
    // This program has no other thread now: the child can do what it likes.
    let mut process = Child::fork(|| target::run(plan, &theirs, shared))?;
    drop(theirs);
    let ([area, _], uffd) = match support::socket::receive(&ours) {
        Ok(received) => received,
        Err(error) => fail!(
            "the process did not begin: {}; {}",
            error,
            shared.findings()
        ),
    };
    // SAFETY: takes numbers, and returns a new descriptor.
    let pidfd = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, process.pid, 0);
        OwnedFd::from_raw_fd(need("pidfd_open", fd as i64)? as i32)
    };
    let mut pages = Pages::default();
    let len = world::chunk_len(machine.page);
    for chunk in 0..CHUNKS {
        let contents = Contents::Source((chunk * len) as u64);
        pages.set(
            world::slot(area as usize, chunk, len) as u64,
            len as u64,
            contents,
        );
    }
    let limit = plan
        .few_descriptors
        .then(|| DescriptorLimit::begin(uffd.as_raw_fd().max(pidfd.as_raw_fd()) + 4));
    let mut handler = Handler::new(source, machine.page, true);
    handler.add(uffd, Some(pidfd), area, pages);
    let begin = Instant::now();
    let server = std::thread::spawn(move || {
        let result = handler.serve().map_err(|e| e.to_string());
        // After a failure its descriptors stay open: see `Handler::serve`.
        (result, handler, cpu_ms())
    });
    while !server.is_finished() && begin.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(1));
    }
    ensure!(
        server.is_finished(),
        "the handler does not end; {}",
        shared.findings()
    );
    let (result, handler, cpu) = server.join().expect("the handler does not panic");
    drop(limit);
    if let Err(error) = result {
        fail!("the handler failed: {}; {}", error, shared.findings());
    }
    let exit = process.ends()?;
    let (c, mut events) = (handler.counts, 0);
    totals.add(&c);
    totals.cpu += cpu;
    for (n, what) in shared::WHAT.iter().enumerate() {
        totals.done[n] += shared.count(what);
    }
    ensure!(shared.findings().is_empty(), "{}", shared.findings());
    let wanted = match plan.ending {
        Ending::Killed => Exit::Signal(libc::SIGKILL),
        _ => Exit::Status(0),
    };
    ensure!(exit == wanted, "the process ended with {:?}", exit);
    // A wait ends with a message, which a signal may take back, with an exit,
    // or ten times a second.
    events += c.faults + c.forks + c.remaps + c.removes + c.unmaps + c.exits;
    events += shared.count("signals") + 100 + begin.elapsed().as_millis() as u64 / 50;
    ensure!(
        c.waits <= 2 * events,
        "a busy loop: {} waits for {} events",
        c.waits,
        events
    );
    Ok(())
}

/// Milliseconds of processor time that this thread took.
fn cpu_ms() -> u64 {
    // SAFETY: all zero is a valid `rusage`, which the call fills.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
        let ms = |time: libc::timeval| time.tv_sec as u64 * 1000 + time.tv_usec as u64 / 1000;
        ms(usage.ru_utime) + ms(usage.ru_stime)
    }
}

/// So few descriptors that not every fork event can be taken at once.
struct DescriptorLimit(libc::rlimit);

impl DescriptorLimit {
    fn begin(descriptors: i32) -> DescriptorLimit {
        // SAFETY: the structs are ours.
        unsafe {
            let mut before: libc::rlimit = std::mem::zeroed();
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut before);
            let rlim_cur = descriptors as libc::rlim_t;
            libc::setrlimit(libc::RLIMIT_NOFILE, &libc::rlimit { rlim_cur, ..before });
            DescriptorLimit(before)
        }
    }
}

impl Drop for DescriptorLimit {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &self.0) };
    }
}
