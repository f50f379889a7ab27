//! On which processor a thread runs, and before whom.

use crate::verdict::{need, Outcome, Verdict};

/// The processor that this thread runs on.
pub fn processor() -> Result<usize, Verdict> {
    // SAFETY: takes nothing.
    need("sched_getcpu", unsafe { libc::sched_getcpu() }).map(|n| n as usize)
}

/// Keeps this thread on one processor.
pub fn pin(processor: usize) -> Outcome {
    // SAFETY: all zero is a set without processors.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours, and a number that is too large is ignored.
    unsafe { libc::CPU_SET(processor, &mut set) };
    // SAFETY: the set is as long as said.
    let result = unsafe { libc::sched_setaffinity(0, std::mem::size_of_val(&set), &set) };
    need("sched_setaffinity", result).map(|_| ())
}

/// This thread goes before all ordinary ones of its processor, until dropped.
#[derive(Debug)]
pub struct RealTime(());

impl RealTime {
    /// Begins; a user without CAP_SYS_NICE cannot.
    pub fn begin() -> Result<RealTime, Verdict> {
        schedule(libc::SCHED_FIFO, 1).map(|()| RealTime(()))
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        let _ = schedule(libc::SCHED_OTHER, 0);
    }
}

fn schedule(policy: libc::c_int, priority: libc::c_int) -> Outcome {
    // SAFETY: all zero is a valid value of its integers.
    let mut parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    parameters.sched_priority = priority;
    // SAFETY: the parameters are only read.
    let result = unsafe { libc::sched_setscheduler(0, policy, &parameters) };
    need("sched_setscheduler", result).map(|_| ())
}
