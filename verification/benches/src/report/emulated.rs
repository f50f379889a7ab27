//! Tracking on kernels of emulated machines: ratios alone, as the times are the
//! emulator's.

use crate::data::{Data, Emulated};
use crate::experiment::{together, Figure};
use crate::report::text::table;
use crate::stats::ratio;
use crate::targets::shown;
use crate::tracking::alone::METHODS;
use crate::tracking::{Method, UNTRACKED};

fn names() -> impl Iterator<Item = &'static str> {
    let others = METHODS.into_iter().skip(1).map(Method::name);
    others.chain([UNTRACKED])
}

fn row(group: &str, figures: &[Figure]) -> Vec<String> {
    let of = |name: &str| {
        let is =
            |f: &&Figure| (&f.group[..], &f.contender[..], &f.metric[..]) == (group, name, "epoch");
        figures.iter().find(is).map(|f| &f.values[..])
    };
    let base = of(METHODS[0].name());
    let mut row = vec![group.to_string()];
    row.extend(names().map(|name| {
        let both = of(name).zip(base);
        both.map_or("-".into(), |(other, base)| shown(&ratio(other, base)))
    }));
    row
}

pub fn section(data: &Data, out: &mut String) {
    let Some(emulated) = data.emulated.as_ref().filter(|e| !e.is_empty()) else {
        return;
    };
    *out += "## Tracking on other kernels, emulated\n\n\
             Not every kernel has soft-dirty, or RWP. These ran in an emulator, and each method\n\
             in its turn was the only one in its process: an epoch divided by that of\n\
             \"WP_ASYNC + PAGEMAP_SCAN\". **Emulated time is not a processor's.**\n\n";
    for Emulated { kernel, sheets } in emulated {
        let (figures, notes) = together(sheets);
        let mut groups: Vec<&str> = figures.iter().map(|f| &f.group[..]).collect();
        groups.dedup();
        *out += &format!("### {kernel}, {} processes\n\n", sheets.len());
        let rows = groups.into_iter().map(|group| row(group, &figures));
        let head: Vec<&str> = ["an epoch of"].into_iter().chain(names()).collect();
        table(out, &head, rows);
        for note in notes {
            *out += &format!("Left out: {note}.\n\n");
        }
    }
}
