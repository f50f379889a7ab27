//! Which ways to open a userfaultfd work here, and for each that does not:
//! why, and what to do.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use serde::Serialize;

use crate::uffd::{errno_name, kernel_release, Refusal, Way, DEVICE};

/// What is known of this process and machine, as far as it can be read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Surroundings {
    /// `vm.unprivileged_userfaultfd`; none where /proc or the sysctl is absent.
    pub sysctl: Option<u32>,
    /// Whether CAP_SYS_PTRACE is effective.
    pub sys_ptrace: Option<bool>,
    /// 0 no seccomp, 1 strict, 2 a filter.
    pub seccomp: Option<u32>,
    /// The device's mode, owner and group, as `ls` shows them.
    pub device: Option<String>,
    /// Whether the kernel has the device, even if no node for it is here; and
    /// its minor number.
    pub minor: Option<u32>,
    /// Whether /proc can be read at all.
    pub proc: bool,
    /// The version of Linux.
    pub linux: Option<(u32, u32)>,
}

impl Surroundings {
    /// Of this process.
    pub fn here() -> Surroundings {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.strip_prefix(':')).map(str::trim)
        };
        const CAP_SYS_PTRACE: u32 = 19;
        let misc = fs::read_to_string("/proc/misc").unwrap_or_default();
        Surroundings {
            sysctl: fs::read_to_string("/proc/sys/vm/unprivileged_userfaultfd")
                .ok()
                .and_then(|text| text.trim().parse().ok()),
            sys_ptrace: field("CapEff")
                .and_then(|hex| u64::from_str_radix(hex, 16).ok())
                .map(|bits| bits >> CAP_SYS_PTRACE & 1 == 1),
            seccomp: field("Seccomp").and_then(|text| text.parse().ok()),
            device: fs::metadata(DEVICE).ok().map(|device| {
                let kind = if device.file_type().is_char_device() {
                    "a character device"
                } else {
                    "no device"
                };
                let mode = device.permissions().mode() & 0o777;
                format!(
                    "{kind}, mode {mode:03o}, owner {}, group {}",
                    device.uid(),
                    device.gid()
                )
            }),
            minor: misc
                .lines()
                .filter_map(|line| line.trim().split_once(' '))
                .find(|(_, name)| *name == "userfaultfd")
                .and_then(|(minor, _)| minor.parse().ok()),
            proc: !status.is_empty(),
            linux: kernel_release().1,
        }
    }

    fn filter(&self) -> bool {
        self.seccomp == Some(2)
    }

    fn older_than(&self, version: (u32, u32)) -> bool {
        self.linux.is_some_and(|linux| linux < version)
    }
}

/// A way, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Its name.
    pub way: &'static str,
    /// Whether it works.
    pub works: bool,
    /// The call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<&'static str>,
    /// The errno's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// A stable word: `sysctl`, `seccomp`, `permission`, `no-device`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// Why, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Tries every way.
pub fn tries(here: &Surroundings) -> Vec<Tried> {
    let results = Way::ALL.map(|way| (way, way.open(0).map(drop)));
    let user_mode_works = results[1].1.is_ok();
    results
        .into_iter()
        .map(|(way, result)| match result {
            Ok(()) => Tried {
                way: way.name(),
                works: true,
                call: None,
                errno: None,
                cause: None,
                remedy: None,
            },
            Err(refusal) => {
                let (cause, remedy) = explain(way, refusal, user_mode_works, here);
                Tried {
                    way: way.name(),
                    works: false,
                    call: Some(refusal.call),
                    errno: Some(errno_name(refusal.errno)),
                    cause: Some(cause),
                    remedy: Some(remedy),
                }
            }
        })
        .collect()
}

/// Why a way is closed and what opens it.
pub fn explain(
    way: Way,
    refusal: Refusal,
    user_mode_works: bool,
    here: &Surroundings,
) -> (&'static str, String) {
    match (refusal.errno, refusal.call) {
        (libc::EMFILE | libc::ENFILE, _) => (
            "limit",
            "Out of file descriptors: raise `ulimit -n` (or fs.file-max).".to_owned(),
        ),
        (libc::ENOMEM, _) => ("memory", "The kernel is out of memory.".to_owned()),
        (errno, "userfaultfd(2)") => system_call(way, errno, user_mode_works, here),
        (errno, "open(2)") => device(errno, here),
        (errno, _) => new(errno, here),
    }
}

