//! The constants in words, for messages and configuration: flags, features,
//! events and request codes to and from their names. Made from the pinned table;
//! no allocation, and nothing in a program that does not use it.
//!
//! ```
//! use uffd_sys::{names, UFFDIO_COPY, UFFD_EVENT_FORK, UFFD_FEATURE_MOVE, UFFD_FEATURE_SIGBUS};
//!
//! assert_eq!(names::FEATURES.name(UFFD_FEATURE_MOVE), Some("UFFD_FEATURE_MOVE"));
//! assert_eq!(names::FEATURES.value("UFFD_FEATURE_MOVE"), Some(UFFD_FEATURE_MOVE));
//! assert_eq!(names::EVENTS.name(UFFD_EVENT_FORK), Some("UFFD_EVENT_FORK"));
//! assert_eq!(names::REQUESTS.name(UFFDIO_COPY), Some("UFFDIO_COPY"));
//!
//! // Bits that are newer than this crate are shown, too.
//! let features = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MOVE | 1 << 40;
//! assert_eq!(
//!     names::FEATURES.show(features).to_string(),
//!     "UFFD_FEATURE_SIGBUS | UFFD_FEATURE_MOVE | 0x10000000000"
//! );
//! ```
//!
//! A name that a newer kernel header added to the bindings has no row here.

use core::fmt;

use crate::check::starts_with;

/// A constant with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Name<T> {
    /// The kernel's name.
    pub name: &'static str,
    /// The value on this processor.
    pub value: T,
    /// The first Linux that supports it, such as `"5.7"`: for messages. Ask the
    /// running kernel what it has, and not its version.
    pub since: &'static str,
}

/// The names of one kind of number.
#[derive(Clone, Copy, Debug)]
pub struct Names<T: 'static> {
    all: &'static [Name<T>],
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// One name says it all.
    Number,
    /// Each name is a bit, and there may be several.
    Bits,
    /// Each name is the number of a bit, and there may be several bits.
    BitNumbers,
}

impl<T: Copy + Into<u64>> Names<T> {
    /// All of them that this crate knows, in the order of its table.
    pub fn all(&self) -> &'static [Name<T>] {
        self.all
    }

    /// The name of this number, or of this single bit.
    pub fn name(&self, value: T) -> Option<&'static str> {
        let same = |known: &&Name<T>| known.value.into() == value.into();
        self.all.iter().find(same).map(|known| known.name)
    }

    /// The number of this name, which is spelled as in the kernel's header.
    pub fn value(&self, name: &str) -> Option<T> {
        let same = |known: &&Name<T>| known.name == name;
        self.all.iter().find(same).map(|known| known.value)
    }

    /// Prints `value` in names. Bits are joined with ` | `, and those that have no
    /// name follow in one hexadecimal number; no bit at all is `0`.
    pub fn show(&self, value: T) -> Shown<T> {
        Shown {
            names: *self,
            value,
        }
    }
}

/// What [`Names::show`] gives: prints a number in names.
#[derive(Clone, Copy)]
pub struct Shown<T: 'static> {
    names: Names<T>,
    value: T,
}

impl<T: Copy + Into<u64>> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.into();
        if self.names.style == Style::Number {
            return match self.names.name(self.value) {
                Some(name) => f.write_str(name),
                None => write!(f, "{value:#x}"),
            };
        }
        let (mut rest, mut separator) = (value, "");
        for known in self.names.all {
            let (bit, prefix) = match self.names.style {
                Style::BitNumbers => (1 << known.value.into(), "1 << "),
                _ => (known.value.into(), ""),
            };
            if rest & bit != 0 {
                write!(f, "{separator}{prefix}{}", known.name)?;
                rest &= !bit;
                separator = " | ";
            }
        }
        match rest {
            0 if value == 0 => f.write_str("0"),
            0 => Ok(()),
            rest => write!(f, "{separator}{rest:#x}"),
        }
    }
}

/// As [`Display`](fmt::Display), so that a struct which holds one derives a
/// `Debug` that can be read.
impl<T: Copy + Into<u64>> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Row {
    name: &'static str,
    ty: &'static str,
    value: u64,
    since: &'static str,
}

