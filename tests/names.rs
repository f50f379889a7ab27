//! `uffd_sys::names` against the pinned table: every constant has its kind, and
//! every name leads to its number and back.

use std::collections::BTreeMap;

use uffd_sys::abi::table::CONSTANTS;
use uffd_sys::abi::target;
use uffd_sys::names::{self, Names};

/// A name, the Rust type of its value, the value and the Linux that has it.
type Named = (String, &'static str, u64, &'static str);

/// What a kind says of each of its names, through every function that says it.
fn told<T>(ty: &'static str, kind: &Names<T>, prefix: &str, out: &mut Vec<(String, Named)>)
where
    T: Copy + Into<u64> + PartialEq + std::fmt::Debug,
{
    assert!(!kind.all().is_empty(), "{prefix}: nothing");
    for known in kind.all() {
        let name = known.name;
        assert_eq!(kind.name(known.value), Some(name));
        assert_eq!(kind.value(name), Some(known.value));
        assert_eq!(kind.value(&name.to_lowercase()), None, "{name}");
        assert_eq!(kind.value(&format!("{name}X")), None, "{name}");
        let named = (name.to_owned(), ty, known.value.into(), known.since);
        out.push((prefix.to_owned(), named));
    }
}

/// Every kind, under what its names begin with.
fn all() -> Vec<(String, Named)> {
    let mut out = vec![];
    told("u32", &names::REQUESTS, "", &mut out);
    told("u8", &names::EVENTS, "UFFD_EVENT_", &mut out);
    for (prefix, kind) in [
        ("UFFD_FEATURE_", &names::FEATURES),
        ("_UFFDIO_", &names::IOCTLS),
        ("UFFD_PAGEFAULT_FLAG_", &names::PAGEFAULT_FLAGS),
        ("UFFDIO_REGISTER_MODE_", &names::REGISTER_MODES),
        ("UFFDIO_COPY_MODE_", &names::COPY_MODES),
        ("UFFDIO_ZEROPAGE_MODE_", &names::ZEROPAGE_MODES),
        ("UFFDIO_WRITEPROTECT_MODE_", &names::WRITEPROTECT_MODES),
        ("UFFDIO_CONTINUE_MODE_", &names::CONTINUE_MODES),
        ("UFFDIO_POISON_MODE_", &names::POISON_MODES),
        ("UFFDIO_MOVE_MODE_", &names::MOVE_MODES),
        ("UFFDIO_RWPROTECT_MODE_", &names::RWPROTECT_MODES),
        ("PAGE_IS_", &names::PAGE_CATEGORIES),
        ("PM_SCAN_", &names::SCAN_FLAGS),
    ] {
        told("u64", kind, prefix, &mut out);
    }
    out
}

/// Numbers that stand alone, and the masks of names.
fn has_no_kind(name: &str) -> bool {
    let alone = [
        "UFFD_USER_MODE_ONLY",
        "USERFAULTFD_IOC",
        "UFFD_API",
        "UFFDIO",
        "PROCFS_IOCTL_MAGIC",
    ];
    alone.contains(&name) || name.starts_with("UFFD_API_")
}

/// What is wrong with the kinds, by name.
fn faults(all: &[(String, Named)]) -> Vec<String> {
    let mut faults = vec![];
    let mut seen = BTreeMap::new();
    for (prefix, named) in all {
        if !named.0.starts_with(prefix.as_str()) {
            faults.push(format!("{} is among {prefix}*", named.0));
        }
        if seen.insert(named.0.clone(), named).is_some() {
            faults.push(format!("{} is there twice", named.0));
        }
    }
    for constant in CONSTANTS {
        let value = constant.value(target().encoding);
        let expected = (constant.name.to_owned(), constant.ty, value, constant.since);
        match seen.remove(constant.name) {
            None if has_no_kind(constant.name) => {}
            None => faults.push(format!("{} is missing", constant.name)),
            Some(_) if has_no_kind(constant.name) => {
                faults.push(format!("{} has a kind", constant.name));
            }
            Some(found) if *found != expected => {
                faults.push(format!("{found:?} is not {expected:?}"));
            }
            Some(_) => {}
        }
    }
    faults.extend(
        seen.keys()
            .map(|name| format!("{name} is not in the table")),
    );
    faults
}

#[test]
fn every_name_of_the_table_and_no_other() {
    assert_eq!(faults(&all()), [""; 0]);
}

#[test]
fn planted_mistakes_are_found() {
    type Mistake = fn(&mut Vec<(String, Named)>);
    let mistakes: [(Mistake, &str); 6] = [
        (
            |all| all.retain(|(_, named)| named.0 != "UFFD_FEATURE_MOVE"),
            "UFFD_FEATURE_MOVE is missing",
        ),
        (
            |all| of(all, "UFFDIO_WAKE").2 ^= 0xc000_0000,
            "(\"UFFDIO_WAKE\", \"u32\", ",
        ),
        (
            |all| of(all, "UFFD_EVENT_FORK").0 = "UFFD_EVENT_FORKED".into(),
            "UFFD_EVENT_FORK is missing",
        ),
        (
            |all| all.push(all[0].clone()),
            "USERFAULTFD_IOC_NEW is there twice",
        ),
        (
            |all| {
                let wake = of(all, "UFFDIO_WAKE").clone();
                all.retain(|(_, named)| named.0 != "UFFDIO_WAKE");
                all.push(("UFFD_FEATURE_".into(), wake));
            },
            "UFFDIO_WAKE is among UFFD_FEATURE_*",
        ),
        (
            |all| of(all, "PAGE_IS_GUARD").3 = "6.15",
            "(\"PAGE_IS_GUARD\", \"u64\", 256, \"6.15\") is not",
        ),
    ];
    for (plant, expected) in mistakes {
        let mut all = all();
        plant(&mut all);
        let faults = faults(&all);
        assert!(
            faults.iter().any(|fault| fault.starts_with(expected)),
            "{expected}: {faults:?}"
        );
    }
}

fn of<'a>(all: &'a mut [(String, Named)], name: &str) -> &'a mut Named {
    let found = all.iter_mut().find(|(_, named)| named.0 == name);
    &mut found.expect("a name").1
}

