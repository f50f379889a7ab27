//! Registering memory with a userfaultfd.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::Ordering;

use uffd_sys::*;

use crate::{check, page_size, Mapping, Pages, Uffd};

/// A mapping that is registered; unregistered when this is dropped. Until then
/// neither the mapping nor the userfaultfd can be dropped.
#[derive(Debug)]
#[must_use = "what is dropped is unregistered"]
pub struct Region<'a> {
    uffd: &'a Uffd,
    memory: &'a Mapping,
}

impl Uffd {
    /// Registers a mapping for the faults of `mode`, which are bits of
    /// `UFFDIO_REGISTER_MODE_*`. It can be registered once at a time: `EBUSY`.
    pub fn register<'a>(&'a self, memory: &'a Mapping, mode: u64) -> io::Result<Region<'a>> {
        if memory.registered.swap(true, Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        let mut arg = uffdio_register {
            range: memory.range(0..memory.len()),
            mode,
            ioctls: 0,
        };
        // SAFETY: `arg` is ours; the memory is a mapping, whose bytes may change
        // at any time.
        match check(unsafe { uffdio_register(self.as_fd().as_raw_fd(), &mut arg) }) {
            Ok(_) => Ok(Region { uffd: self, memory }),
            Err(error) => {
                memory.registered.store(false, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}

impl<'a> Region<'a> {
    /// The memory.
    pub fn memory(&self) -> &'a Mapping {
        self.memory
    }

    /// What resolves its faults.
    pub fn pages(&self) -> Pages<'_> {
        Pages::new(self.uffd.as_fd(), self.memory)
    }

    /// Where the page begins that has this address, if it is one of these.
    pub fn page_of(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.memory.address())?;
        (offset < self.memory.len()).then(|| offset & !(page_size() - 1))
    }
}

impl Drop for Region<'_> {
    fn drop(&mut self) {
        let mut range = self.memory.range(0..self.memory.len());
        let fd = self.uffd.as_fd().as_raw_fd();
        // A failure leaves threads waiting and nothing unsound, so it is passed
        // over: there is nobody to tell. Only missing mode wakes by itself.
        // SAFETY: `range` is ours, and the bytes may change at any time.
        unsafe {
            uffdio_unregister(fd, &mut range);
            uffdio_wake(fd, &mut range);
        }
        self.memory.registered.store(false, Ordering::Relaxed);
    }
}
