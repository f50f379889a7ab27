//! Numbers and tables as text.

use std::fmt::Write;

use crate::stats::{interval, Interval, Verdict};

/// A time with three digits that count, and its unit.
pub fn time(ns: f64) -> String {
    match ns {
        v if v < 9.95 => format!("{v:.1} ns"),
        v if v < 999.5 => format!("{v:.0} ns"),
        v if v < 9_995.0 => format!("{:.2} µs", v / 1e3),
        v if v < 99_950.0 => format!("{:.1} µs", v / 1e3),
        v if v < 999_500.0 => format!("{:.0} µs", v / 1e3),
        v if v < 99_950_000.0 => format!("{:.1} ms", v / 1e6),
        v if v < 999_500_000.0 => format!("{:.0} ms", v / 1e6),
        v => format!("{:.2} s", v / 1e9),
    }
}

pub fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let large = |&unit: &usize| value < 10.0 * 1024f64.powi(unit as i32 + 1);
    let unit = (0..units.len()).find(large).unwrap_or(units.len() - 1);
    format!("{:.0} {}", value / 1024f64.powi(unit as i32), units[unit])
}

/// The median, and the interval where there are enough processes.
pub fn interval_of(values: &[f64], text: fn(f64) -> String) -> String {
    let Interval { median, low, high } = interval(values);
    if low.is_finite() && high.is_finite() {
        format!("{} ({} to {})", text(median), text(low), text(high))
    } else {
        text(median)
    }
}

/// The median alone, or a dash for what was not measured.
pub fn middle(values: Option<&[f64]>, text: fn(f64) -> String) -> String {
    values.map_or("-".to_string(), |v| text(interval(v).median))
}

/// A ratio to 1 in a word, after the interval was widened by a factor.
pub fn judged(ratio: &Interval, noise: f64) -> String {
    use crate::stats::Bound::AtMost;
    let word = match Verdict::of(ratio, AtMost(1.0), noise) {
        Verdict::Reached => "less",
        Verdict::NotReached => "more",
        _ => "undecided",
    };
    format!("{:.2} {word}", ratio.median)
}

/// With numbers in all columns but the first.
pub fn table(out: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    aligned(out, head, "--:|", rows);
}

pub fn text_table(out: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    aligned(out, head, "---|", rows);
}

fn aligned(out: &mut String, head: &[&str], align: &str, rows: impl Iterator<Item = Vec<String>>) {
    let _ = writeln!(
        out,
        "| {} |\n|---|{}",
        head.join(" | "),
        align.repeat(head.len() - 1)
    );
    for row in rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        // A bar would end the cell.
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    *out += "\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_that_count() {
        let all = [
            4.2, 42.0, 999.7, 4_200.0, 42_000.0, 420_000.0, 4.2e6, 4.2e8, 4.2e9,
        ];
        let texts = all.map(time).join(", ");
        let expected = "4.2 ns, 42 ns, 1.00 µs, 4.20 µs, 42.0 µs, 420 µs, 4.2 ms, 420 ms, 4.20 s";
        assert_eq!(texts, expected);
    }

    #[test]
    fn bytes_have_up_to_four_digits() {
        let all = [644.0, 98_304.0, 8_388_600.0, 1_677_720_000.0, 1.1e12];
        let texts = all.map(bytes).join(", ");
        assert_eq!(texts, "644 B, 96 KiB, 8192 KiB, 1600 MiB, 1024 GiB");
    }

    #[test]
    fn a_table_has_a_cell_for_each_head() {
        let mut out = String::new();
        table(
            &mut out,
            &["a", "b"],
            [vec!["x|y".into(), "1".into()]].into_iter(),
        );
        assert_eq!(out, "| a | b |\n|---|--:|\n| x\\|y | 1 |\n\n");
    }
}
