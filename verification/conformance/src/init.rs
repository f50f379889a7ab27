//! Being the first process of a virtual machine.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::io::AsRawFd;
use std::path::Path;

use uffd_kit::errno::{errno, errno_name};
use uffd_kit::swap;
use uffd_kit::verdict::{need, Verdict};
use uffd_kit::wait::eventually;

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

/// Turns swap on, on the disk of the machine or else on a RAM disk. Says on which, or why
/// there is none.
pub fn use_swap() {
    match try_swap() {
        Ok(disk) => println!("# swap on {}", disk),
        Err(why) => println!("# no swap: {}", why),
    }
}

fn try_swap() -> Result<&'static str, String> {
    let (nvme, ram) = ("/dev/nvme0n1", "/dev/ram0");
    let disk = match File::open("/module.ko") {
        Ok(module) => {
            load(&module).map_err(|verdict| verdict.text().to_owned())?;
            ram
        }
        Err(_) if Path::new("/sys/class/nvme").exists() => nvme,
        Err(_) => return Err("the kernel has no driver of a disk built in".to_owned()),
    };
    // The kernel finds its disks while this program runs already.
    if !eventually(|| Path::new(disk).exists()) {
        return Err(format!("no {}", disk));
    }
    match swap::turn_on(Path::new(disk)) {
        Ok(()) => Ok(disk),
        Err(verdict) => Err(format!("{}: {}", disk, verdict.text())),
    }
}

/// Loads a kernel module, the driver of RAM disks: one is enough.
fn load(module: &File) -> Result<(), Verdict> {
    let parameters = b"rd_nr=1\0";
    // SAFETY: the parameters end in zero and live through the call.
    let result = unsafe {
        let fd = module.as_raw_fd();
        libc::syscall(libc::SYS_finit_module, fd, parameters.as_ptr(), 0)
    };
    need("loading the driver of a RAM disk", result as i64).map(|_| ())
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
