//! A handler that does the right thing for each answer of each call. It fills
//! the memory of another process, which has its pages moved, discarded and
//! unmapped meanwhile, forks, and exits.
//!
//! `cargo run --release --example handler`
//!
//! - `handler/serve.rs`: the loop, the events, exits
//! - `handler/calls.rs`: the calls, and what their answers mean
//! - `handler/pages.rs`: which contents belong where
//! - `handler/target.rs`: the process whose memory it is

#[path = "handler/calls.rs"]
mod calls;
#[path = "handler/pages.rs"]
mod pages;
#[path = "handler/serve.rs"]
mod serve;
mod support;
#[path = "handler/target.rs"]
mod target;

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitCode, Stdio};

use pages::{Contents, Pages};
use serve::{Handler, Source};
use support::{check, end, page_size, socket, value, Failure};

const USAGE: &str = "\
usage: handler [--pages N]    N pages of memory (default 4096)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What the handler starts; standard input is the socket.
    let result = match args.first().map(String::as_str) {
        Some("target") if args.len() == 2 => target::run(&args[1]).map_err(Failure::Run),
        _ => options(&args).and_then(run),
    };
    end("handler", USAGE, result)
}

fn options(args: &[String]) -> Result<usize, Failure> {
    let mut pages = 4096;
    let mut args = args.iter().cloned();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--pages" => pages = value(&arg, args.next()).map_err(Failure::Usage)?,
            _ => return Err(Failure::Usage(format!("{arg}: no such option"))),
        }
    }
    if pages < 64 || pages % 4 != 0 {
        let what = "--pages must be 64 or more, and a multiple of 4";
        return Err(Failure::Usage(what.to_string()));
    }
    Ok(pages)
}

/// Contents that can be checked: the word at each offset is made of the offset.
struct Numbers;

impl Source for Numbers {
    fn read(&mut self, at: u64, buffer: &mut [u8]) {
        for (n, word) in buffer.chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&target::number(at + 8 * n as u64).to_ne_bytes());
        }
    }
}

fn run(count: usize) -> Result<(), Failure> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut target = Command::new(std::env::current_exe()?)
        .args(["target", &count.to_string()])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .spawn()?;
    let mut handler = Handler::new(Numbers, page_size(), true);
    let result = serve(&mut handler, &ours, &target);
    if result.is_err() {
        // Rather ended than going on with memory that is incomplete, which it
        // would as soon as the handler's descriptors are closed.
        let _ = target.kill();
    }
    result?;
    let status = target.wait()?;
    if !status.success() {
        return Err(Failure::Run(format!("the target failed: {status}")));
    }
    let c = handler.counts;
    println!(
        "{} faults, {} pages filled; {} sleeps",
        c.faults, c.filled, c.sleeps
    );
    println!(
        "{} forks, {} remaps, {} removes, {} unmaps, {} exits",
        c.forks, c.remaps, c.removes, c.unmaps, c.exits
    );
    println!(
        "EAGAIN {} times, a part done {}, EEXIST {}, ENOENT {}",
        c.changing, c.partial, c.exists, c.gone
    );
    Ok(())
}

fn serve(handler: &mut Handler<Numbers>, socket: &UnixStream, target: &Child) -> io::Result<()> {
    let ([start, len], uffd) = socket::receive(socket)?;
    let mut pages = Pages::default();
    pages.set(start, len, Contents::Source(0));
    handler.add(uffd, Some(pidfd(target.id())?), start, pages);
    handler.serve()
}

/// A descriptor that poll(2) calls readable when the process has exited. The
/// process must be a child that was not waited for: else its id may be another's.
fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers, and returns a new descriptor.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        check(fd as i32, "pidfd_open").map(|fd| OwnedFd::from_raw_fd(fd))
    }
}
