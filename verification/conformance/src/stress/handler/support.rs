//! What the handler's files find under this name in the examples.

#[path = "../../../../../examples/support/socket.rs"]
pub mod socket;
#[path = "../../../../../examples/support/uffd.rs"]
mod uffd;

pub use uffd::Pause;
