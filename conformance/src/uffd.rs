//! The calls of `uffd_sys`, with answers that can be checked.
//!
//! The methods are safe to call, which is a simplification for this program:
//! they work on memory that a `Region` mapped and that is touched through raw
//! addresses alone, so no Rust object can change under anybody's eyes.

use std::fmt;
use std::time::{Duration, Instant};

use libc::c_int;
use uffd_sys::*;

use crate::case::{Outcome, Stop};
use crate::sys::{errno, errno_name, page_size, set_errno, MOMENT, PATIENCE};

/// What the out fields hold before a call, to see whether the kernel wrote.
pub const UNTOUCHED: i64 = 0x5eed_5eed_5eed_5eed;

/// No errno; to see that a successful call leaves it alone.
const NO_ERRNO: c_int = 3999;

/// What a call answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// The call, such as `UFFDIO_COPY`.
    pub call: &'static str,
    /// Zero for success.
    pub errno: c_int,
    /// The out field; [`UNTOUCHED`] if the call has none.
    pub out: i64,
}

impl Answer {
    /// Makes the call, and insists on the contract of ioctl(2).
    ///
    /// # Panics
    ///
    /// When the function returned neither 0 nor -1, or touched `errno` on
    /// success. That is a mistake of `uffd_sys`, not of the kernel.
    pub fn of(call: &'static str, make: impl FnOnce() -> c_int) -> Answer {
        set_errno(NO_ERRNO);
        let result = make();
        let seen = errno();
        match result {
            0 => assert_eq!(seen, NO_ERRNO, "{}: errno changed on success", call),
            -1 => assert_ne!(seen, NO_ERRNO, "{}: no errno on failure", call),
            other => panic!("{} returned {}", call, other),
        }
        Answer {
            call,
            errno: if result == 0 { 0 } else { seen },
            out: UNTOUCHED,
        }
    }

    fn with(self, out: i64) -> Answer {
        Answer { out, ..self }
    }

    /// The call must have succeeded.
    pub fn ok(self) -> Outcome {
        ensure!(self.errno == 0, "{}, not success", self);
        Ok(())
    }

    /// The call must have succeeded, with this in the out field.
    pub fn gives(self, out: usize) -> Outcome {
        self.ok()?;
        ensure!(
            self.out == out as i64,
            "{}, not {}",
            self,
            amount(out as i64)
        );
        Ok(())
    }

    /// The call must have failed with this error.
    pub fn fails(self, errno: c_int) -> Outcome {
        ensure!(self.errno == errno, "{}, not {}", self, errno_name(errno));
        Ok(())
    }

    /// The call must have failed with this error and this in the out field:
    /// a negated errno, bytes, or [`UNTOUCHED`].
    pub fn fails_with(self, errno: c_int, out: i64) -> Outcome {
        self.fails(errno)?;
        ensure!(self.out == out, "{}, not {}", self, amount(out));
        Ok(())
    }
}

/// An out field in words that are the same for every page size.
pub fn amount(out: i64) -> String {
    let page = page_size() as i64;
    match out {
        UNTOUCHED => "out field untouched".to_owned(),
        n if n < 0 => format!("out field -{}", errno_name(-n as c_int)),
        n if n % page == 0 => format!("out field {} pages", n / page),
        n => format!("out field {} bytes", n),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.call, errno_name(self.errno))?;
        if self.out != UNTOUCHED {
            write!(f, " with {}", amount(self.out))?;
        }
        Ok(())
    }
}

/// A message, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    Fault {
        flags: u64,
        address: usize,
        ptid: u32,
    },
    Fork {
        fd: c_int,
    },
    Remap {
        from: usize,
        to: usize,
        len: usize,
    },
    Remove {
        start: usize,
        end: usize,
    },
    Unmap {
        start: usize,
        end: usize,
    },
    Unknown(u8),
}

impl Event {
    /// The member of the message that its event selects.
    pub fn of(msg: uffd_msg) -> Event {
        let arg = msg.arg;
        // SAFETY: every member of the unions is made of integers, for which
        // any bits are valid.
        unsafe {
            match msg.event {
                UFFD_EVENT_PAGEFAULT => Event::Fault {
                    flags: arg.pagefault.flags,
                    address: arg.pagefault.address as usize,
                    ptid: arg.pagefault.feat.ptid,
                },
                UFFD_EVENT_FORK => Event::Fork {
                    fd: arg.fork.ufd as c_int,
                },
                UFFD_EVENT_REMAP => Event::Remap {
                    from: arg.remap.from as usize,
                    to: arg.remap.to as usize,
                    len: arg.remap.len as usize,
                },
                UFFD_EVENT_REMOVE => Event::Remove {
                    start: arg.remove.start as usize,
                    end: arg.remove.end as usize,
                },
                UFFD_EVENT_UNMAP => Event::Unmap {
                    start: arg.remove.start as usize,
                    end: arg.remove.end as usize,
                },
                other => Event::Unknown(other),
            }
        }
    }

