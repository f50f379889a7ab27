//! Threads that access memory on demand, and may wait in a fault.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;
use std::time::Duration;

use libc::{c_int, c_void};
use uffd_kit::asleep::{sleeps, tid};

const IDLE: u32 = 0;
const GO: u32 = 1;
const DONE: u32 = 2;
const QUIT: u32 = 3;

/// A thread and its orders.
pub struct Worker {
    shared: Arc<Shared>,
    /// Its id, as messages have it.
    pub tid: u32,
}

#[derive(Default)]
struct Shared {
    state: AtomicU32,
    tid: AtomicU32,
    address: AtomicUsize,
    writes: AtomicU32,
    by_kernel: AtomicU32,
    value: AtomicU64,
    signal: AtomicU32,
}

/// How an access ended: the value read, or the signal.
pub type Accessed = Result<u64, c_int>;

impl Worker {
    /// Starts the thread.
    pub fn start() -> Worker {
        let shared = Arc::new(Shared::default());
        let thread = shared.clone();
        std::thread::spawn(move || thread.serve());
        while shared.tid.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
        let tid = shared.tid.load(SeqCst);
        Worker { shared, tid }
    }

    /// Begins an access.
    pub fn access(&self, address: usize, write: Option<u64>, by_kernel: bool) {
        let shared = &self.shared;
        shared.address.store(address, SeqCst);
        shared.writes.store(write.is_some() as u32, SeqCst);
        shared.by_kernel.store(by_kernel as u32, SeqCst);
        shared.value.store(write.unwrap_or(0), SeqCst);
        shared.state.store(GO, SeqCst);
        futex_wake(&shared.state);
    }

    /// How the access ended, if it did.
    pub fn ended(&self) -> Option<Accessed> {
        if self.shared.state.load(SeqCst) != DONE {
            return None;
        }
        match self.shared.signal.load(SeqCst) {
            0 => Some(Ok(self.shared.value.load(SeqCst))),
            signal => Some(Err(signal as c_int)),
        }
    }

    /// Waits a little for the access to end.
    pub fn wait(&self, time: Duration) {
        if self.shared.state.load(SeqCst) == GO {
            futex_wait(&self.shared.state, GO, Some(time));
        }
    }

    /// Is it asleep? A message can be read a little before its thread sleeps,
    /// and a thread that finds its page at that moment does not sleep at all,
    /// DONTWAKE or not.
    pub fn sleeps(&self) -> bool {
        sleeps(self.tid)
    }

    /// Takes note of the end; the worker is free.
    pub fn rest(&self) {
        self.shared.state.store(IDLE, SeqCst);
    }

    /// Is there an access that has not ended?
    pub fn is_busy(&self) -> bool {
        self.shared.state.load(SeqCst) == GO
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.state.store(QUIT, SeqCst);
        futex_wake(&self.shared.state);
    }
}

impl Shared {
    fn serve(&self) {
        let accessor = Accessor::open();
        self.tid.store(tid(), SeqCst);
        loop {
            match self.state.load(SeqCst) {
                GO => {
                    let write = match self.writes.load(SeqCst) {
                        0 => None,
                        _ => Some(self.value.load(SeqCst)),
                    };
                    let by_kernel = self.by_kernel.load(SeqCst) != 0;
                    let accessed = accessor.access(self.address.load(SeqCst), write, by_kernel);
                    self.value.store(accessed.unwrap_or(0), SeqCst);
                    self.signal
                        .store(accessed.err().unwrap_or(0) as u32, SeqCst);
                    // Not if the order to quit came meanwhile.
                    if self
                        .state
                        .compare_exchange(GO, DONE, SeqCst, SeqCst)
                        .is_ok()
                    {
                        futex_wake(&self.state);
                    }
                }
                QUIT => return,
                other => futex_wait(&self.state, other, None),
            }
        }
    }
}

fn futex_wake(word: &AtomicU32) {
    let op = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word lives through the call.
    unsafe { libc::syscall(libc::SYS_futex, word as *const AtomicU32, op, i32::MAX) };
}

fn futex_wait(word: &AtomicU32, value: u32, time: Option<Duration>) {
    let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let time = time.map(|t| libc::timespec {
        tv_sec: t.as_secs() as libc::time_t,
        tv_nsec: t.subsec_nanos() as _,
    });
    let time = time
        .as_ref()
        .map_or(std::ptr::null(), |t| t as *const libc::timespec);
    // SAFETY: the word and the time live through the call.
    unsafe { libc::syscall(libc::SYS_futex, word as *const AtomicU32, op, value, time) };
}

thread_local! {
    /// May the handler skip the instruction?
    static ARMED: Cell<bool> = const { Cell::new(false) };
    /// The signal that it got.
    static SIGNAL: Cell<c_int> = const { Cell::new(0) };
}

/// Accesses memory, and survives the signal.
pub struct Accessor {
    eventfd: c_int,
}

impl Accessor {
    /// For this thread.
    pub fn open() -> Accessor {
        // SAFETY: plain numbers.
        let eventfd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        assert!(eventfd >= 0, "eventfd(2) failed: too many descriptors?");
        Accessor { eventfd }
    }

