//! Errors that the calls which fill or protect pages have alike.

use super::calls::*;
use super::scene::*;
use crate::prelude::*;

/// The process whose memory it is has exited; its parent's call succeeds.
fn esrch(call: Call) -> Outcome {
    let t = call.trial(UFFD_FEATURE_EVENT_FORK)?;
    let child = of_dead_child(&t.scene)?;
    let arguments = (t.scene.at(0), t.scene.page(), call.mode);
    call.refuses(&t, &child, arguments, ESRCH)?;
    call.did_nothing(&t)?;
    call.succeeds(&t)
}

/// While an event waits to be read, and not after it.
fn eagain(call: Call) -> Outcome {
    let t = call.trial(UFFD_FEATURE_EVENT_REMOVE)?;
    while_event_waits(&t.scene, |_| {
        (0..3).try_for_each(|_| call.fails(&t, EAGAIN))
    })?;
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
];
