//! The calls of `uffd_sys`, as methods.
//!
//! The methods are safe to call, which is a simplification for this program:
//! they work on memory that a `Region` mapped and that is accessed through raw
//! addresses alone, so no Rust object can change under anybody's eyes.

use std::time::{Duration, Instant};

use libc::c_int;
use uffd_sys::*;

use crate::answer::{Answer, NO_ERRNO, UNTOUCHED};
use crate::errno::{errno, errno_name, set_errno};
use crate::message::{fault_flags, Event};
use crate::thread;
use crate::verdict::{count_check, Outcome, Verdict};
use crate::wait::{MOMENT, PATIENCE};

/// A userfaultfd, closed when dropped.
#[derive(Debug)]
pub struct Uffd {
    /// The descriptor.
    pub fd: c_int,
}

impl Drop for Uffd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this object's own.
        unsafe { libc::close(self.fd) };
    }
}

macro_rules! range {
    ($start:expr, $len:expr) => {
        uffdio_range {
            start: $start as u64,
            len: $len as u64,
        }
    };
}

/// Makes the call with this argument: the answer, and the argument afterwards.
macro_rules! call {
    ($self:ident, $function:ident, $name:literal, $arg:expr) => {{
        let mut arg = $arg;
        // SAFETY: see the first comment of this file; `arg` lives through the call.
        let answer = Answer::of($name, || unsafe { $function($self.fd, &mut arg) });
        (answer, arg)
    }};
}

impl Uffd {
    /// Opens one and performs the handshake with these features. Non-blocking, so
    /// that a case that waits in vain fails by itself.
    ///
    /// A failure ends the case: use [`Uffd::bare`] and [`Uffd::api`] where
    /// opening is the subject.
    pub fn open(features: u64) -> Result<Uffd, Verdict> {
        Uffd::open_with(libc::O_CLOEXEC | libc::O_NONBLOCK, features)
    }

    /// As [`Uffd::open`], with other flags.
    pub fn open_with(flags: c_int, features: u64) -> Result<Uffd, Verdict> {
        let uffd = Uffd::bare(flags).map_err(|errno| {
            Verdict::Fail(format!("userfaultfd(2) answered {}", errno_name(errno)))
        })?;
        uffd.api(features).0.prepares()?;
        Ok(uffd)
    }

    /// Opens one without the handshake; the error is the errno.
    pub fn bare(flags: c_int) -> Result<Uffd, c_int> {
        set_errno(NO_ERRNO);
        // SAFETY: no memory is involved.
        match unsafe { userfaultfd(flags) } {
            -1 => Err(errno()),
            fd => {
                assert_eq!(errno(), NO_ERRNO, "userfaultfd: errno changed on success");
                Ok(Uffd { fd })
            }
        }
    }

    /// UFFDIO_API; also what the kernel left in the struct.
    pub fn api(&self, features: u64) -> (Answer, uffdio_api) {
        call!(
            self,
            uffdio_api,
            "UFFDIO_API",
            uffdio_api {
                api: UFFD_API,
                features,
                ioctls: UNTOUCHED as u64,
            }
        )
    }

