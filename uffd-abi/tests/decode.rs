//! `uffd-abi decode`: numbers, messages, and what is neither.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use support::{uffd_abi, Ran};
use uffd_abi::arch::Arch;
use uffd_abi::decode::input::{self, Value};
use uffd_abi::decode::number::{readings, Kind};
use uffd_abi::decode::{message, number};
use uffd_sys::abi::table::CONSTANTS;

fn decode(args: &[&str]) -> Ran {
    let ran = uffd_abi(&[&["decode"], args].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

/// The readings of a number, as `KIND: text`.
fn read(value: u64, kinds: &[Kind], arch: Option<&str>) -> Vec<String> {
    let arch = arch.map(|name| Arch::parse(name).unwrap());
    let all = readings(value, kinds, arch.as_ref());
    all.iter()
        .map(|r| format!("{}: {}", r.kind, r.text))
        .collect()
}

#[test]
fn a_request_code() {
    let ran = decode(&["0xc018aa06"]);
    ran.assert_line("0xc018aa06");
    ran.assert_line("  request            UFFDIO_WRITEPROTECT, _IOWR(0xaa, 0x06, 24 bytes)");

    // WAKE of another processor: what it is comes first.
    let found = readings(0x4010_aa02, &[], None);
    let shown: Vec<_> = found
        .iter()
        .map(|r| (r.processors.as_deref().unwrap(), &*r.text))
        .collect();
    assert_eq!(
        shown,
        [
            (
                "mips, powerpc, sparc",
                "UFFDIO_WAKE, _IOR(0xaa, 0x02, 16 bytes)"
            ),
            (
                "x86, arm, riscv, s390x and the like",
                "_IOW(0xaa, 0x02, 16 bytes), not a request of this ABI; UFFDIO_WAKE is 0x8010aa02"
            ),
        ]
    );
    assert_eq!(
        read(0x4010_aa02, &[], Some("ppc64le")),
        ["request: UFFDIO_WAKE, _IOR(0xaa, 0x02, 16 bytes)"]
    );
    // A wrong size.
    assert_eq!(
        read(0xc028_aa06, &[], Some("amd64")),
        ["request: _IOWR(0xaa, 0x06, 40 bytes), not a request of this ABI; UFFDIO_WRITEPROTECT is 0xc018aa06"]
    );
    assert_eq!(
        read(0xc060_6610, &[], None),
        ["request: PAGEMAP_SCAN, _IOWR(0x66, 0x10, 96 bytes)"]
    );
    // Of another driver: only where it is asked for.
    assert_eq!(
        read(0x8004_5430, &[Kind::Request], Some("arm64")),
        ["request: _IOR(0x54, 0x30, 4 bytes), not a request of this ABI"]
    );
    assert!(!read(0x8004_5430, &[], None)
        .iter()
        .any(|r| r.starts_with("request")));

    // As C programs and musl have them.
    decode(&["-1072125434"]).assert_line("-1072125434 is 0xc018aa06");
    assert_eq!(
        read(0xffff_ffff_c018_aa06, &[], None),
        ["request: UFFDIO_WRITEPROTECT, _IOWR(0xaa, 0x06, 24 bytes)"]
    );
    assert!(!read(0x1_c018_aa06, &[], None)
        .iter()
        .any(|r| r.starts_with("request")));
}

/// Every request code of the table, on processors of both encodings: the code is
/// put together again from the text.
#[test]
fn the_parts_make_the_code() {
    for (arch, directions, shift) in [("x86_64", [0, 1, 2, 3], 30), ("mips64", [1, 4, 2, 6], 29)] {
        let processor = Arch::parse(arch).unwrap();
        for request in CONSTANTS.iter().filter(|constant| constant.is_request()) {
            let code = request.value(processor.encoding);
            let text = &read(code, &[Kind::Request], Some(arch))[0];
            let (name, parts) = text.split_once(", ").unwrap();
            assert_eq!(name, format!("request: {}", request.name));
            let (macro_, parts) = parts.trim_end_matches(')').split_once('(').unwrap();
            let order = ["_IO", "_IOW", "_IOR", "_IOWR"];
            let direction = directions[order.iter().position(|m| *m == macro_).unwrap()];
            let numbers: Vec<u64> = parts
                .trim_end_matches(" bytes")
                .split(", ")
                .map(|part| match part.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
                    None => part.parse().unwrap(),
                })
                .collect();
            let size = numbers.get(2).copied().unwrap_or(0);
            let again = direction << shift | size << 16 | numbers[0] << 8 | numbers[1];
            assert_eq!(again, code, "{text}");
        }
    }
}

#[test]
fn bits_and_events() {
    let all = read(0x12, &[], None);
    for line in [
        "event: UFFD_EVENT_PAGEFAULT",
        "features: UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_MISSING_HUGETLBFS",
        "ioctls: 1 << _UFFDIO_UNREGISTER | 1 << _UFFDIO_ZEROPAGE",
        "page-categories: PAGE_IS_WRITTEN | PAGE_IS_SWAPPED",
    ] {
        assert!(all.iter().any(|reading| reading == line), "{line}: {all:?}");
    }
    // Modes have no bit 4.
    assert_eq!(all.len(), 4, "{all:?}");

    // Newer bits: nothing has names for all of it, so what has one for a part.
    let all = read(1 << 40 | 1 << 18, &[], None);
    assert_eq!(all, ["features: UFFD_FEATURE_RWP_ASYNC | 0x10000000000"]);
    let all = read(0xffff_ffff, &[], None);
    assert!(
        all.len() == 1 && all[0].starts_with("features: "),
        "{all:?}"
    );
    assert_eq!(read(1 << 40, &[], None), [""; 0]);
    assert_eq!(read(0, &[], None), ["constant: _UFFDIO_REGISTER"]);
    assert!(read(6, &[], None).contains(&"constant: _UFFDIO_WRITEPROTECT".into()));
    assert_eq!(
        read(1 << 40, &[Kind::Features, Kind::Event], None),
        [
            "features: 0x10000000000",
            "event: no event is 0x10000000000"
        ]
    );
    assert_eq!(
        read(0x7ffff, &[], None),
        [
            &*format!("features: {}", uffd_sys::names::FEATURES.show(0x7ffff)),
            "constant: UFFD_API_FEATURES"
        ]
    );
    assert!(read(0xaa, &[], None).contains(&"constant: USERFAULTFD_IOC, UFFD_API, UFFDIO".into()));
    assert_eq!(
        read(2, &[Kind::WriteprotectMode, Kind::CopyMode], None),
        [
            "writeprotect-mode: UFFDIO_WRITEPROTECT_MODE_DONTWAKE",
            "copy-mode: UFFDIO_COPY_MODE_WP"
        ]
    );
    decode(&["1099511627776"])
        .assert_line("  No constant has this value, and no field has one of these bits.");
}

/// Every name of the table is found by its number.
#[test]
fn every_constant_is_found() {
    for (arch, encoding) in
        ["x86_64", "powerpc64le"].map(|name| (name, Arch::parse(name).unwrap().encoding))
    {
        for constant in CONSTANTS {
            let value = constant.value(encoding);
            let value = if constant.name.starts_with("_UFFDIO_") {
                1 << value
            } else {
                value
            };
            let arch = Arch::parse(arch).unwrap();
            let all = readings(value, &[], Some(&arch));
            assert!(
                all.iter()
                    .any(|reading| reading.names.contains(&constant.name)),
                "{}: {all:?}",
                constant.name
            );
        }
    }
}

/// A message of integers of this byte order.
fn message_of(event: u8, words: &[&[u8]]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = event;
    let mut at = 8;
    for word in words {
        bytes[at..at + word.len()].copy_from_slice(word);
        at += word.len();
    }
    bytes
}

#[test]
fn messages() {
    let (a, b) = (0x7f00_0000_1000_u64, 0x7f00_0000_3000_u64);
    let le = |arch: &str| Arch::parse(arch).unwrap();
    for (event, words, fields) in [
        (
            0x12,
            vec![
                &3_u64.to_le_bytes()[..],
                &a.to_le_bytes(),
                &77_u32.to_le_bytes(),
            ],
            "UFFD_EVENT_PAGEFAULT flags=UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP \
             address=0x7f0000001000 ptid=77",
        ),
        (0x13, vec![&9_u32.to_le_bytes()], "UFFD_EVENT_FORK ufd=9"),
        (
            0x14,
            vec![
                &a.to_le_bytes()[..],
                &b.to_le_bytes(),
                &4096_u64.to_le_bytes(),
            ],
            "UFFD_EVENT_REMAP from=0x7f0000001000 to=0x7f0000003000 len=0x1000",
        ),
        (
            0x15,
            vec![&a.to_le_bytes()[..], &b.to_le_bytes()],
            "UFFD_EVENT_REMOVE start=0x7f0000001000 end=0x7f0000003000",
        ),
        (
            0x16,
            vec![&a.to_le_bytes()[..], &b.to_le_bytes()],
            "UFFD_EVENT_UNMAP start=0x7f0000001000 end=0x7f0000003000",
        ),
    ] {
        let little = message_of(event, &words);
        let turned: Vec<Vec<u8>> = words
            .iter()
            .map(|word| word.iter().rev().copied().collect())
            .collect();
        let turned: Vec<&[u8]> = turned.iter().map(|word| &word[..]).collect();
        let big = message_of(event, &turned);
        for (bytes, arch) in [(little, "x86_64"), (little, "ppc64le"), (big, "s390x")] {
            let shown = message::decode(&bytes, Some(&le(arch)));
            let text: String = shown
                .fields
                .iter()
                .map(|(name, text)| format!(" {name}={text}"))
                .collect();
            assert_eq!(shown.event + &text, fields, "{arch}");
        }
    }

    // An event of a newer kernel; and what is no message.
    let mut bytes = message_of(0x17, &[&[1, 2, 3]]);
    bytes[2] = 0xff;
    let shown = message::decode(&bytes, None);
    assert_eq!(shown.event, "0x17");
    let arg = format!("010203{}", "00".repeat(21));
    assert_eq!(
        shown.fields,
        [
            ("arg", arg),
            ("reserved", "not zero: 00ff0000000000".to_owned())
        ]
    );
}

#[test]
fn messages_as_digits_and_from_a_file() {
    let bytes = message_of(0x13, &[&7_u32.to_ne_bytes()]);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let ran = decode(&[&format!("0x{digits}{digits}")]);
    ran.assert_line("UFFD_EVENT_FORK");
    ran.assert_line("  ufd                7");
    ran.assert_line("Numbers: 0, messages: 2");
    // As a hex dump has them.
    let spaced: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    decode(&[&spaced.join(" ")]).assert_line("Numbers: 0, messages: 1");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages");
    std::fs::write(&file, [bytes, bytes, bytes].concat()).unwrap();
    let path = file.to_str().unwrap();
    let ran = decode(&[
        "--messages",
        path,
        "0x13",
        "--as",
        "event",
        "--format",
        "json",
    ]);
    let json = ran.json();
    assert_eq!(json["command"], "decode");
    assert_eq!(json["messages"].as_array().unwrap().len(), 3);
    assert_eq!(json["messages"][2]["event"], "UFFD_EVENT_FORK");
    assert_eq!(json["messages"][2]["fields"]["ufd"], "7");
    assert_eq!(json["numbers"][0]["value"], "0x13");
    assert_eq!(
        json["numbers"][0]["readings"][0],
        serde_json::json!({
            "as": "event", "processors": null, "names": ["UFFD_EVENT_FORK"], "text": "UFFD_EVENT_FORK",
        })
    );
    assert_eq!(
        uffd_abi(&["decode", "1", "--format", "sarif"]).code,
        Some(2)
    );
}

#[test]
fn standard_input() {
    let run = |bytes: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_uffd-abi"))
            .args(["decode", "--messages", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        Ran::new(child.wait_with_output().unwrap())
    };
    let ran = run(&message_of(0x16, &[]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.assert_line("UFFD_EVENT_UNMAP");
    for (bytes, why) in [
        (&[0; 33][..], "33 bytes: a message has 32"),
        (&[], "it is empty"),
    ] {
        let ran = run(bytes);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
        assert_eq!(ran.err, format!("uffd-abi: -: {why}\n"));
    }
    // Without an end.
    let endless = input::from(std::io::repeat(0x12));
    assert_eq!(endless, Err("more than 16 MiB".into()));
}

#[test]
fn what_is_neither() {
    let neither =
        "not a number of 64 bits in decimal or after 0x, nor a message of 64 hexadecimal digits";
    for (text, why) in [
        ("UFFDIO_COPY", format!("UFFDIO_COPY: {neither}")),
        ("", format!(": {neither}")),
        ("0x", format!("0x: {neither}")),
        ("0x+5", format!("0x+5: {neither}")),
        (
            "18446744073709551616",
            format!("18446744073709551616: {neither}"),
        ),
        (
            "0x10000000000000000",
            format!("0x10000000000000000: {neither}"),
        ),
        (
            "c028aa03",
            format!("c028aa03: {neither}; if it is hexadecimal, write 0xc028aa03"),
        ),
        (
            "-2147483649",
            "-2147483649: a negative number has 32 bits".into(),
        ),
        ("\u{1b}[2J", format!("\\u{{1b}}[2J: {neither}")),
    ] {
        assert_eq!(input::parse(text), Err(why), "{text}");
    }
    let digits = "12".repeat(31);
    assert_eq!(
        input::parse(&digits),
        Err("62 hexadecimal digits: a message has 64, and a number at most 16".into())
    );
    for (text, number) in [
        ("18446744073709551615", u64::MAX),
        ("0XfF", 255),
        (" 7 ", 7),
        ("-1", 0xffff_ffff),
        ("-2147483648", 0x8000_0000),
    ] {
        assert_eq!(input::parse(text), Ok(Value::Number(number)), "{text}");
    }

    let ran = uffd_abi(&["decode", "1", "UFFDIO_COPY"]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    let ran = uffd_abi(&["decode"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = uffd_abi(&["decode", "--messages", "/nonexistent"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.starts_with("uffd-abi: /nonexistent: "), "{ran:?}");
}

/// Any text and any number: an answer, and never a panic.
#[test]
fn anything() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let letters: Vec<char> = "0123456789abcdefxX-+ _\té\u{1b}日".chars().collect();
    let mut parsed = 0;
    for _ in 0..20_000 {
        let length = random() % 70;
        // Half of them are nearly numbers.
        let range = if random() % 2 == 0 {
            16
        } else {
            letters.len() as u64
        };
        let text: String = (0..length)
            .map(|_| letters[(random() % range) as usize])
            .collect();
        match input::parse(&text) {
            Ok(Value::Number(_)) => parsed += 1,
            Ok(Value::Messages(messages)) => {
                parsed += 1;
                for bytes in &messages {
                    message::decode(bytes, Some(&Arch::parse("mips").unwrap()));
                }
            }
            Err(why) => assert!(
                !why.is_empty() && !why.contains(char::is_control),
                "{why:?}"
            ),
        }
    }
    assert!(parsed > 100, "{parsed}");

    for round in 0..400 {
        let value = random() >> (round % 64);
        for kind in number::Kind::value_variants() {
            for arch in [None, Some("x86_64"), Some("sparc64")] {
                let all = read(value, &[*kind], arch);
                assert!(!all.is_empty(), "{value:#x} as {kind:?}: nothing");
            }
        }
        read(value, &[], None);
    }
}
