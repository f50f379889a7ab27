//! The rules of a handler, on a model of the kernel that is small enough to visit
//! every state.
//!
//! There is one page. A thread accesses it, another discards it with madvise(2),
//! a signal may interrupt the wait, the process may exit, and the handler fills
//! the page by its [`Rules`]. The model owns what the kernel does and what a
//! handler can know; it uses nothing of this project. The tests hold it against
//! the right rules and the wrong ones, and the conformance cases `handler-*` do
//! on a kernel what the model says of it.
//!
//! What of the kernel it has: mmap_changing is raised before the event is queued,
//! and falls when the thread that caused the event runs again after it was read.
//! The pages are dropped only after that. A fill while it is raised is EAGAIN. A
//! fault's message is read once, and waking lets the thread access the page again.

use stateright::{Model, Property};

/// What the page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    Missing,
    /// What the source has.
    Data,
    Zeros,
}

/// The thread that accesses the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accessor {
    Running,
    /// In its fault. Its message is unread, or was read.
    Waiting {
        unread: bool,
    },
    Finished,
}

/// The thread in madvise(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discarder {
    Before,
    /// mmap_changing is raised.
    Raised,
    /// The event is in the queue.
    Queued,
    /// The event was read; the thread did not run since.
    Read,
    /// mmap_changing has fallen; the page is still there.
    Lowered,
    /// madvise(2) has returned.
    Returned,
}

/// Where the handler is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// About to read the messages that are there, without blocking.
    Reading,
    /// About to fill the page.
    Filling,
    /// About to wake the page's waiters; then it reads, or sleeps first.
    Waking {
        sleep: bool,
    },
    /// Waits for a message or the exit.
    Blocked,
    /// Sleeps for a bounded time.
    Sleeping,
    Ended,
}

/// What a handler does after EAGAIN with nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEagain {
    /// Sleeps for a bounded time, and tries again.
    Sleep,
    /// Goes back to wait for messages.
    Read,
    /// Yields, and tries again.
    Yield,
}

/// The rules of a handler. [`Rules::RIGHT`] are those of the crate's essay.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub after_eagain: AfterEagain,
    /// After EEXIST only wakes, however often the page faults again.
    pub eexist_then_wake_alone: bool,
    /// After EEXIST does not wake.
    pub eexist_is_done: bool,
    /// Passes a fault over when it filled the page once before: forgets that a
    /// remove event comes before the pages are dropped.
    pub trusts_a_fill: bool,
    /// Keeps what it decided to fill the page with over an EAGAIN.
    pub decides_once: bool,
    /// Waits for messages alone, without a pidfd.
    pub without_pidfd: bool,
}

impl Rules {
    pub const RIGHT: Rules = Rules {
        after_eagain: AfterEagain::Sleep,
        eexist_then_wake_alone: false,
        eexist_is_done: false,
        trusts_a_fill: false,
        decides_once: false,
        without_pidfd: false,
    };
}

/// Where the handler is used.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The handler is a real-time thread on the only processor: nobody else runs
    /// unless it blocks or sleeps.
    pub real_time: bool,
    /// There is no memory for the page, which is a huge one: EEXIST.
    pub exhausted: bool,
    /// Signals that may come.
    pub signals: u8,
    /// The process may exit at any time.
    pub may_exit: bool,
}

/// Failed tries without a sleep from which on it counts as a busy loop.
pub const BUSY: u8 = 4;
/// Sleeps over a page that cannot be filled, after which the handler gives up.
const PATIENCE: u8 = 3;

/// A handler in a scene.
#[derive(Clone, Copy, Debug)]
pub struct Handling {
    pub rules: Rules,
    pub scene: Scene,
    /// The one property to check, else all: the search ends when all that it
    /// checks were found not to hold.
    pub property: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub page: Page,
    pub accessor: Accessor,
    pub discarder: Discarder,
    /// The process has exited, by itself or killed by the handler.
    pub exited: bool,
    pub signals: u8,
    pub at: At,
    /// The handler knows of a fault that is not resolved.
    pub pending: bool,
    /// It has read the remove event.
    pub removed: bool,
    /// What it decided to fill the page with, by the rule `decides_once`.
    pub decided: Option<Page>,
    /// It has filled the page once.
    pub filled: bool,
    /// EEXIST in a row, with the page faulting again.
    pub exists: u8,
    /// Failed tries since the last sleep.
    pub tries: u8,
}

