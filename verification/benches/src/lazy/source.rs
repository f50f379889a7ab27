//! The file that is loaded, and mappings of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use uffd_kit::random::Random;

/// The file, and a mapping of it to compare with.
pub struct Source {
    pub file: File,
    pub len: usize,
}

/// The first word of each page, by which a reader knows that it got the right one.
pub fn word(page: usize) -> u64 {
    Random::new(page as u64).number()
}

impl Source {
    pub fn create(folder: &str, len: usize) -> io::Result<Source> {
        let path = Path::new(folder).join(format!("lazy-{}.bin", std::process::id()));
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        // It is there as long as it is open.
        fs::remove_file(&path)?;
        for page in 0..len / 4096 {
            let bytes: Vec<u8> = (0..512)
                .flat_map(|i| (word(page).wrapping_add(i)).to_ne_bytes())
                .collect();
            file.write_all(&bytes)?;
        }
        // Nothing is to be written back while it is measured.
        file.sync_all()?;
        Ok(Source { file, len })
    }

    /// Its beginning.
    pub fn quarter(&self) -> io::Result<Source> {
        let (file, len) = (self.file.try_clone()?, self.len / 4);
        Ok(Source { file, len })
    }

    /// Maps the file anew, as a program that starts would.
    pub fn map(&self) -> io::Result<Mapping> {
        let (fd, len) = (self.file.as_raw_fd(), self.len);
        // SAFETY: a new mapping, where the kernel finds room.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_SHARED,
                fd,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapping(start as usize, len))
    }
}

pub struct Mapping(pub usize, usize);

impl Mapping {
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: mapped as long as this lives, of a file that nobody changes.
        unsafe { std::slice::from_raw_parts(self.0 as *const u8, self.1) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        unsafe { libc::munmap(self.0 as *mut libc::c_void, self.1) };
    }
}
