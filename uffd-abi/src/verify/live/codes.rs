//! Which request codes the kernel takes.
//!
//! A request code that the kernel knows makes it read the argument: a pointer
//! to a page that may not be touched gives EFAULT. One that it does not know
//! gives EINVAL (of a userfaultfd, its device and /proc/PID/pagemap) or
//! ENOTTY. So each number can be told from its neighbours with no effect.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use uffd_sys::abi::table::{Constant, CONSTANTS};
use uffd_sys::abi::target;

use super::{offered_ioctls, Asked};
use crate::findings::Severity;
use crate::uffd::{self, errno, errno_name};
use crate::verify::{newer, version};

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

/// What the kernel made of a request code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Taken,
    Unknown(i32),
    Other(i32),
}

impl Asked {
    pub(super) fn request_codes(&mut self) {
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
