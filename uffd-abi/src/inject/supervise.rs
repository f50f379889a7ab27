//! One run of the command: its calls are answered until it ends or is stuck.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{self, PollFd, PollFlags, Timespec};

use super::calls::{Call, Caller};
use super::disturb::{Answer, Disturber};
use super::kinds::Kind;
use super::launch::{launch, Ending, Running};
use super::stuck::{descendants, State, Stuck};
use crate::inspect::process::Process;
use crate::inspect::{self, Seen};

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    Ended(Ending),
    /// It would never go on: what was seen of it.
    Hung(State, Option<Box<Seen>>),
    /// It neither ended nor was stuck.
    Slow,
}

/// What a run was like.
#[derive(Debug)]
pub struct Ran {
    pub outcome: Outcome,
    /// Disturbances.
    pub met: u64,
    /// Calls on userfaultfds, by name.
    pub calls: BTreeMap<&'static str, u64>,
    /// Calls of processes whose memory this one may not read.
    pub unseen: u64,
    pub took: Duration,
    /// The last of what it printed.
    pub words: String,
}

/// What a run needs to know.
pub struct Plan<'a> {
    pub command: &'a [OsString],
    pub kind: Option<Kind>,
    pub seed: u64,
    pub patience: Duration,
    /// When the run is given up.
    pub limit: Duration,
    pub killable: bool,
}

/// Between two looks at the threads.
const LOOK: Duration = Duration::from_millis(200);
/// How much of the output is kept.
const WORDS: usize = 2000;

/// Runs the command.
///
/// # Errors
///
/// It could not be started.
pub fn run(plan: &Plan<'_>) -> Result<Ran, String> {
    let running = launch(plan.command, plan.killable)?;
    let mut supervisor = Supervisor {
        disturber: Disturber::new(plan.kind, plan.seed),
        calls: BTreeMap::new(),
        fills: 0,
        unseen: 0,
        owed: vec![],
        words: vec![],
        listens: true,
        hears: true,
    };
    let began = Instant::now();
    let outcome = supervisor
        .until_it_ends(&running, plan, began)
        .map_err(|error| format!("the command's supervisor: {error}"))?;
    // Nothing of it shall run any more before the next run, whatever happened.
    drop(running);
    Ok(Ran {
        outcome,
        met: supervisor.disturber.met,
        calls: supervisor.calls,
        unseen: supervisor.unseen,
        took: began.elapsed(),
        words: String::from_utf8_lossy(&supervisor.words).into_owned(),
    })
}

struct Supervisor {
    disturber: Disturber,
    calls: BTreeMap<&'static str, u64>,
    fills: u64,
    unseen: u64,
    /// Calls to be answered at a time.
    owed: Vec<(Instant, u64)>,
    words: Vec<u8>,
    /// Some process has the filter.
    listens: bool,
    /// Some process has the output.
    hears: bool,
}

impl Supervisor {
    fn until_it_ends(
        &mut self,
        running: &Running,
        plan: &Plan<'_>,
        began: Instant,
    ) -> io::Result<Outcome> {
        let mut stuck = Stuck::new(plan.patience);
        let mut looked = Instant::now();
        loop {
            let now = Instant::now();
            self.pay(running, now);
            let next = self.owed.iter().map(|(due, _)| *due).min();
            let next = next.map_or(LOOK, |due| due.saturating_duration_since(now).min(LOOK));
            let ended = running.ended.as_fd();
            let mut fds = vec![PollFd::new(&ended, PollFlags::IN)];
            // An end that nobody has any more would be ready all the time.
            if self.hears {
                fds.push(PollFd::new(&running.output, PollFlags::IN));
            }
            if self.listens {
                fds.push(PollFd::new(running.listener.fd(), PollFlags::IN));
            }
            let time = Timespec::try_from(next).expect("less than a second");
            match event::poll(&mut fds, Some(&time)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let happened: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
            drop(fds);
            let (hears, listens) = (self.hears, self.listens);
            if hears && happened[1].contains(PollFlags::IN) {
                self.hear(running)?;
            } else if hears {
                self.hears = happened[1].is_empty();
            }
            if let Some(flags) = happened.get(1 + usize::from(hears)).filter(|_| listens) {
                if flags.contains(PollFlags::IN) {
                    self.take(running)?;
                } else {
                    self.listens = flags.is_empty();
                }
            }
            if !happened[0].is_empty() {
                while self.hear(running)? > 0 {}
                return Ok(Outcome::Ended(running.ending()));
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                let calls = (self.calls.values().sum(), self.fills);
                // Without its first process, which waits for the others.
                let state = stuck.look(running.root(), !self.owed.is_empty(), calls);
                if state != State::Alive {
                    return Ok(Outcome::Hung(state, picture(running.root()).map(Box::new)));
                }
                if began.elapsed() > plan.limit {
                    return Ok(Outcome::Slow);
                }
            }
        }
    }

    /// Keeps the end of what is printed; how much there was.
    fn hear(&mut self, running: &Running) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let waiting = rustix::io::ioctl_fionread(&running.output)?;
        if waiting == 0 {
            return Ok(0);
        }
        let count = rustix::io::read(&running.output, &mut bytes)?;
        self.words.extend_from_slice(&bytes[..count]);
        let more = self.words.len().saturating_sub(WORDS);
        self.words.drain(..more);
        Ok(count)
    }

    fn take(&mut self, running: &Running) -> io::Result<()> {
        let listener = &running.listener;
        let Some(notif) = listener.next()? else {
            return Ok(());
        };
        let (id, tid) = (notif.id, notif.pid);
        // A thread that was killed has no files any more.
        let caller = Caller::new(tid);
        let forbidden = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        self.unseen += u64::from(caller.as_ref().is_err_and(forbidden));
        let call = caller.ok().and_then(|caller| {
            let call = Call::of(&notif, &caller)?;
            Some((call, caller))
        });
        let Some((call, caller)) = call else {
            listener.go_on(id);
            return Ok(());
        };
        *self.calls.entry(call.name()).or_default() += 1;
        self.fills += u64::from(matches!(call, Call::Fill(_)));
        match self.disturber.answer(id, tid, &call, &caller, listener) {
            Answer::GoOn => listener.go_on(id),
            Answer::Fails(errno) => listener.fails(id, errno),
            Answer::Returns(value) => listener.returns(id, value),
            Answer::Delay(time) => self.owed.push((Instant::now() + time, id)),
        }
        Ok(())
    }

    /// Answers the calls whose time has come.
    fn pay(&mut self, running: &Running, now: Instant) {
        self.owed.retain(|(due, id)| {
            let later = *due > now;
            if !later {
                running.listener.go_on(*id);
            }
            later
        });
    }
}

/// What `inspect` sees of the process that waits, or of one with a userfaultfd.
fn picture(root: u32) -> Option<Seen> {
    let processes = descendants(root).into_iter().skip(1);
    let processes: Vec<Process> = processes
        .filter_map(|pid| Process::glance(pid).ok())
        .collect();
    let waits = processes.iter().find(|p| p.waiters().next().is_some());
    let has = processes.iter().find(|p| !p.descriptors.is_empty());
    let process = waits.or(has).or(processes.first())?;
    inspect::observe(process.pid).ok()
}
