//! Decides what a call of the program is answered.

use std::collections::HashMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libc::{EAGAIN, EEXIST, EINTR, ENOENT};
use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use uffd_sys as sys;

use super::calls::{Call, Caller, Fill};
use super::filter::Listener;
use super::kinds::{Kind, Random};

/// What a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel does it.
    GoOn,
    Fails(i32),
    Returns(i64),
    /// The kernel does it, later.
    Delay(Duration),
}

/// Disturbances of one kind in one run of the program.
pub struct Disturber {
    kind: Option<Kind>,
    random: Random,
    /// How many places are left to disturb.
    left: u32,
    /// How many disturbances there were.
    pub met: u64,
    /// The fills that go on being disturbed.
    repeats: HashMap<(u32, u64), Repeat>,
    /// A message to be delivered once more.
    again: Option<(u32, Message)>,
    /// Threads that the kernel was told to let read: one of them could take the
    /// message that is there.
    readers: HashMap<u32, u32>,
}

enum Repeat {
    Times(u32),
    Until(Instant),
    /// It was disturbed: next time it goes on.
    Passes,
}

/// Places that are disturbed in one run. A program with a million faults shall end.
const PLACES: u32 = 40;
/// Calls that are delayed.
const DELAYS: u32 = 400;
const TIMES: u32 = 30;
const WHILE: Duration = Duration::from_millis(30);

const MESSAGE: usize = size_of::<sys::uffd_msg>();
type Message = [u8; MESSAGE];

impl Disturber {
    pub fn new(kind: Option<Kind>, seed: u64) -> Disturber {
        Disturber {
            kind,
            random: Random::new(seed),
            left: if kind == Some(Kind::Delay) {
                DELAYS
            } else {
                PLACES
            },
            met: 0,
            repeats: HashMap::new(),
            again: None,
            readers: HashMap::new(),
        }
    }

    /// The answer to a call. What cannot be disturbed as a kernel does goes on.
    pub fn answer(
        &mut self,
        id: u64,
        tid: u32,
        call: &Call,
        caller: &Caller,
        listener: &Listener,
    ) -> Answer {
        self.readers.remove(&tid);
        let Some(kind) = self.kind else {
            return Answer::GoOn;
        };
        let answer = match (kind, call) {
            (Kind::Delay, _) => self.delay(),
            (Kind::EagainOnce | Kind::EagainMany | Kind::EagainWhile, Call::Fill(fill)) => {
                self.eagain(kind, fill, caller)
            }
            (Kind::EagainPart, Call::Fill(fill)) => self.part(fill, caller),
            (Kind::Eexist, Call::Fill(fill)) => self.exists(fill, caller),
            (Kind::EnoentBatch, Call::Fill(fill)) => self.batch(fill, caller),
            (Kind::Eintr, Call::Read { fd, .. }) => self.interrupted(&[*fd], true, caller),
            (Kind::Eintr, Call::Poll { fds }) => self.interrupted(fds, false, caller),
            (Kind::ReadEagain, Call::Read { fd, .. }) => self.read_eagain(*fd, caller),
            (Kind::ShortBatch | Kind::Duplicate, Call::Read { fd, buffer, room }) => {
                let room = *room / MESSAGE as u64;
                self.messages(kind, id, *fd, (*buffer, room), caller, listener)
            }
            _ => Ok(Answer::GoOn),
        };
        // What failed was done by nobody: the kernel does it, and tells why.
        let answer = answer.unwrap_or(Answer::GoOn);
        if let (Answer::GoOn, Call::Read { fd, .. }) = (answer, call) {
            self.readers.insert(tid, *fd);
        }
        answer
    }

    /// Whether this place is to be disturbed: the first, and then some.
    fn chosen(&mut self) -> bool {
        if self.left == 0 || self.met > 0 && self.random.below(3) > 0 {
            return false;
        }
        self.left -= 1;
        true
    }

    fn delay(&mut self) -> io::Result<Answer> {
        if self.left == 0 {
            return Ok(Answer::GoOn);
        }
        self.left -= 1;
        self.met += 1;
        Ok(Answer::Delay(Duration::from_micros(
            500 + self.random.below(6000),
        )))
    }

    fn fails(&mut self, fill: &Fill, caller: &Caller, errno: i32) -> io::Result<Answer> {
        fill.set_out(caller, -i64::from(errno))?;
        self.met += 1;
        Ok(Answer::Fails(errno))
    }

    fn eagain(&mut self, kind: Kind, fill: &Fill, caller: &Caller) -> io::Result<Answer> {
        let key = (fill.command, fill.start());
        match self.repeats.get_mut(&key) {
            Some(Repeat::Times(times)) if *times > 0 => *times -= 1,
            Some(Repeat::Until(until)) if Instant::now() < *until => {}
            Some(_) => {
                self.repeats.remove(&key);
                return Ok(Answer::GoOn);
            }
            None => {
                if !self.chosen() {
                    return Ok(Answer::GoOn);
                }
                let repeat = match kind {
                    Kind::EagainOnce => Repeat::Passes,
                    Kind::EagainMany => Repeat::Times(TIMES - 1),
                    _ => Repeat::Until(Instant::now() + WHILE),
                };
                self.repeats.insert(key, repeat);
            }
        }
        self.fails(fill, caller, EAGAIN)
    }

