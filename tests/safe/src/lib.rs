//! A safe layer over `uffd-sys`: no call of it needs `unsafe`.
//!
//! What makes it sound:
//!
//! - Memory is a [`Mapping`] of this crate's own, and its bytes are atomics, of
//!   which nobody gets a slice. Whatever a handler, the kernel or another
//!   thread puts there at any time is a value and no data race.
//! - Every call that changes memory goes through [`Pages`], which can only be
//!   had for a mapping that is borrowed: no address of the caller's reaches the
//!   kernel.
//! - A [`Region`] borrows its mapping and its userfaultfd. To forget one is
//!   safe: unmapping ends the registration, and so does closing.
//!
//! What it cannot do is see that somebody resolves a fault: a thread may wait
//! for ever. And fork(2), an unsafe function, is its caller's business: the
//! child must not use values of this crate other than mappings, because a
//! userfaultfd goes on handling the memory of the process that opened it.
//!
//! ```
//! # use safe::{raw, Mapping, Uffd};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Mapping::anonymous(1)?;
//! let uffd = Uffd::open(0)?;
//! let region = uffd.register(&memory, raw::UFFDIO_REGISTER_MODE_MISSING)?;
//! drop(region);
//! drop(uffd);
//! drop(memory);
//! # Ok(())
//! # }
//! ```
//!
//! While it is registered, the memory cannot be unmapped:
//!
//! ```compile_fail,E0505
//! # use safe::{raw, Mapping, Uffd};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Mapping::anonymous(1)?;
//! let uffd = Uffd::open(0)?;
//! let region = uffd.register(&memory, raw::UFFDIO_REGISTER_MODE_MISSING)?;
//! drop(memory);
//! drop(region);
//! # Ok(())
//! # }
//! ```
//!
//! nor the userfaultfd closed:
//!
//! ```compile_fail,E0505
//! # use safe::{raw, Mapping, Uffd};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Mapping::anonymous(1)?;
//! let uffd = Uffd::open(0)?;
//! let region = uffd.register(&memory, raw::UFFDIO_REGISTER_MODE_MISSING)?;
//! drop(uffd);
//! drop(region);
//! # Ok(())
//! # }
//! ```
//!
//! and what resolves faults does not outlive the registration:
//!
//! ```compile_fail,E0505
//! # use safe::{raw, Mapping, Uffd};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Mapping::anonymous(1)?;
//! let uffd = Uffd::open(0)?;
//! let region = uffd.register(&memory, raw::UFFDIO_REGISTER_MODE_MISSING)?;
//! let pages = region.pages();
//! drop(region);
//! pages.wake(0..1)?;
//! # Ok(())
//! # }
//! ```

#![deny(
    missing_docs,
    unsafe_op_in_unsafe_fn,
    clippy::undocumented_unsafe_blocks
)]

mod event;
mod memory;
mod open;
mod region;
mod resolve;
mod track;

use std::io;

pub use event::{Buffer, Child, Event, Events, Kind};
pub use memory::{page_size, Mapping};
pub use open::{Attempt, OpenError, Uffd, Way};
pub use region::Region;
pub use resolve::{Pages, Partial};
pub use track::{Epoch, Tracker};
/// The flags are the kernel's own; its calls stay unsafe.
pub use uffd_sys as raw;

/// A result of ioctl(2) or read(2). To be called before anything else that
/// could change `errno`.
fn check<T: Into<i64> + Copy>(returned: T) -> io::Result<T> {
    if returned.into() == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(returned)
}
