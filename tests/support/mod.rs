//! What the tests on the running kernel share: skips with a remedy, and panics
//! where something else is wrong. What it needs from the system it takes from
//! `uffd_kit`. A test reads like this:
//!
//! ```ignore
//! #[test]
//! fn copy_fills_a_missing_page() {
//!     run(|| {
//!         let region = Region::map(Memory::Anonymous, 1)?; // `?` skips, visibly
//!         let uffd = Uffd::open(0)?;
//!         uffd.register(region.all(), UFFDIO_REGISTER_MODE_MISSING).unwrap();
//!         let reader = region.read_in_background(0); // a thread that will wait
//!         assert_eq!(uffd.next_fault().address, region.address(0));
//!         ...
//!         Ok(())
//!     });
//! }
//! ```
//!
//! Nothing here decides what the kernel should answer; that is the tests' part.
#![allow(dead_code)] // Each test program uses a part.
#![allow(unused_imports)]

mod background;
mod call;
mod child;
mod hugepages;
mod memory;
mod pagemap;
mod sigbus;
mod skip;
mod skip_log;
mod uffd;
mod watchdog;

pub use background::{in_background, Background, WAIT};
pub use call::*;
pub use child::{exit_with_errno, Ended, Forks};

pub use memory::{page_size, Memory, Region};
pub use pagemap::Pagemap;
pub use sigbus::sigbus_code;
pub use skip::{expected, is_failure, parse_mask, run, Skip, Tested};
pub use uffd::{kernel_features, open_fd, open_user_mode_only, require, Fault, Uffd};
