//! `uffd-abi demo`: real writes to write-protected memory, each trapped,
//! checked, shown and let through. It owns the writing threads and the map of
//! pages; it may use `memory`, `uffd`, `output`, `findings`, and `probe` to explain
//! a refusal.

mod map;
mod writers;

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{self, PollFd, PollFlags, Timespec};
use uffd_sys as sys;

use crate::cli::DemoArgs;
use crate::findings::{Check, Exit, Finding, Severity};
use crate::memory::{page_size, Mapping};
use crate::output::{Output, HEAD};
use crate::probe::opening::{explain, Surroundings};
use crate::uffd::{self, errno, errno_name, Way};
use map::Map;
use writers::{Plan, Writers};

/// A trap takes microseconds; a demonstration that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the command.
pub fn run(args: &DemoArgs, out: &mut Output) -> Exit {
    let mut check = Check::new("write-protect demonstration");
    let summary = match Demo::prepare(args) {
        Ok(mut demo) => {
            let what = format!(
                "{} pages write-protected with UFFDIO_WRITEPROTECT; {} threads write to {} of them",
                args.pages,
                args.threads,
                demo.plan.written()
            );
            out.wrapped(HEAD, &what, "");
            demo.run(out);
            check.compared = demo.checked;
            check.findings = demo.findings;
            format!(
                "{} of {} writes trapped, checked and let through; {} checks",
                demo.trapped,
                demo.plan.written(),
                demo.checked
            )
        }
        Err(finding) => {
            check.findings.push(*finding);
            "the demonstration could not start".to_owned()
        }
    };
    out.data("demo", &summary);
    out.check(check);
    out.finish(&summary)
}

struct Demo {
    // Dropped before the memory: closing it lets every thread go on.
    uffd: OwnedFd,
    plan: Plan,
    findings: Vec<Finding>,
    checked: usize,
    trapped: usize,
}

fn unchecked(message: String, why: Option<String>) -> Box<Finding> {
    let mut finding = Finding::new(Severity::Unchecked, "refused", "", message);
    finding.why = why;
    Box::new(finding)
}

impl Demo {
    fn prepare(args: &DemoArgs) -> Result<Demo, Box<Finding>> {
        let uffd = open()?;
        let features = sys::UFFD_FEATURE_PAGEFAULT_FLAG_WP | sys::UFFD_FEATURE_THREAD_ID;
        if let Err(errno) = uffd::api(&uffd, features) {
            let why =
                "The kernel has no write-protection of anonymous memory (since Linux 5.7, on \
                       arm64 since 6.10, and not on every processor) or no thread ids (4.14). \
                       `uffd-abi probe` shows what it has.";
            return Err(unchecked(
                format!("UFFDIO_API: {}", errno_name(errno)),
                Some(why.to_owned()),
            ));
        }
        let pages = usize::from(args.pages);
        let mapping = Mapping::new(
            pages * page_size(),
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            None,
        )
        .map_err(|why| unchecked(why, None))?;
        let plan = Plan::new(mapping, pages, usize::from(args.threads));
        // Pages that are not there would not be protected.
        plan.fill();
        plan.mapping
            .register(&uffd, sys::UFFDIO_REGISTER_MODE_WP)
            .map_err(|errno| unchecked(format!("UFFDIO_REGISTER: {}", errno_name(errno)), None))?;
        let demo = Demo {
            uffd,
            plan,
            findings: vec![],
            checked: 0,
            trapped: 0,
        };
        demo.protect(demo.plan.mapping.range(), sys::UFFDIO_WRITEPROTECT_MODE_WP)
            .map_err(|errno| {
                unchecked(format!("UFFDIO_WRITEPROTECT: {}", errno_name(errno)), None)
            })?;
        Ok(demo)
    }

    fn protect(&self, range: sys::uffdio_range, mode: u64) -> Result<(), i32> {
        let mut arg = sys::uffdio_writeprotect { range, mode };
        // SAFETY: `arg` is readable, and the range is our own mapping, which
        // only this demonstration's threads touch.
        match unsafe { sys::uffdio_writeprotect(self.uffd.as_raw_fd(), &mut arg) } {
            0 => Ok(()),
            _ => Err(errno()),
        }
    }

