//! The main thread must not wait in a fault: it reads the messages.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use uffd_sys::*;

use crate::model::op::{ANON, SHMEM};
use crate::model::world::World;

/// Keeps the main thread from waiting for ever: another thread wakes it after a
/// time.
pub struct Guard;

static WATCHED: AtomicU64 = AtomicU64::new(0);
static ACCESS: AtomicU64 = AtomicU64::new(0);
static ACTED: AtomicBool = AtomicBool::new(false);
static DESCRIPTOR: AtomicI32 = AtomicI32::new(-1);
static START: AtomicU64 = AtomicU64::new(0);
static LENGTH: AtomicU64 = AtomicU64::new(0);

impl Guard {
    /// Starts the thread, once.
    pub fn start() {
        std::thread::spawn(|| {
            let mut seen = (0, Instant::now());
            loop {
                std::thread::sleep(Duration::from_millis(50));
                let access = ACCESS.load(SeqCst);
                let limit = Duration::from_millis(WATCHED.load(SeqCst));
                if access == 0 || access != seen.0 {
                    seen = (access, Instant::now());
                } else if seen.1.elapsed() > limit {
                    ACTED.store(true, SeqCst);
                    Guard::let_go();
                }
            }
        });
    }

    fn let_go() {
        let fd = DESCRIPTOR.load(SeqCst);
        let range = || uffdio_range {
            start: START.load(SeqCst),
            len: LENGTH.load(SeqCst),
        };
        // SAFETY: the range is that of the model's regions, whose memory is
        // nobody's object. Unprotecting may fail where nothing is protected.
        unsafe {
            uffdio_unregister(fd, &mut range());
            uffdio_wake(fd, &mut range());
        }
    }

    pub(super) fn watch(world: &World, patience: Duration) -> Guard {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let start = world.address(ANON, 0, 0);
        let end = world.address(SHMEM, world.pages, 0);
        DESCRIPTOR.store(world.uffd.as_ref().expect("a program runs").fd, SeqCst);
        START.store(start as u64, SeqCst);
        LENGTH.store((end - start) as u64, SeqCst);
        WATCHED.store(patience.as_millis() as u64, SeqCst);
        ACTED.store(false, SeqCst);
        ACCESS.store(COUNT.fetch_add(1, SeqCst) + 1, SeqCst);
        Guard
    }

    pub(super) fn had_to_act(self) -> bool {
        ACTED.load(SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        ACCESS.store(0, SeqCst);
    }
}
