//! Which ioctls each kind of memory has, found by registering it.

use serde::Serialize;
use uffd_sys as sys;

use crate::memory::Kind;
use crate::uffd::{api, Way};

/// A way to register.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// Its name in reports.
    pub name: &'static str,
    /// Bits of UFFDIO_REGISTER_MODE_*.
    pub bits: u64,
    /// What must be enabled for it.
    pub features: u64,
    /// A kernel without any of these does not have it.
    pub needs: u64,
}

/// All of them.
pub const MODES: [Mode; 6] = [
    Mode {
        name: "missing",
        bits: sys::UFFDIO_REGISTER_MODE_MISSING,
        features: 0,
        needs: 0,
    },
    Mode {
        name: "wp",
        bits: sys::UFFDIO_REGISTER_MODE_WP,
        features: 0,
        needs: sys::UFFD_FEATURE_PAGEFAULT_FLAG_WP,
    },
    Mode {
        name: "wp, async",
        bits: sys::UFFDIO_REGISTER_MODE_WP,
        features: sys::UFFD_FEATURE_WP_ASYNC,
        needs: sys::UFFD_FEATURE_WP_ASYNC,
    },
    Mode {
        name: "minor",
        bits: sys::UFFDIO_REGISTER_MODE_MINOR,
        features: 0,
        needs: sys::UFFD_FEATURE_MINOR_SHMEM | sys::UFFD_FEATURE_MINOR_HUGETLBFS,
    },
    Mode {
        name: "rwp",
        bits: sys::UFFDIO_REGISTER_MODE_RWP,
        features: sys::UFFD_FEATURE_RWP,
        needs: sys::UFFD_FEATURE_RWP,
    },
    Mode {
        name: "rwp, async",
        bits: sys::UFFDIO_REGISTER_MODE_RWP,
        features: sys::UFFD_FEATURE_RWP | sys::UFFD_FEATURE_RWP_ASYNC,
        needs: sys::UFFD_FEATURE_RWP_ASYNC,
    },
];

/// What became of registering a kind of memory in a mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Registered; the ioctls.
    Ioctls(u64),
    /// Refused, with this errno.
    Refused(i32),
    /// There is no such memory or mode here.
    Absent(String),
}

/// Registers a fresh page of this kind.
pub fn register(way: Way, kind: Kind, mode: Mode, features: u64) -> Answer {
    if mode.needs != 0 && features & mode.needs == 0 {
        return Answer::Absent("this kernel lacks the feature".to_owned());
    }
    let mapping = match kind.map() {
        Ok(mapping) => mapping,
        Err(why) => return Answer::Absent(why),
    };
    let fd = match way.open(0) {
        Ok(fd) => fd,
        Err(refusal) => return Answer::Refused(refusal.errno),
    };
    if let Err(errno) = api(&fd, mode.features) {
        return Answer::Refused(errno);
    }
    match mapping.register(&fd, mode.bits) {
        Ok(ioctls) => Answer::Ioctls(ioctls),
        Err(errno) => Answer::Refused(errno),
    }
}

/// Every kind in every mode.
pub fn all(way: Way, features: u64) -> Vec<(Kind, Mode, Answer)> {
    Kind::ALL
        .into_iter()
        .flat_map(|kind| MODES.map(|mode| (kind, mode, register(way, kind, mode, features))))
        .collect()
}