/// One step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    ThreadAccesses,
    SignalInterruptsThread,
    MadviseRaises,
    MadviseQueuesEvent,
    MadviseLowers,
    MadviseDropsPage,
    ProcessExits,
    HandlerReads,
    HandlerFills,
    HandlerWakes,
    HandlerIsWokenUp,
    HandlerWakesFromSleep,
}

impl State {
    fn message(&self) -> bool {
        self.accessor == Accessor::Waiting { unread: true } || self.discarder == Discarder::Queued
    }

    fn changing(&self) -> bool {
        (Discarder::Raised..=Discarder::Read).contains(&self.discarder)
    }

    fn wake(&mut self) {
        if matches!(self.accessor, Accessor::Waiting { .. }) {
            self.accessor = Accessor::Running;
        }
    }
}

impl Handling {
    /// Whether poll(2) would return.
    fn ready(&self, state: &State) -> bool {
        state.exited && !self.rules.without_pidfd || !state.exited && state.message()
    }

    /// The handler reads all messages that are there.
    fn read(&self, state: &mut State) {
        if state.accessor == (Accessor::Waiting { unread: true }) {
            state.accessor = Accessor::Waiting { unread: false };
            state.pending = true;
        }
        if state.discarder == Discarder::Queued {
            state.discarder = Discarder::Read;
            state.removed = true;
        }
        state.at = match () {
            () if state.exited && !self.rules.without_pidfd => At::Ended,
            () if state.pending => At::Filling,
            () => At::Blocked,
        };
    }

    fn fill(&self, state: &mut State) {
        if state.exited {
            // ESRCH.
            state.at = At::Ended;
            return;
        }
        if self.rules.trusts_a_fill && state.filled {
            state.pending = false;
            state.at = At::Reading;
            return;
        }
        let now = if state.removed {
            Page::Zeros
        } else {
            Page::Data
        };
        let contents = match self.rules.decides_once {
            true => *state.decided.get_or_insert(now),
            false => now,
        };
        if state.changing() {
            // EAGAIN.
            state.tries += 1;
            state.at = match self.rules.after_eagain {
                AfterEagain::Sleep => At::Sleeping,
                AfterEagain::Read => At::Blocked,
                AfterEagain::Yield => At::Reading,
            };
            return;
        }
        state.pending = false;
        state.decided = None;
        if self.scene.exhausted || state.page != Page::Missing {
            // EEXIST.
            if self.rules.eexist_is_done {
                state.at = At::Reading;
                return;
            }
            state.tries += 1;
            let again = state.exists > 0;
            if !self.rules.eexist_then_wake_alone {
                state.exists += 1;
            }
            state.at = At::Waking { sleep: again };
            return;
        }
        state.page = contents;
        state.filled = true;
        (state.tries, state.exists) = (0, 0);
        state.at = At::Waking { sleep: false };
    }
}