    /// Reads or writes the word: what was read, or the signal. A system call
    /// that answers EFAULT does not say which signal an instruction would have
    /// got: SIGBUS stands for both.
    pub fn access(&self, address: usize, write: Option<u64>, by_kernel: bool) -> Accessed {
        if by_kernel || !instruction::KNOWN {
            return self.by_system_call(address, write);
        }
        SIGNAL.with(|s| s.set(0));
        ARMED.with(|a| a.set(true));
        // SAFETY: the address is a word of the model's regions, in which no
        // Rust object lies; the handler answers for the signals.
        let value = unsafe {
            match write {
                Some(value) => {
                    instruction::store(address, value);
                    0
                }
                None => instruction::load(address),
            }
        };
        ARMED.with(|a| a.set(false));
        match SIGNAL.with(Cell::get) {
            0 => Ok(value),
            signal => Err(signal),
        }
    }

    /// An eventfd keeps a number: writing to it reads memory, reading from it
    /// writes memory.
    fn by_system_call(&self, address: usize, write: Option<u64>) -> Accessed {
        let mut number = write.unwrap_or(0);
        let own = &mut number as *mut u64 as *mut c_void;
        let word = address as *mut c_void;
        // SAFETY: both addresses are of eight bytes: one on this stack, one
        // of the model's regions, in which no Rust object lies.
        unsafe {
            match write {
                Some(_) => {
                    libc::write(self.eventfd, own, 8);
                    let done = libc::read(self.eventfd, word, 8) == 8;
                    // The number stays when the copy failed in new kernels.
                    libc::read(self.eventfd, own, 8);
                    if done {
                        Ok(0)
                    } else {
                        Err(libc::SIGBUS)
                    }
                }
                None if libc::write(self.eventfd, word, 8) != 8 => Err(libc::SIGBUS),
                None => {
                    // Zero is not stored, so that this read then fails.
                    let read = libc::read(self.eventfd, own, 8);
                    Ok(if read == 8 { number } else { 0 })
                }
            }
        }
    }
}

impl Drop for Accessor {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this object's own.
        unsafe { libc::close(self.eventfd) };
    }
}

/// Lets the threads of this process survive a signal in [`Accessor::access`].
pub fn catch_signals() {
    // SAFETY: all zeroes is a valid `sigaction`; the handler is
    // async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
    }
}

extern "C" fn on_signal(signal: c_int, _info: *mut libc::siginfo_t, context: *mut c_void) {
    if !ARMED.with(Cell::get) {
        // SAFETY: puts back what there was; the access faults again.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    SIGNAL.with(|s| s.set(signal));
    // SAFETY: the kernel passes this thread's context to a handler that was
    // installed with SA_SIGINFO; armed, the thread is at one of our
    // instructions.
    unsafe { instruction::skip(context) };
}

/// Loads and stores by one instruction of known length, so that the handler
/// can go on behind it.
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
mod instruction {
    pub const KNOWN: bool = true;
    const LENGTH: i64 = 3;

    #[inline(never)]
    pub unsafe fn load(address: usize) -> u64 {
        let mut value = 0u64;
        // SAFETY: the caller vouches for the address.
        unsafe {
            core::arch::asm!("mov rax, qword ptr [rdi]", in("rdi") address, inout("rax") value)
        };
        value
    }

    #[inline(never)]
    pub unsafe fn store(address: usize, value: u64) {
        // SAFETY: the caller vouches for the address.
        unsafe { core::arch::asm!("mov qword ptr [rdi], rax", in("rdi") address, in("rax") value) };
    }

    pub unsafe fn skip(context: *mut libc::c_void) {
        let context = context as *mut libc::ucontext_t;
        // SAFETY: the caller's context.
        unsafe { (*context).uc_mcontext.gregs[libc::REG_RIP as usize] += LENGTH };
    }
}

#[cfg(target_arch = "aarch64")]
mod instruction {
    pub const KNOWN: bool = true;
    const LENGTH: u64 = 4;

    #[inline(never)]
    pub unsafe fn load(address: usize) -> u64 {
        let mut value = 0u64;
        // SAFETY: the caller vouches for the address.
        unsafe { core::arch::asm!("ldr x0, [x1]", in("x1") address, inout("x0") value) };
        value
    }

    #[inline(never)]
    pub unsafe fn store(address: usize, value: u64) {
        // SAFETY: the caller vouches for the address.
        unsafe { core::arch::asm!("str x0, [x1]", in("x1") address, in("x0") value) };
    }

    pub unsafe fn skip(context: *mut libc::c_void) {
        let context = context as *mut libc::ucontext_t;
        // SAFETY: the caller's context.
        unsafe { (*context).uc_mcontext.pc += LENGTH };
    }
}

/// Elsewhere all accesses are by system calls.
#[cfg(not(any(
    all(target_arch = "x86_64", target_pointer_width = "64"),
    target_arch = "aarch64"
)))]
mod instruction {
    pub const KNOWN: bool = false;

    pub unsafe fn load(_address: usize) -> u64 {
        unreachable!("accesses are by system calls here")
    }

    pub unsafe fn store(_address: usize, _value: u64) {
        unreachable!("accesses are by system calls here")
    }

    pub unsafe fn skip(_context: *mut libc::c_void) {}
}

/// Whether accesses by an instruction can be told from those by the kernel:
/// what [`Accessor::access`] answers for SIGSEGV depends on it.
pub const BY_INSTRUCTION: bool = instruction::KNOWN;