fn system_call(
    way: Way,
    errno: i32,
    user_mode_works: bool,
    here: &Surroundings,
) -> (&'static str, String) {
    // The kernel has it, whatever the call answers.
    let built_in = here.sysctl.is_some() || here.minor.is_some();
    match errno {
        libc::ENOSYS if here.filter() && built_in => ("seccomp", seccomp("userfaultfd")),
        libc::ENOSYS if here.filter() => (
            "seccomp-or-kernel",
            format!("Either the kernel lacks CONFIG_USERFAULTFD, or: {}", seccomp("userfaultfd")),
        ),
        libc::ENOSYS => ("kernel", "The kernel was built without CONFIG_USERFAULTFD=y.".to_owned()),
        libc::EINVAL if way == Way::UserModeOnly => {
            ("old-kernel", "UFFD_USER_MODE_ONLY exists since Linux 5.11.".to_owned())
        }
        // What the kernel itself refuses with EPERM it allows in user mode.
        libc::EPERM if way == Way::SystemCall && user_mode_works => {
            let mut text = match here.sysctl {
                Some(value) => format!("vm.unprivileged_userfaultfd is {value} and this process"),
                None => "vm.unprivileged_userfaultfd is 0, and this process".to_owned(),
            };
            text.push_str(match here.sys_ptrace {
                Some(true) => " has CAP_SYS_PTRACE only in its own user namespace.",
                _ => " lacks CAP_SYS_PTRACE.",
            });
            text.push_str(
                " Pass UFFD_USER_MODE_ONLY if faults of user mode are enough; or use /dev/userfaultfd; \
                 or run `sysctl vm.unprivileged_userfaultfd=1`; or give the program the capability \
                 (`setcap cap_sys_ptrace+ep PROGRAM`).",
            );
            ("sysctl", text)
        }
        libc::EPERM if way == Way::SystemCall && here.older_than((5, 11)) && here.sysctl == Some(0) => (
            "sysctl",
            "vm.unprivileged_userfaultfd is 0 and this process lacks CAP_SYS_PTRACE. Run \
             `sysctl vm.unprivileged_userfaultfd=1`, or give the program the capability."
                .to_owned(),
        ),
        libc::EPERM | libc::EACCES if here.filter() || !here.proc => ("seccomp", seccomp("userfaultfd")),
        libc::EPERM | libc::EACCES => (
            "security-module",
            "Neither the sysctl nor a seccomp filter explains it: a security module refuses it. With \
             SELinux, allow `anon_inode` for userfaultfd, and see its audit log. AppArmor and \
             Landlock cannot refuse it."
                .to_owned(),
        ),
        other => ("unknown", format!("{} is no errno of this call.", errno_name(other))),
    }
}

fn device(errno: i32, here: &Surroundings) -> (&'static str, String) {
    match errno {
        libc::ENOENT if here.older_than((6, 1)) => {
            ("old-kernel", "The device exists since Linux 6.1.".to_owned())
        }
        libc::ENOENT => match here.minor {
            Some(minor) => (
                "no-device",
                format!(
                    "The kernel has the device, but there is no node for it here. In a container pass \
                     it on (`--device /dev/userfaultfd`); else `mknod {DEVICE} c 10 {minor}`."
                ),
            ),
            None if here.proc => ("kernel", "The kernel was built without the device.".to_owned()),
            None => (
                "no-device",
                "There is no node for it here. Mount a devtmpfs on /dev, or in a container pass it on \
                 (`--device /dev/userfaultfd`)."
                    .to_owned(),
            ),
        },
        libc::EACCES => (
            "permission",
            format!(
                "The device is not open to this user ({}). Let a group use it: `chgrp GROUP {DEVICE}; \
                 chmod 660 {DEVICE}` (lasting: a udev rule KERNEL==\"userfaultfd\", GROUP=\"…\", \
                 MODE=\"0660\"), or one user: `setfacl -m u:USER:rw {DEVICE}`.",
                here.device.as_deref().unwrap_or("it cannot be seen")
            ),
        ),
        libc::EPERM if here.filter() => (
            "seccomp-or-cgroup",
            format!("A device cgroup refuses it (`--device {DEVICE}`), or: {}", seccomp("openat")),
        ),
        libc::EPERM => (
            "cgroup",
            format!("A device cgroup refuses it: in a container pass it on (`--device {DEVICE}`)."),
        ),
        libc::ENXIO | libc::ENODEV => (
            "wrong-node",
            format!("{DEVICE} has the number of no device: remove it and let devtmpfs or mknod make it."),
        ),
        other => ("unknown", format!("{} from open(2).", errno_name(other))),
    }
}

fn new(errno: i32, here: &Surroundings) -> (&'static str, String) {
    match errno {
        libc::ENOTTY | libc::EINVAL => (
            "wrong-node",
            format!("{DEVICE} is not the kernel's device of that name."),
        ),
        libc::EPERM | libc::EACCES | libc::ENOSYS if here.filter() || !here.proc => {
            ("seccomp", seccomp("ioctl"))
        }
        other => (
            "unknown",
            format!("{} from USERFAULTFD_IOC_NEW.", errno_name(other)),
        ),
    }
}

fn seccomp(call: &str) -> String {
    format!(
        "A seccomp filter refuses `{call}`, as the defaults of container runtimes do: allow it in the \
         profile (Docker, Podman: `--security-opt seccomp=PROFILE.json`; Kubernetes: seccompProfile; \
         systemd: SystemCallFilter={call})."
    )
}
