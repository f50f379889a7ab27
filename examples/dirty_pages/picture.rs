//! The page map, in the terminal and over time.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;

/// Columns and rows of the map in a terminal of 80 columns.
const COLUMNS: usize = 72;
const ROWS: usize = 8;
/// Rows of the drawing: parts of the region.
const PARTS: usize = 128;

/// How the terminal is to be written to.
pub struct Terminal {
    /// The picture is drawn over the last one.
    live: bool,
    colour: bool,
    shades: &'static [&'static str],
    drawn: bool,
}

impl Terminal {
    pub fn detect() -> Terminal {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let dumb = set("TERM").map_or(true, |term| term == "dumb");
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"));
        let utf8 = locale.map_or(false, |name| {
            name.to_lowercase().replace('-', "").ends_with("utf8")
        });
        let live = io::stdout().is_terminal() && !dumb;
        Terminal {
            live,
            colour: live && set("NO_COLOR").is_none(),
            shades: if utf8 && !dumb {
                &["·", "░", "▒", "▓", "█"]
            } else {
                &[".", "-", "+", "*", "#"]
            },
            drawn: false,
        }
    }

    /// Shows the dirty pages of an epoch.
    pub fn show(
        &mut self,
        lines: &[String],
        pages: usize,
        dirty: &[Range<usize>],
    ) -> io::Result<()> {
        let cells = (COLUMNS * ROWS).min(pages);
        let fill = fractions(cells, pages, dirty);
        let mut out = String::new();
        if self.live && self.drawn {
            let height = lines.len() + (cells + COLUMNS - 1) / COLUMNS;
            let _ = write!(out, "\x1b[{height}A");
        }
        self.drawn = true;
        let end = if self.live { "\x1b[K\n" } else { "\n" };
        for line in lines {
            let _ = write!(out, "{line}{end}");
        }
        for row in fill.chunks(COLUMNS) {
            out.push_str("  ");
            for &part in row {
                let shade = match part {
                    p if p <= 0.0 => 0,
                    p => 1 + ((p * 4.0) as usize).min(3),
                };
                if self.colour && shade > 0 {
                    let colour = [0, 226, 214, 208, 196][shade];
                    let _ = write!(out, "\x1b[38;5;{colour}m{}\x1b[0m", self.shades[shade]);
                } else {
                    out.push_str(self.shades[shade]);
                }
            }
            out.push_str(end);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(out.as_bytes())?;
        stdout.flush()
    }
}

/// How much of each cell is dirty, from 0 to 1.
fn fractions(cells: usize, pages: usize, dirty: &[Range<usize>]) -> Vec<f32> {
    let mut fill = vec![0f32; cells];
    for page in dirty.iter().cloned().flatten() {
        fill[page * cells / pages] += 1.0;
    }
    for (i, part) in fill.iter_mut().enumerate() {
        let first = (i * pages + cells - 1) / cells;
        let next = ((i + 1) * pages + cells - 1) / cells;
        *part /= (next - first) as f32;
    }
    fill
}

/// Collects epochs, and draws them side by side.
pub struct HeatMap {
    pages: usize,
    page_size: usize,
    columns: Vec<Vec<f32>>,
}

impl HeatMap {
    pub fn new(pages: usize, page_size: usize) -> HeatMap {
        HeatMap {
            pages,
            page_size,
            columns: Vec::new(),
        }
    }

    pub fn add(&mut self, dirty: &[Range<usize>]) {
        self.columns
            .push(fractions(PARTS.min(self.pages), self.pages, dirty));
    }

    pub fn svg(&self, method: &str, epoch_ms: u64) -> String {
        let parts = PARTS.min(self.pages);
        let (left, top, height) = (90.0, 60.0, 512.0);
        let width = (self.columns.len() as f64 * 14.0).clamp(280.0, 1200.0);
        let (column, row) = (
            width / self.columns.len().max(1) as f64,
            height / parts as f64,
        );
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>Dirty pages over time</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"{left}\" y=\"24\" font-size=\"16\" font-weight=\"bold\">Dirty pages over time</text>\n\
             <text x=\"{left}\" y=\"44\" fill=\"#555\">{method}, {} pages, an epoch is {epoch_ms} ms</text>\n\
             <rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"#f4f4f4\"/>\n",
            left + width + 30.0, top + height + 90.0, self.pages
        );
        for (x, parts) in self.columns.iter().enumerate() {
            for (y, &part) in parts.iter().enumerate().filter(|(_, &part)| part > 0.0) {
                // From yellow to dark red.
                let light = 90.0 - 60.0 * f64::from(part.min(1.0)).sqrt();
                let hue = 50.0 - 50.0 * f64::from(part.min(1.0)).sqrt();
                let _ = writeln!(
                    out,
                    "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"hsl({hue:.0},90%,{light:.0}%)\"/>",
                    left + x as f64 * column, top + y as f64 * row, column + 0.3, row + 0.3
                );
            }
        }
        for i in 0..=4 {
            let y = top + height * f64::from(i) / 4.0;
            let mib =
                self.pages as f64 * self.page_size as f64 * f64::from(i) / 4.0 / (1 << 20) as f64;
            let _ = writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{mib:.1} MiB</text>",
                left - 8.0,
                y + 4.0
            );
        }
        for i in 0..=4 {
            let epoch = self.columns.len() * i / 4;
            let x = left + column * epoch as f64;
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{epoch}</text>",
                top + height + 18.0
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">epoch</text>",
            left + width / 2.0,
            top + height + 36.0
        );
        for i in 0..=20 {
            let part = f64::from(i) / 20.0;
            let (light, hue) = (90.0 - 60.0 * part.sqrt(), 50.0 - 50.0 * part.sqrt());
            let _ = writeln!(
                out, "<rect x=\"{:.1}\" y=\"{}\" width=\"6.3\" height=\"12\" fill=\"hsl({hue:.0},90%,{light:.0}%)\"/>",
                left + f64::from(i) * 6.0, top + height + 54.0
            );
        }
        let _ = writeln!(
            out, "<text x=\"{}\" y=\"{}\" fill=\"#555\">few to all pages of a part written</text>\n</svg>",
            left + 136.0, top + height + 65.0
        );
        out
    }
}
