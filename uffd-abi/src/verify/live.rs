//! The witness of the running kernel's answers.
//!
//! A request code that the kernel knows makes it read the argument: a pointer
//! to a page that may not be touched gives EFAULT. One that it does not know
//! gives EINVAL (of a userfaultfd, its device and /proc/PID/pagemap) or
//! ENOTTY. So each number can be told from its neighbours with no effect.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use uffd_sys as sys;
use uffd_sys::abi::table::{Constant, CONSTANTS};
use uffd_sys::abi::target;

use super::{newer, version, Absent, Compared};
use crate::findings::{Finding, Severity};
use crate::memory::{page_size, Mapping};
use crate::probe::registering::{self, Answer, MODES};
use crate::uffd::{self, errno, errno_name, kernel_release, Way};

/// All that the kernel can be asked here.
pub fn witnesses() -> Vec<Compared> {
    let (release, _) = kernel_release();
    let kernel = format!("kernel {}", release.split('-').next().unwrap_or_default());
    let (codes, bits) = (
        format!("{kernel}, request codes"),
        format!("{kernel}, bits"),
    );
    let mut asked = match Asked::new() {
        Ok(asked) => asked,
        Err(why) => return vec![Compared::failed(codes, why)],
    };
    let mut done = vec![];
    asked.request_codes();
    done.push(asked.take(codes));
    asked.bits();
    done.push(asked.take(bits));
    done
}

/// Whether the kernel takes `code` where the request of this name belongs.
///
/// # Errors
///
/// Why it cannot be asked.
pub fn takes(name: &str, code: u32) -> Result<bool, String> {
    let asked = Asked::new()?;
    let file = asked.file_of(name)?;
    match asked.ask(&file, code) {
        Code::Taken => Ok(true),
        Code::Unknown(_) => Ok(false),
        Code::Other(errno) => Err(errno_name(errno)),
    }
}

struct Asked {
    linux: Option<(u32, u32)>,
    /// How to open a userfaultfd, or why not.
    way: Result<Way, String>,
    pagemap: Result<File, String>,
    forbidden: Mapping,
    compared: Compared,
    absent: Absent,
}

/// What the kernel made of a request code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Taken,
    Unknown(i32),
    Other(i32),
}

impl Asked {
    fn new() -> Result<Asked, String> {
        let way = uffd::open_any(0).map(|(way, _)| way).map_err(|refusals| {
            let each = refusals
                .iter()
                .map(|(way, refusal)| format!("{} {}", way.name(), errno_name(refusal.errno)));
            format!(
                "{}; see `uffd-abi probe`",
                each.collect::<Vec<_>>().join(", ")
            )
        });
        Ok(Asked {
            linux: kernel_release().1,
            way,
            pagemap: File::open("/proc/self/pagemap")
                .map_err(|error| format!("/proc/self/pagemap: {error}")),
            forbidden: Mapping::forbidden()?,
            compared: Compared::default(),
            absent: Absent::default(),
        })
    }

    fn take(&mut self, name: String) -> Compared {
        let mut done = std::mem::take(&mut self.compared);
        let absent = std::mem::take(&mut self.absent);
        done.absent += absent.len();
        done.check.findings.extend(absent.note());
        let check = &mut done.check;
        check.name = name;
        check.compared = done.constants;
        if check.compared == 0 && check.findings.is_empty() {
            let why = self.way.as_ref().err().cloned();
            check.skipped = Some(why.unwrap_or_else(|| "nothing could be asked".to_owned()));
        }
        done
    }

    fn add(&mut self, severity: Severity, kind: &'static str, item: &str, message: String) {
        self.compared
            .check
            .findings
            .push(Finding::new(severity, kind, item, message));
    }

    /// What is not there: the kernel is older, or ought to have it.
    fn lacks(&mut self, constant: &Constant, advertised: bool, how: &str) {
        let since = version(constant.since);
        if self.linux.is_some_and(|linux| linux < since) && !advertised {
            self.absent.add(constant.since, constant.name);
        } else if advertised {
            self.add(Severity::Error, "mismatch", constant.name, how.to_owned());
        } else {
            self.compared.absent += 1;
            let message = format!("{how}: not in this kernel's configuration or processor");
            self.add(Severity::Note, "absent", constant.name, message);
        }
    }