    /// Its name, for failures.
    pub fn name(&self) -> String {
        match self {
            Event::Fault { flags, .. } => format!("a fault with {}", fault_flags(*flags)),
            Event::Fork { .. } => "a fork event".to_owned(),
            Event::Remap { .. } => "a remap event".to_owned(),
            Event::Remove { .. } => "a remove event".to_owned(),
            Event::Unmap { .. } => "an unmap event".to_owned(),
            Event::Unknown(event) => format!("an unknown event {:#x}", event),
        }
    }
}

/// `WRITE|WP`, or `no flags`.
pub fn fault_flags(flags: u64) -> String {
    let known = [
        (UFFD_PAGEFAULT_FLAG_WRITE, "WRITE"),
        (UFFD_PAGEFAULT_FLAG_WP, "WP"),
        (UFFD_PAGEFAULT_FLAG_MINOR, "MINOR"),
        (UFFD_PAGEFAULT_FLAG_RWP, "RWP"),
    ];
    let mut names: Vec<String> = vec![];
    let mut rest = flags;
    for (bit, name) in known {
        if flags & bit != 0 {
            names.push(name.to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        names.push(format!("{:#x}", rest));
    }
    if names.is_empty() {
        return "no flags".to_owned();
    }
    names.join("|")
}

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

/// The plain methods: in struct fields, out the field.
macro_rules! call {
    ($self:ident, $function:ident, $name:literal, $arg:expr) => {{
        let mut arg = $arg;
        // SAFETY: see the head of this file; `arg` lives through the call.
        let answer = Answer::of($name, || unsafe { $function($self.fd, &mut arg) });
        (answer, arg)
    }};
}

/// What a call does without a wake is only to be seen if whoever is to wait
/// sleeps by then.
fn settle_if(without_wake: bool) {
    if without_wake {
        crate::thread::settle();
    }
}

impl Uffd {
    /// Opens one and shakes hands with these features. Non-blocking, so that
    /// a case that waits in vain fails by itself.
    ///
    /// A failure ends the case: use [`Uffd::bare`] and [`Uffd::api`] where
    /// opening is the subject.
    pub fn open(features: u64) -> Result<Uffd, Stop> {
        Uffd::open_with(libc::O_CLOEXEC | libc::O_NONBLOCK, features)
    }

    /// As [`Uffd::open`], with other flags.
    pub fn open_with(flags: c_int, features: u64) -> Result<Uffd, Stop> {
        let uffd = Uffd::bare(flags).map_err(|errno| {
            Stop::Fail(format!("userfaultfd(2) answered {}", errno_name(errno)))
        })?;
        uffd.api(features).0.ok()?;
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
        settle_if(mode & UFFDIO_COPY_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_MOVE_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_CONTINUE_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_POISON_MODE_DONTWAKE != 0);
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
        settle_if(mode & UFFDIO_RWPROTECT_MODE_DONTWAKE != 0);
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
    pub fn read(&self, room: usize) -> Result<Vec<uffd_msg>, c_int> {
        let mut messages = vec![uffd_msg::default(); room];
        set_errno(NO_ERRNO);
        // SAFETY: there is room for `room` messages.
        match unsafe { uffd_read(self.fd, messages.as_mut_ptr(), room) } {
            -1 => Err(errno()),
            bytes => {
                assert_eq!(errno(), NO_ERRNO, "uffd_read: errno changed on success");
                let size = std::mem::size_of::<uffd_msg>();
                assert_eq!(bytes as usize % size, 0, "read a part of a message");
                messages.truncate(bytes as usize / size);
                Ok(messages)
            }
        }
    }

    /// The next message, waiting with patience.
    pub fn next(&self) -> Result<Event, Stop> {
        self.next_within(PATIENCE)?
            .ok_or_else(|| Stop::Fail("no message came".to_owned()))
    }

    /// The next message if one comes within this time.
    pub fn next_within(&self, time: Duration) -> Result<Option<Event>, Stop> {
        let end = Instant::now() + time;
        loop {
            // Allocates nothing: see `Thread::spawn`.
            let mut message = uffd_msg::default();
            // SAFETY: there is room for one message.
            match unsafe { uffd_read(self.fd, &mut message, 1) } {
                -1 => {}
                bytes => {
                    assert_eq!(
                        bytes as usize,
                        std::mem::size_of::<uffd_msg>(),
                        "one message"
                    );
                    return Ok(Some(Event::of(message)));
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
