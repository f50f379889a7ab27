//! Threads that fault, wait, and may die of a signal.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::sync::Once;

use libc::{c_int, c_void};

use crate::asleep::{sleeps, tid};
use crate::mapping;
use crate::signal::signal_name;
use crate::verdict::{Outcome, Verdict};
use crate::wait::{eventually, MOMENT};

/// How a thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this value.
    Returned(i64),
    /// At a signal, one of SIGBUS and SIGSEGV.
    Signal {
        /// The signal.
        number: c_int,
        /// `si_code`, such as `BUS_MCEERR_AR`.
        code: c_int,
        /// `si_addr`.
        address: usize,
    },
}

const RUNNING: u32 = 0;
const RETURNED: u32 = 1;
const SIGNALLED: u32 = 2;

#[derive(Default)]
struct Slot {
    state: AtomicU32,
    tid: AtomicU32,
    go: AtomicU32,
    value: AtomicI64,
    number: AtomicU32,
    code: AtomicU32,
    address: AtomicUsize,
}

thread_local! {
    // Const, so that the signal handler allocates nothing.
    static SLOT: Cell<*const Slot> = const { Cell::new(std::ptr::null()) };
}

/// A thread that does one thing, such as accessing a page.
///
/// It is never joined: it may wait in a fault for ever, which ends with the
/// process of its case.
pub struct Thread {
    slot: Arc<Slot>,
    what: &'static str,
}

impl Thread {
    /// Starts a thread; `what` names it in failures: `the writing thread`.
    pub fn spawn(what: &'static str, work: impl FnOnce() -> i64 + Send + 'static) -> Thread {
        static HANDLERS: Once = Once::new();
        HANDLERS.call_once(install_handlers);
        let slot = Arc::new(Slot::default());
        let mine = Arc::clone(&slot);
        std::thread::spawn(move || {
            SLOT.with(|s| s.set(Arc::as_ptr(&mine)));
            mine.tid.store(tid(), SeqCst);
            // The thread that started this one must have allocated all it needs:
            // a fork(2) that waits for its event to be read holds the
            // allocator's locks.
            while mine.go.load(SeqCst) == 0 {
                std::thread::yield_now();
            }
            let value = work();
            mine.value.store(value, SeqCst);
            mine.state.store(RETURNED, SeqCst);
        });
        let thread = Thread { slot, what };
        assert!(eventually(|| thread.tid() != 0), "a thread does not start");
        lock_started().push(thread.tid());
        thread.slot.go.store(1, SeqCst);
        thread
    }

    /// Reads a byte and returns it.
    pub fn reads(addr: usize) -> Thread {
        Thread::spawn("the reading thread", move || i64::from(mapping::read(addr)))
    }

    /// Writes a byte.
    pub fn writes(addr: usize, byte: u8) -> Thread {
        Thread::spawn("the writing thread", move || {
            mapping::write(addr, byte);
            0
        })
    }

    /// Its thread id.
    pub fn tid(&self) -> u32 {
        self.slot.tid.load(SeqCst)
    }

    /// How it ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        match self.slot.state.load(SeqCst) {
            RUNNING => None,
            RETURNED => Some(Ending::Returned(self.slot.value.load(SeqCst))),
            _ => Some(Ending::Signal {
                number: self.slot.number.load(SeqCst) as c_int,
                code: self.slot.code.load(SeqCst) as c_int,
                address: self.slot.address.load(SeqCst),
            }),
        }
    }

    /// It must end; how it did.
    pub fn ends(&self) -> Result<Ending, Verdict> {
        let mut ending = None;
        let ended = eventually(|| {
            ending = self.ending();
            ending.is_some()
        });
        ensure!(ended, "{} still waits", self.what);
        Ok(ending.expect("it ended"))
    }

    /// It must end by itself; the value it returned.
    pub fn returns(&self) -> Result<i64, Verdict> {
        match self.ends()? {
            Ending::Returned(value) => Ok(value),
            Ending::Signal { number, .. } => fail!("{} got {}", self.what, signal_name(number)),
        }
    }

    /// It must end with this value.
    pub fn returns_value(&self, value: i64) -> Outcome {
        let got = self.returns()?;
        ensure!(
            got == value,
            "{} returned {:#x}, not {:#x}",
            self.what,
            got,
            value
        );
        Ok(())
    }

    /// It must get this signal; its `si_code` and address.
    pub fn gets_signal(&self, signal: c_int) -> Result<(c_int, usize), Verdict> {
        match self.ends()? {
            Ending::Signal {
                number,
                code,
                address,
            } if number == signal => Ok((code, address)),
            Ending::Signal { number, .. } => {
                fail!(
                    "{} got {}, not {}",
                    self.what,
                    signal_name(number),
                    signal_name(signal)
                )
            }
            Ending::Returned(_) => fail!("{} went on, without {}", self.what, signal_name(signal)),
        }
    }

    /// It must be waiting, and still be after a moment.
    pub fn still_waits(&self) -> Outcome {
        // On a busy machine it may take long until it has come so far.
        let settled = eventually(|| self.ending().is_some() || sleeps(self.tid()));
        ensure!(settled, "{} neither waits nor ends", self.what);
        std::thread::sleep(MOMENT);
        match self.ending() {
            None => Ok(()),
            Some(Ending::Returned(_)) => fail!("{} did not wait", self.what),
            Some(Ending::Signal { number, .. }) => {
                fail!("{} got {} and did not wait", self.what, signal_name(number))
            }
        }
    }
}

/// In a child process, which is not the thread that it was forked from: its
/// signals are its own.
pub fn leave_thread() {
    SLOT.with(|slot| slot.set(std::ptr::null()));
}

/// The threads that were started, dead ones among them.
fn lock_started() -> std::sync::MutexGuard<'static, Vec<u32>> {
    static STARTED: std::sync::Mutex<Vec<u32>> = std::sync::Mutex::new(Vec::new());
    STARTED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Waits until each started thread sleeps in the fault that it reported, or has
/// ended. A page that is filled before its thread sleeps lets the thread pass, which
/// says nothing about waking. False if one still runs.
#[must_use]
pub fn settle() -> bool {
    // No copy: see `spawn` on allocating.
    let started = lock_started();
    eventually(|| started.iter().all(|tid| sleeps(*tid)))
}

fn install_handlers() {
    // SAFETY: a zeroed `sigaction` is valid, and the handler keeps to what a
    // signal handler may do.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction =
            on_signal as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        for signal in [libc::SIGBUS, libc::SIGSEGV] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Records the signal and ends the thread; one that is not ours dies of it.
extern "C" fn on_signal(number: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    let slot = SLOT.with(Cell::get);
    if slot.is_null() {
        // SAFETY: puts back what there was; the access faults again.
        unsafe { libc::signal(number, libc::SIG_DFL) };
        return;
    }
    // SAFETY: the slot lives as long as its thread, whose stack holds an
    // `Arc`; `info` is the kernel's. Ending the thread by the system call
    // leaks its stack, and nothing else was held in the middle of an access.
    unsafe {
        let slot = &*slot;
        slot.number.store(number as u32, SeqCst);
        slot.code.store((*info).si_code as u32, SeqCst);
        slot.address.store((*info).si_addr() as usize, SeqCst);
        slot.state.store(SIGNALLED, SeqCst);
        libc::syscall(libc::SYS_exit, 0);
    }
}