    /// UFFDIO_REGISTER; `out` is the field `ioctls`.
    pub fn register(&self, start: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_register,
            "UFFDIO_REGISTER",
            uffdio_register {
                range: range!(start, len),
                mode,
                ioctls: UNTOUCHED as u64,
            }
        );
        answer.with(arg.ioctls as i64)
    }

    /// UFFDIO_UNREGISTER.
    pub fn unregister(&self, start: usize, len: usize) -> Answer {
        call!(
            self,
            uffdio_unregister,
            "UFFDIO_UNREGISTER",
            range!(start, len)
        )
        .0
    }

    /// UFFDIO_WAKE.
    pub fn wake(&self, start: usize, len: usize) -> Answer {
        call!(self, uffdio_wake, "UFFDIO_WAKE", range!(start, len)).0
    }

    /// UFFDIO_COPY.
    pub fn copy(&self, dst: usize, src: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_copy,
            "UFFDIO_COPY",
            uffdio_copy {
                dst: dst as u64,
                src: src as u64,
                len: len as u64,
                mode,
                copy: UNTOUCHED,
            }
        );
        answer.with(arg.copy)
    }

    /// UFFDIO_ZEROPAGE.
    pub fn zeropage(&self, start: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_zeropage,
            "UFFDIO_ZEROPAGE",
            uffdio_zeropage {
                range: range!(start, len),
                mode,
                zeropage: UNTOUCHED,
            }
        );
        answer.with(arg.zeropage)
    }

    /// UFFDIO_MOVE.
    pub fn move_(&self, dst: usize, src: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_move,
            "UFFDIO_MOVE",
            uffdio_move {
                dst: dst as u64,
                src: src as u64,
                len: len as u64,
                mode,
                move_: UNTOUCHED,
            }
        );
        answer.with(arg.move_)
    }

    /// UFFDIO_WRITEPROTECT.
    pub fn writeprotect(&self, start: usize, len: usize, mode: u64) -> Answer {
        call!(
            self,
            uffdio_writeprotect,
            "UFFDIO_WRITEPROTECT",
            uffdio_writeprotect {
                range: range!(start, len),
                mode,
            }
        )
        .0
    }

    /// UFFDIO_CONTINUE.
    pub fn continue_(&self, start: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_continue,
            "UFFDIO_CONTINUE",
            uffdio_continue {
                range: range!(start, len),
                mode,
                mapped: UNTOUCHED,
            }
        );
        answer.with(arg.mapped)
    }

    /// UFFDIO_POISON.
    pub fn poison(&self, start: usize, len: usize, mode: u64) -> Answer {
        let (answer, arg) = call!(
            self,
            uffdio_poison,
            "UFFDIO_POISON",
            uffdio_poison {
                range: range!(start, len),
                mode,
                updated: UNTOUCHED,
            }
        );
        answer.with(arg.updated)
    }

    /// UFFDIO_RWPROTECT.
    pub fn rwprotect(&self, start: usize, len: usize, mode: u64) -> Answer {
        call!(
            self,
            uffdio_rwprotect,
            "UFFDIO_RWPROTECT",
            uffdio_rwprotect {
                range: range!(start, len),
                mode,
            }
        )
        .0
    }

    /// UFFDIO_SET_MODE.
    pub fn set_mode(&self, enable: u64, disable: u64) -> Answer {
        call!(
            self,
            uffdio_set_mode,
            "UFFDIO_SET_MODE",
            uffdio_set_mode { enable, disable }
        )
        .0
    }

    /// One read(2) with room for `room` messages: what came, or the errno.
    pub fn read(&self, room: usize) -> Result<Vec<Event>, c_int> {
        let messages = self.read_undecoded(room)?;
        Ok(messages.iter().map(Event::of).collect())
    }

    /// As [`Uffd::read`]; the messages as the kernel left them.
    pub fn read_undecoded(&self, room: usize) -> Result<Vec<uffd_msg_bytes>, c_int> {
        // One more than said, to see that the call does not use it.
        let mut messages = vec![uffd_msg_bytes::default(); room + 1];
        set_errno(NO_ERRNO);
        // SAFETY: there is room for `room` messages.
        match unsafe { uffd_read(self.fd, messages.as_mut_ptr().cast(), room) } {
            -1 => Err(errno()),
            bytes => {
                assert_eq!(errno(), NO_ERRNO, "uffd_read: errno changed on success");
                let size = std::mem::size_of::<uffd_msg>();
                assert_eq!(bytes as usize % size, 0, "read a part of a message");
                let behind = messages[room];
                assert_eq!(
                    behind,
                    uffd_msg_bytes::default(),
                    "uffd_read wrote behind its room"
                );
                messages.truncate(bytes as usize / size);
                Ok(messages)
            }
        }
    }

    /// The next message, waiting with patience.
    pub fn next(&self) -> Result<Event, Verdict> {
        self.next_within(PATIENCE)?
            .ok_or_else(|| Verdict::Fail("no message came".to_owned()))
    }

    /// The next message if one comes within this time.
    pub fn next_within(&self, time: Duration) -> Result<Option<Event>, Verdict> {
        let end = Instant::now() + time;
        loop {
            // Allocates nothing: see `Thread::spawn`.
            let mut message = uffd_msg_bytes::default();
            // SAFETY: there is room for one message.
            match unsafe { uffd_read(self.fd, (&mut message as *mut uffd_msg_bytes).cast(), 1) } {
                -1 => {}
                bytes => {
                    assert_eq!(
                        bytes as usize,
                        std::mem::size_of::<uffd_msg>(),
                        "one message"
                    );
                    let event = Event::of(&message);
                    if let Event::Fault { .. } = event {
                        // It is sent before the thread sleeps. What a case does
                        // next might otherwise be too early to find it waiting.
                        ensure!(thread::settle(), "a thread that was started does not wait");
                    }
                    return Ok(Some(event));
                }
            }
            match errno() {
                libc::EAGAIN if Instant::now() > end => return Ok(None),
                libc::EAGAIN => std::thread::sleep(Duration::from_micros(100)),
                errno => fail!("read(2) of a message answered {}", errno_name(errno)),
            }
        }
    }

    /// The next message must be a fault at this address with these flags.
    pub fn expect_fault(&self, address: usize, flags: u64) -> Outcome {
        match self.next()? {
            Event::Fault {
                flags: f,
                address: a,
                ..
            } => {
                ensure!(
                    a == address,
                    "the fault's address is {} bytes off",
                    a.wrapping_sub(address) as isize
                );
                ensure!(
                    f == flags,
                    "the fault has {}, not {}",
                    fault_flags(f),
                    fault_flags(flags)
                );
                Ok(())
            }
            other => fail!("{} came, not a fault", other.name()),
        }
    }

    /// No message may come for a moment.
    pub fn expect_silence(&self) -> Outcome {
        count_check();
        match self.next_within(MOMENT)? {
            None => Ok(()),
            Some(event) => fail!("{} came, not silence", event.name()),
        }
    }

    /// poll(2) for input, for so long: the events, zero after the time.
    pub fn poll(&self, time: Duration) -> libc::c_short {
        let mut entry = libc::pollfd {
            fd: self.fd,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry, which lives through the call.
        unsafe { libc::poll(&mut entry, 1, time.as_millis() as c_int) };
        entry.revents
    }
}
