//! Messages are decoded from initialised bytes alone, and code without `unsafe`
//! cannot do otherwise.
//!
//! The decoding is evaluated while this file is compiled: a read of a byte that
//! nobody initialised is then an error of the compiler, which a test that is run
//! would not see.

mod cargo;

use std::fs;

use cargo::{cargo, run, stderr, target_dir, ROOT};
use uffd_sys::*;

/// Zeros, of this event.
const fn message(event: u8) -> uffd_msg {
    // Field by field, because `default()` cannot be called in a constant. The
    // member that has the union's whole size initialises all of it.
    uffd_msg {
        event,
        reserved1: 0,
        reserved2: 0,
        reserved3: 0,
        arg: uffd_msg_arg {
            reserved: uffd_msg_reserved {
                reserved1: 0,
                reserved2: 0,
                reserved3: 0,
            },
        },
    }
}

const fn bytes(msg: uffd_msg) -> uffd_msg_bytes {
    // SAFETY: `message` initialised all bytes, and the parts were then written
    // field by field. The compiler sees it if that is not so.
    unsafe { msg.assume_init() }
}

const FROM: u64 = 0x0102_0304_0506_0708;
const TO: u64 = FROM << 1;
const LEN: u64 = FROM << 2;
const ID: u32 = 0x1122_3344;

const EVENTS: [u8; 6] = [
    UFFD_EVENT_PAGEFAULT,
    UFFD_EVENT_FORK,
    UFFD_EVENT_REMAP,
    UFFD_EVENT_REMOVE,
    UFFD_EVENT_UNMAP,
    0xff,
];

/// A message of `event` with every part written in turn.
const fn parts(event: u8) -> [uffd_msg_bytes; 5] {
    let (mut fault, mut fork, mut remap, mut remove) = (
        message(event),
        message(event),
        message(event),
        message(event),
    );
    let mut reserved = message(event);
    fault.arg.pagefault.flags = FROM;
    fault.arg.pagefault.address = TO;
    fault.arg.pagefault.feat.ptid = ID;
    fork.arg.fork.ufd = ID;
    remap.arg.remap = uffd_msg_remap {
        from: FROM,
        to: TO,
        len: LEN,
    };
    remove.arg.remove.start = FROM;
    remove.arg.remove.end = TO;
    reserved.arg.reserved = uffd_msg_reserved {
        reserved1: FROM,
        reserved2: TO,
        reserved3: LEN,
    };
    [
        bytes(fault),
        bytes(fork),
        bytes(remap),
        bytes(remove),
        bytes(reserved),
    ]
}

/// How many accessors give something, and all of what they give, which is thereby
/// read.
const fn decoded(msg: &uffd_msg_bytes) -> (u32, u64) {
    let (mut count, mut all) = (0, 0);
    if let Some(fault) = msg.pagefault() {
        all ^= fault.flags | fault.address | fault.ptid() as u64;
        count += 1;
    }
    if let Some(fork) = msg.fork() {
        all ^= fork.ufd as u64;
        count += 1;
    }
    if let Some(remap) = msg.remap() {
        all ^= remap.from | remap.to | remap.len;
        count += 1;
    }
    if let Some(remove) = msg.remove() {
        all ^= remove.start | remove.end;
        count += 1;
    }
    if let Some(unmap) = msg.unmap() {
        all ^= unmap.start | unmap.end;
        count += 1;
    }
    (count, all)
}

const _: () = {
    let mut e = 0;
    while e < EVENTS.len() {
        let messages = parts(EVENTS[e]);
        let mut p = 0;
        while p < messages.len() {
            assert!(messages[p].event() == EVENTS[e]);
            assert!(decoded(&messages[p]).0 == (EVENTS[e] != 0xff) as u32);
            p += 1;
        }
        e += 1;
    }
};

/// Each part says what was written to it, on any order of bytes.
const _: () = {
    let fault = parts(UFFD_EVENT_PAGEFAULT)[0].pagefault().unwrap();
    assert!(fault.flags == FROM && fault.address == TO && fault.ptid() == ID);
    assert!(parts(UFFD_EVENT_FORK)[1].fork().unwrap().ufd == ID);
    let remap = parts(UFFD_EVENT_REMAP)[2].remap().unwrap();
    assert!(remap.from == FROM && remap.to == TO && remap.len == LEN);
    let remove = parts(UFFD_EVENT_REMOVE)[3].remove().unwrap();
    assert!(remove.start == FROM && remove.end == TO);
    let unmap = parts(UFFD_EVENT_UNMAP)[3].unmap().unwrap();
    assert!(unmap.start == FROM && unmap.end == TO);
};

