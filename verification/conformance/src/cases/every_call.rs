//! Errors that the calls which fill or protect pages have alike.

use super::calls::*;
use super::scene::*;
use crate::prelude::*;
use uffd_kit::priority::{pin, processor, RealTime};

/// The process whose memory it is has exited; its parent's call succeeds.
fn esrch(call: Call) -> Outcome {
    let t = call.trial(UFFD_FEATURE_EVENT_FORK)?;
    let child = of_dead_child(&t.scene)?;
    let arguments = (t.scene.at(0), t.scene.page(), call.mode);
    call.refuses(&t, &child, arguments, ESRCH)?;
    call.did_nothing(&t)?;
    call.succeeds(&t)
}

/// Another userfaultfd of the process, which has registered nothing, can do it.
fn by_another(call: Call) -> Outcome {
    let t = call.trial(0)?;
    call.succeeds_by(&t, &Uffd::open(0)?)
}

/// While an event waits to be read, and not after it.
fn eagain(call: Call) -> Outcome {
    let t = call.trial(UFFD_FEATURE_EVENT_REMOVE)?;
    while_event_waits(&t.scene, |_| {
        (0..3).try_for_each(|_| call.fails(&t, EAGAIN))
    })?;
    call.succeeds(&t)
}

/// The thread that caused an event cannot run after the event was read, because
/// this one goes before it and does not sleep.
fn eagain_until_it_runs(call: Call) -> Outcome {
    let t = call.trial(UFFD_FEATURE_EVENT_REMOVE)?;
    let (addr, len, here) = (t.scene.at(3), t.scene.page(), processor()?);
    let discarder = Thread::spawn("the discarding thread", move || {
        if pin(here).is_err() {
            return -1;
        }
        // SAFETY: the page belongs to the scene, and nobody refers to it.
        unsafe { libc::madvise(addr as *mut libc::c_void, len, libc::MADV_DONTNEED) as i64 }
    });
    let came = t.scene.uffd.poll(PATIENCE) & libc::POLLIN != 0;
    ensure!(came, "no event came");
    pin(here)?;
    let before_it = RealTime::begin()?;
    let event = t.scene.uffd.next()?;
    (0..200).try_for_each(|_| call.fails_by_errno(&t, EAGAIN))?;
    drop(before_it);
    ensure!(
        matches!(event, Event::Remove { .. }),
        "{} came, not a remove event",
        event.name()
    );
    discarder.returns_value(0)?;
    call.succeeds(&t)
}

macro_rules! alike {
    ($check:ident, $features:expr; $($id:literal, $call:ident, $source:literal => $claim:literal;)*) => {
        &[$(case($id, $source, $claim, |_| $check($call)).features($call.features | $features)),*]
    };
}

/// See the first comment of this file.
pub static CASES: &[&[Case]] = &[
    alike! {
        esrch, UFFD_FEATURE_EVENT_FORK;
        "copy-esrch", COPY, "UFFDIO_COPY(2const), ERRORS: ESRCH ENOSPC" => "ESRCH, and not ENOSPC, when the process has exited";
        "zeropage-esrch", ZEROPAGE, "UFFDIO_ZEROPAGE(2const), ERRORS: ESRCH" => "ESRCH when the process has exited";
        "continue-esrch", CONTINUE, "UFFDIO_CONTINUE(2const), ERRORS: ESRCH" => "when the process whose memory it is has exited it is ESRCH, the field left alone";
        "poison-esrch", POISON, "UFFDIO_POISON(2const), ERRORS: ESRCH" => "when the process whose memory it is has exited it is ESRCH, the field left alone";
        "move-esrch", MOVE, "UFFDIO_MOVE(2const), ERRORS: ESRCH" => "when the process whose memory it is has exited it is ESRCH";
        "writeprotect-esrch", WRITEPROTECT, "measured" => "ESRCH when the process whose memory it is has exited";
        "rwprotect-esrch", RWPROTECT, "measured" => "ESRCH when the process whose memory it is has exited";
    },
    alike! {
        eagain, UFFD_FEATURE_EVENT_REMOVE;
        "copy-eagain-event", COPY, "measured" => "EAGAIN with -EAGAIN in the field copy while an event waits to be read";
        "zeropage-eagain-event", ZEROPAGE, "measured" => "EAGAIN with -EAGAIN in the field zeropage while an event waits to be read";
        "continue-eagain-event", CONTINUE, "UFFDIO_CONTINUE(2const), DESCRIPTION" => "while an event waits to be read it is EAGAIN, with -EAGAIN in the field mapped";
        "poison-eagain-event", POISON, "UFFDIO_POISON(2const), DESCRIPTION" => "while an event waits to be read it is EAGAIN, with -EAGAIN in the field updated";
        "move-eagain-event", MOVE, "measured" => "while an event waits to be read it is EAGAIN, with -EAGAIN in the field move";
        "writeprotect-eagain-event", WRITEPROTECT, "UFFDIO_WRITEPROTECT(2const), ERRORS: EAGAIN" => "EAGAIN says to call again: once the event in the way was read, the call succeeds";
        "rwprotect-eagain-event", RWPROTECT, "UFFDIO_RWPROTECT(2const), ERRORS: EAGAIN" => "EAGAIN says to call again: once the event in the way was read, the call succeeds";
    },
    alike! {
        eagain_until_it_runs, UFFD_FEATURE_EVENT_REMOVE;
        "copy-eagain-after-event", COPY, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "zeropage-eagain-after-event", ZEROPAGE, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "continue-eagain-after-event", CONTINUE, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "poison-eagain-after-event", POISON, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "move-eagain-after-event", MOVE, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "writeprotect-eagain-after-event", WRITEPROTECT, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
        "rwprotect-eagain-after-event", RWPROTECT, "measured" => "EAGAIN also after the event was read, however often it is tried, until the thread that caused it has run";
    },
    alike! {
        by_another, 0;
        "zeropage-other-userfaultfd", ZEROPAGE, "measured" => "memory that is registered with another userfaultfd of the process can be filled";
        "poison-other-userfaultfd", POISON, "measured" => "memory that is registered with another userfaultfd of the process can be poisoned";
        "rwprotect-other-userfaultfd", RWPROTECT, "measured" => "memory that is registered with another userfaultfd of the process can be protected";
    },
];
