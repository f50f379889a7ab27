//! The processors, and threads bound to one.

use std::mem::size_of;

type Set = libc::cpu_set_t;

/// The processors that this process may use.
pub fn processors() -> Vec<usize> {
    // SAFETY: an all-zero set is valid, and the calls stay inside it.
    unsafe {
        let mut set: Set = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<Set>(), &mut set);
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&cpu| libc::CPU_ISSET(cpu, &set))
            .collect()
    }
}

/// The same, with the one that this thread runs on first.
pub fn from_here() -> Vec<usize> {
    // SAFETY: takes nothing.
    let here = unsafe { libc::sched_getcpu() } as usize;
    let mut all = processors();
    all.sort_by_key(|&cpu| cpu != here);
    all
}

/// Binds this thread to processors, as far as it may.
pub fn pin(cpus: &[usize]) {
    // SAFETY: as above.
    unsafe {
        let mut set: Set = std::mem::zeroed();
        cpus.iter().for_each(|&cpu| libc::CPU_SET(cpu, &mut set));
        libc::sched_setaffinity(0, size_of::<Set>(), &set);
    }
}
