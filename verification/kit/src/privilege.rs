//! The privileges of this process, and what to do for want of them.

use crate::verdict::{need, Outcome};

/// Takes all privileges from this process: user and group `nobody`, and no
/// capabilities. There is no way back.
pub fn become_nobody() -> Outcome {
    // SAFETY: the calls take plain numbers, or an empty list.
    unsafe {
        need("setgroups", libc::setgroups(0, std::ptr::null()))?;
        need("setresgid", libc::setresgid(65534, 65534, 65534))?;
        need("setresuid", libc::setresuid(65534, 65534, 65534))?;
    }
    // A process that changed its user is not dumpable, and then cannot read
    // its own /proc/self/pagemap.
    // SAFETY: plain numbers.
    unsafe { need("prctl", libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0)) }.map(|_| ())
}

/// What to do where userfaultfd(2) is refused with this errno.
pub fn remedy(errno: libc::c_int) -> &'static str {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let filtered = status.lines().any(|line| line == "Seccomp:\t2");
    // SAFETY: takes nothing.
    let root = unsafe { libc::geteuid() } == 0;
    match errno {
        libc::EPERM | libc::ENOSYS if filtered && (root || errno == libc::ENOSYS) => {
            "run the container privileged, or allow userfaultfd in its seccomp profile: \
             a filter refuses the call"
        }
        libc::ENOSYS => "use a kernel that was built with CONFIG_USERFAULTFD",
        _ => "run as root, or sysctl vm.unprivileged_userfaultfd=1",
    }
}

/// CAP_SYS_PTRACE, as a mask.
pub const CAP_SYS_PTRACE: u64 = 1 << 19;

/// Keeps only these capabilities of those that this process has. The user
/// stays root, which without capabilities is nobody special.
pub fn keep_capabilities(keep: u64) -> Outcome {
    // linux/capability.h, version 3: two sets of 32 bits each.
    let header: [u32; 2] = [0x2008_0522, 0];
    let mut data = [[0_u32; 3]; 2];
    // SAFETY: header and data have the layout that capget(2) and capset(2)
    // document for version 3.
    unsafe {
        need(
            "capget",
            libc::syscall(libc::SYS_capget, header.as_ptr(), data.as_mut_ptr()) as i64,
        )?;
        for (half, sets) in data.iter_mut().enumerate() {
            let mask = (keep >> (32 * half)) as u32;
            *sets = [sets[0] & mask, sets[1] & mask, 0];
        }
        need(
            "capset",
            libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) as i64,
        )?;
    }
    Ok(())
}
