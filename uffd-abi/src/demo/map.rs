//! The map of pages: redrawn in place on a terminal, printed once elsewhere.

use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::writers::Plan;
use crate::output::{paint, Output, DIM};

/// Pages in a row, at most: with a space between them they fit 80 columns.
const COLUMNS: usize = 32;

/// So that an eye can follow, the whole is stretched to about this.
const SHOW: Duration = Duration::from_millis(1200);

/// Which thread was trapped on which page.
pub struct Map {
    trapped: Vec<Option<usize>>,
    left_alone: Vec<bool>,
    columns: usize,
    live: bool,
    pause: Duration,
}

impl Map {
    pub fn new(plan: &Plan, out: &mut Output) -> Map {
        // Two spaces before them, one between them.
        let columns = ((out.width() - 1) / 2).min(COLUMNS);
        // A map that is higher than the terminal cannot be redrawn in place.
        let live = out.is_live() && plan.pages().div_ceil(columns) <= out.rows();
        let map = Map {
            columns,
            trapped: vec![None; plan.pages()],
            left_alone: (0..plan.pages())
                .map(|page| plan.owner(page).is_none())
                .collect(),
            live,
            pause: if live {
                SHOW / plan.pages() as u32
            } else {
                Duration::ZERO
            },
        };
        let key = "a letter: trapped, the thread that wrote; -: protected; .: nobody writes";
        out.wrapped(Style::new(), key, "");
        if live {
            map.draw(out);
        }
        map
    }

    pub fn is_trapped(&self, page: usize) -> bool {
        self.trapped[page].is_some()
    }

    pub fn trap(&mut self, page: usize, thread: usize, out: &mut Output) {
        self.trapped[page] = Some(thread);
        if self.live {
            out.cursor_up(self.trapped.len().div_ceil(self.columns));
            self.draw(out);
            thread::sleep(self.pause);
        }
    }

    /// The map at the end; it is there already if it was drawn all the time.
    pub fn show(&self, out: &mut Output) {
        if !self.live {
            self.draw(out);
        }
    }

    fn draw(&self, out: &mut Output) {
        for row in 0..self.trapped.len().div_ceil(self.columns) {
            let pages = row * self.columns..self.trapped.len().min((row + 1) * self.columns);
            let cells: Vec<String> = pages.map(|page| self.cell(page)).collect();
            out.line(format!("  {}", cells.join(" ")));
        }
    }

    fn cell(&self, page: usize) -> String {
        match self.trapped[page] {
            Some(thread) => paint(colour(thread), letter(thread)),
            None if self.left_alone[page] => paint(DIM, '.'),
            None => "-".to_owned(),
        }
    }
}

fn letter(thread: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    letters.cycle().nth(thread).unwrap_or('?')
}

fn colour(thread: usize) -> Style {
    let colours = [
        AnsiColor::Green,
        AnsiColor::Cyan,
        AnsiColor::Yellow,
        AnsiColor::Magenta,
        AnsiColor::Blue,
        AnsiColor::Red,
    ];
    colours[thread % colours.len()].on_default().bold()
}
