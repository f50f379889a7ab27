//! BTF that is broken in any way is refused with a reason, and never a panic.

mod support;

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use support::btf_writer::{table, Writer};
use support::{text_of, uffd_abi};
use uffd_abi::btf::Btf;
use uffd_abi::verify::{btf::check, Known};
use uffd_sys::abi::table::STRUCTS;

/// Reads everything that the command reads.
fn read_all(bytes: &[u8]) -> Result<usize, String> {
    let btf = Btf::new(bytes).map_err(|error| error.to_string())?;
    let mut read = 0;
    for pinned in STRUCTS {
        for id in btf.structs(pinned.name) {
            read += btf
                .layout(*id)
                .map_err(|error| error.to_string())?
                .fields
                .len();
        }
    }
    for id in btf.structs("uffd_msg") {
        btf.field(*id, "arg.pagefault.feat")
            .map_err(|error| error.to_string())?;
    }
    Ok(read)
}

fn refused(bytes: &[u8]) -> String {
    read_all(bytes).expect_err("it is broken")
}

#[test]
fn every_prefix_is_refused() {
    for big_endian in [false, true] {
        let whole = table(big_endian, &|_, _, _, _| {});
        assert!(read_all(&whole).is_ok());
        for len in 0..whole.len() {
            let why = refused(&whole[..len]);
            assert!(!why.is_empty());
            // The command's own path says the same.
            let (lines, exit) = text_of(check(&whole[..len], "BTF", Known::Any));
            assert_eq!(
                (lines, exit),
                (vec![format!("BTF: not checked: broken BTF: {why}")], 2)
            );
        }
    }
}

#[test]
fn each_kind_of_damage_has_its_text() {
    let whole = table(false, &|_, _, _, _| {});
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = whole.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        refused(&damaged)
    };
    assert_eq!(refused(b""), "it is empty");
    assert_eq!(
        refused(b"#!/bin/sh\n"),
        "it does not begin with BTF's magic number 0xeb9f"
    );
    assert!(refused(b"\x7fELF\x02\x01").starts_with("it is an ELF file; BTF is its section .BTF"));
    assert_eq!(with(2, &[9]), "it has BTF version 9; only 1 is known");
    assert_eq!(
        with(4, &[8, 0, 0, 0]),
        "its header has 8 bytes, fewer than 24"
    );
    let end = format!("its types end after the file's {} bytes", whole.len());
    assert_eq!(with(12, &[255; 4]), end);
    assert_eq!(with(4, &[255; 4]), end);
    assert_eq!(
        with(whole.len() - 1, b"x"),
        "its strings do not begin and end with a zero byte"
    );
    // The first type: its name, then its kind.
    assert_eq!(
        with(24, &[255; 4]),
        "a name is at 4294967295, after the strings"
    );
    assert_eq!(
        with(31, &[31]),
        "type 1 has the kind 31, which is not known"
    );
    assert_eq!(with(31, &[0]), "type 1 has the kind 0, which is not known");
}

#[test]
fn circles_and_wild_references_end() {
    let mut writer = Writer::new(false);
    writer.typedef("a", 2);
    writer.typedef("b", 1);
    writer.composite("uffdio_range", false, 16, &[("start", 1, 0)]);
    assert_eq!(
        refused(&writer.finish()),
        "type 1 refers to itself, or is nested too deep"
    );

    let mut writer = Writer::new(false);
    writer.composite("uffdio_range", false, 16, &[("start", 77, 0)]);
    assert_eq!(
        refused(&writer.finish()),
        "type 77 is referred to, but there are 1"
    );

    let mut writer = Writer::new(false);
    writer.composite("uffdio_range", false, 16, &[("start", 0, 0)]);
    assert_eq!(
        refused(&writer.finish()),
        "type 0 is referred to, but there are 1"
    );

    // An array of itself, and one whose size does not fit 64 bits.
    let mut writer = Writer::new(false);
    writer.add("", 3, 0, 0, &[1, 1, 9]);
    writer.composite("uffdio_range", false, 16, &[("start", 1, 0)]);
    assert_eq!(refused(&writer.finish()), "type 1 has no size");
    let mut writer = Writer::new(false);
    writer.composite("x", false, u32::MAX, &[]);
    writer.add("", 3, 0, 0, &[1, 1, u32::MAX]);
    writer.add("", 3, 0, 0, &[2, 1, u32::MAX]);
    writer.composite("uffdio_range", false, 16, &[("start", 3, 0)]);
    assert_eq!(refused(&writer.finish()), "array 3 has no size");

    let mut writer = Writer::new(false);
    writer.add("", 2, 0, 0, &[]);
    writer.composite("uffdio_range", false, 16, &[("start", 1, 0)]);
    assert_eq!(
        refused(&writer.finish()),
        "type 1 is a pointer, which no ABI struct holds"
    );
}

