//! What each call answers when the process whose memory it is has exited. The calls
//! that fill and protect pages are in `every_call`.

use super::scene::*;
use crate::prelude::*;

const FORK: u64 = UFFD_FEATURE_EVENT_FORK;

/// The userfaultfd of a child that has exited, and the parent's scene, whose
/// addresses were the child's, too.
fn dead(features: u64, mode: u64) -> Result<(Uffd, Scene), Verdict> {
    let s = Scene::new(Memory::Anon, 2, FORK | features, mode)?;
    Ok((of_dead_child(&s)?, s))
}

fn dead_missing() -> Result<(Uffd, Scene), Verdict> {
    dead(0, UFFDIO_REGISTER_MODE_MISSING)
}

/// See the first comment of this file.
pub static CASES: &[Case] = &[
    case(
        "register-enomem-exited",
        "measured",
        "ENOMEM when the process whose memory it is has exited",
        |_| {
            let (child, s) = dead_missing()?;
            child
                .register(s.at(0), s.page(), UFFDIO_REGISTER_MODE_MISSING)
                .fails_with(ENOMEM, UNTOUCHED)
        },
    )
    .features(FORK),
    case(
        "unregister-enomem-exited",
        "measured",
        "ENOMEM when the process whose memory it is has exited",
        |_| {
            let (child, s) = dead_missing()?;
            child.unregister(s.at(0), s.page()).fails(ENOMEM)
        },
    )
    .features(FORK),
    case(
        "wake-exited",
        "measured",
        "success when the process whose memory it is has exited",
        |_| {
            let (child, s) = dead_missing()?;
            child.wake(s.at(0), s.page()).ok()
        },
    )
    .features(FORK),
    case(
        "set-mode-esrch",
        "measured",
        "ESRCH when the process whose memory it is has exited",
        |_| {
            let features = HAS_RWP | UFFD_FEATURE_RWP_ASYNC;
            let (child, _s) = dead(features, UFFDIO_REGISTER_MODE_RWP)?;
            child.set_mode(0, UFFD_FEATURE_RWP_ASYNC).fails(ESRCH)
        },
    )
    .features(FORK | HAS_RWP | UFFD_FEATURE_RWP_ASYNC),
    case(
        "poll-exited",
        "measured",
        "nothing tells of the exit: poll(2) reports nothing, and read(2) has no message",
        |_| {
            let (child, _s) = dead_missing()?;
            let reported = child.poll(MOMENT);
            ensure!(reported == 0, "poll(2) reported {:#x}", reported);
            quiet(&child)
        },
    )
    .features(FORK),
    case(
        "poll-exited-pidfd",
        "measured",
        "a pidfd tells of the exit: poll(2) reports POLLIN",
        |_| {
            let mut child = Child::fork(|| loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            })?;
            // SAFETY: plain numbers.
            let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.pid, 0) };
            // The kit's poll(2) is of any descriptor.
            let pidfd = Uffd {
                fd: need("pidfd_open", fd as i64)? as libc::c_int,
            };
            ensure!(pidfd.poll(MOMENT) == 0, "poll(2) reported something before");
            child.kill(libc::SIGKILL);
            let reported = pidfd.poll(PATIENCE);
            ensure!(reported == libc::POLLIN, "poll(2) reported {:#x}", reported);
            child.ends().map(|_| ())
        },
    )
    .since(5, 3),
];
