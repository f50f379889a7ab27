//! The process whose memory is filled, and its threads. None of them allocates
//! once they run: see [`World::shift`].

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use uffd_kit::asleep::tid;
use uffd_kit::errno::errno;
use uffd_kit::pages::page_size;
use uffd_kit::random::Random;
use uffd_kit::uffd::Uffd;
use uffd_kit::verdict::{Outcome, Verdict};
use uffd_sys::*;

use super::child::{self, Pipe};
use super::shared::Shared;
use super::support::socket;
use super::world::{number, World, CHUNKS, PAGES, SLOTS, WRITERS};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its threads end, and every page is looked at.
    Returned,
    /// exit(2), whatever its threads wait for.
    Exited,
    /// SIGKILL, likewise.
    Killed,
}

impl Ending {
    /// One after the other.
    pub const ALL: [Ending; 4] = [
        Ending::Returned,
        Ending::Exited,
        Ending::Returned,
        Ending::Killed,
    ];
}

/// What an episode is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of all random numbers.
    pub seed: u64,
    /// How long the threads run.
    pub time: Duration,
    /// How the process ends.
    pub ending: Ending,
    /// No fork while another event is under way, so that a child's pages are
    /// known exactly. Else the order of the messages need not be the order of
    /// what happened.
    pub forks_alone: bool,
    /// Signals interrupt the waits. They also hide that a thread was not woken,
    /// so not always.
    pub signals: bool,
    /// The handler has too few descriptors to take each fork event at once.
    pub few_descriptors: bool,
}

/// How long a thread may take to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Threads: the writers, who touch and write, and the others.
const THREADS: usize = WRITERS + 5;

struct Target {
    world: World,
    plan: Plan,
    shared: &'static Shared,
    ready: AtomicUsize,
    go: AtomicBool,
    stop: AtomicBool,
    running: AtomicUsize,
    /// The threads that are sent signals.
    tids: [AtomicI32; THREADS],
}

/// In the process; its exit status.
pub fn run(plan: &Plan, socket: &UnixStream, shared: &'static Shared) -> i32 {
    match work(plan, socket, shared) {
        Ok(()) => 0,
        Err(verdict) => {
            println!("# stress handler: the process: {}", verdict.text());
            1
        }
    }
}

