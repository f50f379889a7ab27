//! Rounds: in each, every contender has its turn, in an order that changes, so
//! that a slow moment of the machine falls on all of them alike.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use uffd_kit::random::Random;

/// Each process has other orders.
pub static SEED: AtomicU64 = AtomicU64::new(0);

/// How long a measurement may take, and how few rounds are too few.
#[derive(Clone, Copy)]
pub struct Effort {
    pub time: Duration,
    pub least: usize,
    pub most: usize,
}

impl Effort {
    pub fn ms(time: u64, least: usize) -> Effort {
        let time = Duration::from_millis(time);
        Effort {
            time,
            least,
            most: 301,
        }
    }
}

/// Calls `turn(contender)` for each contender in rounds, and returns each
/// contender's samples, one a round. A turn measures itself, so that what it
/// prepares does not count.
pub fn rounds(
    contenders: usize,
    effort: Effort,
    mut turn: impl FnMut(usize) -> f64,
) -> Vec<Vec<f64>> {
    let mut random = Random::new(contenders as u64 + (SEED.load(Relaxed) << 32));
    let mut order: Vec<usize> = (0..contenders).collect();
    // Caches, page tables, branch predictors.
    for &contender in &order {
        let _ = turn(contender);
    }
    let mut samples = vec![Vec::new(); contenders];
    let begin = Instant::now();
    for round in 0..effort.most {
        if round >= effort.least && begin.elapsed() > effort.time {
            break;
        }
        random.shuffle(&mut order);
        for &contender in &order {
            samples[contender].push(turn(contender));
        }
    }
    samples
}