    fn run(&mut self, out: &mut Output) {
        let start = Instant::now();
        let mut map = Map::new(&self.plan, out);
        let writers = Writers::start(&self.plan);
        while self.trapped < self.plan.written() && self.findings.is_empty() {
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.wait(left) {
                Ok(messages) => {
                    for message in messages {
                        self.trap(&message, &writers, &mut map, out);
                    }
                }
                Err(why) => self.wrong(why),
            }
        }
        if !self.findings.is_empty() {
            // Lets every thread that waits go on, so that they can be joined.
            let mut range = self.plan.mapping.range();
            // SAFETY: `range` is readable; nobody relies on the protection any more.
            unsafe { sys::uffdio_unregister(self.uffd.as_raw_fd(), &mut range) };
        }
        // They write again, which is not to be trapped a second time.
        if !writers.join(PATIENCE) {
            self.wrong("a thread did not end within 10 s".to_owned());
            // It may still use the memory: leave without unmapping it.
            map.show(out);
            out.line("error: a writing thread hangs");
            std::process::exit(Exit::Different as i32);
        }
        if let Ok(messages) = self.wait(Duration::ZERO) {
            for message in messages {
                self.trap(&message, &writers, &mut map, out);
            }
        }
        map.show(out);
        let wrong = self.plan.wrong_pages();
        self.expect(wrong.is_empty(), || {
            format!("the data of pages {wrong:?} is wrong at the end")
        });
        let (trapped, written) = (self.trapped, self.plan.written());
        self.expect(trapped == written, || {
            format!("{trapped} of {written} writes were trapped")
        });
    }

    /// The messages that come within this time; that there are none is an
    /// error.
    fn wait(&self, left: Duration) -> Result<Vec<sys::uffd_msg_bytes>, String> {
        let mut poll = [PollFd::new(&self.uffd, PollFlags::IN)];
        let left = Timespec::try_from(left).expect("ten seconds at most");
        match event::poll(&mut poll, Some(&left)) {
            Ok(0) => return Err("the writes were not all trapped within 10 s".to_owned()),
            Ok(_) => {}
            Err(errno) => return Err(format!("poll(2): {}", errno_name(errno.raw_os_error()))),
        }
        let mut messages = [sys::uffd_msg_bytes::default(); 16];
        let room = messages.as_mut_ptr().cast();
        // SAFETY: room for 16 messages, outside of the protected range.
        let bytes = unsafe { sys::uffd_read(self.uffd.as_raw_fd(), room, 16) };
        if bytes < 0 {
            return Err(format!("read(2): {}", errno_name(errno())));
        }
        Ok(messages[..bytes as usize / size_of::<sys::uffd_msg>()].to_vec())
    }

    /// Checks one trapped write, shows it and lets it through.
    fn trap(
        &mut self,
        message: &sys::uffd_msg_bytes,
        writers: &Writers,
        map: &mut Map,
        out: &mut Output,
    ) {
        let fault = message.pagefault();
        self.expect(fault.is_some(), || {
            format!("event {:#x} instead of a fault", message.event())
        });
        let Some(fault) = fault else { return };
        let thread_id = fault.ptid();
        let expected = sys::UFFD_PAGEFAULT_FLAG_WRITE | sys::UFFD_PAGEFAULT_FLAG_WP;
        let flags = fault.flags;
        self.expect(flags == expected, || {
            format!("flags {flags:#x}, expected {expected:#x} (WRITE|WP)")
        });
        let Some(page) = self.plan.page_at(fault.address) else {
            let address = fault.address;
            self.wrong(format!("a fault at {address:#x}, outside of the memory"));
            return;
        };
        let owner = self.plan.owner(page);
        self.expect(owner.is_some(), || {
            format!("page {page} is trapped, to which nobody writes")
        });
        self.expect(!map.is_trapped(page), || {
            format!("page {page} is trapped twice")
        });
        if let Some(owner) = owner {
            let thread = writers.thread_id(owner);
            self.expect(thread == thread_id, || {
                format!("page {page}: thread id {thread_id}, but thread {thread} writes it")
            });
        }
        let before = self.plan.is_untouched(page);
        self.expect(before, || {
            format!("page {page} had changed before it was let through")
        });
        self.trapped += 1;
        map.trap(page, owner.unwrap_or(0), out);
        let range = sys::uffdio_range {
            start: fault.address & !(page_size() as u64 - 1),
            len: page_size() as u64,
        };
        // Without DONTWAKE: the thread goes on.
        if let Err(errno) = self.protect(range, 0) {
            self.wrong(format!(
                "page {page}: UFFDIO_WRITEPROTECT: {}",
                errno_name(errno)
            ));
        }
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.wrong(otherwise());
        }
    }

    fn wrong(&mut self, message: String) {
        self.findings
            .push(Finding::new(Severity::Error, "behaviour", "", message));
    }
}

fn open() -> Result<OwnedFd, Box<Finding>> {
    uffd::open_any(libc::O_NONBLOCK)
        .map(|(_, fd)| fd)
        .map_err(|refusals| {
            let here = Surroundings::here();
            let (way, refusal) = refusals[0];
            let (_, why) = explain(way, refusal, false, &here);
            let errno = errno_name(refusal.errno);
            let message = format!(
                "cannot open a userfaultfd: {errno} from {} ({} other ways fail too)",
                refusal.call,
                Way::ALL.len() - 1
            );
            unchecked(
                message,
                Some(format!("{why} `uffd-abi probe` explains the others.")),
            )
        })
}
