//! Least squares with coefficients that are not negative.

/// The coefficients for which the sum of the squares of the relative errors is least.
/// A term that would come out negative, which no cost is, is left out.
pub fn fit<const N: usize>(points: &[([f64; N], f64)]) -> [f64; N] {
    let is_used = |term: usize| points.iter().any(|(terms, _)| terms[term] != 0.0);
    let mut used: Vec<usize> = (0..N).filter(|&term| is_used(term)).collect();
    loop {
        let solution = solve(points, &used);
        let least = (0..used.len()).min_by(|&a, &b| solution[a].total_cmp(&solution[b]));
        match least {
            Some(least) if solution[least] < 0.0 => drop(used.remove(least)),
            _ => {
                let mut model = [0.0; N];
                used.iter()
                    .zip(solution)
                    .for_each(|(&term, value)| model[term] = value);
                return model;
            }
        }
    }
}

pub fn predict<const N: usize>(model: &[f64; N], terms: &[f64; N]) -> f64 {
    model.iter().zip(terms).map(|(a, b)| a * b).sum()
}

/// The normal equations of some terms, by Gauss's elimination with pivots.
fn solve<const N: usize>(points: &[([f64; N], f64)], used: &[usize]) -> Vec<f64> {
    let n = used.len();
    let mut rows = vec![vec![0.0; n + 1]; n];
    for (terms, value) in points {
        // Relative errors: divided by what was measured.
        let scaled: Vec<f64> = used.iter().map(|&term| terms[term] / value).collect();
        for (i, row) in rows.iter_mut().enumerate() {
            (0..n).for_each(|j| row[j] += scaled[i] * scaled[j]);
            row[n] += scaled[i];
        }
    }
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()));
        rows.swap(i, pivot.expect("a row"));
        let row = rows[i].clone();
        for (j, other) in rows.iter_mut().enumerate() {
            if j != i {
                let factor = other[i] / row[i];
                (i..=n).for_each(|k| other[k] -= factor * row[k]);
            }
        }
    }
    (0..n).map(|i| rows[i][n] / rows[i][i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uffd_kit::random::Random;

    /// Points of a known model, each wrong by up to 5 %.
    fn points(model: &[f64; 3], random: &mut Random) -> Vec<([f64; 3], f64)> {
        let mut point = |size: f64, part: f64| {
            let terms = [1.0, size, size * part];
            let error = 0.95 + random.below(1000) as f64 / 10_000.0;
            (terms, predict(model, &terms) * error)
        };
        let sizes = [1e3, 4e3, 1.6e4, 6.4e4, 1e6, 2e6];
        let all = sizes
            .iter()
            .flat_map(|&size| [0.0, 0.01, 0.1].map(|part| (size, part)));
        all.map(|(size, part)| point(size, part)).collect()
    }

    #[test]
    fn a_known_model_is_found_and_predicts() {
        let model = [2000.0, 4.0, 900.0];
        let found = fit(&points(&model, &mut Random::new(1)));
        for (found, known) in found.iter().zip(&model) {
            assert!((found / known - 1.0).abs() < 0.1, "{found} for {known}");
        }
        let far = [1.0, 4e6, 1e5];
        let error = predict(&found, &far) / predict(&model, &far);
        assert!((error - 1.0).abs() < 0.05, "{error}");
    }

    #[test]
    fn no_cost_is_negative() {
        let found = fit(&points(&[0.0, 4.0, 0.0], &mut Random::new(2)));
        assert!(found.iter().all(|&value| value >= 0.0), "{found:?}");
        assert!((found[1] - 4.0).abs() < 0.3, "{found:?}");
    }
}