#[test]
fn shown() {
    let features = |bits| names::FEATURES.show(bits).to_string();
    assert_eq!(features(0), "0");
    assert_eq!(features(1 << 16), "UFFD_FEATURE_MOVE");
    assert_eq!(
        features(0x8000_0000_0000_0003),
        "UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_EVENT_FORK | 0x8000000000000000"
    );
    assert_eq!(features(0x300_0000), "0x3000000");

    assert_eq!(
        names::IOCTLS.show(0x8000_0000_0000_0041).to_string(),
        "1 << _UFFDIO_REGISTER | 1 << _UFFDIO_WRITEPROTECT | 1 << _UFFDIO_API"
    );
    assert_eq!(names::IOCTLS.show(1 << 20).to_string(), "0x100000");
    assert_eq!(names::IOCTLS.show(0).to_string(), "0");

    // A number is not taken apart.
    assert_eq!(names::EVENTS.show(0x12).to_string(), "UFFD_EVENT_PAGEFAULT");
    assert_eq!(names::EVENTS.show(0x17).to_string(), "0x17");
    assert_eq!(names::REQUESTS.show(0).to_string(), "0x0");

    let debug = format!("{:?}", names::REGISTER_MODES.show(6));
    assert_eq!(
        debug,
        "UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR"
    );
}

/// What is shown adds up to what was given, whatever bits those are.
#[test]
fn no_bit_is_lost() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..10_000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Few bits, all kinds of bits, many bits.
        let bits = seed >> (round % 64);
        for kind in [&names::FEATURES, &names::IOCTLS, &names::PAGE_CATEGORIES] {
            let text = kind.show(bits).to_string();
            let sum: u64 = text.split(" | ").map(|part| number(kind, part)).sum();
            assert_eq!(sum, bits, "{text}");
        }
    }
}

fn number(kind: &Names<u64>, part: &str) -> u64 {
    if let Some(number) = part.strip_prefix("1 << ") {
        return 1 << kind.value(number).expect("a name");
    }
    let digits = part.strip_prefix("0x").unwrap_or(part);
    kind.value(part)
        .unwrap_or_else(|| u64::from_str_radix(digits, 16).expect("a number"))
}
