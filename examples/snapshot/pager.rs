//! The pager: another process than the one whose memory it fills. Faults come
//! first; between them it loads the rest.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use uffd_sys::*;

use super::file::Chain;
use super::progress::Progress;
use super::support::{socket, Pause, Uffd};

/// Pages loaded in the background before the faults are looked at again.
const CHUNK: usize = 64;

struct Pager {
    uffd: Uffd,
    chain: Chain,
    start: u64,
    loaded: Vec<bool>,
    buffer: Vec<u8>,
}

/// Serves the process at the other end of standard input.
pub fn serve(folder: &Path, sequence: u64) -> Result<(), String> {
    let begin = Instant::now();
    let say = |e: io::Error| e.to_string();
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(say)?);
    let ([start, len], fd) = socket::receive(&socket).map_err(say)?;
    let chain = Chain::open(folder, sequence)?;
    if len != (chain.pages() * chain.page_size()) as u64 {
        return Err(format!(
            "the region has {len} bytes, the snapshot {} pages",
            chain.pages()
        ));
    }
    let pages = chain.pages();
    let buffer = vec![0; CHUNK * chain.page_size()];
    let mut pager = Pager {
        uffd: Uffd::received(fd),
        chain,
        start,
        loaded: vec![false; pages],
        buffer,
    };
    let mut progress = Progress::new("restoring".to_string(), pages);
    let (mut by_fault, mut in_background, mut first, mut next) = (0, 0, 0, 0);
    while next < pages {
        let served = pager.serve_faults()?;
        if by_fault == 0 && served > 0 {
            first = begin.elapsed().as_micros() as u64;
        }
        by_fault += served;
        if pager.loaded[next] {
            next += 1;
        } else {
            let count = pager.loaded[next..]
                .iter()
                .take(CHUNK)
                .take_while(|loaded| !**loaded)
                .count();
            in_background += pager.load(next, count)?;
        }
        progress.at(next);
    }
    progress.end();
    let words = [by_fault, in_background, first]
        .map(u64::to_ne_bytes)
        .concat();
    socket.write_all(&words).map_err(say)
}

impl Pager {
    /// Fills the pages that threads wait for. Returns how many.
    fn serve_faults(&mut self) -> Result<u64, String> {
        let mut msgs = [uffd_msg_bytes::default(); 64];
        let page_size = self.chain.page_size() as u64;
        let mut pages = [0; 64];
        let mut n = 0;
        for msg in self.uffd.read(&mut msgs).map_err(|e| e.to_string())? {
            let Some(fault) = msg.pagefault() else {
                return Err(format!("an event that was not asked for: {msg:?}"));
            };
            pages[n] = ((fault.address - self.start) / page_size) as usize;
            n += 1;
        }
        let mut served = 0;
        for &page in &pages[..n] {
            // Filled since the message was sent: whoever waited was woken then.
            if !self.loaded[page] {
                served += self.load(page, 1)?;
            }
        }
        Ok(served)
    }

    /// Loads pages that are missing, as many of these as lie together in a
    /// file, and wakes whoever waits for them.
    fn load(&mut self, first: usize, count: usize) -> Result<u64, String> {
        let page_size = self.chain.page_size();
        let count = self
            .chain
            .load(first, &mut self.buffer[..count * page_size])?;
        let (mut at, end) = (0, (count * page_size) as u64);
        let mut pause = Pause::new();
        while at < end {
            let mut copy = uffdio_copy {
                dst: self.start + (first * page_size) as u64 + at,
                src: self.buffer.as_ptr() as u64 + at,
                len: end - at,
                ..Default::default()
            };
            // SAFETY: the source is the buffer, from `at` to its end; the pages
            // are missing, and theirs whose memory we were asked to fill.
            if unsafe { uffdio_copy(self.uffd.fd(), &mut copy) } == 0 {
                break;
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                // A part was copied: the out field says how much.
                Some(libc::EAGAIN) if copy.copy > 0 => at += copy.copy as u64,
                // The process changes its mappings, which passes.
                Some(libc::EAGAIN) => pause.sleep(),
                Some(libc::EEXIST) => {
                    // Only this program fills pages, each once; so it is a bug.
                    return Err(format!("page {first}: it is there already"));
                }
                Some(libc::ESRCH) => return Err("the process to restore has ended".to_string()),
                _ => return Err(format!("UFFDIO_COPY: {error}")),
            }
        }
        self.loaded[first..first + count].fill(true);
        Ok(count as u64)
    }
}
