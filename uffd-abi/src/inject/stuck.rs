//! Whether a program will never go on. Time alone cannot tell, as a machine may be
//! slow: what counts is that nothing has run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::inspect::process::{self, Thread};
use crate::inspect::texts;

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may go on.
    Alive,
    /// No thread has run for a while, and none waits for a time to pass.
    Asleep,
    /// A thread waits in a fault all the time, while others run in vain.
    InVain,
}

/// For how long nothing must have run. A thread that is about to run is seen, so
/// this is not a matter of speed.
const QUIET: Duration = Duration::from_millis(1500);
/// Looks in that time, at least.
const LOOKS: u32 = 5;
/// Calls in vain that are enough, in the time that the user allows: more than a batch
/// of messages takes whose fills are all disturbed many times.
const CALLS: u64 = 600;

type Key = (u32, u32);

/// A series of looks at a program.
pub struct Stuck {
    /// How long a thread may wait in one fault while others run.
    patience: Duration,
    last: BTreeMap<Key, Thread>,
    /// How many pages the program tried to fill, and since when it is so many.
    fills: (u64, Instant),
    quiet: Option<(Instant, u32)>,
    /// Threads that wait: since when, and how many calls there had been.
    waiting: HashMap<Key, (Instant, u64)>,
    looks: u32,
    /// Looks at which some thread ran or was about to.
    running: u32,
}

impl Stuck {
    pub fn new(patience: Duration) -> Stuck {
        Stuck {
            patience,
            last: BTreeMap::new(),
            fills: (0, Instant::now()),
            quiet: None,
            waiting: HashMap::new(),
            looks: 0,
            running: 0,
        }
    }

    /// Looks at all descendants of a process. `owed`: a call waits for the
    /// supervisor; `calls`, `fills`: how many there were, and those that fill pages.
    pub fn look(&mut self, root: u32, owed: bool, (calls, fills): (u64, u64)) -> State {
        let mut threads = BTreeMap::new();
        for pid in descendants(root) {
            let of_process = process::threads(pid).unwrap_or_default();
            threads.extend(of_process.into_iter().map(|t| ((pid, t.tid), t)));
        }
        let now = Instant::now();
        let state = self.judge(&threads, owed, (calls, fills), now);
        self.last = threads;
        state
    }

    fn judge(
        &mut self,
        threads: &BTreeMap<Key, Thread>,
        owed: bool,
        (calls, fills): (u64, u64),
        now: Instant,
    ) -> State {
        let stays = |key: &Key, thread: &Thread| {
            let earlier = self.last.get(key);
            earlier.is_some_and(|earlier| thread.is_where_it_was(earlier))
        };
        let runs = threads.values().any(may_run);
        let same = threads.len() == self.last.len() && threads.iter().all(|(k, t)| stays(k, t));
        let waiting: HashSet<Key> = threads
            .iter()
            .filter(|(key, thread)| thread.waits().is_some() && stays(key, thread))
            .map(|(key, _)| *key)
            .collect();
        self.quiet = if same && !runs && !owed && !threads.is_empty() {
            let (since, looks) = self.quiet.unwrap_or((now, 0));
            Some((since, looks + 1))
        } else {
            None
        };
        self.waiting.retain(|key, _| waiting.contains(key));
        for key in waiting {
            self.waiting.entry(key).or_insert((now, calls));
        }
        if self.waiting.is_empty() {
            (self.looks, self.running) = (0, 0);
        }
        self.looks += 1;
        self.running += u32::from(runs);

        let long = |since: Instant, time| now.saturating_duration_since(since) >= time;
        if let Some((since, looks)) = self.quiet {
            if looks >= LOOKS && long(since, QUIET) && !threads.values().any(has_timeout) {
                return State::Asleep;
            }
        }
        if fills != self.fills.0 {
            self.fills = (fills, now);
        }
        // Others that run or fill pages may be about to help, and slow; or they call
        // in vain.
        let busy = self.running * 4 > self.looks || !long(self.fills.1, self.patience);
        let in_vain = |(since, then): &(Instant, u64)| {
            long(*since, self.patience) && (calls - then >= CALLS || !busy)
        };
        if !owed && self.waiting.values().any(in_vain) {
            return State::InVain;
        }
        State::Alive
    }
}

