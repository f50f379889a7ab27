//! `uffd-conformance stress`: looks for lost writes.
//!
//! Writers write stamps and remember them; a tracker collects the written
//! pages and brings a copy up to date, while the memory is forked, moved,
//! discarded and grown. At every checkpoint the copy must be the memory. It owns
//! the writers, the trackers and the comparison; it may use the kit and `machine`.
//!
//! | file | what it owns |
//! |---|---|
//! | `memory` | the memory, and what was written to it |
//! | `track` | the methods of finding written pages |
//! | `handler/` | `stress handler`: the handler of the examples under load |

pub mod handler;
pub mod memory;
pub mod track;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{mpsc, RwLock};
use std::time::{Duration, Instant};

use uffd_kit::child::clone;
use uffd_kit::random::{self, Random};
use uffd_kit::verdict::{Outcome, Verdict};
use uffd_kit::{ensure, fail};
use uffd_sys::*;

use crate::machine::Machine;
use crate::stress::memory::{Memory, CHUNK, CHUNKS, PAGES, WRITERS};
use crate::stress::track::{Method, Mistake, Tracker};

const USAGE: &str = "\
usage: uffd-conformance stress [--seconds N] [--method sync|async|rwp|all]
                               [--seed S]
       uffd-conformance stress handler ...

Writes, collects what was written, and compares, for N seconds (60).";

/// An episode that takes so much longer than it should has stopped for ever.
const HUNG: Duration = Duration::from_secs(20);

struct Options {
    seconds: u64,
    seed: u64,
    methods: Vec<(&'static str, Method)>,
    all: bool,
    mistake: Option<Mistake>,
}

/// The subcommand; the exit code.
pub fn main(args: &[String]) -> i32 {
    if args.first().map(String::as_str) == Some("handler") {
        return handler::main(&args[1..]);
    }
    let machine = || Machine::detect()?.with_fork_events();
    let (options, machine) = match parse(args).and_then(|o| Ok((o, machine()?))) {
        Ok(both) => both,
        Err(why) => {
            eprintln!("uffd-conformance stress: {}\n\n{}", why, USAGE);
            return 2;
        }
    };
    let (here, absent): (Vec<_>, Vec<_>) = options
        .methods
        .iter()
        .copied()
        .partition(|m| machine.has(m.1.needs()));
    for (name, _) in &absent {
        println!("# stress: this kernel does not have the method {}", name);
    }
    if here.is_empty() || (!options.all && !absent.is_empty()) {
        return 2;
    }
    println!(
        "# stress: Linux {}, seed {}",
        machine.release_text, options.seed
    );
    let mut totals = Totals::default();
    match run(&options, &machine, &here, &mut totals) {
        Ok(()) => {
            println!("# stress: {} seed {}", totals.text(), options.seed);
            0
        }
        // The surroundings lack something, so nothing is known of the writes.
        Err(Verdict::Cannot(why)) | Err(Verdict::Absent(why)) => {
            println!("# stress: {}", why);
            2
        }
        Err(verdict) => {
            println!("# stress: {}", verdict.text());
            println!("# stress: {} seed {}", totals.text(), options.seed);
            1
        }
    }
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        seconds: 60,
        seed: random::seed(),
        methods: Method::ALL.to_vec(),
        all: true,
        mistake: None,
    };
    let mut args = args.iter();
    while let Some(name) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("{} needs a value", name))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{} is not a number", value))
        };
        match name.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            "--method" if value == "all" => {}
            "--method" => {
                options.methods.retain(|m| m.0 == value);
                options.all = false;
            }
            "--inject" => {
                options.mistake = match value.as_str() {
                    "lost-page" => Some(Mistake::LostPage),
                    "unprotected" => Some(Mistake::Unprotected),
                    "not-woken" => Some(Mistake::NotWoken),
                    _ => return Err(format!("no mistake {}", value)),
                }
            }
            _ => return Err(format!("unknown option {}", name)),
        }
    }
    if options.seconds < 1 {
        return Err("--seconds is at least 1".to_owned());
    }
    if options.methods.is_empty() {
        return Err("no such method".to_owned());
    }
    Ok(options)
}

