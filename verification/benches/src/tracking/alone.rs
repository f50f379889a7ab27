//! Methods one after the other, each of them the only one in the process: soft-dirty
//! protects all of its memory, so that it would slow down another method beside it. For
//! machines whose kernels can do what this one's cannot, emulated.

use std::io;

use super::contender::Contender;
use super::methods::Method;
use super::{Pattern, UNTRACKED};
use crate::experiment::Plan;
use crate::memory::Pages;
use crate::stats::median;

/// The first is what the others are compared with.
pub const METHODS: [Method; 5] = [
    Method::Async,
    Method::SoftDirty,
    Method::Sigsegv,
    Method::Sync,
    Method::Rwp,
];
const EPOCHS: usize = 7;

pub fn measure(plan: &mut Plan) -> io::Result<()> {
    let mib = if plan.short { 4 } else { 32 };
    let pages = mib << 8;
    for percent in [1, 10, 50] {
        let title = format!("4 KiB pages, {mib} MiB, {percent} % random");
        let set = Pattern::Random.choose(pages, pages * percent / 100);
        let mut sorted = set.clone();
        sorted.sort_unstable();
        let mut plain = Vec::new();
        for method in METHODS {
            let mut contender = match Contender::start(method, Pages::Small, mib << 20, &set) {
                Ok(contender) => contender,
                Err(error) => {
                    plan.sheet.note(format!("{}: {error}", method.name()));
                    continue;
                }
            };
            contender.epoch(&set, &sorted)?;
            let epochs = (0..EPOCHS).map(|_| contender.epoch(&set, &sorted));
            let epochs = epochs.collect::<io::Result<Vec<f64>>>()?;
            contender.put(&mut plan.sheet, &title, &epochs, set.len());
            plain.push(contender.plain_write);
        }
        plan.sheet.put(&title, UNTRACKED, "epoch", median(&plain));
    }
    Ok(())
}
