//! Which bits the kernel takes: features, modes, categories.

use std::os::fd::AsRawFd;

use uffd_sys as sys;
use uffd_sys::abi::table::CONSTANTS;

use super::{offered_ioctls, Asked};
use crate::findings::Severity;
use crate::memory::page_size;
use crate::probe::registering::{self, Answer, MODES};
use crate::uffd::{self, errno, errno_name, Way};
use crate::verify::{newer, version};

impl Asked {
    /// Masks: which bits the kernel takes, one at a time.
    pub(super) fn bits(&mut self) {
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