    fn request_codes(&mut self) {
        let offered = self.way.clone().map(offered_ioctls).unwrap_or(0);
        for constant in CONSTANTS.iter().filter(|constant| constant.is_request()) {
            let code = constant.value(target().encoding) as u32;
            let file = match self.file_of(constant.name) {
                Ok(file) => file,
                Err(why) => {
                    if self
                        .linux
                        .is_some_and(|linux| linux < version(constant.since))
                    {
                        self.lacks(constant, false, "");
                    } else {
                        self.add(
                            Severity::Note,
                            "not-asked",
                            constant.name,
                            format!("not asked: {why}"),
                        );
                    }
                    continue;
                }
            };
            self.compared.constants += 1;
            // Its own file tells of these two; the others by their bit.
            let advertised = match file {
                Target::Device(_) => true,
                Target::Pagemap(_) => self.linux.is_some_and(|linux| linux >= (6, 7)),
                Target::Userfaultfd(..) => offered & 1 << (code & 0xff) != 0,
            };
            match self.ask(&file, code) {
                Code::Taken => self.neighbours(constant, code, &file),
                Code::Unknown(errno) => {
                    let how = format!("the kernel refuses {code:#x} with {}", errno_name(errno));
                    self.lacks(constant, advertised, &how);
                }
                Code::Other(errno) => {
                    let how = format!(
                        "{} for {code:#x}, which neither takes nor refuses it; a seccomp filter?",
                        errno_name(errno)
                    );
                    self.add(Severity::Unchecked, "unclear", constant.name, how);
                }
            }
        }
    }

    /// No number near this one may be taken too.
    fn neighbours(&mut self, constant: &Constant, code: u32, file: &Target) {
        let (direction, size) = (code >> 29, code >> 16 & 0x1fff);
        let with =
            |direction: u32, size: u32| direction << 29 | (size & 0x1fff) << 16 | code & 0xffff;
        let directions = (0..8).map(|direction| with(direction, size));
        let sizes = [
            0,
            size / 2,
            size.wrapping_sub(8),
            size.wrapping_sub(1),
            size + 1,
            size + 8,
            size * 2,
        ];
        let sizes = sizes.map(|size| with(direction, size));
        let numbers = [
            code.wrapping_add(1),
            code.wrapping_sub(1),
            code ^ 0x100,
            code ^ 0x40,
        ];
        let known = |code: &u32| {
            let requests = CONSTANTS.iter().filter(|constant| constant.is_request());
            requests
                .map(|constant| constant.value(target().encoding) as u32)
                .any(|known| known == *code)
        };
        for other in directions
            .chain(sizes)
            .chain(numbers)
            .filter(|other| !known(other))
        {
            if let Code::Unknown(_) = self.ask(file, other) {
                continue;
            }
            if other & 0xff != code & 0xff {
                self.compared
                    .check
                    .findings
                    .push(newer(format!("request code {other:#x}")));
                continue;
            }
            let message = format!("the kernel takes {other:#x} as well as {code:#x}");
            self.add(Severity::Error, "mismatch", constant.name, message);
        }
    }

    fn file_of(&self, name: &str) -> Result<Target, String> {
        match name {
            "USERFAULTFD_IOC_NEW" => uffd::open_device()
                .map(Target::Device)
                .map_err(|refusal| format!("{}: {}", uffd::DEVICE, errno_name(refusal.errno))),
            "PAGEMAP_SCAN" => match &self.pagemap {
                Ok(file) => file
                    .try_clone()
                    .map(Target::Pagemap)
                    .map_err(|error| error.to_string()),
                Err(why) => Err(why.clone()),
            },
            _ => {
                let way = self.way.clone()?;
                let open = || way.open(0).map_err(|refusal| errno_name(refusal.errno));
                let (fresh, ready) = (open()?, open()?);
                uffd::api(&ready, 0)
                    .map_err(|errno| format!("UFFDIO_API: {}", errno_name(errno)))?;
                Ok(Target::Userfaultfd(fresh, ready))
            }
        }
    }

