//! A forked child of the process. Other threads may have held any lock when it
//! was made, so it makes system calls only, and takes no lock.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use uffd_kit::child::clone;
use uffd_kit::errno::errno;
use uffd_kit::random::Random;

use super::shared::Shared;
use super::world::{World, CHUNKS, PAGES};

/// Lets the kernel read memory: an address that is not mapped is an error, and
/// no signal.
pub struct Pipe([i32; 2]);

impl Pipe {
    /// Opens one.
    pub fn new() -> Option<Pipe> {
        let mut ends = [0; 2];
        // SAFETY: there is room for two descriptors.
        let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
        (result == 0).then_some(Pipe(ends))
    }

    /// The word at an address; none if nothing is mapped there.
    pub fn read_word(&self, at: usize) -> Option<u64> {
        let mut word = 0_u64;
        // SAFETY: the kernel checks the address; the word is ours. What was
        // written is read at once, so that the pipe never fills up.
        unsafe {
            loop {
                match libc::write(self.0[1], at as *const libc::c_void, 8) {
                    8 => break,
                    _ if errno() == libc::EINTR => {}
                    _ => return None,
                }
            }
            while libc::read(self.0[0], (&mut word as *mut u64).cast(), 8) != 8 {}
        }
        Some(word)
    }
}

/// Starts a child; its id. `exact`: no event is under way, so the child knows
/// what its pages hold.
pub fn start(world: &World, shared: &Shared, seed: u64, exact: bool) -> Option<libc::pid_t> {
    // SAFETY: the child makes system calls only, and leaves by _exit.
    match unsafe { clone(0) } {
        Ok(0) => {
            work(world, shared, seed, exact);
            // SAFETY: plain number.
            unsafe { libc::_exit(0) }
        }
        Ok(pid) => Some(pid),
        Err(_) => None,
    }
}

/// Waits for the end of a child.
pub fn reap(pid: libc::pid_t, shared: &Shared, patience: Duration) {
    let begin = Instant::now();
    // SAFETY: plain numbers; no status is asked for: what the child found it has
    // noted itself.
    unsafe {
        while libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) == 0 {
            if begin.elapsed() > patience {
                shared.asleep();
                libc::kill(pid, libc::SIGKILL);
            }
            libc::usleep(200);
        }
    }
}

fn work(world: &World, shared: &Shared, seed: u64, exact: bool) {
    let mut random = Random::new(seed);
    let pipe = match Pipe::new() {
        Some(pipe) => pipe,
        None => return shared.failed(errno()),
    };
    let look = |random: &mut Random| {
        let (chunk, page) = (random.below(CHUNKS), random.below(PAGES));
        let word = world.any_word(random);
        let base = world.chunks[chunk].base.load(SeqCst);
        if base == 0 {
            return;
        }
        let discarded = world.state(chunk, page);
        match pipe.read_word(base + page * world.page + 8 * word) {
            Some(held) if exact => world.check(chunk, page, word, held, discarded),
            Some(held) => world.check_loosely(chunk, page, word, held),
            // It moved while the child was made.
            None if !exact => {}
            None => shared.failed(errno()),
        }
    };
    (0..12).for_each(|_| look(&mut random));
    discard(world, &pipe, &mut random, shared);
    if random.one_in(4) {
        // A grandchild.
        match start_leaf(|| look(&mut Random::new(seed + 1))) {
            Some(pid) => reap(pid, shared, Duration::from_secs(10)),
            None => shared.failed(errno()),
        }
    }
    if random.one_in(4) {
        // SAFETY: plain numbers.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// A page that the child discards is zero in the child, and in its children.
fn discard(world: &World, pipe: &Pipe, random: &mut Random, shared: &Shared) {
    let (chunk, page) = (random.below(CHUNKS), random.below(PAGES));
    let base = world.chunks[chunk].base.load(SeqCst);
    if base == 0 {
        return;
    }
    let (at, advice) = (base + page * world.page, libc::MADV_DONTNEED);
    // SAFETY: the memory holds numbers, and the child is its only thread.
    if unsafe { libc::madvise(at as *mut libc::c_void, world.page, advice) } != 0 {
        return; // It moved while the child was made.
    }
    // In the child's own copy.
    world.discarded(chunk, page);
    match pipe.read_word(at + 8) {
        None | Some(0) => {}
        Some(held) => shared.wrong(page * world.page + 8, held, 0),
    }
}

fn start_leaf(work: impl Fn()) -> Option<libc::pid_t> {
    // SAFETY: as in `start`.
    match unsafe { clone(0) } {
        Ok(0) => {
            work();
            // SAFETY: plain number.
            unsafe { libc::_exit(0) }
        }
        Ok(pid) => Some(pid),
        Err(_) => None,
    }
}