macro_rules! rows {
    ($($name:ident: $ty:ident = $value:literal $(or $other:literal)?, $since:literal, $doc:literal;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            ty: stringify!($ty),
            value: crate::$name as u64,
            since: $since,
        }),*];
    };
}
each_constant!(rows);

/// Whether a row is of the kind with this type whose names begin so.
const fn is_of(row: &Row, ty: &str, prefix: &str) -> bool {
    row.ty.len() == ty.len() && starts_with(row.ty, ty) && starts_with(row.name, prefix)
}

const fn count(ty: &str, prefix: &str) -> usize {
    let (mut row, mut found) = (0, 0);
    while row < ROWS.len() {
        found += is_of(&ROWS[row], ty, prefix) as usize;
        row += 1;
    }
    found
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $ty:ident, $prefix:literal, $style:ident;)*) => {$(
        $(#[$doc])*
        pub static $kind: Names<$ty> = {
            const COUNT: usize = count(stringify!($ty), $prefix);
            const ALL: [Name<$ty>; COUNT] = {
                let mut all = [Name { name: "", value: 0, since: "" }; COUNT];
                let (mut row, mut found) = (0, 0);
                while row < ROWS.len() {
                    let Row { name, value, since, .. } = ROWS[row];
                    if is_of(&ROWS[row], stringify!($ty), $prefix) {
                        all[found] = Name { name, value: value as $ty, since };
                        found += 1;
                    }
                    row += 1;
                }
                all
            };
            Names { all: &ALL, style: Style::$style }
        };
    )*};
}

kinds! {
    /// Request codes of all ioctls: of a userfaultfd, of `/dev/userfaultfd` and
    /// of `/proc/PID/pagemap`.
    REQUESTS: u32, "", Number;
    /// `UFFD_EVENT_*`.
    EVENTS: u8, "UFFD_EVENT_", Number;
    /// `UFFD_FEATURE_*`.
    FEATURES: u64, "UFFD_FEATURE_", Bits;
    /// `_UFFDIO_*`, the numbers of the ioctls. What is shown is the fields named
    /// `ioctls`, which have bit n for number n: `1 << _UFFDIO_WAKE | 1 << _UFFDIO_COPY`.
    IOCTLS: u64, "_UFFDIO_", BitNumbers;
    /// `UFFD_PAGEFAULT_FLAG_*`.
    PAGEFAULT_FLAGS: u64, "UFFD_PAGEFAULT_FLAG_", Bits;
    /// `UFFDIO_REGISTER_MODE_*`.
    REGISTER_MODES: u64, "UFFDIO_REGISTER_MODE_", Bits;
    /// `UFFDIO_COPY_MODE_*`.
    COPY_MODES: u64, "UFFDIO_COPY_MODE_", Bits;
    /// `UFFDIO_ZEROPAGE_MODE_*`.
    ZEROPAGE_MODES: u64, "UFFDIO_ZEROPAGE_MODE_", Bits;
    /// `UFFDIO_WRITEPROTECT_MODE_*`.
    WRITEPROTECT_MODES: u64, "UFFDIO_WRITEPROTECT_MODE_", Bits;
    /// `UFFDIO_CONTINUE_MODE_*`.
    CONTINUE_MODES: u64, "UFFDIO_CONTINUE_MODE_", Bits;
    /// `UFFDIO_POISON_MODE_*`.
    POISON_MODES: u64, "UFFDIO_POISON_MODE_", Bits;
    /// `UFFDIO_MOVE_MODE_*`.
    MOVE_MODES: u64, "UFFDIO_MOVE_MODE_", Bits;
    /// `UFFDIO_RWPROTECT_MODE_*`.
    RWPROTECT_MODES: u64, "UFFDIO_RWPROTECT_MODE_", Bits;
    /// `PAGE_IS_*`: categories of pages, of PAGEMAP_SCAN.
    PAGE_CATEGORIES: u64, "PAGE_IS_", Bits;
    /// `PM_SCAN_*`: [`pm_scan_arg::flags`](crate::pm_scan_arg::flags).
    SCAN_FLAGS: u64, "PM_SCAN_", Bits;
}
