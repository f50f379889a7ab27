//! One figure for each process, and what several processes say together.
//!
//! Rounds of one process share its addresses, its memory and its luck, so they are no
//! independent samples: a process gives one figure, the median of its rounds, and the
//! intervals are over processes.

/// The value below which `part` of the sorted samples lie.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

pub fn sorted(samples: &[f64]) -> Vec<f64> {
    assert!(!samples.is_empty(), "nothing was measured");
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(&sorted(samples), 0.5)
}

/// The median of the processes' figures, and the interval that holds the true median
/// with a probability of 95 % or more. With fewer than six processes there is no such
/// interval: then it holds everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// How many values of `n` may be cut off at each end: the true median lies beyond the
/// k-th smallest value if fewer than k of n values fall below it, and that number is
/// binomial, however the values are distributed.
fn cut(n: usize) -> Option<usize> {
    let (mut chance, mut sum, mut cut) = (0.5f64.powi(n as i32), 0.0, None);
    for below in 0..n / 2 {
        sum += chance;
        if 2.0 * sum > 0.05 {
            break;
        }
        cut = Some(below);
        chance *= (n - below) as f64 / (below + 1) as f64;
    }
    cut
}

pub fn interval(figures: &[f64]) -> Interval {
    let sorted = sorted(figures);
    let (low, high) = match cut(sorted.len()) {
        Some(cut) => (sorted[cut], sorted[sorted.len() - 1 - cut]),
        None => (f64::NEG_INFINITY, f64::INFINITY),
    };
    Interval {
        median: quantile(&sorted, 0.5),
        low,
        high,
    }
}

/// Compares figures of the same processes: what slows a whole process cancels out.
pub fn ratio(figures: &[f64], reference: &[f64]) -> Interval {
    assert_eq!(figures.len(), reference.len());
    let ratios: Vec<f64> = figures.iter().zip(reference).map(|(a, b)| a / b).collect();
    interval(&ratios)
}

impl Interval {
    /// As the ratio of a copy of some code to itself: where code lies moves any ratio by
    /// this factor.
    pub fn noise(&self) -> f64 {
        self.high.max(1.0 / self.low.max(0.0)).max(1.0)
    }

    pub fn is_known(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// What a run says of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Reached,
    NotReached,
    /// The bound lies inside the interval.
    Undecided,
    /// Not on this machine, or not in this run.
    NotMeasured,
}

impl Verdict {
    /// Decided where the whole interval is on one side of the bound, after it was widened
    /// by a factor, 1 or more.
    pub fn of(ratio: &Interval, bound: Bound, noise: f64) -> Verdict {
        let (low, high) = (ratio.low / noise, ratio.high * noise);
        let (inside, outside) = match bound {
            Bound::AtMost(most) => (high <= most, low > most),
            Bound::AtLeast(least) => (low >= least, high < least),
        };
        match (inside, outside) {
            (true, _) => Verdict::Reached,
            (_, true) => Verdict::NotReached,
            _ => Verdict::Undecided,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Verdict::Reached => "reached",
            Verdict::NotReached => "NOT reached",
            Verdict::Undecided => "undecided",
            Verdict::NotMeasured => "not measured",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uffd_kit::random::Random;

    fn uniform(random: &mut Random) -> f64 {
        (random.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(random: &mut Random) -> f64 {
        let (a, b) = (uniform(random).max(1e-300), uniform(random));
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// How often the interval of `n` figures holds `truth`.
    fn coverage(n: usize, truth: f64, mut figure: impl FnMut() -> f64) -> f64 {
        const TRIALS: usize = 4000;
        let holds = (0..TRIALS).filter(|_| {
            let figures: Vec<f64> = (0..n).map(|_| figure()).collect();
            let interval = interval(&figures);
            (interval.low..=interval.high).contains(&truth)
        });
        holds.count() as f64 / TRIALS as f64
    }

    /// The rounds of one process: some processes lie at an unlucky address, each has a
    /// speed of its own, and its rounds differ little, with slow ones now and then.
    fn rounds(random: &mut Random, count: usize) -> Vec<f64> {
        let unlucky = if uniform(random) < 0.35 { 1.5 } else { 1.0 };
        let own = 100.0 * unlucky * (0.05 * normal(random)).exp();
        (0..count)
            .map(|_| own * (0.01 * normal(random)).exp() * (1.0 + uniform(random).powi(20)))
            .collect()
    }

    #[test]
    fn intervals_cut_as_much_as_they_may() {
        assert_eq!(
            [5, 6, 8, 9, 12, 15, 17].map(cut),
            [None, Some(0), Some(0), Some(1), Some(2), Some(3), Some(4)]
        );
        assert!(!interval(&[1.0; 5]).is_known());
    }

    #[test]
    fn skewed_figures_are_covered() {
        for n in [6, 9, 12] {
            let mut random = Random::new(n as u64);
            let held = coverage(n, 1.0, || (1.5 * normal(&mut random)).exp());
            assert!(held >= 0.93, "{n} processes: {held}");
        }
    }

    #[test]
    fn rounds_of_one_process_are_no_samples() {
        let mut random = Random::new(1);
        let many: Vec<f64> = (0..40_001)
            .map(|_| median(&rounds(&mut random, 21)))
            .collect();
        let truth = median(&many);
        for n in [6, 9, 12] {
            let mut random = Random::new(n as u64);
            let held = coverage(n, truth, || median(&rounds(&mut random, 21)));
            assert!(held >= 0.93, "{n} processes: {held}");
        }
        // Were all rounds taken for samples, the interval would be far too narrow.
        let mut random = Random::new(2);
        let mut pool = Vec::new();
        let pooled = coverage(12 * 21, truth, || {
            if pool.is_empty() {
                pool = rounds(&mut random, 21);
            }
            pool.pop().expect("just filled")
        });
        assert!(pooled < 0.8, "{pooled}: the data of this test are too tame");
    }

    #[test]
    fn what_slows_a_process_cancels_out() {
        let reference: Vec<f64> = (0..9).map(|i| 100.0 * (1 + i % 7) as f64).collect();
        let twice: Vec<f64> = reference.iter().map(|x| 2.0 * x).collect();
        let ratio = ratio(&twice, &reference);
        assert_eq!((ratio.low, ratio.median, ratio.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn a_bound_inside_the_interval_decides_nothing() {
        let of = |low, high| Interval {
            median: (low + high) / 2.0,
            low,
            high,
        };
        let most = |bound, control: &Interval| {
            Verdict::of(&of(0.69, 0.71), Bound::AtMost(bound), control.noise())
        };
        let (quiet, noisy) = (of(0.99, 1.01), of(0.9, 1.0));
        assert_eq!(most(0.85, &quiet), Verdict::Reached);
        assert_eq!(most(0.65, &quiet), Verdict::NotReached);
        assert_eq!(most(0.70, &quiet), Verdict::Undecided);
        // Two copies of one code differ by a tenth: so may these two.
        assert_eq!(most(0.75, &noisy), Verdict::Undecided);
        assert_eq!(most(0.65, &noisy), Verdict::Undecided);
        assert_eq!(most(0.85, &noisy), Verdict::Reached);
        let least = |bound| Verdict::of(&of(0.69, 0.71), Bound::AtLeast(bound), 1.0);
        assert_eq!(
            [0.6, 0.7, 0.8].map(least),
            [Verdict::Reached, Verdict::Undecided, Verdict::NotReached]
        );
        let unknown = interval(&[0.5; 3]);
        assert_eq!(
            Verdict::of(&unknown, Bound::AtMost(1.0), 1.0),
            Verdict::Undecided
        );
    }
}
