//! Makes a failing program small.

use crate::model::run::{Difference, Program};

/// Leaves out steps, ever fewer at a time, while the rest still fails; then
/// features. `fails` runs a program.
pub fn shrink(
    program: Program,
    difference: Difference,
    mut fails: impl FnMut(&Program) -> Option<Difference>,
) -> (Program, Difference) {
    let (mut best, mut reason) = (program, difference);
    best.ops.truncate(reason.step + 1);
    let mut chunk = (best.ops.len() / 2).max(1);
    loop {
        let mut removed = false;
        // From the back: what comes later depends on what came before.
        let mut end = best.ops.len();
        while end > 0 {
            let start = end.saturating_sub(chunk);
            let mut smaller = best.clone();
            smaller.ops.drain(start..end);
            if let Some(difference) = fails(&smaller) {
                smaller.ops.truncate(difference.step + 1);
                best = smaller;
                reason = difference;
                removed = true;
            }
            end = start.min(best.ops.len());
        }
        if chunk == 1 && !removed {
            break;
        }
        chunk = (chunk / 2).max(1);
    }
    for bit in 0..64 {
        let mut smaller = best.clone();
        smaller.features &= !(1 << bit);
        if smaller.features != best.features {
            if let Some(difference) = fails(&smaller) {
                best = smaller;
                reason = difference;
            }
        }
    }
    (best, reason)
}