/// What was done, for the last line.
#[derive(Default)]
struct Totals {
    writes: u64,
    checkpoints: u64,
    snapshots: u64,
    pages: u64,
    forks: u64,
    remaps: u64,
    discards: u64,
    growths: u64,
    messages: u64,
    lost: u64,
}

impl Totals {
    fn text(&self) -> String {
        format!(
            "writes {} messages {} snapshots {} pages {} forks {} remaps {} discards {} growths {} checkpoints {} lost {}",
            self.writes,
            self.messages,
            self.snapshots,
            self.pages,
            self.forks,
            self.remaps,
            self.discards,
            self.growths,
            self.checkpoints,
            self.lost
        )
    }
}

fn run(
    options: &Options,
    machine: &Machine,
    methods: &[(&'static str, Method)],
    totals: &mut Totals,
) -> Result<(), Verdict> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut reported = Instant::now();
    let mut random = Random::new(options.seed);
    let mut played = 0;
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        let (name, method) = methods[round % methods.len()];
        // Shared memory can be tracked since UFFD_FEATURE_WP_HUGETLBFS_SHMEM.
        // With read-write-protection only that: reading private memory for
        // the copy would itself be an access.
        let possible = machine.has(UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
        let shared = method == Method::Rwp || possible && round / methods.len() % 2 == 1;
        let until = end.min(Instant::now() + Duration::from_secs(2));
        let memory = Memory::new(machine.page, shared)?;
        let tracker = Tracker::new(machine, &memory, method, options.mistake)?;
        let kind = if shared { "shared" } else { "private" };
        let episode = Episode {
            name: format!("{}, {} memory", name, kind),
            memory: &memory,
            tracker: &tracker,
            gate: RwLock::new(()),
            stop: AtomicBool::new(false),
        };
        episode.play(random.number(), until, totals)?;
        if reported.elapsed() > Duration::from_secs(5) {
            reported = Instant::now();
            println!("# stress: {}", totals.text());
        }
        played = round + 1;
    }
    if let Some((name, _)) = methods.get(played) {
        fail!("the time was too short for the method {}", name);
    }
    ensure!(
        totals.writes > 0 && totals.pages > 0,
        "nothing was written and collected"
    );
    Ok(())
}

/// One method on one memory for some time.
struct Episode<'a> {
    name: String,
    memory: &'a Memory,
    tracker: &'a Tracker<'a>,
    /// Writers hold it to read; holding it to write makes them wait.
    gate: RwLock<()>,
    stop: AtomicBool,
}

