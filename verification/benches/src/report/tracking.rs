//! Dirty tracking in detail.

use crate::data::{self, Data};
use crate::report::text::{bytes, interval_of, middle, table, time};
use crate::targets::{idle_ratio, shown};
use crate::tracking::{Method, IDLE, UNTRACKED};

pub fn section(data: &Data, out: &mut String) {
    let Some(e) = data.experiment(data::TRACKING) else {
        return;
    };
    *out += "## Dirty tracking\n\n\
             An epoch: begin (arm), write, learn what was written (collect). The asynchronous\n\
             methods begin the next epoch while they collect. Each epoch's answer was compared\n\
             with what was written: exactly these pages. An epoch and its writes are given for\n\
             each written page; arming and collecting for each page of the region; memory is the\n\
             most that the tracker had allocated; mappings are what the region is split into,\n\
             which `vm.max_map_count` limits.\n\n";
    for group in e.groups().into_iter().filter(|&group| group != IDLE) {
        *out += &format!("### {group}\n\n");
        let methods = e.contenders(group).into_iter();
        let methods = methods.filter(|&m| m != Method::AsyncInCCopy.name());
        let rows = methods.map(|m| {
            let of = |metric| middle(e.of(group, m, metric), time);
            let number = |metric| middle(e.of(group, m, metric), |v| format!("{v:.0}"));
            let epoch = e.of(group, m, "epoch").expect("each has it");
            vec![
                m.to_string(),
                interval_of(epoch, time),
                of("write"),
                of("first arm"),
                of("arm"),
                of("collect"),
                middle(e.of(group, m, "memory"), bytes),
                number("mappings"),
            ]
        });
        let head = [
            "method",
            "epoch",
            "write",
            "first arm",
            "arm",
            "collect",
            "memory",
            "mappings",
        ];
        table(out, &head, rows);
        for m in e.contenders(group) {
            let huge = e
                .of(group, m, "huge before")
                .zip(e.of(group, m, "huge after"));
            if let Some((before, after)) = huge {
                let (before, after) = (middle(Some(before), bytes), middle(Some(after), bytes));
                *out += &format!("{m}: mapped by huge pages before {before}, after {after}.\n\n");
            }
        }
    }
    *out += &format!(
        "\"{UNTRACKED}\" is the limit for the writer. The limit for collecting is to look at each\n\
         page's entry once; in a region where nothing is written, collecting took {} of the\n\
         cheapest way to do that:\n\n",
        idle_ratio(e).as_ref().map_or("-".into(), shown)
    );
    let rows = e.contenders(IDLE).into_iter().map(|way| {
        let time = interval_of(e.of(IDLE, way, "collect").expect("each has it"), time);
        vec![way.to_string(), time]
    });
    table(out, &["an idle region", "a page"], rows);
}