#[test]
fn a_message_gives_the_part_of_its_event_alone() {
    for event in 0..=u8::MAX {
        let [.., msg] = parts(event);
        let is = |wanted| event == wanted;
        assert_eq!(msg.event(), event);
        let pagefault = msg.pagefault().map(|f| (f.flags, f.address));
        assert_eq!(pagefault, is(UFFD_EVENT_PAGEFAULT).then_some((FROM, TO)));
        assert_eq!(msg.fork().is_some(), is(UFFD_EVENT_FORK));
        let remap = msg.remap().map(|r| (r.from, r.to, r.len));
        assert_eq!(remap, is(UFFD_EVENT_REMAP).then_some((FROM, TO, LEN)));
        let range = |r: uffd_msg_remove| (r.start, r.end);
        let range_of = |wanted| is(wanted).then_some((FROM, TO));
        assert_eq!(msg.remove().map(range), range_of(UFFD_EVENT_REMOVE));
        assert_eq!(msg.unmap().map(range), range_of(UFFD_EVENT_UNMAP));
    }
}

#[test]
fn debug_shows_the_part_that_the_event_selects() {
    let shown = |event| {
        let mut msg = message(event);
        msg.arg.reserved = uffd_msg_reserved {
            reserved1: 1,
            reserved2: 2,
            reserved3: 3,
        };
        format!("{:?}", bytes(msg))
    };
    let pagefault = shown(UFFD_EVENT_PAGEFAULT);
    // The third word's first half, in this processor's order.
    let ptid = if cfg!(target_endian = "little") { 3 } else { 0 };
    assert_eq!(
        pagefault,
        format!("uffd_msg_bytes {{ pagefault: uffd_msg_pagefault {{ flags: 1, address: 0x2, ptid: {ptid} }} }}")
    );
    assert!(shown(UFFD_EVENT_FORK).starts_with("uffd_msg_bytes { fork: uffd_msg_fork { ufd: "));
    assert_eq!(
        shown(UFFD_EVENT_REMAP),
        "uffd_msg_bytes { remap: uffd_msg_remap { from: 1, to: 2, len: 3 } }"
    );
    assert_eq!(
        shown(UFFD_EVENT_REMOVE),
        "uffd_msg_bytes { remove: uffd_msg_remove { start: 1, end: 2 } }"
    );
    assert_eq!(
        shown(UFFD_EVENT_UNMAP),
        "uffd_msg_bytes { unmap: uffd_msg_remove { start: 1, end: 2 } }"
    );
    assert_eq!(
        format!("{:?}", uffd_msg_bytes::default()),
        format!("uffd_msg_bytes {{ event: 0, bytes: {:?} }}", [0u8; 32])
    );
    // Of one that may be uninitialised, no more than the event.
    assert_eq!(
        format!("{:?}", message(UFFD_EVENT_REMAP)),
        "uffd_msg { event: 20, .. }"
    );
}

/// The start of a program without `unsafe` that leaves a part of a message
/// uninitialised. A line that reads it follows.
const PROGRAM: &str = "#![forbid(unsafe_code)]
use uffd_sys::*;
fn main() {
    let arg = uffd_msg_arg { fork: uffd_msg_fork { ufd: 3 } };
    let msg = uffd_msg { event: UFFD_EVENT_PAGEFAULT, arg, ..Default::default() };
";

#[test]
fn safe_code_cannot_read_what_it_left_uninitialised() {
    let package = target_dir("uninitialised");
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"uninitialised\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [dependencies]\nuffd-sys = {{ path = {ROOT:?}, default-features = false }}\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    let program = |line: &str| {
        fs::write(
            package.join("src/main.rs"),
            format!("{PROGRAM}    {line}\n}}\n"),
        )
        .unwrap();
        cargo(&package, "uninitialised-target", &["check"])
    };
    // What follows fails for its line alone, and the safe way compiles.
    run(program(
        "println!(\"{:?} {:?}\", msg, uffd_msg_bytes { bytes: [msg.event; 32] }.pagefault());",
    ));
    for (line, error) in [
        ("println!(\"{:?}\", msg.pagefault());", "E0599"),
        ("println!(\"{:?}\", msg.assume_init());", "E0133"),
        ("println!(\"{}\", { msg.arg.remap }.to);", "E0133"),
        ("println!(\"{:?}\", { msg.arg });", "E0277"),
        ("println!(\"{}\", msg == msg);", "E0369"),
        ("println!(\"{}\", { msg.arg } == arg);", "E0369"),
        ("let _ = uffd_msg_bytes::from(msg);", "E0308"),
    ] {
        let output = program(line).output().unwrap();
        let text = stderr(&output);
        assert!(!output.status.success(), "it compiles: {line}");
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error[")).collect();
        assert_eq!(errors.len(), 1, "{line}\n{text}");
        assert!(
            errors[0].starts_with(&format!("error[{error}]")),
            "{line}\n{text}"
        );
    }
}
