//! What is wrong, in words, from two looks at the same processes.

use serde::Serialize;

use super::process::Thread;
use super::scene::Scene;

/// What a look amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No thread waits.
    NothingWaits,
    /// Threads wait, none of them all the time.
    Passing,
    /// Threads wait all the time, and messages are not read.
    Unread,
    /// Threads wait all the time although their messages were read.
    Unresolved,
    /// No thread is left that could read a message.
    HandlerGone,
    /// The threads that could are stopped.
    HandlerStopped,
    /// No process that can be seen has the descriptor.
    NoDescriptor,
    /// The descriptor was closed while threads waited.
    ClosedUnderWaiters,
}

impl Verdict {
    /// Whether something is wrong.
    pub fn is_stuck(self) -> bool {
        !matches!(self, Verdict::NothingWaits | Verdict::Passing)
    }

    /// One line.
    pub fn sentence(self) -> &'static str {
        match self {
            Verdict::NothingWaits => "no thread waits for a handler",
            Verdict::Passing => "threads wait, and are let go on: the handler works",
            Verdict::Unread => "messages wait that nobody reads",
            Verdict::Unresolved => "messages were read and not resolved",
            Verdict::HandlerGone => "the handler's thread is gone while its descriptor is open",
            Verdict::HandlerStopped => "the handler is stopped while its descriptor is open",
            Verdict::NoDescriptor => "threads wait, and nobody has the descriptor any more",
            Verdict::ClosedUnderWaiters => "the descriptor was closed under waiting threads",
        }
    }

    /// What it means and what to look at.
    pub fn why(self) -> &'static str {
        match self {
            Verdict::NothingWaits | Verdict::Passing => "",
            Verdict::Unread => {
                "A thread of the handler is alive, but it does something else: see where each \
                 thread is. A lock that the waiting thread holds, or a page that the handler \
                 itself has to fill, are usual causes."
            }
            Verdict::Unresolved => {
                "The handler took the message and did not fill the page, or filled it without \
                 waking the thread: EEXIST that no UFFDIO_WAKE followed, or EAGAIN after which \
                 it went back to waiting for messages, are usual causes."
            }
            Verdict::HandlerGone => {
                "Every thread left waits in a fault, or waits for such a thread to end. The \
                 handler returned: EINTR taken for the end of the messages, or an error that \
                 ended its loop, are usual causes. Killing the process is all that helps."
            }
            Verdict::HandlerStopped => {
                "A signal (SIGSTOP, SIGTSTP) or a debugger stopped it: `kill -CONT PID`, or let \
                 the debugger continue."
            }
            Verdict::NoDescriptor => {
                "A thread in read(2) keeps a closed userfaultfd alive, and so does a Unix \
                 socket or an io_uring that holds it; or a process has it that cannot be seen \
                 from here."
            }
            Verdict::ClosedUnderWaiters => {
                "Closing the last descriptor lets waiting threads go on with zeros: data was \
                 lost silently, unless the handler filled the pages in the last moment. End the \
                 process before its handler."
            }
        }
    }
}

/// The verdict from the first and the last look. `between` is what lies between.
pub fn of(first: &Scene, last: &Scene) -> Verdict {
    if closed(first, last) {
        return Verdict::ClosedUnderWaiters;
    }
    let waits = last.waiters().next().is_some() || last.total() > 0;
    if !waits {
        return Verdict::NothingWaits;
    }
    if !stays(first, last) {
        return Verdict::Passing;
    }
    if last.holders().next().is_none() {
        return Verdict::NoDescriptor;
    }
    let mut handlers = last.holders().flat_map(|process| {
        let threads = process.threads.iter();
        threads.filter(move |thread| process.can_handle(thread))
    });
    match (handlers.next(), last.pending()) {
        (None, _) => Verdict::HandlerGone,
        (Some(thread), _) if thread.is_stopped() && handlers.all(Thread::is_stopped) => {
            Verdict::HandlerStopped
        }
        (Some(_), 0) => Verdict::Unresolved,
        (Some(_), _) => Verdict::Unread,
    }
}

/// Whether some thread waited all the time.
fn stays(first: &Scene, last: &Scene) -> bool {
    let mut earlier = first.waiters();
    if first.waiters().next().is_some() {
        return earlier.any(|(process, thread)| {
            last.waiters()
                .any(|(other, later)| other.pid == process.pid && later.is_where_it_was(thread))
        });
    }
    // The threads are not to be seen, their number is.
    first.total() > 0 && first.total() == last.total() && first.pending() == last.pending()
}

/// Whether a descriptor that threads waited on has vanished with its ranges, while
/// their process lives and they do not wait any more.
fn closed(first: &Scene, last: &Scene) -> bool {
    let has = |scene: &Scene| scene.holders().next().is_some();
    let waited = first.total() > 0 && first.waiters().next().is_some();
    has(first) && waited && !has(last) && last.waiters().next().is_none()
}