impl Episode<'_> {
    fn play(&self, seed: u64, until: Instant, totals: &mut Totals) -> Outcome {
        let served = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let result = self.tracker.serve(&served);
                if let Err(verdict) = &result {
                    // The writers may wait for ever: nothing can be compared.
                    println!("# stress: {}: {}", self.name, verdict.text());
                    std::process::exit(1);
                }
            });
            // Dropped at the end of the episode, which this thread waits for.
            let (_playing, ended) = mpsc::channel::<()>();
            let limit = until.saturating_duration_since(Instant::now()) + HUNG;
            scope.spawn(move || {
                if ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    println!("# stress: {}: hangs: a thread was not woken", self.name);
                    std::process::exit(1);
                }
            });
            let writers: Vec<_> = (0..WRITERS)
                .map(|n| scope.spawn(move || self.write(n, seed.wrapping_add(n as u64))))
                .collect();
            let result = self.disturb(seed, until, totals);
            self.stop.store(true, SeqCst);
            for writer in writers {
                totals.writes += writer.join().expect("a writer does not panic");
            }
            served.store(true, SeqCst);
            server.join().expect("the server does not panic");
            totals.messages += self.tracker.messages.load(SeqCst);
            result
        })
    }

    /// A writer; how much it wrote.
    fn write(&self, writer: usize, seed: u64) -> u64 {
        let mut random = Random::new(seed);
        let mut stamp = 0;
        while !self.stop.load(SeqCst) {
            let pages = self.memory.pages.load(SeqCst);
            if pages == 0 {
                std::thread::yield_now();
                continue;
            }
            let gate = self.gate.read().expect("no panic");
            for _ in 0..1 + random.below(8) {
                stamp += 1;
                self.memory.write(random.below(pages), writer, stamp);
            }
            drop(gate);
            if random.one_in(64) {
                std::thread::yield_now();
            }
        }
        stamp
    }

    fn disturb(&self, seed: u64, until: Instant, totals: &mut Totals) -> Outcome {
        let mut random = Random::new(seed);
        let mut copy = vec![[0; WRITERS]; PAGES];
        let mut child = None;
        self.grow(totals)?;
        while Instant::now() < until {
            match random.below(100) {
                0..=69 => {
                    self.snapshot(&mut copy, totals)?;
                    std::thread::sleep(Duration::from_micros(random.below(1000) as u64));
                }
                70..=84 => self.checkpoint(&mut copy, totals)?,
                85..=89 => {
                    reap(child.take());
                    child = Some(self.fork(totals)?);
                }
                90..=93 => {
                    let chunks = self.memory.pages.load(SeqCst) / CHUNK;
                    let _gate = self.gate.write().expect("no panic");
                    self.memory.remap(random.below(chunks))?;
                    totals.remaps += 1;
                }
                94..=97 => {
                    let pages = 1 + random.below(16);
                    let chunks = self.memory.pages.load(SeqCst) / CHUNK;
                    let first = random.below(chunks) * CHUNK + random.below(CHUNK - pages);
                    let _gate = self.gate.write().expect("no panic");
                    self.memory.discard(first, pages)?;
                    self.tracker.discarded(first, pages);
                    totals.discards += 1;
                }
                _ => self.grow(totals)?,
            }
        }
        reap(child);
        self.checkpoint(&mut copy, totals)
    }

    fn grow(&self, totals: &mut Totals) -> Outcome {
        let pages = self.memory.pages.load(SeqCst);
        if pages == CHUNKS * CHUNK {
            return Ok(());
        }
        let start = self.memory.grow()?;
        self.tracker.add(start)?;
        self.memory.pages.store(pages + CHUNK, SeqCst);
        totals.growths += 1;
        Ok(())
    }

    /// Brings the copy up to date, as far as one can while writers go on: a
    /// page is copied after it is protected, so what comes later is reported the
    /// next time.
    fn snapshot(&self, copy: &mut [[u64; WRITERS]], totals: &mut Totals) -> Outcome {
        for page in self.tracker.collect()? {
            copy[page] = self.memory.read(page);
            totals.pages += 1;
        }
        totals.snapshots += 1;
        Ok(())
    }

    /// Has the writers wait; now the copy must be what they wrote.
    fn checkpoint(&self, copy: &mut [[u64; WRITERS]], totals: &mut Totals) -> Outcome {
        let _gate = self.gate.write().expect("no panic");
        self.snapshot(copy, totals)?;
        totals.checkpoints += 1;
        for (page, words) in copy.iter().enumerate().take(self.memory.pages.load(SeqCst)) {
            let memory = self.memory.read(page);
            for (writer, copied) in words.iter().enumerate() {
                let written = self.memory.shadow[page][writer].load(SeqCst);
                if *copied != written || memory[writer] != written {
                    totals.lost += 1;
                    fail!(
                        "lost write: {}, page {}, writer {}, checkpoint {}: \
                         stamp {} was written, the copy has {}, the memory {}",
                        self.name,
                        page,
                        writer,
                        totals.checkpoints,
                        written,
                        copied,
                        memory[writer]
                    );
                }
            }
        }
        Ok(())
    }

    /// A child that holds on to all pages for a moment, so that the writers'
    /// next writes copy them.
    fn fork(&self, totals: &mut Totals) -> Result<libc::pid_t, Verdict> {
        // SAFETY: the child sleeps and leaves, nothing else.
        let pid = unsafe { clone(0) }?;
        if pid == 0 {
            // SAFETY: as above.
            unsafe {
                libc::usleep(2000);
                libc::_exit(0)
            }
        }
        totals.forks += 1;
        Ok(pid)
    }
}

fn reap(child: Option<libc::pid_t>) {
    if let Some(pid) = child {
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    }
}
