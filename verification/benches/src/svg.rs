//! Plots: rows with dots on a common scale.

use std::fmt::Write;

/// A dot, with the interval around it.
pub struct Dot {
    pub series: usize,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

pub struct Plot<'a> {
    pub title: &'a str,
    pub scale: &'a str,
    pub logarithmic: bool,
    /// How a mark's value is written.
    pub unit: fn(f64) -> String,
    pub series: &'a [&'a str],
    pub rows: Vec<(String, Vec<Dot>)>,
}

/// Told apart with all kinds of colour vision (Okabe and Ito).
const COLOURS: [&str; 7] = [
    "#d55e00", "#000000", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];
const WIDTH: f64 = 960.0;
const RIGHT: f64 = 30.0;
const ROW: f64 = 30.0;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

impl Plot<'_> {
    /// Where the scale begins and ends, and its marks.
    fn marks(&self) -> (f64, f64, Vec<f64>) {
        let values = || {
            self.rows
                .iter()
                .flat_map(|(_, dots)| dots)
                .map(|dot| dot.value)
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        if self.logarithmic {
            let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
            let marks: Vec<f64> = decades
                .flat_map(|d| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(d)))
                .collect();
            let from = marks
                .iter()
                .copied()
                .filter(|&m| m <= low)
                .fold(marks[0], f64::max);
            let to = marks
                .iter()
                .copied()
                .filter(|&m| m >= high)
                .fold(*marks.last().unwrap(), f64::min);
            return (
                from,
                to,
                marks
                    .into_iter()
                    .filter(|&m| m >= from && m <= to)
                    .collect(),
            );
        }
        let step = if high - low > 2.0 { 0.5 } else { 0.1 };
        let high = high + step; // Some room for the intervals.
        let (from, to) = ((low / step).floor() * step, (high / step).ceil() * step);
        let count = ((to - from) / step).round() as usize;
        (
            from,
            to,
            (0..=count).map(|i| from + i as f64 * step).collect(),
        )
    }

    pub fn svg(&self) -> String {
        let (from, to, marks) = self.marks();
        // As wide as the longest label, at about 7 units a letter.
        let longest = self
            .rows
            .iter()
            .map(|(label, _)| label.chars().count())
            .max();
        let left = 40.0 + 7.0 * longest.unwrap_or(0) as f64;
        let scaled = |value: f64| if self.logarithmic { value.ln() } else { value };
        let x = |value: f64| {
            // An interval that is longer than the scale ends with it.
            let value = value.clamp(from, to);
            left + (scaled(value) - scaled(from)) / (scaled(to) - scaled(from))
                * (WIDTH - left - RIGHT)
        };
        let legend_lines = self.series.len().div_ceil(3) as f64;
        let top = 50.0 + legend_lines * 20.0;
        let bottom = top + self.rows.len() as f64 * ROW;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>{title}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"16\" y=\"26\" font-size=\"17\" font-weight=\"bold\">{title}</text>\n",
            height = bottom + 50.0,
            title = escape(self.title),
        );
        for (i, name) in self.series.iter().enumerate() {
            let (cx, cy) = (24.0 + (i % 3) as f64 * 310.0, 48.0 + (i / 3) as f64 * 20.0);
            let _ = writeln!(
                out,
                "<circle cx=\"{cx}\" cy=\"{cy}\" r=\"5\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>",
                COLOURS[i], cx + 12.0, cy + 4.5, escape(name)
            );
        }
        // Marks that would run into each other stay without a number; those of a
        // decade come first.
        let is_decade = |mark: &f64| (mark.log10() - mark.log10().round()).abs() < 1e-6;
        let (mut order, others): (Vec<f64>, Vec<f64>) = marks.iter().partition(|m| is_decade(m));
        order.extend(others);
        let mut taken: Vec<f64> = Vec::new();
        for mark in order {
            let at = x(mark);
            let _ = writeln!(out, "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>");
            if taken.iter().all(|other| (other - at).abs() >= 52.0) {
                let y = bottom + 18.0;
                let _ = writeln!(
                    out,
                    "<text x=\"{at:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>",
                    (self.unit)(mark)
                );
                taken.push(at);
            }
        }
        let middle = (left + WIDTH - RIGHT) / 2.0;
        let _ = writeln!(
            out,
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            bottom + 40.0,
            escape(self.scale)
        );
        for (i, (label, dots)) in self.rows.iter().enumerate() {
            let y = top + (i as f64 + 0.5) * ROW;
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                left - 12.0,
                y + 4.5,
                escape(label)
            );
            // Dots of equal value would hide each other: each series has a height.
            for dot in dots {
                let spread = (self.series.len() - 1).max(1) as f64;
                let y = y + (dot.series as f64 / spread - 0.5) * (ROW - 12.0);
                let colour = COLOURS[dot.series];
                let _ = writeln!(
                    out,
                    "<line x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\
                     <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>",
                    x(dot.low), x(dot.high), x(dot.value)
                );
            }
            let y = y + ROW / 2.0;
            let _ = writeln!(
                out,
                "<line x1=\"16\" y1=\"{y:.1}\" x2=\"{}\" y2=\"{y:.1}\" stroke=\"#eee\"/>",
                WIDTH - RIGHT
            );
        }
        out + "</svg>\n"
    }
}
