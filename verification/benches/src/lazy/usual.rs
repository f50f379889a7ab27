//! A handler as one writes it with the crate `userfaultfd`: for each fault a buffer,
//! a read of the page, a copy.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;

use libc::c_void;
use userfaultfd::Event;

use crate::memory::Region;
use crate::uffd::Uffd;

pub fn serve(uffd: &Uffd, region: &Region, bell: &Region, file: &File) -> io::Result<()> {
    // SAFETY: open as long as `uffd` is, and not closed through this.
    let uffd = ManuallyDrop::new(unsafe { userfaultfd::Uffd::from_raw_fd(uffd.fd()) });
    loop {
        let event = uffd.read_event().map_err(io::Error::other)?;
        let Some(Event::Pagefault { addr, .. }) = event else {
            return Err(io::Error::other("an event that was not asked for"));
        };
        let page = (addr as usize & !4095) as *mut c_void;
        let offset = (page as u64).wrapping_sub(region.address(0));
        if offset >= region.len() as u64 {
            assert_eq!(page as u64, bell.address(0));
            // SAFETY: a page of the bell.
            unsafe { uffd.zeropage(page, 4096, true) }.map_err(io::Error::other)?;
            return Ok(());
        }
        let mut buffer = vec![0; 4096];
        file.read_exact_at(&mut buffer, offset)?;
        // SAFETY: the page is missing, and the buffer is a page.
        unsafe { uffd.copy(buffer.as_ptr().cast(), page, 4096, true) }.map_err(io::Error::other)?;
    }
}