#[test]
fn a_bit_field_is_not_taken_for_a_field() {
    let mut writer = Writer::new(false);
    let int = writer.int(8);
    // The kind flag: 3 bits at bit 64.
    let name_and = writer.typedef("start", int);
    assert_eq!(name_and, 2);
    writer.add("uffdio_range", 4 | 0x80, 1, 16, &[5, int, 3 << 24 | 64]);
    let bytes = writer.finish();
    let btf = Btf::new(&bytes).unwrap();
    let layout = btf.layout(btf.structs("uffdio_range")[0]).unwrap();
    assert_eq!(layout.fields[0].name, "start (a bit-field)");
    assert_eq!(layout.fields[0].offset, 8);
}

#[test]
fn a_drivers_struct_of_the_same_name_is_passed_over() {
    let mut bytes = None;
    for right_first in [false, true] {
        let mut writer = Writer::new(false);
        let int = writer.int(8);
        let add = |writer: &mut Writer, right: bool| match right {
            true => writer.composite(
                "page_region",
                false,
                24,
                &[("start", int, 0), ("end", int, 8), ("categories", int, 16)],
            ),
            false => writer.composite("page_region", false, 8, &[("x", int, 0)]),
        };
        add(&mut writer, right_first);
        add(&mut writer, !right_first);
        bytes = Some(writer.finish());
        let compared = check(bytes.as_ref().unwrap(), "BTF", Known::Any);
        let errors = compared
            .check
            .findings
            .iter()
            .filter(|f| f.kind == "mismatch")
            .count();
        assert_eq!((compared.structs, compared.fields, errors), (1, 3, 0));
    }
    assert!(bytes.is_some());
}

/// Random damage for a few seconds: any answer will do, a panic will not.
#[test]
fn random_damage_never_panics() {
    let seed = std::env::var("UFFD_ABI_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.map_or(1, |now| now.as_nanos() as u64) | 1
        });
    println!("UFFD_ABI_SEED={seed} repeats this");
    let mut state: u64 = seed;
    let mut random = move |below: usize| {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    };
    let originals = [
        table(false, &|_, _, _, _| {}),
        table(true, &|_, _, _, _| {}),
    ];
    let (mut read, mut broken) = (0, 0);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let mut bytes = originals[random(2)].clone();
        for _ in 0..=random(6) {
            let len = bytes.len();
            // The header is small and matters most.
            let within = if random(3) == 0 { len.min(24) } else { len };
            let at = random(within);
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => bytes[at] ^= 1 << random(8),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let from = random(len);
                    let count = random(40).min(len - from).min(len - at);
                    bytes.copy_within(from..from + count, at);
                }
            }
        }
        match read_all(&bytes) {
            Ok(_) => read += 1,
            Err(why) => {
                assert!(!why.is_empty());
                broken += 1;
            }
        }
        let _ = check(&bytes, "BTF", Known::Any);
    }
    println!("{read} readable, {broken} refused");
    // Else the damage is too small or too great to reach the inner parts.
    assert!(
        read > 100 && broken > 100,
        "{read} readable, {broken} refused"
    );
}

#[test]
fn the_command_refuses_what_is_no_btf() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "no BTF").unwrap();
    let path = file.path().to_str().unwrap();
    let ran = uffd_abi(&["verify", "--no-kernel", "--headers", "none", "--btf", path]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.assert_line(&format!(
        "BTF {path}: not checked: broken BTF: it does not begin with BTF's magic number 0xeb9f"
    ));
    let ran = uffd_abi(&[
        "verify",
        "--no-kernel",
        "--headers",
        "none",
        "--btf",
        "/no/such/file",
    ]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.assert_line("BTF /no/such/file: not checked: No such file or directory (os error 2)");
    // BTF without any struct of ours proves nothing.
    let mut writer = Writer::new(false);
    writer.int(4);
    fs::write(file.path(), writer.finish()).unwrap();
    let ran = uffd_abi(&["verify", "--no-kernel", "--headers", "none", "--btf", path]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.out
            .contains("not checked: no struct of userfaultfd in it"),
        "{ran:?}"
    );
}