fn work(plan: &Plan, socket: &UnixStream, shared: &'static Shared) -> Outcome {
    let events = UFFD_FEATURE_EVENT_FORK
        | UFFD_FEATURE_EVENT_REMAP
        | UFFD_FEATURE_EVENT_REMOVE
        | UFFD_FEATURE_EVENT_UNMAP;
    let uffd = Uffd::open(events)?;
    ignore(libc::SIGUSR1);
    let world = World::new(page_size(), &uffd, shared)?;
    let words = [world.area as u64, world.page as u64];
    socket::send(socket, words, uffd.fd).map_err(|e| Verdict::Cannot(e.to_string()))?;
    // Never freed: its threads may still run when the process ends.
    let target: &'static Target = Box::leak(Box::new(Target {
        world,
        plan: plan.clone(),
        shared,
        ready: AtomicUsize::new(0),
        go: AtomicBool::new(false),
        stop: AtomicBool::new(false),
        running: AtomicUsize::new(THREADS),
        tids: Default::default(),
    }));
    let threads: Vec<_> = (0..THREADS)
        .map(|n| std::thread::spawn(move || target.thread(n)))
        .collect();
    // Nothing may be mapped, a stack say, once addresses become free.
    while target.ready.load(SeqCst) < THREADS {
        std::thread::sleep(Duration::from_micros(100));
    }
    target.go.store(true, SeqCst);
    std::thread::sleep(plan.time);
    match plan.ending {
        Ending::Returned => {}
        Ending::Exited => {
            shared.add("exited");
            // SAFETY: plain number. The handler keeps its own descriptor.
            unsafe { libc::_exit(0) }
        }
        Ending::Killed => {
            shared.add("killed");
            // SAFETY: as above.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
    }
    target.stop.store(true, SeqCst);
    let begin = Instant::now();
    while target.running.load(SeqCst) > 0 {
        if begin.elapsed() > PATIENCE {
            shared.asleep();
            // SAFETY: plain number. The threads cannot be joined.
            unsafe { libc::_exit(3) };
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    for thread in threads {
        thread.join().expect("a thread does not panic");
    }
    for chunk in 0..CHUNKS {
        (0..PAGES).for_each(|page| target.world.touch(chunk, page, 0));
    }
    shared.add("returned");
    Ok(())
}

/// A handler that does nothing, so that the signal interrupts.
fn ignore(signal: i32) {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: a zeroed `sigaction` is valid, and the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        libc::sigaction(signal, &action, std::ptr::null_mut());
    }
}

impl Target {
    fn thread(&self, n: usize) {
        let mut random = Random::new(self.plan.seed.wrapping_add(n as u64));
        let pipe = match Pipe::new() {
            Some(pipe) => pipe,
            None => return self.shared.failed(errno()),
        };
        self.tids[n].store(tid() as i32, SeqCst);
        self.ready.fetch_add(1, SeqCst);
        while !self.go.load(SeqCst) {
            std::thread::sleep(Duration::from_micros(100));
        }
        let mut round = 0;
        while !self.stop.load(SeqCst) {
            round += 1;
            match n.checked_sub(WRITERS) {
                None => self.touch_and_write(n, round, &mut random),
                Some(0) => self.race(&pipe, &mut random),
                Some(1) => self.signal(&mut random),
                Some(2) => self.fork(&mut random),
                Some(_) => {
                    if self.disturb(&mut random).is_err() {
                        self.shared.failed(errno());
                    }
                }
            }
        }
        self.running.fetch_sub(1, SeqCst);
    }

    fn touch_and_write(&self, writer: usize, round: u64, random: &mut Random) {
        let (chunk, page) = (random.below(CHUNKS), random.below(PAGES));
        if random.one_in(3) {
            self.world.write(chunk, page, writer, round);
        } else {
            let word = self.world.any_word(random);
            self.world.touch(chunk, page, word);
        }
    }

    /// Has the kernel read from any slot, whatever becomes of it meanwhile.
    fn race(&self, pipe: &Pipe, random: &mut Random) {
        let (len, page, word) = (
            super::world::chunk_len(self.world.page),
            random.below(PAGES),
            self.world.any_word(random),
        );
        let within = page * self.world.page + 8 * word;
        let slot = super::world::slot(self.world.area, random.below(SLOTS), len);
        if let Some(held) = pipe.read_word(slot + within) {
            let of_a_chunk = |n| number((n * len + within) as u64) == held;
            if held != 0 && !(0..CHUNKS).any(of_a_chunk) {
                self.shared.wrong(within, held, 0);
            }
        }
        self.shared.add("races");
    }

    fn signal(&self, random: &mut Random) {
        let tid = self.tids[random.below(THREADS)].load(SeqCst);
        if tid != 0 && self.plan.signals {
            // SAFETY: plain numbers; a thread of ours that has ended is no error.
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, libc::SIGUSR1) };
            self.shared.add("signals");
        }
        std::thread::sleep(Duration::from_micros(random.below(1000) as u64));
    }

    fn fork(&self, random: &mut Random) {
        let exact = self.plan.forks_alone;
        let alone = exact.then(|| self.world.events.write().expect("no panic"));
        let child = child::start(&self.world, self.shared, random.number(), exact);
        drop(alone);
        match child {
            Some(pid) => {
                self.shared.add("forks");
                child::reap(pid, self.shared, PATIENCE);
            }
            None => self.shared.failed(errno()),
        }
        std::thread::sleep(Duration::from_micros(random.below(2000) as u64));
    }

    fn disturb(&self, random: &mut Random) -> Outcome {
        std::thread::sleep(Duration::from_micros(random.below(400) as u64));
        let chunk = random.below(CHUNKS);
        let _events = self.world.events.read().expect("no panic");
        match random.below(24) {
            0..=17 => {
                let pages = 1 + random.below(8);
                self.world
                    .discard(chunk, random.below(PAGES - pages), pages)?;
            }
            18..=22 => self.world.shift(chunk)?,
            _ => self.world.unmap(chunk, random.one_in(2))?,
        }
        Ok(())
    }
}