    fn ask(&self, target: &Target, code: u32) -> Code {
        let bad = self.forbidden.start() as usize;
        match target {
            Target::Pagemap(file) => answer(ioctl(file.as_raw_fd(), code, bad)),
            // Some are known before the handshake, the others after it.
            Target::Userfaultfd(fresh, ready) => {
                match answer(ioctl(fresh.as_raw_fd(), code, bad)) {
                    Code::Unknown(_) => answer(ioctl(ready.as_raw_fd(), code, bad)),
                    other => other,
                }
            }
            // Takes flags by value: success is the proof.
            Target::Device(device) => {
                match ioctl(device.as_raw_fd(), code, libc::O_CLOEXEC as usize) {
                    Ok(fd) => {
                        // SAFETY: the kernel has just made this descriptor for us.
                        drop(unsafe { OwnedFd::from_raw_fd(fd) });
                        Code::Taken
                    }
                    other => answer(other),
                }
            }
        }
    }

    /// Masks: which bits the kernel takes, one at a time.
    fn bits(&mut self) {
        if let Ok(way) = self.way.clone() {
            self.features(way);
            self.modes(way);
            self.flags();
        }
        if let Err(why) = &self.pagemap {
            let message = format!("not asked: {why}");
            self.add(Severity::Note, "not-asked", "PAGE_IS_*, PM_SCAN_*", message);
        }
        if self.pagemap.is_ok() && self.linux.is_none_or(|linux| linux >= (6, 7)) {
            let arg = |bit| sys::pm_scan_arg {
                return_mask: bit,
                ..Default::default()
            };
            let taken = self.scan_bits(arg);
            self.compare_bits("PAGE_IS_", taken, |_| true);
            let arg = |bit| sys::pm_scan_arg {
                flags: bit,
                return_mask: sys::PAGE_IS_WRITTEN,
                ..Default::default()
            };
            let taken = self.scan_bits(arg);
            self.compare_bits("PM_SCAN_", taken, |_| true);
        }
    }

    fn features(&mut self, way: Way) {
        let ask = |features| {
            way.open(0)
                .map_err(|r| r.errno)
                .and_then(|fd| uffd::api(&fd, features))
        };
        let offered = match ask(0) {
            Ok(api) => api,
            Err(errno) => {
                return self.add(
                    Severity::Unchecked,
                    "unclear",
                    "UFFDIO_API",
                    errno_name(errno),
                );
            }
        };
        let mut taken = 0;
        for bit in (0..64).map(|n| 1u64 << n) {
            // The kernel takes this one only together with the other.
            let needs = if bit == sys::UFFD_FEATURE_RWP_ASYNC {
                sys::UFFD_FEATURE_RWP
            } else {
                0
            };
            // EPERM: known, and not for us (EVENT_FORK without CAP_SYS_PTRACE).
            if matches!(ask(bit | needs), Ok(_) | Err(libc::EPERM)) {
                taken |= bit;
            }
        }
        if taken != offered.features {
            let message = format!(
                "the kernel offers {:#x} and takes {taken:#x}",
                offered.features
            );
            self.add(Severity::Error, "mismatch", "UFFDIO_API", message);
        }
        self.compare_bits("UFFD_FEATURE_", taken, |_| false);
        self.compared.constants += 1;
        let base =
            1 << sys::_UFFDIO_API | 1 << sys::_UFFDIO_REGISTER | 1 << sys::_UFFDIO_UNREGISTER;
        if offered.ioctls & base != base {
            let message = format!(
                "the kernel answers {:#x}, which lacks API, REGISTER or UNREGISTER",
                offered.ioctls
            );
            self.add(Severity::Error, "mismatch", "UFFD_API_IOCTLS", message);
        }
        let all = offered.ioctls | offered_ioctls(way);
        let known = sys::UFFD_API_IOCTLS | sys::UFFD_API_RANGE_IOCTLS;
        for n in (0..64).filter(|n| (all & !known) >> n & 1 == 1) {
            self.compared
                .check
                .findings
                .push(newer(format!("ioctl bit {n}")));
        }
    }

    fn modes(&mut self, way: Way) {
        let Ok(api) = way
            .open(0)
            .map_err(|r| r.errno)
            .and_then(|fd| uffd::api(&fd, 0))
        else {
            return;
        };
        let answers = registering::all(way, api.features);
        let taken = answers
            .iter()
            .filter(|(_, _, answer)| matches!(answer, Answer::Ioctls(_)))
            .fold(0, |taken, (_, mode, _)| taken | mode.bits);
        let due = |bit| {
            MODES.iter().any(|mode| {
                mode.bits == bit && (mode.needs == 0 || api.features & mode.needs == mode.needs)
            })
        };
        self.compare_bits("UFFDIO_REGISTER_MODE_", taken, due);
    }