    fn part(&mut self, fill: &Fill, caller: &Caller) -> io::Result<Answer> {
        if !fill.can_be_done() || fill.len() <= crate::memory::page_size() as u64 || !self.chosen()
        {
            return Ok(Answer::GoOn);
        }
        let done = fill.do_a_page(caller, false)?;
        fill.set_out(caller, done as i64)?;
        self.met += 1;
        Ok(Answer::Fails(EAGAIN))
    }

    fn exists(&mut self, fill: &Fill, caller: &Caller) -> io::Result<Answer> {
        if !fill.can_be_done() || !self.chosen() {
            return Ok(Answer::GoOn);
        }
        fill.do_a_page(caller, true)?;
        self.fails(fill, caller, EEXIST)
    }

    fn batch(&mut self, fill: &Fill, caller: &Caller) -> io::Result<Answer> {
        let several = fill.has_out_field() && fill.len() > crate::memory::page_size() as u64;
        if !several || !self.chosen() {
            return Ok(Answer::GoOn);
        }
        self.fails(fill, caller, ENOENT)
    }

    /// As if a signal came while it waits.
    fn interrupted(&mut self, fds: &[u32], is_read: bool, caller: &Caller) -> io::Result<Answer> {
        for number in fds {
            let fd = caller.descriptor(*number)?;
            let returns = if is_read {
                is_non_blocking(&fd)? || has_message(&fd, caller, *number)?
            } else {
                ready(&fd)?
            };
            if returns {
                return Ok(Answer::GoOn);
            }
        }
        if !self.chosen() {
            return Ok(Answer::GoOn);
        }
        self.met += 1;
        Ok(Answer::Fails(EINTR))
    }

    /// As if a signal had withdrawn the message, and the thread faulted again.
    fn read_eagain(&mut self, fd: u32, caller: &Caller) -> io::Result<Answer> {
        let fd = caller.descriptor(fd)?;
        if !is_non_blocking(&fd)? || !ready(&fd)? || !self.chosen() {
            return Ok(Answer::GoOn);
        }
        self.met += 1;
        Ok(Answer::Fails(EAGAIN))
    }

    /// Reads a message in the program's stead.
    fn messages(
        &mut self,
        kind: Kind,
        id: u64,
        fd: u32,
        (buffer, room): (u64, u64),
        caller: &Caller,
        listener: &Listener,
    ) -> io::Result<Answer> {
        if let Some((_, message)) = self.again.take_if(|(of, _)| *of == fd) {
            caller.write(buffer, &message)?;
            return Ok(Answer::Returns(MESSAGE as i64));
        }
        let uffd = caller.descriptor(fd)?;
        // Another reader could take the message first, and this one wait for ever.
        let alone = !self.readers.values().any(|other| *other == fd);
        let long = kind == Kind::Duplicate || room > 1;
        if !alone || !long || !has_message(&uffd, caller, fd)? || !self.chosen() {
            return Ok(Answer::GoOn);
        }
        let mut message = [0; MESSAGE];
        if rustix::io::read(&uffd, &mut message)? != MESSAGE {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let parsed = sys::uffd_msg_bytes { bytes: message };
        if let Some(fork) = parsed.fork() {
            // Its descriptor came to us, and belongs to the program.
            // SAFETY: the kernel has just made this descriptor for us.
            let child = unsafe { OwnedFd::from_raw_fd(fork.ufd as i32) };
            let flags = rustix::io::fcntl_getfd(&child)?;
            let cloexec = flags.contains(rustix::io::FdFlags::CLOEXEC);
            let flags = if cloexec { libc::O_CLOEXEC } else { 0 };
            let number = listener.give(id, &child, flags)?;
            // The fork event's number is the first member behind the head.
            message[8..12].copy_from_slice(&number.to_ne_bytes());
        }
        let mut bytes = message.to_vec();
        if kind == Kind::ShortBatch {
            self.met += u64::from(has_message(&uffd, caller, fd)?);
        } else if parsed.pagefault().is_some() {
            if room > 1 {
                bytes.extend_from_slice(&message);
            } else {
                self.again = Some((fd, message));
            }
            self.met += 1;
        }
        caller.write(buffer, &bytes)?;
        Ok(Answer::Returns(bytes.len() as i64))
    }
}

/// Whether poll(2) would return at once.
fn ready(fd: &OwnedFd) -> io::Result<bool> {
    let mut poll = [PollFd::new(fd, PollFlags::IN)];
    event::poll(&mut poll, Some(&Timespec::default()))?;
    Ok(!poll[0].revents().is_empty())
}

fn is_non_blocking(fd: &OwnedFd) -> io::Result<bool> {
    Ok(rustix::fs::fcntl_getfl(fd)?.contains(OFlags::NONBLOCK))
}

/// Whether there is a message to read. For a userfaultfd that blocks poll(2) says
/// POLLERR all the time, so its faults are counted instead.
fn has_message(fd: &OwnedFd, caller: &Caller, number: u32) -> io::Result<bool> {
    if is_non_blocking(fd)? {
        return ready(fd);
    }
    Ok(caller.pending(number)? > 0)
}
