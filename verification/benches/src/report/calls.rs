//! The cost of one call in detail, and its instructions.

use crate::contenders as by;
use crate::data::{self, Data};
use crate::report::text::{interval_of, judged, middle, table, time};
use crate::targets::{call_control, shown};

pub const WAYS: [&str; 7] = [
    by::OURS,
    by::ASM,
    by::C_HEADER,
    by::LIBC,
    by::C_LIBC,
    by::RUSTIX,
    by::SAFE,
];

pub fn short_name(group: &str) -> String {
    group
        .replace(", in a loop", "")
        .replace("in a function that returns", "returns")
        .replace("in a handler's loop", "handler")
}

pub fn section(data: &Data, out: &mut String) {
    let Some(e) = data.experiment(data::CALLS) else {
        return;
    };
    *out += "## The cost of one call\n\n\
             An inlined call saves a function call: an instruction or two. But with the mitigations\n\
             of some processors, the first `ret` after a system call is mispredicted, whichever\n\
             function it belongs to, and that costs as much as a small system call. So what a caller\n\
             gets depends on where it calls:\n\n\
             - in a loop that does not return between calls, inlined code has no such `ret`; libc's\n  \
               function has one in each call\n\
             - in a function that returns after the call, the caller's own `ret` is the first one:\n  \
               inlined or not, it costs the same\n\
             - in a handler's loop (read a message, answer it, next) each turn makes two calls and\n  \
               does not return\n\n\
             C gets the same from `uffd_sys.h` where the loop is in C. Medians, and the interval for\n\
             this crate:\n\n";
    let rows = e.groups().into_iter().map(|group| {
        let mut row = vec![group.to_string()];
        row.extend(WAYS.map(|way| match e.of(group, way, "ns") {
            Some(values) if way == by::OURS => interval_of(values, time),
            values => middle(values, time),
        }));
        row
    });
    table(out, &[&["call"], &WAYS[..]].concat(), rows);
    *out += "This crate's time divided by the others'. A word says what the run decides: the\n\
             interval, widened by what a copy of the hand-written code differs from it, lies below\n\
             1 (\"less\"), above (\"more\"), or holds 1 (\"undecided\").\n\n";
    let others = &WAYS[1..];
    let rows = e.groups().into_iter().map(|group| {
        let control = call_control(e, group);
        let mut row = vec![group.to_string()];
        row.extend(others.iter().map(|other| {
            let ratio = e.ratio(group, "ns", by::OURS, other);
            ratio.map_or("-".into(), |r| judged(&r, e.noise(control.as_ref())))
        }));
        row.push(control.as_ref().map_or("-".into(), shown));
        row
    });
    table(
        out,
        &[&["to"], others, &["a copy to itself"]].concat(),
        rows,
    );
    let Some(counted) = &data.instructions else {
        return;
    };
    *out += "### Instructions\n\nIn user space, of a function that makes the call and returns its \
             result, counted by\ncallgrind. \"Same contract\" is that of ioctl(2): -1 and `errno` on \
             failure.\n\n";
    let names: Vec<&str> = counted[0]
        .counts
        .iter()
        .map(|(name, _)| &name[..])
        .collect();
    let rows = counted.iter().map(|call| {
        let mut row = vec![call.call.clone()];
        row.extend(call.counts.iter().map(|(_, count)| count.to_string()));
        row
    });
    table(out, &[&["call"], &names[..]].concat(), rows);
}