    fn flags(&mut self) {
        let open = |flags| {
            Way::UserModeOnly
                .open(flags)
                .map(drop)
                .map_err(|refusal| refusal.errno)
        };
        let constant = CONSTANTS
            .iter()
            .find(|constant| constant.name == "UFFD_USER_MODE_ONLY");
        let Some(constant) = constant else { return };
        match open(0) {
            Ok(()) if open(2) == Err(libc::EINVAL) => self.compared.constants += 1,
            Ok(()) => {
                let message = "the kernel takes flag 2 as well".to_owned();
                self.compared.check.findings.push(newer(message));
            }
            Err(libc::EINVAL) => {
                self.compared.constants += 1;
                let due = self.linux.is_some_and(|linux| linux >= (5, 11));
                self.lacks(constant, due, "the kernel refuses it with EINVAL");
            }
            Err(_) => {}
        }
    }

    /// The bits with which an empty scan is taken.
    fn scan_bits(&self, arg: impl Fn(u64) -> sys::pm_scan_arg) -> u64 {
        let Ok(pagemap) = &self.pagemap else { return 0 };
        let start = self.forbidden.start() as u64;
        let mut taken = 0;
        for bit in (0..64).map(|n| 1u64 << n) {
            let mut arg = arg(bit);
            arg.size = size_of::<sys::pm_scan_arg>() as u64;
            (arg.start, arg.end) = (start, start + page_size() as u64);
            // SAFETY: `arg` may be read and written and names no vector; the
            // range is our own untouched page.
            if unsafe { sys::pagemap_scan(pagemap.as_raw_fd(), &mut arg) } >= 0
                || errno() != libc::EINVAL
            {
                taken |= bit;
            }
        }
        taken
    }

    /// The constants of a prefix against the bits that are taken.
    fn compare_bits(&mut self, prefix: &str, taken: u64, due: impl Fn(u64) -> bool) {
        let mut rest = taken;
        for constant in CONSTANTS
            .iter()
            .filter(|constant| constant.name.starts_with(prefix))
        {
            self.compared.constants += 1;
            rest &= !constant.generic;
            if taken & constant.generic == 0 {
                let old = self
                    .linux
                    .is_some_and(|linux| linux < version(constant.since));
                let how = format!("the kernel does not take {:#x}", constant.generic);
                self.lacks(constant, !old && due(constant.generic), &how);
            }
        }
        // Bits are given out one after the other: what is newer than the table
        // is above all that it knows.
        let known = CONSTANTS
            .iter()
            .filter(|constant| constant.name.starts_with(prefix))
            .fold(0, |known, constant| known | constant.generic);
        for n in (0..64).filter(|n| rest >> n & 1 == 1) {
            let item = format!("{prefix} bit {n}");
            if 1 << n > known {
                self.compared.check.findings.push(newer(item));
            } else {
                let message = "the kernel takes it, and the table has no name for it".to_owned();
                self.add(Severity::Error, "mismatch", &item, message);
            }
        }
    }
}

/// What a request code is asked of.
enum Target {
    /// One before the handshake, one after it.
    Userfaultfd(OwnedFd, OwnedFd),
    Pagemap(File),
    Device(OwnedFd),
}

fn ioctl(fd: i32, code: u32, arg: usize) -> Result<i32, i32> {
    // SAFETY: the argument is a page that may not be touched, or for the
    // device flags by value; so the kernel can change no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_ioctl, fd, code, arg) };
    if result < 0 {
        Err(errno())
    } else {
        Ok(result as i32)
    }
}

fn answer(result: Result<i32, i32>) -> Code {
    match result {
        Ok(_) | Err(libc::EFAULT) => Code::Taken,
        Err(errno @ (libc::EINVAL | libc::ENOTTY)) => Code::Unknown(errno),
        Err(errno) => Code::Other(errno),
    }
}

/// The bits of all ioctls that this kernel offers on some descriptor or range.
fn offered_ioctls(way: Way) -> u64 {
    let Ok(api) = way
        .open(0)
        .map_err(|r| r.errno)
        .and_then(|fd| uffd::api(&fd, 0))
    else {
        return 0;
    };
    registering::all(way, api.features).iter().fold(
        api.ioctls,
        |all, (_, _, answer)| match answer {
            Answer::Ioctls(ioctls) => all | ioctls,
            _ => all,
        },
    )
}
