//! What every test of `uffd-sys` needs from the system: memory of each kind, a
//! userfaultfd and its messages, threads and processes that fault and wait,
//! errno names, random numbers, huge pages, swap.
//!
//! It owns every access to the system below a test. It may use the standard
//! library, `libc` and `uffd_sys`, and knows nothing of the tests, the
//! conformance suite or the benchmarks that use it.
//!
//! | file | what it owns |
//! |---|---|
//! | `errno`, `signal` | errors and signals, and their names |
//! | `verdict` | why a check did not pass; `ensure!`, `fail!` |
//! | `wait` | waiting with a limit |
//! | `pages` | the page sizes of this machine |
//! | `file`, `mapping`, `region` | memory of every kind |
//! | `pagemap`, `smaps` | /proc/self/pagemap and PAGEMAP_SCAN, /proc/self/smaps |
//! | `hugepages`, `swap` | huge pages reserved, pages swapped out |
//! | `answer`, `message`, `uffd` | the calls of `uffd_sys`, what they answer, the messages |
//! | `asleep`, `thread`, `child` | threads and processes that fault, wait, die |
//! | `privilege`, `priority`, `sysctl` | the privileges of the process, the priority of a thread, settings of the system |
//! | `random` | numbers that come again with the same seed |

#[macro_use]
pub mod verdict;

pub mod answer;
pub mod asleep;
pub mod child;
pub mod errno;
pub mod file;
pub mod hugepages;
pub mod mapping;
pub mod message;
pub mod pagemap;
pub mod pages;
pub mod priority;
pub mod privilege;
pub mod random;
pub mod region;
pub mod signal;
pub mod smaps;
pub mod swap;
pub mod sysctl;
pub mod thread;
pub mod uffd;
pub mod wait;
