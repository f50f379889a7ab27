//! Medians, spreads, and how sure a ratio is.

use serde::{Deserialize, Serialize};

/// The middle of some samples and their quartiles, in nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub q1: f64,
    pub q3: f64,
    pub samples: usize,
}

/// The median of the rounds' ratios, and the interval that holds the true one
/// with 95 % probability.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ratio {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// The value below which `part` of the sorted samples lie.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    assert!(!samples.is_empty(), "nothing was measured");
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub fn spread(samples: &[f64]) -> Spread {
    let sorted = sorted(samples);
    Spread {
        median: quantile(&sorted, 0.5),
        q1: quantile(&sorted, 0.25),
        q3: quantile(&sorted, 0.75),
        samples: sorted.len(),
    }
}

/// Compares samples of the same rounds: what slows a whole round cancels out.
/// The interval is that of order statistics, which supposes nothing about how
/// the ratios are distributed.
pub fn ratio(samples: &[f64], reference: &[f64]) -> Ratio {
    assert_eq!(samples.len(), reference.len());
    let ratios: Vec<f64> = samples.iter().zip(reference).map(|(a, b)| a / b).collect();
    let sorted = sorted(&ratios);
    let n = sorted.len() as f64;
    let reach = 0.98 * n.sqrt();
    let low = (n / 2.0 - reach).floor().max(0.0) as usize;
    let high = ((n / 2.0 + reach).ceil() as usize).min(sorted.len() - 1);
    Ratio {
        median: quantile(&sorted, 0.5),
        low: sorted[low],
        high: sorted[high],
    }
}

/// A contender that is the reference once more must come out as 1. How far its
/// interval may stray before a run concludes nothing.
const STRAY: f64 = 0.03;

impl Ratio {
    /// As the ratio of a thing to itself, does this say that the machine was
    /// quiet enough?
    pub fn is_quiet(&self) -> bool {
        self.low > 1.0 - STRAY && self.high < 1.0 + STRAY
    }
}

/// What a run says of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    Reached,
    NotReached,
    /// The control, the same thing measured twice, did not come out as equal.
    TooNoisy,
    /// Not on this machine, or not in this run.
    NotMeasured,
}

impl Verdict {
    /// Concluded where no noise of the control's size could change it; else
    /// only if the control is quiet, by the median.
    pub fn of(ratio: &Ratio, bound: f64, control: &Ratio) -> Verdict {
        let noise = control.high.max(1.0 / control.low);
        if ratio.high * noise <= bound {
            Verdict::Reached
        } else if ratio.low / noise > bound {
            Verdict::NotReached
        } else if !control.is_quiet() {
            Verdict::TooNoisy
        } else if ratio.median <= bound {
            Verdict::Reached
        } else {
            Verdict::NotReached
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Verdict::Reached => "reached",
            Verdict::NotReached => "NOT reached",
            Verdict::TooNoisy => "too noisy to conclude",
            Verdict::NotMeasured => "not measured",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_and_its_spread() {
        let spread = spread(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((spread.median, spread.q1, spread.q3), (3.0, 2.0, 4.0));
    }

    #[test]
    fn what_slows_a_round_cancels_out() {
        let reference: Vec<f64> = (0..100).map(|i| 100.0 * (1 + i % 7) as f64).collect();
        let twice: Vec<f64> = reference.iter().map(|x| 2.0 * x).collect();
        let ratio = ratio(&twice, &reference);
        assert_eq!((ratio.low, ratio.median, ratio.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn noise_forbids_close_conclusions() {
        let good = Ratio {
            median: 0.7,
            low: 0.69,
            high: 0.71,
        };
        let quiet = Ratio {
            median: 1.0,
            low: 0.99,
            high: 1.01,
        };
        let noisy = Ratio {
            median: 1.0,
            low: 0.9,
            high: 1.1,
        };
        assert_eq!(Verdict::of(&good, 0.85, &quiet), Verdict::Reached);
        assert_eq!(Verdict::of(&good, 0.65, &quiet), Verdict::NotReached);
        // Far enough from the bound, the noise does not matter.
        assert_eq!(Verdict::of(&good, 0.85, &noisy), Verdict::Reached);
        assert_eq!(Verdict::of(&good, 0.75, &noisy), Verdict::TooNoisy);
        assert_eq!(Verdict::of(&good, 0.69, &noisy), Verdict::TooNoisy);
        assert_eq!(Verdict::of(&good, 0.60, &noisy), Verdict::NotReached);
    }
}
