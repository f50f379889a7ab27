//! Each function of the crate at work on the running kernel: real faults,
//! resolved by it, for whoever runs the tests, root or not. What the kernel
//! refuses, and what it does besides, is the conformance suite's part. One
//! subject a file; `support` has the helpers and says how a test is written.

mod support;

#[path = "live/events.rs"]
mod events;
#[path = "live/messages.rs"]
mod messages;
#[path = "live/minor.rs"]
mod minor;
#[path = "live/missing.rs"]
mod missing;
#[path = "live/move_pages.rs"]
mod move_pages;
#[path = "live/open.rs"]
mod open;
#[path = "live/pagemap_scan.rs"]
mod pagemap_scan;
#[path = "live/poison.rs"]
mod poison;
#[path = "live/register.rs"]
mod register;
#[path = "live/rwp.rs"]
mod rwp;
#[path = "live/skips.rs"]
mod skips;
#[path = "live/writeprotect.rs"]
mod writeprotect;

/// Makes each of these functions of `Memory` a test on every kind of memory.
macro_rules! on_each_memory {
    ($($test:ident)*) => {$(
        mod $test {
            use crate::support::{run, Memory};

            #[test]
            fn anonymous() {
                run(|| super::$test(Memory::Anonymous));
            }

            #[test]
            fn shmem() {
                run(|| super::$test(Memory::Shmem));
            }

            #[test]
            fn hugetlb() {
                run(|| super::$test(Memory::Hugetlb));
            }
        }
    )*};
}
use on_each_memory;
