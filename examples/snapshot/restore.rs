//! The restored process: it starts at once, with no page loaded. A second
//! process, the pager, fills pages from the snapshot.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uffd_sys::*;

use super::bank::is_consistent;
use super::file::Chain;
use super::support::{socket, Memory, Uffd};

pub fn restore(folder: &Path, sequence: u64, out: Option<&Path>) -> Result<(), String> {
    // Damage that can be seen now is reported before anything starts.
    let chain = Chain::open(folder, sequence)?;
    let say = |e: std::io::Error| e.to_string();
    let memory = Arc::new(Memory::anonymous(chain.pages()).map_err(say)?);
    if memory.page_size() != chain.page_size() {
        return Err(format!(
            "its pages are of {} bytes, this machine's of {}",
            chain.page_size(),
            memory.page_size()
        ));
    }
    drop(chain);
    let _ = memory.advise(libc::MADV_NOHUGEPAGE);
    let uffd = Uffd::open(libc::O_NONBLOCK, &[]).map_err(say)?;
    uffd.register(memory.all(), UFFDIO_REGISTER_MODE_MISSING)
        .map_err(say)?;

    let begin = Instant::now();
    let (mut ours, theirs) = UnixStream::pair().map_err(say)?;
    let mut pager = Command::new(std::env::current_exe().map_err(say)?)
        .arg("pager")
        .arg(folder)
        .arg(sequence.to_string())
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()
        .map_err(say)?;
    let all = memory.all();
    socket::send(&ours, [all.start, all.len], uffd.fd())
        .map_err(|e| format!("sending the descriptor: {e}"))?;

    // The process works while its memory is still being loaded. It keeps its
    // own descriptor open: if the pager dies, a touch waits for ever instead
    // of finding zeros.
    let worker = {
        let memory = memory.clone();
        std::thread::spawn(move || touch(&memory))
    };
    let mut done = [0; 24];
    if ours.read_exact(&mut done).is_err() {
        let _ = pager.wait();
        // The worker may wait in a page that nobody will ever fill; it ends
        // with the process.
        eprintln!("snapshot: the pager failed, so the memory is incomplete; nothing was written");
        std::process::exit(1);
    }
    let waits = worker.join().map_err(|_| "the worker failed")?;
    let loaded = begin.elapsed();
    uffd.unregister(all).map_err(say)?;
    pager.wait().map_err(say)?;
    let [by_fault, in_background, first] =
        [0, 8, 16].map(|i| u64::from_ne_bytes(done[i..i + 8].try_into().unwrap()));
    println!(
        "restored snapshot {sequence}: {} pages in {:.1} ms",
        memory.pages(),
        loaded.as_secs_f64() * 1e3
    );
    println!(
        "{by_fault} pages by faults, {in_background} in the background; the first after {first} us"
    );
    println!(
        "a touch took {:.1} us in the median, {:.1} us at most",
        waits.0.as_secs_f64() * 1e6,
        waits.1.as_secs_f64() * 1e6
    );
    if !is_consistent(&memory) {
        return Err(
            "the sum of all accounts is wrong: the snapshot is not of one moment".to_string(),
        );
    }
    println!("the sum of all accounts is right");
    if let Some(out) = out {
        write(&memory, out).map_err(|e| format!("{}: {e}", out.display()))?;
        println!("wrote {}", out.display());
    }
    Ok(())
}

/// Touches pages all over the region, and says how long it waited for one.
fn touch(memory: &Memory) -> (Duration, Duration) {
    let mut page = 0;
    let mut waits: Vec<Duration> = (0..memory.pages().min(500))
        .map(|_| {
            page = (page + 7919) % memory.pages();
            let begin = Instant::now();
            memory.read(page, 0);
            begin.elapsed()
        })
        .collect();
    waits.sort();
    (waits[waits.len() / 2], waits[waits.len() - 1])
}

fn write(memory: &Memory, out: &Path) -> std::io::Result<()> {
    let partial = out.with_extension("partial");
    let mut file = File::create(&partial)?;
    let mut page = vec![0; memory.page_size()];
    for i in 0..memory.pages() {
        memory.copy_to(&(i..i + 1), &mut page);
        file.write_all(&page)?;
    }
    file.sync_all()?;
    fs::rename(&partial, out)
}
