//! Being the first process of a virtual machine.

use std::ffi::CString;

use uffd_kit::errno::{errno, errno_name};

/// Is this the first process?
pub fn is_init() -> bool {
    std::process::id() == 1
}

/// Mounts what the cases read: /proc, /sys, /dev.
pub fn mount_all() {
    for (kind, at) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        let _ = std::fs::create_dir(at);
        let c = |text: &str| CString::new(text).expect("no zero byte");
        let (kind_c, at_c) = (c(kind), c(at));
        // SAFETY: the strings end in zero and live through the call.
        let result = unsafe {
            let kind = kind_c.as_ptr();
            libc::mount(kind, at_c.as_ptr(), kind, 0, std::ptr::null())
        };
        if result != 0 {
            let error = std::io::Error::last_os_error();
            println!("# cannot mount {} at {}: {}", kind, at, error);
        }
    }
}

/// Empties the kernel's log, so that what it said of the machine while it
/// started is not taken for the cases' doing.
pub fn forget_kernel_log() {
    const CLEAR: libc::c_int = 5;
    // SAFETY: this action takes no buffer.
    unsafe { libc::klogctl(CLEAR, std::ptr::null_mut(), 0) };
}

/// Prints the kernel's warnings and bugs since then, for the runner; that there
/// is no log to look at, too.
pub fn print_kernel_complaints() {
    const READ_ALL: libc::c_int = 3;
    let mut log = vec![0_u8; 1 << 20];
    // SAFETY: there is room for so many bytes.
    let len = unsafe { libc::klogctl(READ_ALL, log.as_mut_ptr().cast(), log.len() as libc::c_int) };
    if len < 0 {
        println!("# kernel log: cannot be read: {}", errno_name(errno()));
    }
    let log = String::from_utf8_lossy(&log[..len.max(0) as usize]);
    for line in log.lines() {
        if ["WARNING: ", "BUG: ", "Oops", "UBSAN", "INFO: task"]
            .iter()
            .any(|w| line.contains(w))
        {
            println!("# kernel log: {}", line);
        }
    }
}

/// Switches the machine off.
pub fn power_off() -> ! {
    use std::io::Write;
    let _ = std::io::stdout().flush();
    // SAFETY: nothing is left to do. If it fails, init ends and the kernel
    // panics, which the runner sees.
    unsafe {
        // The serial line may still be sending.
        libc::sync();
        libc::usleep(100_000);
        libc::reboot(libc::RB_POWER_OFF);
        libc::_exit(1)
    }
}