impl Model for Handling {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            page: Page::Missing,
            accessor: Accessor::Running,
            discarder: Discarder::Before,
            exited: false,
            signals: self.scene.signals,
            // Or busy with something else.
            at: At::Sleeping,
            pending: false,
            removed: false,
            decided: None,
            filled: false,
            exists: 0,
            tries: 0,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        match state.at {
            At::Reading => steps.push(Step::HandlerReads),
            At::Filling => steps.push(Step::HandlerFills),
            At::Waking { .. } => steps.push(Step::HandlerWakes),
            At::Sleeping => steps.push(Step::HandlerWakesFromSleep),
            At::Blocked if self.ready(state) => steps.push(Step::HandlerIsWokenUp),
            At::Blocked | At::Ended => {}
        }
        let runs = match state.at {
            At::Blocked => self.ready(state),
            At::Sleeping | At::Ended => false,
            _ => true,
        };
        if state.exited || (self.scene.real_time && runs) {
            return;
        }
        match state.accessor {
            Accessor::Running => steps.push(Step::ThreadAccesses),
            Accessor::Waiting { .. } if state.signals > 0 => {
                steps.push(Step::SignalInterruptsThread)
            }
            _ => {}
        }
        match state.discarder {
            Discarder::Before => steps.push(Step::MadviseRaises),
            Discarder::Raised => steps.push(Step::MadviseQueuesEvent),
            Discarder::Queued | Discarder::Returned => {}
            Discarder::Read => steps.push(Step::MadviseLowers),
            Discarder::Lowered => steps.push(Step::MadviseDropsPage),
        }
        if self.scene.may_exit {
            steps.push(Step::ProcessExits);
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::ThreadAccesses => {
                state.accessor = match state.page {
                    Page::Missing => Accessor::Waiting { unread: true },
                    _ => Accessor::Finished,
                }
            }
            Step::SignalInterruptsThread => {
                // It accesses the page again, and sends another message.
                state.signals -= 1;
                state.accessor = Accessor::Running;
            }
            Step::MadviseRaises => state.discarder = Discarder::Raised,
            Step::MadviseQueuesEvent => state.discarder = Discarder::Queued,
            Step::MadviseLowers => state.discarder = Discarder::Lowered,
            Step::MadviseDropsPage => {
                state.discarder = Discarder::Returned;
                state.page = Page::Missing;
                // The thread accesses it again afterwards.
                if state.accessor == Accessor::Finished {
                    state.accessor = Accessor::Running;
                }
            }
            Step::ProcessExits => state.exited = true,
            Step::HandlerReads => self.read(&mut state),
            Step::HandlerFills => self.fill(&mut state),
            Step::HandlerWakes => {
                state.at = match last.at {
                    At::Waking { sleep: true } => At::Sleeping,
                    _ => At::Reading,
                };
                if state.exists > PATIENCE {
                    // It gives up, and kills the process.
                    state.exited = true;
                }
                state.wake();
            }
            Step::HandlerIsWokenUp => state.at = At::Reading,
            Step::HandlerWakesFromSleep => {
                state.tries = 0;
                state.at = At::Reading;
            }
        }
        Some(state)
    }

    /// Once it is a busy loop, it is for ever.
    fn within_boundary(&self, state: &State) -> bool {
        state.tries <= BUSY
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always(ASLEEP, |model: &Handling, state: &State| {
                let mut steps = vec![];
                model.actions(state, &mut steps);
                // What may happen, and may never.
                let chance = [Step::SignalInterruptsThread, Step::ProcessExits];
                let over = steps.iter().all(|step| chance.contains(step));
                !over || state.exited || state.accessor == Accessor::Finished
            }),
            Property::always(WRONG, |_, state: &State| {
                state.discarder != Discarder::Returned || state.page != Page::Data
            }),
            Property::always(LOOP, |_, state: &State| state.tries < BUSY),
            Property::always(ENDS, |model: &Handling, state: &State| {
                let mut steps = vec![];
                model.actions(state, &mut steps);
                !(steps.is_empty() && state.exited) || state.at == At::Ended
            }),
            // Else nothing was shown.
            Property::sometimes(FINISHES, |_, state: &State| {
                state.discarder == Discarder::Returned && state.accessor == Accessor::Finished
            }),
        ];
        all.retain(|property| self.property.is_none_or(|name| name == property.name));
        all
    }
}

/// When nothing needs to happen any more, no thread waits for its page.
pub const ASLEEP: &str = "no thread stays asleep";
/// After madvise(2) has returned, the page does not hold what it held before.
pub const WRONG: &str = "no page is wrong";
/// The handler does not try on and on without a sleep.
pub const LOOP: &str = "no unbounded busy loop";
/// After the process has exited, so does the handler.
pub const ENDS: &str = "the handler ends";
/// The thread gets its page after everything else has happened.
pub const FINISHES: &str = "the thread finishes";