/// All descendants of a process, and itself.
pub fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in process::numbers("/proc").unwrap_or_default() {
        let text = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(stat) = texts::stat(&String::from_utf8_lossy(&text)) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// Whether it runs, or waits for a processor or a disk.
fn may_run(thread: &Thread) -> bool {
    match thread.state {
        'R' => true,
        'D' => thread.waits().is_none(),
        _ => false,
    }
}

/// Whether it sleeps in a call that ends by itself. What cannot be told counts as
/// such.
fn has_timeout(thread: &Thread) -> bool {
    if thread.waits().is_some() || thread.is_dead() || thread.is_stopped() {
        return false;
    }
    let Some((number, args)) = thread.call() else {
        return true;
    };
    let milliseconds = |n: usize| args[n] as i32 > 0;
    match number as libc::c_long {
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep | libc::SYS_restart_syscall => true,
        libc::SYS_ppoll => args[2] != 0,
        libc::SYS_pselect6 => args[4] != 0,
        libc::SYS_epoll_pwait => milliseconds(3),
        libc::SYS_epoll_pwait2 | libc::SYS_futex => args[3] != 0 && !is_wake(number, args[1]),
        libc::SYS_rt_sigtimedwait => args[2] != 0,
        libc::SYS_io_uring_enter => true,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll => milliseconds(2),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select => args[4] != 0,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait => milliseconds(3),
        _ => false,
    }
}

/// A futex call without a timeout has something else in that place.
fn is_wake(number: i64, operation: u64) -> bool {
    number == i64::from(libc::SYS_futex as i32) && !matches!(operation & 0x7f, 0 | 6 | 9 | 11 | 13)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::texts::At;

    fn thread(tid: u32, wchan: &str, number: i64, args: [u64; 6], switches: u64) -> (Key, Thread) {
        let thread = Thread {
            tid,
            own_id: tid,
            name: "t".to_owned(),
            state: 'S',
            wchan: Some(wchan.to_owned()),
            at: Some(At::Call {
                number,
                args,
                pc: 1,
            }),
            switches: Some(switches),
        };
        ((1, tid), thread)
    }

    fn after(
        stuck: &mut Stuck,
        threads: &BTreeMap<Key, Thread>,
        calls: (u64, u64),
        seconds: u64,
    ) -> State {
        let now = Instant::now() + Duration::from_secs(seconds);
        let state = stuck.judge(threads, false, calls, now);
        stuck.last.clone_from(threads);
        state
    }

    fn waiter() -> (Key, Thread) {
        let ((pid, tid), mut thread) = thread(2, "handle_userfault", 0, [0; 6], 5);
        thread.at = Some(At::Fault { pc: 1 });
        ((pid, tid), thread)
    }

    #[test]
    fn only_what_cannot_go_on_is_asleep() {
        let ppoll = i64::from(libc::SYS_ppoll as i32);
        for (timeout, expected) in [(0, State::Asleep), (0x7fff, State::Alive)] {
            let handler = thread(
                3,
                "poll_schedule_timeout",
                ppoll,
                [0, 1, timeout, 0, 0, 0],
                9,
            );
            let threads = BTreeMap::from([waiter(), handler]);
            let mut stuck = Stuck::new(Duration::from_secs(100));
            let states: Vec<State> = (0..10)
                .map(|second| after(&mut stuck, &threads, (7, 0), second))
                .collect();
            assert_eq!(states[9], expected, "{states:?}");
            assert_eq!(states[1], State::Alive);
        }
    }

    #[test]
    fn a_machine_that_is_slow_is_not_a_hang() {
        let mut stuck = Stuck::new(Duration::from_secs(10));
        let mut states = vec![];
        for second in 0..60 {
            let mut handler = thread(3, "", 1, [0; 6], second);
            handler.1.state = 'R';
            let threads = BTreeMap::from([waiter(), handler]);
            states.push(after(&mut stuck, &threads, (1, 0), second));
        }
        assert!(
            states.iter().all(|state| *state == State::Alive),
            "{states:?}"
        );
    }

    /// Its calls wait for the supervisor most of the time.
    #[test]
    fn a_handler_that_fills_slowly_is_no_hang_and_one_that_only_polls_is() {
        let read = i64::from(libc::SYS_read as i32);
        for (fills, expected) in [(3, State::Alive), (0, State::InVain)] {
            let mut stuck = Stuck::new(Duration::from_secs(10));
            let mut state = State::Alive;
            for second in 0..40 {
                let handler = thread(3, "seccomp_do_user_notification", read, [0; 6], second);
                let threads = BTreeMap::from([waiter(), handler]);
                state = after(&mut stuck, &threads, (5 * second, fills * second), second);
            }
            assert_eq!(state, expected, "{fills} fills a second");
        }
    }

    #[test]
    fn calls_in_vain_are_a_hang() {
        let mut stuck = Stuck::new(Duration::from_secs(10));
        let mut states = vec![];
        for second in 0..20 {
            let mut handler = thread(3, "", 1, [0; 6], second);
            handler.1.state = 'R';
            let threads = BTreeMap::from([waiter(), handler]);
            states.push(after(&mut stuck, &threads, (100 * second, second), second));
        }
        assert_eq!(states[19], State::InVain, "{states:?}");
        assert_eq!(states[8], State::Alive, "{states:?}");
    }
}
