//! The right rules hold in every state of every scene; each wrong one has a
//! shortest way to where it fails, which is printed and is the expected one.

use stateright::{Checker, Model};
use uffd_rules::Step::*;
use uffd_rules::*;

const PLAIN: Scene = Scene {
    real_time: false,
    exhausted: false,
    signals: 2,
    may_exit: true,
};
/// The set-up of the cases `handler-eagain-*`.
const REAL_TIME: Scene = Scene {
    real_time: true,
    exhausted: false,
    signals: 0,
    may_exit: false,
};

/// The shortest way to where a property fails; none if it holds.
fn counterexample(rules: Rules, scene: Scene, property: &'static str) -> Option<Vec<Step>> {
    // One thread: the way is the same each time.
    let handling = Handling {
        rules,
        scene,
        property: Some(property),
    };
    let checker = handling.checker().threads(1).spawn_bfs().join();
    let steps = checker.discovery(property).map(|path| path.into_actions());
    if let Some(steps) = &steps {
        println!("{property}: not with {rules:?}\n  {steps:?}");
    }
    steps
}

#[test]
fn the_right_rules_hold_in_every_scene() {
    for real_time in [false, true] {
        for exhausted in [false, true] {
            for signals in 0..=2 {
                for may_exit in [false, true] {
                    let scene = Scene {
                        real_time,
                        exhausted,
                        signals,
                        may_exit,
                    };
                    let handling = Handling {
                        rules: Rules::RIGHT,
                        scene,
                        property: None,
                    };
                    let checker = handling.checker().threads(1).spawn_bfs().join();
                    println!("{scene:?}: {} states", checker.unique_state_count());
                    for property in [ASLEEP, WRONG, LOOP, ENDS] {
                        let found = checker.discovery(property).map(|path| path.into_actions());
                        assert_eq!(found, None, "{property}: {scene:?}");
                    }
                    let finishes = checker.discovery(FINISHES).is_some();
                    assert_eq!(finishes, !exhausted, "{scene:?}");
                    // All of it was visited.
                    assert!(checker.unique_state_count() > 20, "{scene:?}");
                }
            }
        }
    }
}

/// The case `handler-eagain-read` does these steps on a kernel, one by one.
#[test]
fn back_to_read_leaves_the_thread_asleep() {
    let rules = Rules {
        after_eagain: AfterEagain::Read,
        ..Rules::RIGHT
    };
    let steps = counterexample(rules, REAL_TIME, ASLEEP);
    let expected = vec![
        ThreadAccesses,
        MadviseRaises,
        MadviseQueuesEvent,
        HandlerWakesFromSleep,
        HandlerReads,
        // EAGAIN, and back to read(2).
        HandlerFills,
        // Nothing of this sends a message.
        MadviseLowers,
        MadviseDropsPage,
    ];
    assert_eq!(steps, Some(expected));
    assert!(counterexample(rules, PLAIN, ASLEEP).is_some());
}

/// The case `handler-eagain-yield` does, with the event read.
#[test]
fn yielding_spins_before_the_thread_that_it_waits_for() {
    let rules = Rules {
        after_eagain: AfterEagain::Yield,
        ..Rules::RIGHT
    };
    let steps = counterexample(rules, REAL_TIME, LOOP);
    let expected = vec![
        ThreadAccesses,
        MadviseRaises,
        HandlerWakesFromSleep,
        HandlerReads,
        HandlerFills,
        HandlerReads,
        HandlerFills,
        HandlerReads,
        HandlerFills,
        HandlerReads,
        HandlerFills,
    ];
    assert_eq!(steps, Some(expected));
}

/// The case `copy-hugetlb-exhausted-no-page` goes round once.
#[test]
fn eexist_then_wake_alone_goes_round_without_a_page() {
    let rules = Rules {
        eexist_then_wake_alone: true,
        ..Rules::RIGHT
    };
    let scene = Scene {
        exhausted: true,
        ..REAL_TIME
    };
    let steps = counterexample(rules, scene, LOOP);
    let expected = {
        let first = [ThreadAccesses, HandlerWakesFromSleep];
        let again = [ThreadAccesses, HandlerIsWokenUp];
        let round = [HandlerReads, HandlerFills, HandlerWakes, HandlerReads];
        let last = [HandlerReads, HandlerFills];
        [
            &first[..],
            &round,
            &again,
            &round,
            &again,
            &round,
            &again,
            &last,
        ]
        .concat()
    };
    assert_eq!(steps, Some(expected));
}

/// A page that was filled between the event and the dropping of the pages.
#[test]
fn trusting_a_fill_forgets_that_the_event_comes_first() {
    let rules = Rules {
        trusts_a_fill: true,
        ..Rules::RIGHT
    };
    let scene = Scene {
        may_exit: false,
        signals: 0,
        ..PLAIN
    };
    let steps = counterexample(rules, scene, ASLEEP);
    let expected = vec![
        HandlerWakesFromSleep,
        ThreadAccesses,
        MadviseRaises,
        MadviseQueuesEvent,
        HandlerReads,
        MadviseLowers,
        // It succeeds, and is dropped by the same madvise.
        HandlerFills,
        HandlerWakes,
        MadviseDropsPage,
        ThreadAccesses,
        HandlerReads,
        // Passed over: the page was filled.
        HandlerFills,
        HandlerReads,
    ];
    assert_eq!(steps, Some(expected));
}

#[test]
fn deciding_once_fills_what_was_discarded() {
    let rules = Rules {
        decides_once: true,
        ..Rules::RIGHT
    };
    let steps = counterexample(rules, PLAIN, WRONG);
    let expected = vec![
        HandlerWakesFromSleep,
        ThreadAccesses,
        HandlerReads,
        MadviseRaises,
        // EAGAIN; the data was chosen.
        HandlerFills,
        HandlerWakesFromSleep,
        MadviseQueuesEvent,
        HandlerReads,
        MadviseLowers,
        MadviseDropsPage,
        HandlerFills,
    ];
    assert_eq!(steps, Some(expected));
}

#[test]
fn eexist_without_waking_leaves_a_thread_asleep() {
    let rules = Rules {
        eexist_is_done: true,
        ..Rules::RIGHT
    };
    let scene = Scene {
        exhausted: true,
        ..REAL_TIME
    };
    assert!(counterexample(rules, scene, ASLEEP).is_some());
}

#[test]
fn without_a_pidfd_the_handler_outlives_the_process() {
    let rules = Rules {
        without_pidfd: true,
        ..Rules::RIGHT
    };
    let steps = counterexample(rules, PLAIN, ENDS);
    assert_eq!(
        steps,
        Some(vec![HandlerWakesFromSleep, HandlerReads, ProcessExits])
    );
}
